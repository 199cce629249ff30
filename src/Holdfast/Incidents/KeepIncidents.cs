using System.Runtime.ExceptionServices;
using System.Text.Json;
using Holdfast.Causes;
using Holdfast.Http;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Incidents;

/// <summary>Opens, changes and closes the incidents of this node by what the finder names (decision 0026).</summary>
internal sealed partial class KeepIncidents(Finder finder, Traffic traffic, Database database, Ids ids, NodePlace here, TimeProvider clock, ILogger<KeepIncidents> log) : BackgroundService
{
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    /// <summary>How long a cause must last to be an incident.</summary>
    public static readonly TimeSpan OpensAfter = TimeSpan.FromSeconds(2);

    /// <summary>Within so long after its end the same is the same incident.</summary>
    public static readonly TimeSpan OpensAgainWithin = TimeSpan.FromMinutes(10);

    /// <summary>How long a restarted node waits for the causes that it had left open.</summary>
    public static readonly TimeSpan TakesUpWithin = TimeSpan.FromSeconds(30);

    /// <summary>With so many entries, notes included, no more are made by the node itself: of what flaps for a day, the row says how it is.</summary>
    public const int MostEntries = 200;

    private static readonly TimeSpan s_impactEvery = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, Open> _open = new(StringComparer.Ordinal);   // by the cause's id
    private readonly SemaphoreSlim _one = new(1);
    private DateTimeOffset? _began;
    private Exception? _fault;   // of this round; the first

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Rounds.RunAsync(Every, clock, _ => RoundAsync(), fault => CutOff(log, fault), stoppingToken);

    /// <summary>Once through what is named and what is open. One that cannot be kept stands in no other's way.</summary>
    /// <exception cref="Exception">The first of what could not be kept; all the rest was.</exception>
    public async Task RoundAsync()
    {
        await _one.WaitAsync();
        try
        {
            _fault = null;
            var now = clock.GetUtcNow();
            _began ??= now;
            var causes = finder.All.Where(c => c.Scope != CauseScope.Tenant && c.Id is not null).ToList();
            foreach (var cause in causes)
            {
                await TryAsync(() => _open.TryGetValue(cause.Id!, out var open) ? ChangeAsync(open, cause, now) : now - cause.NamedAt >= OpensAfter ? OpenAsync(cause, now) : Task.CompletedTask);
            }
            foreach (var (id, open) in _open.Where(o => causes.TrueForAll(c => c.Id != o.Key)).ToList())
            {
                await TryAsync(async () =>
                {
                    await KeepAsync(
                        open.Id, Entry(open.Id, "closed", $"{open.Dependency} is well again.", now), IncidentStore.Ended(open.Id, now), IncidentStore.Impacted(open.Id, ImpactOf(open, now)));
                    _open.Remove(id);
                });
            }
            if (now - _began >= TakesUpWithin)
            {
                foreach (var left in database.Read(view => IncidentStore.OpenOf(view, here.Node)).Where(r => _open.Values.All(o => o.Id != r.Id)))
                {
                    await TryAsync(() => KeepAsync(left.Id, Entry(left.Id, "closed", "The node was restarted, and does not find the cause any more.", now), IncidentStore.Ended(left.Id, now)));
                }
            }
            if (_fault is { } fault)
            {
                ExceptionDispatchInfo.Throw(fault);
            }
        }
        finally
        {
            _one.Release();
        }
    }

    private async Task TryAsync(Func<Task> keep)
    {
        try
        {
            await keep();
        }
        catch (Exception fault)
        {
            _fault ??= fault;
        }
    }

    public override void Dispose()
    {
        _one.Dispose();
        base.Dispose();
    }

    private async Task OpenAsync(Cause cause, DateTimeOffset now)
    {
        var name = cause.Scope == CauseScope.Shared ? "host" : cause.Dependency;
        var (left, closed) = database.Read(view => (
            IncidentStore.OpenOf(view, here.Node).Find(r => r.Dependency == name && _open.Values.All(o => o.Id != r.Id)), IncidentStore.LatestClosed(view, here.Node, name, now - OpensAgainWithin)));
        var open = new Open(left?.Id ?? closed?.Id ?? cause.Id!, traffic.Totals.ToDictionary(), traffic.Between(cause.Since, now), (left ?? closed)?.Impacts ?? []) { Dependency = name, Began = (left ?? closed) is { } before ? DateTimeOffset.FromUnixTimeMilliseconds(before.Since) : cause.Since };
        open.Take(cause, now);
        var (entry, changes) = left is not null ? (Entry(open.Id, "again", $"The node was restarted. {cause.Text}", now), Array.Empty<Change>())
            : closed is not null ? (Entry(open.Id, "again", cause.Text, now), [IncidentStore.Ended(open.Id, null)])
            : (Entry(open.Id, "named", cause.Text, cause.NamedAt), [IncidentStore.Made(open.Id, here.Node, here.Region, now), IncidentStore.Ended(open.Id, null)]);
        await KeepAsync(open.Id, entry, [.. changes, IncidentStore.Caused(open.Id, open.Whole(cause)), IncidentStore.Impacted(open.Id, ImpactOf(open, now))]);
        _open[cause.Id!] = open;
    }

    private async Task ChangeAsync(Open open, Cause cause, DateTimeOffset now)
    {
        if (!open.IsAs(cause))
        {
            await KeepAsync(open.Id, Entry(open.Id, "known_better", cause.Text, now), IncidentStore.Caused(open.Id, open.Whole(cause)));
            open.Take(cause, now);
        }
        else if (now - open.WrittenAt >= s_impactEvery)
        {
            if (ImpactOf(open, now) is var impact && impact != open.Written)
            {
                await KeepAsync(open.Id, null, IncidentStore.Impacted(open.Id, impact));
            }
            (open.Written, open.WrittenAt) = (impact, now);
        }
    }

    /// <summary>What products had since its beginning, at this node.</summary>
    private string ImpactOf(Open open, DateTimeOffset now)
    {
        var impacts =
            from product in traffic.Totals.Keys.Concat(open.Earlier.Select(e => e.Product)).Distinct().Order(StringComparer.Ordinal)
            let total = traffic.Totals.GetValueOrDefault(product)
            let start = open.Totals.GetValueOrDefault(product)
            let before = open.Before.GetValueOrDefault(product) ?? new Share(0, 0)
            let earlier = open.Earlier.FirstOrDefault(e => e.Product == product)
            let requests = total.Requests - start.Requests + before.Requests + (earlier?.Requests ?? 0)
            let failed = total.Failed - start.Failed + before.Failed + (earlier?.Failed ?? 0)
            where requests > 0
            select new Impact(product, requests, failed, Math.Round((double)failed / requests, 4));
        return JsonSerializer.Serialize(impacts.ToArray(), JavaScriptJson.Options);
    }

    private Change Entry(string incident, string kind, string says, DateTimeOffset at) =>
        IncidentStore.Entry(ids.New(Ids.IncidentEntry), incident, kind, here.Node, author: null, says, at);

    /// <param name="entry">Left out where the incident has as many as it may.</param>
    /// <exception cref="StorageUnavailableException">This node's disk did not take it: the next round tries again, and the log has it.</exception>
    private Task<bool> KeepAsync(string incident, Change? entry, params Change[] changes) => database.RecordAsync(view =>
        Decide.To(true, entry is not null && IncidentStore.CountEntries(view, incident) < MostEntries ? [.. changes, entry] : changes));

    [LoggerMessage(1195, LogLevel.Warning, "Incidents could not be kept; they are tried again in a second")]
    private static partial void CutOff(ILogger log, Exception fault);

    /// <param name="totals">Requests since the node's start, when it was opened.</param>
    /// <param name="before">Those between its beginning and then.</param>
    /// <param name="earlier">What was counted before a restart, or before it began again.</param>
    private sealed class Open(string id, Dictionary<string, (long Requests, long Failed)> totals, IReadOnlyDictionary<string, Share> before, IReadOnlyList<Impact> earlier)
    {
        private string _how = "";
        private int _symptoms;
        private string _name = "";

        public string Id => id;

        public Dictionary<string, (long Requests, long Failed)> Totals => totals;

        public IReadOnlyDictionary<string, Share> Before => before;

        public IReadOnlyList<Impact> Earlier => earlier;

        public required string Dependency { get; set; }

        /// <summary>When it began for the first time.</summary>
        public required DateTimeOffset Began { get; init; }

        public string? Written { get; set; }

        public DateTimeOffset WrittenAt { get; set; }

        /// <summary>One that began again is as old as it was.</summary>
        public Cause Whole(Cause cause) => cause.Since > Began ? cause with { Since = Began } : cause;

        public bool IsAs(Cause cause) => (_name, _how, _symptoms) == (cause.Dependency, cause.How, cause.Symptoms.Count);

        public void Take(Cause cause, DateTimeOffset now)
        {
            (_name, _how, _symptoms, WrittenAt) = (cause.Dependency, cause.How, cause.Symptoms.Count, now);
            Dependency = cause.Scope == CauseScope.Shared ? "host" : cause.Dependency;
        }
    }
}
