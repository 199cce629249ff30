using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.Environments;

/// <summary>The keys that sign an environment's tokens (decision 0019): one signs, the next one is published and unused, and those that signed stay published for as long as something
/// that they signed may be shown.</summary>
internal sealed class SigningKeys(Database database, ClusterKeys keys, TimeProvider clock)
{
    /// <summary>How long a reader of the key set may keep it.</summary>
    public static readonly TimeSpan CachedFor = TimeSpan.FromMinutes(5);

    /// <summary>How long a key is published before it is switched to: longer than it is cached on the way (<see cref="CachedFor"/>) and by the reader (ten minutes in jose).</summary>
    public static readonly TimeSpan PublishedBefore = TimeSpan.FromMinutes(15);

    /// <summary>How long a key stays published after its successor took over: longer than a node may be cut off and still sign with it (three days by default), and a token's life.</summary>
    public static readonly TimeSpan KeptAfter = TimeSpan.FromDays(5);

    /// <summary>The most that are published at once.</summary>
    public const int Most = 8;

    private readonly ConcurrentDictionary<string, SigningCredentials> _signers = new(StringComparer.Ordinal);

    /// <summary>A key as its row has it, denied or not.</summary>
    /// <param name="ActivatedAt">Null for one that was never switched to.</param>
    public sealed record Row(string Id, string Sealed, string Jwk, long CreatedAt, long? ActivatedAt, long IsDenied);

    /// <summary>All keys of an environment, those that are denied too, in the order of their making.</summary>
    public static List<Row> All(View view, string environmentId) => view.Query<Row>(
        "SELECT id AS Id, private_key_sealed AS Sealed, public_jwk AS Jwk, created_at AS CreatedAt, activated_at AS ActivatedAt, "
        + $"CASE WHEN {Denied.Not("signing_keys.id")} THEN 0 ELSE 1 END AS IsDenied FROM signing_keys WHERE environment_id = @environmentId ORDER BY created_at, id",
        new { environmentId });

    /// <summary>The one that signs: that which was switched to last. When that one is denied, the next one, so that denying is switching; and never one from before, while there is another.</summary>
    public static Row? Current(List<Row> all)
    {
        var last = all.Where(k => k.ActivatedAt is not null).MaxBy(k => (k.ActivatedAt, k.Id));
        return last is { IsDenied: 0 } ? last
            : all.Find(k => k is { ActivatedAt: null, IsDenied: 0 })
            ?? all.Where(k => k.IsDenied == 0).MaxBy(k => (k.ActivatedAt, k.Id));
    }

    /// <summary>The one that is published and unused; null when it is in use already, or none was made yet.</summary>
    public static Row? Next(List<Row> all) => Current(all) is var current ? all.Find(k => k is { ActivatedAt: null, IsDenied: 0 } && k.Id != current?.Id) : null;

    /// <summary>Those that are published: all but the denied, and those that signed so long ago that nothing of theirs is good any more.</summary>
    public static List<Row> Published(List<Row> all, DateTimeOffset now) => all.FindAll(k => k.IsDenied == 0 && (
        k.ActivatedAt is not { } at || all.Where(s => s.ActivatedAt > at).Min(s => s.ActivatedAt) is not { } succeeded
        || DateTimeOffset.FromUnixTimeMilliseconds(succeeded) + KeptAfter > now));

    /// <summary>The key set.</summary>
    public List<SigningKey.Jwk> Published(string environmentId) =>
        Published(database.Read(view => All(view, environmentId)), clock.GetUtcNow()).ConvertAll(k => JsonSerializer.Deserialize<SigningKey.Jwk>(k.Jwk, JavaScriptJson.Options)!);

    /// <summary>What signs now; null when every key was denied and no new one has come yet.</summary>
    public SigningCredentials? Signer(string environmentId) => Current(database.Read(view => All(view, environmentId))) is { } key
        ? _signers.GetOrAdd(key.Id, _ =>
        {
            using var rsa = RSA.Create();
            rsa.ImportPkcs8PrivateKey(keys.OpenAtRest($"signing_keys/{key.Id}/private_key", key.Sealed), out var _);
            // Of its numbers, and not of the object: each thread that signs makes an object of its own.
            return new SigningCredentials(new RsaSecurityKey(rsa.ExportParameters(includePrivateParameters: true)) { KeyId = key.Id }, SecurityAlgorithms.RsaSha256);
        })
        : null;
}
