using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Environments;

/// <summary>What this node is called among the others.</summary>
public sealed record OwnName(string Name);

/// <summary>Tells the others which signing keys have come to this node, and sees to it that every environment has a next one.</summary>
/// <remarks>Every node does, and one of them is first: the primary decides. Signing never waits for it.</remarks>
internal sealed class KeepSigningKeys(Database database, EnvironmentStore environments, ClusterKeys keys, OwnName own, Ids ids, TimeProvider clock, ILogger<KeepSigningKeys> log) : BackgroundService
{
    /// <summary>How often it looks.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(15);

    private const int AtOnce = 100;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Rounds.RunAsync(Every, clock, RoundAsync, fault => EnvironmentsLog.KeysCutOff(log, fault), stoppingToken);   // the primary or the disk is away

    /// <summary>One look at all environments.</summary>
    /// <exception cref="StorageUnavailableException">What is to be done cannot be kept now.</exception>
    public async Task RoundAsync(CancellationToken ct)
    {
        await TellAsync();
        foreach (var environmentId in database.Read(view => view.Query<string>("SELECT id FROM environments ORDER BY id")))
        {
            if (database.Read(view => IsWanting(SigningKeys.All(view, environmentId))) && !ct.IsCancellationRequested)
            {
                var another = SigningKey.Make(environmentId, active: false, keys, ids, clock);   // before the transaction: it takes a while
                await database.WriteAsync(view => Decided(view, environmentId, another), ct);
            }
        }
    }

    private async Task TellAsync()
    {
        List<Untold> untold;
        do
        {
            untold = database.Read(Untolds);
            if (untold.Count > 0)
            {
                await database.RecordAsync(view => Decide.To(true, Untolds(view).ConvertAll(key => Change.To(
                    Schema.SigningKeyCopies, Ids.Derived("key_copy_", environments.IdKey(key.EnvironmentId), key.Id, own.Name),
                    ("environment_id", key.EnvironmentId), ("key_id", key.Id), ("node", own.Name), ("created_at", clock.GetUtcNow().ToUnixTimeMilliseconds())))));
            }
        }
        while (untold.Count == AtOnce);
    }

    private List<Untold> Untolds(View view) => view.Query<Untold>(
        $"SELECT id AS Id, environment_id AS EnvironmentId FROM signing_keys k WHERE {Denied.Not("k.id")} "
        + "AND NOT EXISTS (SELECT 1 FROM signing_key_copies c WHERE c.key_id = k.id AND c.node = @Name) ORDER BY id LIMIT @AtOnce", new { own.Name, AtOnce });

    /// <summary>Whether there is no next key: it was denied, or it had to take the place of one that was.</summary>
    private static bool IsWanting(List<SigningKeys.Row> all) => all.Count > 0 && SigningKeys.Next(all) is null;

    /// <summary>The decision, on the primary's state: another node may have been first.</summary>
    private Decision<bool> Decided(View view, string environmentId, Change another)
    {
        var all = SigningKeys.All(view, environmentId);
        if (!IsWanting(all) || database.Read(local => !IsWanting(SigningKeys.All(local, environmentId))))
        {
            return Decide.Nothing(false);
        }
        // One that took the place of a denied key is in use: so it is no longer the next one, for good.
        return SigningKeys.Current(all) is { ActivatedAt: null } taken
            ? Decide.To(true, Change.To(Schema.SigningKeys, taken.Id, ("activated_at", ManageSigningKeys.Use(taken, all, clock.GetUtcNow()).ActivatedAt)), another)
            : Decide.To(true, another);
    }

    private sealed record Untold(string Id, string EnvironmentId);
}

internal static partial class EnvironmentsLog
{
    [LoggerMessage(1150, LogLevel.Warning, "A round through the signing keys was cut off")]
    public static partial void KeysCutOff(ILogger log, Exception fault);
}
