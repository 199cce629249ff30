using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Protocols.Saml;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Sso;

/// <summary>Reads the metadata of SAML connections anew, in the background, and keeps what each connection's rule takes of it (decision 0012).</summary>
/// <remarks>No sign-in waits for it, or knows of it: they read the row that was taken last, which never expires (law 6).</remarks>
internal sealed class RefreshMetadata(
    Database database, OutboundHttp outbound, Dependencies dependencies, ClusterKeys keys, SamlChecks checks, PublicAddress address,
    SsoOptions options, TimeProvider clock, ILogger<RefreshMetadata> log) : BackgroundService
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    /// <summary>How often it looks for connections that are new, changed or gone.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromMinutes(5);

    private static readonly OutboundLimits Longest = new(SamlLimits.Default.MaxDecodedBytes);

    private readonly MetadataSchedule _schedule = new(options, database.Incarnation);
    private readonly List<Task> _underWay = [];
    private readonly Lock _looking = new();
    private int _round;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var lookAt = clock.GetUtcNow();
        await Rounds.RunAsync(Tick, clock, StartDueAsync, fault => SsoLog.MetadataRoundCutOff(log, fault), stoppingToken);   // what this feeds stands without it
        await UnderWay();

        Task StartDueAsync(CancellationToken ct)
        {
            if (clock.GetUtcNow() >= lookAt)
            {
                Look();
                lookAt = clock.GetUtcNow() + LookEvery;
            }
            Start(ct);
            return Task.CompletedTask;
        }
    }

    /// <summary>Looks for connections, reads what is due and whose hosts have rested, and waits until nothing is under way.</summary>
    public async Task RoundAsync(CancellationToken ct)
    {
        Look();
        do
        {
            await UnderWay();
        }
        while (Start(ct));
    }

    private void Look()
    {
        lock (_looking)
        {
            var (now, round, after) = (clock.GetUtcNow(), _round + 1, "");
            while (database.Read(view => ConnectionStore.SeenOfSaml(view, after, 500)) is { Count: > 0 } page)
            {
                foreach (var (id, updatedAt) in page.Where(c => !_schedule.Knows(c.Id, c.UpdatedAt, round)))
                {
                    var url = database.Read(view => ConnectionStore.Find(view, id))?.Open(keys).Saml?.MetadataUrl;
                    _schedule.Put(id, updatedAt, url is null ? null : new Uri(url).Authority, round, now);
                }
                after = page[^1].Id;
            }
            _schedule.KeepOnly(round);
            _round = round;
        }
    }

    /// <returns>Whether anything was due.</returns>
    private bool Start(CancellationToken ct)
    {
        lock (_underWay)
        {
            _underWay.RemoveAll(reading => reading.IsCompleted);
            var due = _schedule.Take(clock.GetUtcNow());
            _underWay.AddRange(due.Select(d => Task.Run(() => ReadAsync(d.Id, d.Host, ct), CancellationToken.None)));
            return due.Count > 0;
        }
    }

    private Task UnderWay()
    {
        lock (_underWay)
        {
            return Task.WhenAll(_underWay);
        }
    }

    private async Task ReadAsync(string id, string host, CancellationToken ct)
    {
        TimeSpan? next = null;
        try
        {
            next = await ReadAsync(id, ct);
        }
        catch (Exception fault)
        {
            if (!ct.IsCancellationRequested)
            {
                SsoLog.MetadataUnkept(log, id, fault.Message);
            }
        }
        finally
        {
            _schedule.Done(id, host, clock.GetUtcNow(), next);
        }
    }

    /// <returns>How long until it should be read again; null when it could not be read or used.</returns>
    private async Task<TimeSpan?> ReadAsync(string id, CancellationToken ct)
    {
        if (database.Read(view => ConnectionStore.Find(view, id)) is not { IsActive: true } connection || connection.Open(keys).Saml is not { MetadataUrl: { } url } stored)
        {
            return options.MetadataLongest;   // nobody signs in by it
        }
        var row = database.Read(view => MetadataStore.Find(view, id));
        var (verdict, fault) = await FetchAsync(new Uri(url), row?.For(stored).Taken?.On(stored) ?? stored, MetadataDocument.Read(row?.Document), ct);
        await KeepAsync(connection, stored, row, verdict, fault);
        return fault is null ? _schedule.Interval(verdict!.CacheDuration, verdict.ValidUntil, clock.GetUtcNow()) : null;
    }

    private async Task<(MetadataChange? Verdict, string? Fault)> FetchAsync(Uri url, SamlSettings known, MetadataDocument? last, CancellationToken ct)
    {
        try
        {
            var body = (await outbound.GetAsync(Dependency(), url, Longest, ct)).Body;
            var verdict = await checks.BesideAsync(() => MetadataChange.Judge(body, known, last, address.IsDev, clock.GetUtcNow()), ct);
            return (verdict, (verdict as MetadataChange.Refused)?.Why);
        }
        catch (DependencyUnavailableException)
        {
            return (null, "Unreachable");   // away, late, and refused by the guard are told alike
        }
        catch (OutboundAnswerException answer)
        {
            return (null, answer.Fault == OutboundFault.Status ? $"Status{answer.Status}" : answer.Fault.ToString());
        }
    }

    /// <summary>Keeps what came of a reading, unless what it was held against is no longer so: then the next reading says.</summary>
    private async Task KeepAsync(Connection connection, SamlSettings stored, MetadataRow? row, MetadataChange? verdict, string? fault)
    {
        var (source, held) = (MetadataStore.SourceOf(stored), row?.For(stored));
        var changes = MetadataStore.Changes(connection, source, held, verdict, fault, clock.GetUtcNow());
        if (changes.Count == 0)
        {
            return;   // nothing new: not worth a fact
        }
        var isKept = await database.RecordAsync(view =>
            ConnectionStore.Find(view, connection.Id) is { IsActive: true } current && current.SettingsSealed == connection.SettingsSealed
            && MetadataStore.Find(view, connection.Id) == row
                ? Decide.To(true, changes)
                : Decide.Nothing(false));
        if (isKept)
        {
            Tell(connection.Id, held?.Taken ?? MetadataDocument.Of(stored), held, verdict, fault);
        }
    }

    private void Tell(string id, MetadataDocument before, MetadataState? held, MetadataChange? verdict, string? fault)
    {
        if (fault is not null)
        {
            SsoLog.MetadataUnusable(log, id, fault);
        }
        else if (held?.Fault is { } over)
        {
            SsoLog.MetadataUsableAgain(log, id, over);
        }
        switch (verdict)
        {
            case MetadataChange.Taken taken:
                SsoLog.MetadataTaken(log, id, before.ChangesTo(taken.Document), taken.Document.Version);
                break;
            case MetadataChange.Pending pending when pending.Document.Version != held?.Pending?.Document.Version:
                SsoLog.MetadataPending(log, id, before.ChangesTo(pending.Document), pending.Why, pending.Document.Version);
                break;
        }
    }

    private Dependency Dependency() => dependencies.GetOrAdd(Catalogue.SamlMetadata(options.MetadataDeadline, 2 * MetadataSchedule.AtOnce), clock);
}
