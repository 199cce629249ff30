using System.Collections.Concurrent;
using Holdfast.Claims;
using Holdfast.Environments;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;

namespace Holdfast.Organizations;

/// <summary>Looks for the proofs of pending domains in the background, less and less often, until they stand or their time is over. Of a cluster's nodes one looks for each domain, by a
/// rendezvous hash over the node list; the others do so <see cref="OthersWait"/> times as seldom, should that one be away. The primary decides, so each change is made and told once.</summary>
internal sealed class DomainChecks(Database database, EnvironmentStore environments, DomainLookup lookup, CustomDomains custom, PeerLinks peers, TimeProvider clock, ILogger<DomainChecks> log) : BackgroundService
{
    /// <summary>How often it is seen what is due.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    /// <summary>How long one that is pending is left alone: a tenth of the time that it has been pending, between these.</summary>
    public static readonly TimeSpan LeastPause = TimeSpan.FromMinutes(1);

    /// <inheritdoc cref="LeastPause"/>
    public static readonly TimeSpan MostPause = TimeSpan.FromHours(6);

    /// <summary>How much more seldom a node looks for a domain that is another node's.</summary>
    public const int OthersWait = 4;

    private const int AtOnce = 4;

    private readonly ConcurrentDictionary<string, DateTimeOffset> _askedAt = new(StringComparer.Ordinal);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Rounds.RunAsync(Every, clock, RoundAsync, fault => OrganizationsLog.RoundCutOff(log, fault), stoppingToken);   // the primary or the disk is away

    /// <summary>Goes through all that are pending, and asks for those that are due.</summary>
    /// <exception cref="StorageUnavailableException">What was found cannot be kept now.</exception>
    public async Task RoundAsync(CancellationToken ct)
    {
        var pending = new HashSet<string>(StringComparer.Ordinal);
        var after = "";
        while (!ct.IsCancellationRequested && database.Read(view => OrganizationStore.AwaitedDomains(view, after, 100)) is { Count: > 0 } page)
        {
            pending.UnionWith(page.Select(row => row.Id));
            await Parallel.ForEachAsync(page.Where(row => IsDue(row.Id, row.PendingSince!.Value)), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (row, token) => await CheckAsync(row, token));
            after = page[^1].Id;
        }
        after = "";
        while (!ct.IsCancellationRequested && database.Read(view => CustomDomains.Awaited(view, after, 100)) is { Count: > 0 } page)
        {
            pending.UnionWith(page.Select(row => row.Id));
            await Parallel.ForEachAsync(page.Where(row => IsDue(row.Id, row.PendingSince)), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (row, token) =>
            {
                if (await custom.CheckAsync(row, token))
                {
                    _askedAt[row.Id] = clock.GetUtcNow();
                }
            });
            after = page[^1].Id;
        }
        foreach (var (id, _) in _askedAt.Where(a => !pending.Contains(a.Key)))
        {
            _askedAt.TryRemove(id, out _);
        }
    }

    private bool IsDue(string id, long pendingSince)
    {
        var now = clock.GetUtcNow();
        var since = DateTimeOffset.FromUnixTimeMilliseconds(pendingSince);
        var pause = (now - since) / 10;
        pause = pause < LeastPause ? LeastPause : pause > MostPause ? MostPause : pause;
        return IsOurs(id)
            ? !_askedAt.TryGetValue(id, out var at) || now - at >= pause
            : now - (_askedAt.TryGetValue(id, out at) ? at : since) >= OthersWait * pause;
    }

    /// <summary>Whether this node is the one that looks for a domain; a node that is in no list looks for all.</summary>
    private bool IsOurs(string domainId)
    {
        var names = database.Read(NodeList.Of);
        return !names.All.Contains(peers.Own.Name, StringComparer.Ordinal) || names.AuthoritiesOf(domainId).Contains(peers.Own.Name, StringComparer.Ordinal);
    }

    private async Task CheckAsync(OrganizationDomainRow row, CancellationToken ct)
    {
        var idKey = environments.IdKey(row.EnvironmentId);
        var isTaken = database.Read(view => Claim.IsTaken(view, row.EnvironmentId, Claim.VerifiedDomain, row.Domain, row.OrganizationId));
        var finding = isTaken ? DomainFinding.Absent : await lookup.AskAsync(DomainProof.Of(idKey, row.Id), row.Domain, ct);
        // A proof that nobody could look for has not failed: its time goes on until somebody can.
        if (finding == DomainFinding.Proven || isTaken || (finding == DomainFinding.Absent && row.IsOver(clock.GetUtcNow())))
        {
            await database.WriteAsync(view => Decided(view, row, finding, idKey), ct);
        }
        if (finding != DomainFinding.Unknown)   // nobody could ask: it is due still
        {
            _askedAt[row.Id] = clock.GetUtcNow();
        }
    }

    /// <summary>The decision, on the primary's state: it may have changed since.</summary>
    private Decision<bool> Decided(View view, OrganizationDomainRow seen, DomainFinding finding, byte[] idKey)
    {
        var changes = new DomainChanges(view, seen.EnvironmentId, idKey, clock.GetUtcNow(), []);
        // The replica knows every deny that this node has taken, shipped or not.
        if (database.Read(local => OrganizationStore.FindDomain(local, seen.EnvironmentId, seen.Id)) is null
            || OrganizationStore.FindDomain(view, seen.EnvironmentId, seen.Id) is not { IsAwaited: true } row)
        {
            return Decide.Nothing(false);
        }
        if (changes.IsTaken(row.Domain, row.OrganizationId))
        {
            changes.Fail(row, DomainChanges.VerifiedByAnother);
        }
        else if (finding == DomainFinding.Proven)
        {
            changes.Verify(row, "dns");
        }
        else if (finding == DomainFinding.Absent && row.IsOver(changes.Now))
        {
            changes.Fail(row, DomainChanges.PeriodExpired);
        }
        return new(true, changes.Changes);
    }
}

internal static partial class OrganizationsLog
{
    [LoggerMessage(1101, LogLevel.Warning, "A round through the pending domains was cut off")]
    public static partial void RoundCutOff(ILogger log, Exception fault);
}
