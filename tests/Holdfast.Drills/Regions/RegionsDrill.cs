using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Holdfast.Bench;
using Holdfast.Http;
using Holdfast.Verbs;

namespace Holdfast.Drills.Regions;

/// <param name="Hold">How long a fault lasts.</param>
/// <param name="HoldLong">How long those last that are about a long time.</param>
/// <param name="IsDirect">People call nodes, and no edge.</param>
/// <param name="IsTls">Nodes speak https.</param>
/// <param name="Folder">Of the cluster; null for one of its own.</param>
internal sealed record RegionsOptions(
    IReadOnlyList<RegionFault> Faults, TimeSpan Hold, TimeSpan HoldLong, int PerSecond, int Ttl, int Loop, int Retry, bool IsFailsafe, bool IsDirect, bool IsTls, string? Folder, string? Json, string? Markdown);

/// <summary><c>./test regions</c>: three regions of PostgreSQL, etcd and nodes, under load, and what breaks in them, one thing after another.</summary>
internal static class RegionsDrill
{
    public const string Switch = "--regions";

    private const double GoalHolds = 5;
    private const double GoalTakenOver = 10;
    private const int MostEndedTried = 60;

    private static readonly TimeSpan Before = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan After = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan WholeDeadline = TimeSpan.FromMinutes(4);

    /// <summary>What came of one fault.</summary>
    private sealed record Outcome(
        RegionFault Fault, int SignIns, int SignInsFailed, int BegunAgain, int Refreshes, int RefreshesFailed, double Gap, double Slowest, int WritesFailed, double? Leads, double? FirstBack, double? AllBack, double? BackAfterMend,
        int Facts, int Lost, int Twice, int Ended, int Admitted, double HoldsP50, double HoldsMax, int HoldsLate, double Level, IReadOnlyList<string> Failures);

    public static Task<int> RunAsync(string[] arguments)
    {
        var names = new Argument<string[]>("FAULT") { Description = string.Join(", ", RegionFault.All.Select(f => f.Name)), Arity = ArgumentArity.ZeroOrMore };
        var hold = new Option<int>("--hold") { Description = "seconds that a fault lasts", DefaultValueFactory = _ => 20 };
        var minutes = new Option<double>("--minutes") { Description = "minutes that postgres-down and apart last", DefaultValueFactory = _ => 10 };
        var rate = new Option<int>("--rate") { Description = "operations of people a second, in all regions together", DefaultValueFactory = _ => 20 };
        var ttl = new Option<int>("--ttl") { Description = "of Patroni", DefaultValueFactory = _ => 5 };
        var loop = new Option<int>("--loop") { Description = "of Patroni", DefaultValueFactory = _ => 1 };
        var retry = new Option<int>("--retry") { Description = "of Patroni", DefaultValueFactory = _ => 2 };
        var failsafe = new Option<bool>("--failsafe") { Description = "Patroni's: the leader goes on without etcd while all members answer it" };
        var direct = new Option<bool>("--direct") { Description = "people call the nodes of their region, and not its edge" };
        var tls = new Option<bool>("--tls") { Description = "nodes speak https to each other and to the edges" };
        var folder = new Option<string?>("--folder") { Description = "of the cluster; it is kept. Default: one of its own, which goes" };
        var json = new Option<string?>("--json") { Description = "writes the figures to this file" };
        var markdown = new Option<string?>("--md") { Description = "writes the table to this file, after each fault anew. Default: docs/measurements/<today>-regions.md when all faults are run, else none" };
        var command = new RootCommand("Three regions under load, and what breaks in them, one thing after another: about 40 minutes for all, 25 of them waiting.") { names, hold, minutes, rate, ttl, loop, retry, failsafe, direct, tls, folder, json, markdown };
        command.SetAction((parsed, ct) =>
        {
            var wanted = parsed.GetValue(names)!;
            if (wanted.FirstOrDefault(n => RegionFault.All.All(f => f.Name != n)) is { } unknown)
            {
                Console.Error.WriteLine($"There is no fault '{unknown}'. There are: {names.Description}.");
                return Task.FromResult(2);
            }
            return DrillAsync(new RegionsOptions(
                [.. RegionFault.All.Where(f => wanted.Length == 0 || wanted.Contains(f.Name))], TimeSpan.FromSeconds(parsed.GetValue(hold)), TimeSpan.FromMinutes(parsed.GetValue(minutes)), parsed.GetValue(rate),
                parsed.GetValue(ttl), parsed.GetValue(loop), parsed.GetValue(retry), parsed.GetValue(failsafe), parsed.GetValue(direct), parsed.GetValue(tls),
                parsed.GetValue(folder), parsed.GetValue(json),
                parsed.GetValue(markdown) ?? (wanted.Length == 0 ? Path.Combine(ThreeRegions.Root(), "docs", "measurements", $"{TimeProvider.System.GetUtcNow():yyyy-MM-dd}-regions.md") : null)), ct);
        });
        return command.Parse(arguments).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(4) });
    }

    private static async Task<int> DrillAsync(RegionsOptions options, CancellationToken ct)
    {
        var (startedAt, began) = (TimeProvider.System.GetUtcNow(), Stopwatch.GetTimestamp());
        void Say(string line) => Console.WriteLine($"{Stopwatch.GetElapsedTime(began).TotalSeconds,6:0} s  {line}");
        Say("three regions are brought up");
        await using var regions = await ThreeRegions.StartAsync(options, ct);
        Say($"up, in {regions.Folder}");
        var (outcomes, broken) = (new List<Outcome>(), new List<(RegionFault Fault, string Why)>());
        var commit = await Commit.FindAsync();
        try
        {
            await using var people = await RegionPeople.StartAsync(regions, options.PerSecond).WaitAsync(ct);
            foreach (var fault in options.Faults)
            {
                try
                {
                    outcomes.Add(await RunOneAsync(regions, people, fault, fault.IsLong ? options.HoldLong : options.Hold, Say).WaitAsync(ct));
                    Say(Row(outcomes[^1]));
                    outcomes[^1].Failures.TakeLast(16).ToList().ForEach(Say);
                }
                catch (Exception why) when (why is not OperationCanceledException || !ct.IsCancellationRequested)
                {
                    // One that does not end is told, and the next is tried.
                    broken.Add((fault, why.Message));
                    Say($"{fault.Name}: {why.Message}");
                    await regions.MendAllAsync().WaitAsync(ct);
                }
                if (options.Markdown is not null)
                {
                    await File.WriteAllTextAsync(options.Markdown, Table(options, outcomes, broken, commit, startedAt), CancellationToken.None);   // what there is so far: the run is long
                }
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            Say("interrupted: what was started is ended");
        }
        List<Measured> results = [.. outcomes.SelectMany(Figures), .. broken.Select(b => Measured.AtMost(0, $"regions/{b.Fault.Name}/not_ended", 1, "", b.Why))];
        var text = Table(options, outcomes, broken, commit, startedAt);
        Console.WriteLine(text);
        if (options.Json is not null)
        {
            await File.WriteAllBytesAsync(options.Json, JsonSerializer.SerializeToUtf8Bytes(
                new Report("regions", commit, startedAt, Math.Round(Stopwatch.GetElapsedTime(began).TotalSeconds, 1), results), JavaScriptJson.Indented), CancellationToken.None);
        }
        var missed = results.Where(r => r.Met == false).ToList();
        missed.ForEach(r => Console.WriteLine(r.Line().TrimEnd()));
        Console.WriteLine($"{results.Count(r => r.Met == true)} passed, {missed.Count} failed");
        return missed.Count == 0 && !ct.IsCancellationRequested ? 0 : 1;
    }

    private static async Task<Outcome> RunOneAsync(ThreeRegions regions, RegionPeople people, RegionFault fault, TimeSpan hold, Action<string> say)
    {
        var leader = await regions.WholeLeaderAsync(WholeDeadline);
        people.GoOn();
        await Task.Delay(Before);
        say($"{fault.Name}: {fault.Text}; region {leader} leads");
        var from = Stopwatch.GetTimestamp();
        await fault.Break(regions, leader);
        using var mending = new CancellationTokenSource();
        var leads = fault.IsTakenOver ? regions.AnotherLeadsAsync(leader, mending.Token) : Task.FromResult<double?>(null);
        if (Stopwatch.GetElapsedTime(from) is var broke && broke < hold)
        {
            await Task.Delay(hold - broke);
        }
        await fault.Mend(regions, leader);
        await mending.CancelAsync();
        say("mended");
        var mended = Stopwatch.GetTimestamp();
        while (!people.AllWrite(mended) && Stopwatch.GetElapsedTime(mended) < WholeDeadline)
        {
            await Task.Delay(200);
        }
        await Task.Delay(After);
        var until = Stopwatch.GetTimestamp();
        await people.PauseAsync();
        var since = Stopwatch.GetTimestamp();
        await ThreeRegions.UntilAsync("all is level", WholeDeadline, regions.IsLevelAsync);
        var level = Stopwatch.GetElapsedTime(since).TotalSeconds;
        var outcome = await CountAsync(regions, people, fault, leader, from, mended, until, level);
        return outcome with { Leads = await leads };
    }

    private static async Task<Outcome> CountAsync(ThreeRegions regions, RegionPeople people, RegionFault fault, int leader, long from, long mended, long until, double level)
    {
        var done = people.All.Where(d => d.Ended >= from && d.At <= until).ToList();
        List<RegionPeople.Done> Of(string kind) => [.. done.Where(d => d.Kind == kind)];
        var (signIns, refreshes, writes) = (Of(RegionPeople.SignIn), Of(RegionPeople.Refresh), Of(RegionPeople.Write));

        // The longest time in which nobody of a region came in or went on.
        var gap = Enumerable.Range(1, ThreeRegions.Count).Max(region => signIns.Concat(refreshes).Where(d => d.Region == region && d.Failure is null).Select(d => d.Ended).Where(e => e >= from && e <= until)
            .Append(from).Append(until).Order().ToList() is var moments ? moments.Zip(moments.Skip(1), (a, b) => Stopwatch.GetElapsedTime(a, b).TotalSeconds).Max() : 0);
        // The longest time in which writes of a region failed and none was done: when it was over, counted from the fault.
        var back = Enumerable.Range(1, ThreeRegions.Count).Select(region =>
        {
            var own = writes.Where(w => w.Region == region && w.Ended >= from).OrderBy(w => w.Ended).ToList();
            var (longest, end, at, hasFailed) = (0.0, (double?)0, from, false);
            foreach (var write in own)
            {
                if (write.Failure is not null)
                {
                    hasFailed = true;
                    continue;
                }
                if (hasFailed && Stopwatch.GetElapsedTime(at, write.Ended).TotalSeconds is var length && length > longest)
                {
                    (longest, end) = (length, Stopwatch.GetElapsedTime(from, write.Ended).TotalSeconds);
                }
                (at, hasFailed) = (write.Ended, false);
            }
            return hasFailed && Stopwatch.GetElapsedTime(at, until).TotalSeconds > longest ? null : end;
        }).ToList();
        var reaching = back.Where((_, i) => !fault.CutsLeaderOff || i + 1 != leader).ToList();
        var held = Stopwatch.GetElapsedTime(from, mended).TotalSeconds;

        var (lost, facts) = await LostAsync(regions, people, from);
        var twice = people.Twice.Count(t => t >= from) + await TwiceAsync(regions, people, from);
        var ended = people.EndedSessions.Where(e => e.At >= from && e.At <= until).ToList();
        var tried = ended.Where((_, i) => i % Math.Max(1, ended.Count / MostEndedTried) == 0).ToList();
        var admitted = 0;
        foreach (var one in tried)
        {
            admitted += (await Task.WhenAll(regions.Nodes.Select(n => people.IsAdmittedAsync(n, one.Session)))).Count(a => a);
        }
        var holds = people.Holdings.Where(h => h.At >= from && h.At <= until).ToList();
        var seconds = holds.Select(h => h.Seconds).OfType<double>().DefaultIfEmpty().ToList();
        return new Outcome(
            fault, signIns.Count, signIns.Count(d => d.Failure is not null), signIns.Count(d => d.IsBegunAgain), refreshes.Count, refreshes.Count(d => d.Failure is not null), gap,
            signIns.Concat(refreshes).Select(d => Stopwatch.GetElapsedTime(d.At, d.Ended).TotalSeconds).DefaultIfEmpty().Max(), writes.Count(w => w.Failure is not null), null,
            reaching.Exists(b => b is null) ? null : reaching.Min(), reaching.Exists(b => b is null) ? null : reaching.Max(), back.Exists(b => b is null) ? null : Math.Max(0, back.Max()!.Value - held),
            facts, lost.Count, twice, tried.Count, admitted, Percentile.Of(seconds, 0.5), seconds.Max(), holds.Count(h => h.Seconds is null), level,
            [.. done.Where(d => d.Failure is not null && d.Kind != RegionPeople.Write).Select(d => $"{d.Kind} in region {d.Region}, {Stopwatch.GetElapsedTime(from, d.At).TotalSeconds:0.0} s: {d.Failure}"), .. lost,
                .. writes.Where(w => w.Failure is not null).GroupBy(w => $"{w.Region} {System.Text.RegularExpressions.Regex.Replace(w.Failure!, "after.*", "")}")
                    .Select(g => string.Create(CultureInfo.InvariantCulture, $"writes in region {g.Key}: {g.Count()} failed, between {Stopwatch.GetElapsedTime(from, g.Min(w => w.At)).TotalSeconds:0.0} and {Stopwatch.GetElapsedTime(from, g.Max(w => w.Ended)).TotalSeconds:0.0} s"))]);
    }

    /// <summary>What was acknowledged and a node, or the primary, does not have.</summary>
    private static async Task<(List<string> Lost, int Facts)> LostAsync(ThreeRegions regions, RegionPeople people, long from)
    {
        (string Table, string Column, List<string> Ids)[] acknowledged =
        [
            ("users", "id", [.. people.Users.Where(u => u.At >= from).Select(u => u.Id)]),
            ("sessions", "id", [.. people.Sessions.Where(s => s.At >= from).Select(s => s.Id)]),
            ("denies", "subject", [.. people.EndedSessions.Where(e => e.At >= from).Select(e => e.Session.SessionId)]),
            ("organizations", "id", [.. people.Organizations.Where(o => o.At >= from).Select(o => o.Id)]),
        ];
        var leader = await regions.WholeLeaderAsync(WholeDeadline);
        var lost = new List<string>();
        foreach (var (table, column, ids) in acknowledged)
        {
            lost.AddRange(regions.Nodes.SelectMany(n => Stores.Missing(Path.Combine(n.Data, "node.db"), table, column, ids).Select(id => $"LOST: {table} {id} at {n}")));
            var primary = (await regions.SqlAsync(leader, $"SELECT {column} FROM {table}")).Split('\n').ToHashSet(StringComparer.Ordinal);
            lost.AddRange(ids.Where(id => !primary.Contains(id)).Select(id => $"LOST: {table} {id} in the primary"));
        }
        return (lost, acknowledged.Sum(a => a.Ids.Count));
    }

    /// <summary>Versions that the log tells twice, and organizations that one administrator's request made twice.</summary>
    private static async Task<int> TwiceAsync(ThreeRegions regions, RegionPeople people, long from)
    {
        var leader = await regions.WholeLeaderAsync(WholeDeadline);
        var told = int.Parse(await regions.SqlAsync(leader, "SELECT count(*) FROM (SELECT FROM change_log WHERE version <> '' GROUP BY version HAVING count(*) > 1) twice"), CultureInfo.InvariantCulture);
        var names = (await regions.SqlAsync(leader, "SELECT name FROM organizations")).Split('\n').CountBy(n => n).ToDictionary();
        return told + people.Organizations.Where(o => o.At >= from).Count(o => names.GetValueOrDefault(o.Name) != 1);
    }

    private static IEnumerable<Measured> Figures(Outcome o)
    {
        Measured Zero(string what, int value, string? note = null) => Measured.AtMost(0, $"regions/{o.Fault.Name}/{what}", value, "", note);
        yield return Zero("sign_ins/failed", o.SignInsFailed, $"of {o.SignIns}; {o.BegunAgain} were begun a second time");
        yield return Zero("refreshes/failed", o.RefreshesFailed, $"of {o.Refreshes}");
        yield return Measured.Of($"regions/{o.Fault.Name}/longest_gap", o.Gap, "s", "in which nobody of one region came in or went on");
        yield return Measured.Of($"regions/{o.Fault.Name}/slowest", o.Slowest, "s", "a whole sign-in or refresh");
        yield return o.FirstBack is { } first ? Measured.Of($"regions/{o.Fault.Name}/writes_back/first_region", first, "s") : new Measured($"regions/{o.Fault.Name}/writes_back/first_region", null, "s");
        if (o.Fault.IsTakenOver)
        {
            yield return o.Leads is { } leads ? Measured.Of($"regions/{o.Fault.Name}/another_leads", leads, "s", "by PostgreSQL's own word") : new Measured($"regions/{o.Fault.Name}/another_leads", null, "s");
        }
        var (name, says) = ($"regions/{o.Fault.Name}/writes_back/all_regions", $"from the fault, wherever a leader can be reached; {o.WritesFailed} tries failed");
        yield return o.AllBack is not { } all ? new Measured(name, null, "s", Note: "never") { Met = o.Fault.IsTakenOver ? false : null }
            : o.Fault.IsTakenOver ? Measured.AtMost(GoalTakenOver, name, all, "s", says) : Measured.Of(name, all, "s", says);
        yield return o.BackAfterMend is { } late ? Measured.Of($"regions/{o.Fault.Name}/writes_back/after_mend", late, "s", "everywhere") : new Measured($"regions/{o.Fault.Name}/writes_back/after_mend", null, "s");
        yield return Zero("facts_lost", o.Lost, $"of {o.Facts} acknowledged, looked for at six nodes and in the primary");
        yield return Zero("applied_twice", o.Twice);
        yield return Zero("revoked_admitted", o.Admitted, $"{o.Ended} ended sessions shown at six nodes");
        yield return Zero("revocations_late", o.HoldsLate, "not known at every reachable node after 30 s");
        yield return Measured.AtMost(GoalHolds, $"regions/{o.Fault.Name}/revocation_holds_max", o.HoldsMax, "s", string.Create(CultureInfo.InvariantCulture, $"at every reachable node; p50 {o.HoldsP50:0.00} s"));
        yield return Measured.Of($"regions/{o.Fault.Name}/level", o.Level, "s", "after everybody stopped: six nodes and the primary with one digest");
    }

    private static string Row(Outcome o) => string.Create(CultureInfo.InvariantCulture,
        $"| {o.Fault.Name} | {o.SignIns} / {o.SignInsFailed} | {o.BegunAgain} | {o.Refreshes} / {o.RefreshesFailed} | {o.Gap:0.0} | {o.Slowest:0.0} | {o.WritesFailed} | {(o.Fault.IsTakenOver ? Seconds(o.Leads) : "–")} | {Seconds(o.FirstBack)} / {Seconds(o.AllBack)} | {Seconds(o.BackAfterMend)} | {o.Facts} / {o.Lost} | {o.Twice} | {o.Ended} / {o.Admitted} | {o.HoldsP50:0.00} / {o.HoldsMax:0.00} | {o.Level:0.0} |");

    private static string Seconds(double? value) => value?.ToString("0.0", CultureInfo.InvariantCulture) ?? "never";

    private static string Table(RegionsOptions options, List<Outcome> outcomes, List<(RegionFault Fault, string Why)> broken, string commit, DateTimeOffset at)
    {
        var text = new StringBuilder()
            .AppendLine(CultureInfo.InvariantCulture, $"# Three regions under load, {at:yyyy-MM-dd}").AppendLine()
            .AppendLine(CultureInfo.InvariantCulture, $"`./test regions {string.Join(' ', outcomes.Select(o => o.Fault.Name))}` at {commit}, on {Environment.ProcessorCount} cores ({Cpu()}) that carry all three regions:")
            .AppendLine(CultureInfo.InvariantCulture, $"three etcd, three Patroni (ttl {options.Ttl}, loop {options.Loop}, retry {options.Retry}, one synchronous standby), three PostgreSQL, six nodes{(options.IsTls ? " that speak https" : "")}{(options.IsDirect ? "" : ", an edge in each region")}, and the load: {options.PerSecond} operations a second and three administrators, {(options.IsDirect ? "at the nodes of their region" : "through the edge of their region")}.")
            .AppendLine(CultureInfo.InvariantCulture, $"Load average at the end: {File.ReadAllText("/proc/loadavg").Split(' ')[1]}. A fault was held {options.Hold.TotalSeconds:0} s, long ones {options.HoldLong.TotalMinutes:0.#} min.").AppendLine()
            .AppendLine("| fault | sign-ins / failed | begun again | refreshes / failed | longest gap, s | slowest, s | writes failed | another PostgreSQL leads, s | writes back, s after the fault: first region / all that reach a leader | everywhere, s after the mend | facts acknowledged / lost | applied twice | ended sessions shown / admitted | a revocation holds, s: p50 / max | level, s |")
            .AppendLine("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        outcomes.ForEach(o => text.AppendLine(Row(o)));
        text.AppendLine();
        outcomes.ForEach(o => text.AppendLine(CultureInfo.InvariantCulture, $"* `{o.Fault.Name}`: {o.Fault.Text}."));
        broken.ForEach(b => text.AppendLine(CultureInfo.InvariantCulture, $"* `{b.Fault.Name}` did not end: {b.Why}"));
        text.AppendLine().AppendLine("*Longest gap*: in which nobody of one region came in or went on. *Lost*: users, sessions, denies and organizations that were acknowledged, looked for at six nodes and in the primary. *Twice*: codes taken again, versions told again by")
            .AppendLine("the log, organizations made again by one request. *Level*: from when everybody stopped until six nodes and the primary have one digest.");
        return text.ToString();
    }

    private static string Cpu() => File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown";
}
