using System.Text.Json;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Protocols.Saml;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Sso;

/// <summary>Every statement on what identity providers call their sessions. A session's row has the id of the code that its sign-in ended with: a deny of that id ends
/// what the code gave.</summary>
internal static class SamlSessions
{
    /// <summary>The most that one logout ends. Above it the elder ones end by themselves.</summary>
    public const int MostPerName = 1000;

    public static Change Begin(
        Connection connection, string profileId, string codeId, SamlSession session, DateTimeOffset? end, ClusterKeys keys, SsoOptions options, DateTimeOffset now)
    {
        var latest = now + options.SamlSessionLifetime;
        return Change.To(Schema.SamlSessions, codeId,
            ("environment_id", connection.EnvironmentId), ("connection_id", connection.Id), ("profile_id", profileId), ("name_hash", NameHash(connection.Id, session.NameId)),
            ("session_sealed", keys.SealAtRest(PlaceOf(codeId), JsonSerializer.SerializeToUtf8Bytes(session, JavaScriptJson.Options))), ("created_at", now.ToUnixTimeMilliseconds()),
            ("expires_at", (end < latest ? end.Value : latest).ToUnixTimeMilliseconds()));
    }

    /// <summary>The sessions of a name that did not end yet, the latest first.</summary>
    public static List<Row> OfName(View view, string connectionId, SamlNameId name, DateTimeOffset now) => view.Query<Row>(
        $"SELECT id AS Id, session_sealed AS Sealed FROM saml_sessions WHERE connection_id = @connectionId AND name_hash = @hash AND expires_at > @now AND {Denied.Not("saml_sessions.id")} "
        + $"ORDER BY created_at DESC, id LIMIT {MostPerName}", new { connectionId, hash = NameHash(connectionId, name), now = now.ToUnixTimeMilliseconds() });

    /// <summary>The latest session of a profile that did not end yet; null when there is none.</summary>
    public static Row? LatestOf(View view, string connectionId, string profileId, DateTimeOffset now) => view.Find<Row>(
        $"SELECT id AS Id, session_sealed AS Sealed FROM saml_sessions WHERE profile_id = @profileId AND connection_id = @connectionId AND expires_at > @now AND {Denied.Not("saml_sessions.id")} "
        + "ORDER BY created_at DESC, id LIMIT 1", new { connectionId, profileId, now = now.ToUnixTimeMilliseconds() });

    /// <summary>A session of a connection, ended or not; null when its row has not come here.</summary>
    public static Row? Find(View view, string connectionId, string id) => view.Find<Row>(
        "SELECT id AS Id, session_sealed AS Sealed FROM saml_sessions WHERE id = @id AND connection_id = @connectionId", new { id, connectionId });

    private static string NameHash(string connectionId, SamlNameId name) => Caller.Hash($"name\n{connectionId}\n{name.Value}");

    private static string PlaceOf(string codeId) => $"saml_sessions/{codeId}/session";

    internal sealed record Row(string Id, string Sealed)
    {
        public SamlSession Open(ClusterKeys keys) => JsonSerializer.Deserialize<SamlSession>(keys.OpenAtRest(PlaceOf(Id), Sealed), JavaScriptJson.Options)!;
    }
}
