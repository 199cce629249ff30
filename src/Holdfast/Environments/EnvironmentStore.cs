using System.Collections.Concurrent;
using System.Security.Cryptography;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Environments;

/// <summary>Environments and what each is made with: a client id, an id key, two signing keys.</summary>
public sealed class EnvironmentStore(Database database, ClusterKeys keys, Ids ids, Entropy entropy, TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, byte[]> _idKeys = new(StringComparer.Ordinal);

    /// <summary>The environment that a client id names; null when there is none.</summary>
    public string? FindByClient(string clientId) => clientId.Length > 128
        ? null
        : database.Read(view => view.Find<string>("SELECT id FROM environments WHERE client_id = @clientId", new { clientId }));

    /// <summary>An environment's client id.</summary>
    public string? FindClient(string environmentId) =>
        database.Read(view => view.Find<string>("SELECT client_id FROM environments WHERE id = @environmentId", new { environmentId }));

    /// <summary>What an environment is called.</summary>
    public string NameOf(string environmentId) =>
        database.Read(view => view.Find<string>("SELECT name FROM environments WHERE id = @environmentId", new { environmentId })) ?? "";

    /// <summary>The one environment of a data folder that has just been made; null when it has none.</summary>
    public string? FindFirst() => database.Read(view => view.Find<string>("SELECT id FROM environments ORDER BY created_at, id LIMIT 1"));

    /// <summary>The key that ids of people and profiles derive from. It never rotates: the ids would.</summary>
    public byte[] IdKey(string environmentId) => _idKeys.GetOrAdd(environmentId, id => keys.OpenAtRest(
        $"environments/{id}/id_key",
        database.Read(view => view.Find<string>("SELECT id_key_sealed FROM environments WHERE id = @id", new { id }))
            ?? throw new InvalidOperationException($"There is no environment {id}.")));

    /// <summary>Whether these keys are those that the cluster's data was sealed with. Nothing sealed yet opens with any.</summary>
    public static bool OpensWith(Database database, ClusterKeys keys)
    {
        var sealedKey = database.Read(view => view.Find<SealedKey>("SELECT id AS Id, id_key_sealed AS Item FROM environments ORDER BY created_at, id LIMIT 1"));
        try
        {
            _ = sealedKey is null ? [] : keys.OpenAtRest($"environments/{sealedKey.Id}/id_key", sealedKey.Item);
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private sealed record SealedKey(string Id, string Item);

    /// <summary>Makes an environment with an API key.</summary>
    /// <param name="beforehand">Puts the key's value where it will be found, before there is anything that it opens: its hash alone is kept here.</param>
    public async Task<NewEnvironment> CreateAsync(string name, string keyPrefix, CancellationToken ct, Action<NewEnvironment>? beforehand = null)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var (id, client) = (ids.New(Ids.Environment), ids.New(Ids.Client));
        var (apiKey, apiKeyRow) = MakeApiKey(id, keyPrefix);
        var changes = new List<Change>
        {
            Change.To(Schema.Environments, id, ("name", name), ("client_id", client),
                ("id_key_sealed", keys.SealAtRest($"environments/{id}/id_key", entropy.Bytes(32))), ("created_at", now)),
            apiKeyRow,
            SigningKey.Make(id, active: true, keys, ids, clock),
            SigningKey.Make(id, active: false, keys, ids, clock),   // published and unused, so that switching to it works at any time
        };
        var made = new NewEnvironment(id, client, apiKey);
        beforehand?.Invoke(made);
        await FirstStart.WriteAsync(() => database.WriteAsync(_ => Decide.To(true, changes), ct), clock, ct);
        return made;
    }

    /// <summary>Another API key of an environment.</summary>
    public async Task<string> CreateApiKeyAsync(string environmentId, string keyPrefix, CancellationToken ct)
    {
        var (value, row) = MakeApiKey(environmentId, keyPrefix);
        await FirstStart.WriteAsync(() => database.WriteAsync(_ => Decide.To(true, row), ct), clock, ct);
        return value;
    }

    private (string Value, Change Row) MakeApiKey(string environmentId, string keyPrefix)
    {
        var value = keyPrefix + Base64.Encode(entropy.Bytes(32)).Replace('-', 'A').Replace('_', 'B');
        return (value, Change.To(Schema.ApiKeys, ids.New(Ids.ApiKey),
            ("environment_id", environmentId), ("name", "Secret key"), ("hash", Caller.Hash(value)),
            ("obfuscated_value", $"{keyPrefix}…{value[^4..]}"), ("created_at", clock.GetUtcNow().ToUnixTimeMilliseconds())));
    }
}

/// <summary>A new environment, and the one time that its API key is told.</summary>
public sealed record NewEnvironment(string Id, string ClientId, string ApiKey);
