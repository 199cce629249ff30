using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Orders;

/// <summary>What a quarantine needs beyond the rows themselves, done by each node from what it holds, once it has heard of one: further lives of the node are in it too, what its journal told this node under stamps that do not show it is void by name, and sessions that only a void password or
/// factor proved are ended. What two nodes find is one fact.</summary>
internal sealed class KeepQuarantines(Database database, ClusterKeys keys, TimeProvider clock, ILogger<KeepQuarantines> log) : BackgroundService
{
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    private const int MostAtOnce = 500;

    private readonly byte[] _key = keys.Derive("quarantine-denies");
    private readonly Dictionary<string, string> _told = new(StringComparer.Ordinal);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Rounds.RunAsync(Every, clock, _ => RoundAsync(), fault => QuarantineLog.NotDone(log, fault), stoppingToken);

    /// <summary>The same deny whoever makes it: it is never lifted.</summary>
    public Change Ended(SessionRow session, DateTimeOffset now) =>
        Denied.Because("node_quarantined", session.Id, session.EnvironmentId, Ids.Derived(Ids.Deny, _key, session.EnvironmentId, session.Id), now);

    public async Task RoundAsync()
    {
        var inForce = database.Read(view => QuarantineStore.All(view, inForce: true));
        Tell(inForce);
        foreach (var quarantine in inForce)
        {
            while (await GoOnAsync(quarantine) == MostAtOnce)
            {
                // There are more of them.
            }
        }
    }

    private async Task<int> GoOnAsync(QuarantineRow quarantine)
    {
        if (database.Read(view => Missing(view, quarantine) is { Lives.Count: 0, Said.Count: 0, Sessions.Count: 0 }))
        {
            return 0;   // as nearly always: nobody's write waits for it
        }
        var now = clock.GetUtcNow();
        var (ended, done) = await database.RecordAsync(view =>
        {
            var (lives, said, sessions) = Missing(view, quarantine);
            return Decide.To((sessions.Count, Math.Max(said.Count, sessions.Count)),
                [.. lives.Select(life => QuarantineStore.Given(quarantine, life)), .. said.Select(s => QuarantineStore.IsVoid(quarantine, s, now)), .. sessions.Select(s => Ended(s, now))]);
        });
        if (ended > 0)
        {
            QuarantineLog.SessionsEnded(log, ended, quarantine.Node);
        }
        return done;
    }

    private static (List<string> Lives, List<DoubtfulRow> Said, List<SessionRow> Sessions) Missing(View view, QuarantineRow quarantine) =>
        ([.. QuarantineStore.LivesOf(view, quarantine.Node).Except(quarantine.Lives.Concat(QuarantineStore.Find(view, quarantine.Id)?.Lives ?? []), StringComparer.Ordinal)],
            QuarantineStore.Doubtful(view, quarantine, MostAtOnce), QuarantineStore.ProvenByVoid(view, quarantine, MostAtOnce));

    private void Tell(List<QuarantineRow> inForce)
    {
        lock (_told)
        {
            foreach (var quarantine in inForce.Where(q => _told.TryAdd(q.Id, q.Node)))
            {
                QuarantineLog.Begins(log, quarantine.Node, DateTimeOffset.FromUnixTimeMilliseconds(quarantine.Since), quarantine.Author, quarantine.Reason,
                    database.Read(view => QuarantineStore.Counts(view, quarantine)).Sum(t => t.Count));
            }
            foreach (var id in _told.Keys.Except(inForce.Select(q => q.Id), StringComparer.Ordinal).ToList())
            {
                _told.Remove(id, out var node);
                QuarantineLog.Ends(log, node!);
            }
        }
    }
}
