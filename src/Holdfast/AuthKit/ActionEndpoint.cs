using System.Text;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.AuthKit;

/// <summary>An address of the application that is asked before somebody is signed up or signed in.</summary>
/// <param name="Type"><see cref="Actions.Authentication"/> or <see cref="Actions.UserRegistration"/>.</param>
/// <param name="Status"><c>enabled</c> or <c>disabled</c>.</param>
/// <param name="WhenUnreachable"><c>deny</c> or <c>allow</c>.</param>
internal sealed record ActionEndpoint(
    string Id, string EnvironmentId, string Type, string SecretSealed, string EndpointUrl, string Status, string WhenUnreachable, long CreatedAt, long UpdatedAt)
{
    public const string Enabled = "enabled";
    public const string Disabled = "disabled";
    public const string Deny = "deny";
    public const string Allow = "allow";

    public const string Columns =
        "id AS Id, environment_id AS EnvironmentId, type AS Type, secret_sealed AS SecretSealed, endpoint_url AS EndpointUrl, status AS Status, "
        + "when_unreachable AS WhenUnreachable, created_at AS CreatedAt, updated_at AS UpdatedAt";

    public static readonly string Effective = $"environment_id = @environmentId AND {Denied.Not("action_endpoints.id")}";

    /// <summary>The one that is asked; null when nobody is.</summary>
    public static ActionEndpoint? Find(View view, string environmentId, string type) => view.Find<ActionEndpoint>(
        $"SELECT {Columns} FROM action_endpoints WHERE {Effective} AND type = @type AND status = '{Enabled}' ORDER BY created_at, id LIMIT 1", new { environmentId, type });

    public static ActionEndpoint? FindById(View view, string environmentId, string id) =>
        view.Find<ActionEndpoint>($"SELECT {Columns} FROM action_endpoints WHERE {Effective} AND id = @id", new { environmentId, id });

    /// <summary>What both sides sign with: the bytes of the secret's text.</summary>
    public byte[] Secret(ClusterKeys keys) => keys.OpenAtRest(PlaceOf(Id), SecretSealed);

    public static string Seal(ClusterKeys keys, string id, string secret) => keys.SealAtRest(PlaceOf(id), Encoding.ASCII.GetBytes(secret));

    private static string PlaceOf(string id) => $"action_endpoints/{id}/secret";

    public Change Row() => Change.To(Schema.ActionEndpoints, Id,
        ("environment_id", EnvironmentId), ("type", Type), ("secret_sealed", SecretSealed), ("created_at", CreatedAt), ("endpoint_url", EndpointUrl), ("status", Status),
        ("when_unreachable", WhenUnreachable), ("updated_at", UpdatedAt));
}
