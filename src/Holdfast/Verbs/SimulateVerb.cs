using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Holdfast.Bench;
using Holdfast.Http;
using Holdfast.Simulation.Planted;
using Holdfast.Simulation.Plans;
using Holdfast.Simulation.Runs;

namespace Holdfast.Verbs;

/// <summary><c>holdfast simulate</c>: runs clusters of the real storage in simulated worlds, breaks them, and looks whether they kept their promises.</summary>
internal static class SimulateVerb
{
    private const int MostFailuresTold = 5;
    private const int LastLinesTold = 120;

    private sealed record Asked(long? Seeds, ulong? Seed, double? Minutes, string? Json, bool Trace, bool Shrink, string? Planted, int Trials, int Threads, string? Plan, string? Save, bool Twice);

    public static Command Create()
    {
        var seeds = new Option<long?>("--seeds") { Description = "how many seeds, from --seed or 1 on (default 100; with --minutes: as many as fit)" };
        var seed = new Option<ulong?>("--seed") { Description = "the first seed; without --seeds, the only one" };
        var minutes = new Option<double?>("--minutes") { Description = "begins no seed after so many minutes" };
        var json = new Option<string?>("--json") { Description = "writes the result to this file as JSON" };
        var trace = new Option<bool>("--trace") { Description = "prints all that happened in the one seed" };
        var shrink = new Option<bool>("--shrink") { Description = "makes the plan of the first seed that fails smaller while it still fails" };
        var planted = new Option<string?>("--planted") { Description = $"plants a bug, and counts the seeds until it is found: {string.Join(", ", PlantedBug.All.Keys)}, or all" };
        var trials = new Option<int>("--trials") { Description = "how often, for --planted", DefaultValueFactory = _ => PlantedTrials.Trials };
        var threads = new Option<int>("--threads") { Description = "worlds at once (default: one a core)", DefaultValueFactory = _ => Environment.ProcessorCount };
        var plan = new Option<string?>("--plan") { Description = "carries out the plan in this file instead of a seed's" };
        var save = new Option<string?>("--save") { Description = "writes the one plan, as small as --shrink made it, to this file" };
        var twice = new Option<bool>("--twice") { Description = "runs every seed a second time, and looks whether it is the same history to the last step" };
        var command = new Command("simulate", "Runs simulated clusters, each from a seed, and looks for broken promises. Ends with 1 when one is broken.")
        {
            seeds, seed, minutes, json, trace, shrink, planted, trials, threads, plan, save, twice,
        };
        command.SetAction((parsed, ct) => Run(new Asked(
            parsed.GetValue(seeds), parsed.GetValue(seed), parsed.GetValue(minutes), parsed.GetValue(json), parsed.GetValue(trace), parsed.GetValue(shrink),
            parsed.GetValue(planted), parsed.GetValue(trials), parsed.GetValue(threads), parsed.GetValue(plan), parsed.GetValue(save), parsed.GetValue(twice)), ct));
        return command;
    }

    private static async Task<int> Run(Asked asked, CancellationToken ct)
    {
        if (asked.Planted is { } name && name != "all" && !PlantedBug.All.ContainsKey(name))
        {
            await Console.Error.WriteLineAsync($"holdfast simulate: there is no planted bug '{name}'. There are: {string.Join(", ", PlantedBug.All.Keys)}.");
            return 2;
        }
        Plan? given = null;
        try
        {
            given = asked.Plan is { } file ? PlanFile.Read(file).Plan() : null;
        }
        catch (Exception unreadable) when (unreadable is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"holdfast simulate: {unreadable.Message}");
            return 2;
        }
        var (clock, startedAt) = (TimeProvider.System, TimeProvider.System.GetUtcNow());
        var began = clock.GetTimestamp();
        var commit = await Commit.FindAsync();
        var results = asked switch
        {
            { Plan: not null } => One(asked, given!, commit),
            { Seed: { } one, Seeds: null, Minutes: null } => One(asked, Simulation.Plans.Plan.Of(one), commit),
            { Planted: { } bug } => Plant(asked, bug, clock, ct),
            _ => Many(asked, clock, commit, ct),
        };
        foreach (var result in results.Where(r => !r.Measure.StartsWith("met/", StringComparison.Ordinal)))
        {
            Console.WriteLine(result.Line().TrimEnd());
        }
        if (asked.Json is { } path)
        {
            var report = new Report("simulate", commit, startedAt, Math.Round(clock.GetElapsedTime(began).TotalSeconds, 1), results);
            await File.WriteAllBytesAsync(path, JsonSerializer.SerializeToUtf8Bytes(report, JavaScriptJson.Indented), ct);
        }
        return results.TrueForAll(r => r.Met != false) ? 0 : 1;
    }

    private static List<Measured> One(Asked asked, Plan plan, string commit)
    {
        var planted = asked.Planted is { } name ? PlantedBug.All[name] : () => new NoBug();
        var outcome = Simulation.Runs.Run.Of(plan, "one", planted(), keepsTrace: true);
        if (asked.Shrink && outcome.Broken.Count > 0)
        {
            outcome = new Shrinking("one", planted, Progress).Shrink(outcome);
        }
        if (asked.Save is { } path)
        {
            PlanFile.Of(outcome.Plan, string.Join("; ", outcome.Broken.Select(b => $"{b.Invariant}: {b.What}").Take(1)), asked.Planted).Write(path);
        }
        if (outcome.Broken.Count > 0)
        {
            Tell(outcome, commit, asked.Planted, asked.Trace || asked.Shrink);
        }
        else if (asked.Trace)
        {
            Console.WriteLine(string.Join('\n', outcome.Trace));
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{outcome.Steps} steps in {outcome.VirtualTime.TotalSeconds:0.0} virtual s, trace {outcome.Fingerprint:x16}"));
        return [Measured.Of("seeds", 1, ""), .. Judged([outcome])];
    }

    private static List<Measured> Many(Asked asked, TimeProvider clock, string commit, CancellationToken ct)
    {
        var campaign = new Campaign(
            asked.Seed ?? 1, asked.Seeds ?? (asked.Minutes is null ? 100 : long.MaxValue), TimeSpan.FromMinutes(asked.Minutes ?? 0), asked.Threads, () => new NoBug(), clock) { Twice = asked.Twice };
        campaign.Run(stopAtFirst: false, Progress, ct);
        foreach (var failed in campaign.Failed.Take(MostFailuresTold))
        {
            var again = Simulation.Runs.Run.Of(failed.Plan, "again", new NoBug(), keepsTrace: true);
            Tell(asked.Shrink && failed == campaign.Failed[0] ? new Shrinking("again", () => new NoBug(), Progress).Shrink(again) : again, commit, null, wholly: false);
        }
        var byOperation = campaign.Met.Select(m => (Pair: m.Key.Split(" × "), m.Value)).GroupBy(m => m.Pair[0], StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal);
        foreach (var fault in byOperation)
        {
            Console.WriteLine($"{fault.Key,-36} {string.Join("  ", fault.OrderBy(m => m.Pair[1], StringComparer.Ordinal).Select(m => $"{m.Pair[1]} {m.Value}"))}");
        }
        return
        [
            Measured.Of("seeds", campaign.Done, "", campaign.Line()),
            Measured.Of("seeds/per_core_and_hour", campaign.Done / Math.Max(campaign.Took.TotalHours * asked.Threads, 1e-9), ""),
            // Of a machine that does other work as well, this says more: the whole process, its compiler and its memory's keeper included.
            Measured.Of("seeds/per_hour_of_processor_time", campaign.Done / Math.Max(Environment.CpuUsage.TotalTime.TotalHours, 1e-9), "", asked.Twice ? "each run twice" : null),
            Measured.Of("steps", campaign.Steps, "", $"all traces together {campaign.Traces:x16}"),
            .. asked.Twice ? [Measured.AtMost(0, "seeds/another_history_the_second_time", campaign.Differing, "seeds", $"of {campaign.Done}, each run twice")] : (List<Measured>)[],
            Measured.Of("one_copy_lost_with_a_disk", campaign.LostWithDisk, "facts"),
            .. Judged(campaign.Failed),
            .. campaign.Ends.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => Measured.Of($"ended/{e.Key}", e.Value, "")),
            .. campaign.Met.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => Measured.Of($"met/{m.Key}", m.Value, "")),
        ];
    }

    private static List<Measured> Plant(Asked asked, string bug, TimeProvider clock, CancellationToken ct) =>
    [
        .. PlantedBug.All.Keys.Where(n => bug == "all" || bug == n).Select(name =>
        {
            var found = PlantedTrials.Of(name, asked.Trials, asked.Seeds ?? PlantedTrials.MostSeeds, asked.Seed ?? 1, asked.Threads, clock, Progress, ct);
            var note = $"{found.SeedsToFind.Count} trials, median {found.Median.ToString(CultureInfo.InvariantCulture)}, found by {string.Join(", ", found.By)}";
            return found.Worst is { } worst
                ? Measured.AtMost(PlantedTrials.MostSeeds, $"planted/{name}/seeds_to_find", worst, "", note)
                : new Measured($"planted/{name}/seeds_to_find", null, "", PlantedTrials.MostSeeds, false, $"not found in every trial; {note}");
        }),
    ];

    private static IEnumerable<Measured> Judged(IReadOnlyList<Outcome> outcomes) => Simulation.Runs.Run.Names.Select(invariant =>
    {
        var broken = outcomes.Where(o => o.Broken.Any(b => b.Invariant == invariant)).Select(o => o.Plan.Seed).ToList();
        return Measured.AtMost(0, $"invariant/{invariant}/broken", broken.Count, "seeds", broken.Count == 0 ? null : $"such as seed {string.Join(", ", broken.Take(3))}");
    });

    private static void Tell(Outcome outcome, string commit, string? planted, bool wholly)
    {
        Console.WriteLine($"SEED {outcome.Plan.Seed} of commit {commit}: {outcome.Plan.Shape.Nodes} nodes in {outcome.Plan.Shape.Regions} regions");
        foreach (var (invariant, what) in outcome.Broken.Take(6))
        {
            Console.WriteLine($"  broken: {invariant}: {what}");
        }
        foreach (var line in wholly ? outcome.Trace : outcome.Trace.Where(l => l.Contains("  fault ", StringComparison.Ordinal) || l.Contains("  world ", StringComparison.Ordinal)).TakeLast(LastLinesTold))
        {
            Console.WriteLine($"  {line}");
        }
        Console.WriteLine($"  again: holdfast simulate --seed {outcome.Plan.Seed} --trace --shrink{(planted is null ? "" : $" --planted {planted}")}");
    }

    private static void Progress(string line) => Console.Error.WriteLine(line);
}
