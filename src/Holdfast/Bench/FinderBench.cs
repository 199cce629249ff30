using System.Globalization;
using Holdfast.Causes;
using Holdfast.Simulation.Time;

namespace Holdfast.Bench;

/// <summary><c>finder</c>: seeded faults, one at a time and in pairs, telemetry down in all of them: how many are named right, and after how long. In virtual time on the real code, and over
/// real sockets. Half an hour in which nothing is broken must name nothing.</summary>
internal static class FinderBench
{
    public const string Name = "finder";

    public const int Singles = 900;
    public const int Background = 230;
    public const int Pairs = 200;
    public const int Healthy = 10;

    /// <summary>How long a fault lasts, at most, before its name counts as not given.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    public static async Task<IReadOnlyList<Measured>> RunAsync(bool isShort, Action<string> progress, CancellationToken ct)
    {
        int Some(int all) => isShort ? all / 10 : all;
        IEnumerable<ulong> Seeds(int all) => Enumerable.Range(0, Some(all)).Select(i => (ulong)i);
        progress($"{Some(Singles)} single faults in virtual time");
        var singles = Seeds(Singles).AsParallel().AsOrdered().Select(Single).ToList();
        progress($"{Some(Background)} faults of what nobody waits for");
        var background = Seeds(Background).AsParallel().AsOrdered().Select(Quiet).ToList();
        progress($"{Some(Pairs)} pairs");
        var pairs = Seeds(Pairs).AsParallel().AsOrdered().Select(Pair).ToList();
        progress($"{Some(Healthy)} times half an hour in which nothing breaks");
        var healthy = Seeds(Healthy).AsParallel().Select(i => WellFor(i, TimeSpan.FromMinutes(30))).ToList();
        progress("real sockets");
        var sockets = await FinderSockets.RunAsync(Some(FinderSockets.Trials), progress, ct);
        foreach (var miss in singles.Concat(background).Concat(pairs).Concat(sockets).Where(t => !t.IsRight))
        {
            progress($"missed: {miss.Target}, {miss.Kind}: {miss.Said}");
        }
        return
        [
            .. Figures("single", [.. singles, .. background, .. sockets], 0.99), .. Figures("virtual/single", singles, 0.99), .. ByTarget("virtual", singles), .. Figures("virtual/background", background, 0.99), .. ByTarget("virtual", background),
            .. Figures("virtual/pair", pairs, 0.95).Take(1), .. Figures("sockets/single", sockets, 0.99), .. ByTarget("sockets", sockets),
            Measured.AtMost(0, "virtual/healthy/named", healthy.Sum(), "", $"{healthy.Count} times 30 minutes under load; telemetry, which is down, apart"),
        ];
    }

    /// <summary>One fault at a time that chance chooses, in a world that has run for a while.</summary>
    public static Trial Single(ulong seed)
    {
        var plan = FinderWorld.All[(int)(seed % (ulong)FinderWorld.All.Count)];
        return Try(new FinderWorld(seed), [plan]);
    }

    /// <summary>One fault of the operator's mail, flags or issuer of credentials.</summary>
    public static Trial Quiet(ulong seed) =>
        Try(new FinderWorld(seed), [FinderWorld.InTheBackground[(int)(seed % (ulong)FinderWorld.InTheBackground.Count)]], TimeSpan.FromMinutes(4));

    /// <summary>Two faults that have nothing in common, the second up to 20 s after the first.</summary>
    public static Trial Pair(ulong seed)
    {
        var dice = Dice.Of(seed, "pair");
        PlannedFault first = dice.Pick(FinderWorld.All), second;
        do
        {
            second = dice.Pick(FinderWorld.All);
        }
        while (!AreApart(first, second));
        return Try(new FinderWorld(seed), [first, second]);
    }

    /// <summary>How many causes are named though nothing is broken but telemetry.</summary>
    public static int WellFor(ulong seed, TimeSpan time)
    {
        var world = new FinderWorld(seed);
        world.Run(time);
        return world.Told.Count(t => t.Change == nameof(CauseChange.Named) && t.Cause.Dependency != Catalogue.Telemetry.Name);
    }

    /// <summary>Two faults are apart if neither is a part of the other's name: two nodes of a zone are a zone.</summary>
    private static bool AreApart(PlannedFault a, PlannedFault b)
    {
        static string Family(PlannedFault f) => f.Target switch
        {
            "one node" or "a zone" or "a region" or "all other nodes" => "nodes",
            "primary" => "primary",
            "resolver" => "resolver",
            _ => f.IsPlatforms ? "outside, all" : f.Hosts[0],
        };
        // A node that is cut off from everything is one fault.
        return Family(a) != Family(b) && (a.Target, b.Target) is not (("the way out", "all other nodes") or ("all other nodes", "the way out")) && !((Family(a) == "outside, all" || Family(b) == "outside, all") && Family(a) is not ("nodes" or "primary") && Family(b) is not ("nodes" or "primary"))
            // Two strangers whose names both vanish, at the same time, are rightly taken for the resolver.
            && !(a.Kind == FaultKind.EmptyDns && b.Kind == FaultKind.EmptyDns) && !(Family(a) == "resolver" && b.Kind == FaultKind.EmptyDns) && !(Family(b) == "resolver" && a.Kind == FaultKind.EmptyDns);
    }

    private static Trial Try(FinderWorld world, IReadOnlyList<PlannedFault> faults, TimeSpan? patience = null)
    {
        world.Run(world.Dice.Between(TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(90)));
        var named = new TimeSpan?[faults.Count];
        var began = new TimeSpan[faults.Count];
        for (var f = 0; f < faults.Count; f++)
        {
            began[f] = world.Now;
            world.FirstMet = null;
            world.Break(faults[f]);
            if (f + 1 < faults.Count)
            {
                Watch(world.Dice.Between(TimeSpan.Zero, TimeSpan.FromSeconds(20)), f + 1);
            }
        }
        Watch(patience ?? s_patience, faults.Count);
        // What was named and should not have been: a cause of the platform that is none, at any time.
        var wrong = world.Told.Where(t => t.At >= began[0] && t.Change != nameof(CauseChange.Joined) && t.Cause.Scope == CauseScope.Platform && t.Cause.Dependency != Catalogue.Telemetry.Name
            && !faults.Any(f => f.IsPlatforms && f.Names.Contains(t.Cause.Dependency))).Select(t => t.Cause.Dependency).Distinct().ToList();
        return new Trial(
            string.Join(" + ", faults.Select(f => f.Target)), string.Join(" + ", faults.Select(f => f.Kind)), wrong.Count == 0 && named.All(n => n is not null),
            named.All(n => n is not null) ? named.Select((n, f) => (n!.Value - began[f]).TotalSeconds).Max() : null,
            faults.Count == 1 && named[0] is { } at && world.FirstMet is { } met ? (at - met).TotalSeconds : null,
            $"named {string.Join(", ", world.Finder.All.Select(c => $"{c.Dependency} {c.How}"))}{(wrong.Count > 0 ? $"; wrongly {string.Join(", ", wrong)}" : "")}");

        void Watch(TimeSpan time, int upTo)
        {
            for (var until = world.Now + time; world.Now < until;)
            {
                world.Run(Finder.Every);
                for (var f = 0; f < upTo; f++)
                {
                    var fault = faults[f];
                    var is_named = world.Finder.All.Any(c => fault.Names.Contains(c.Dependency) && c.How == fault.How && (c.Scope == CauseScope.Platform) == fault.IsPlatforms);
                    named[f] = is_named ? named[f] ?? world.Now : named[f];
                }
                if (upTo == faults.Count && named.All(n => n is not null) && world.Now - named.Max() > TimeSpan.FromSeconds(10))
                {
                    return;   // and ten seconds more, in which nothing else may be named
                }
            }
        }
    }

    public static IEnumerable<Measured> Figures(string of, IReadOnlyList<Trial> trials, double goal)
    {
        var seconds = trials.Where(t => t.Seconds is not null).Select(t => t.Seconds!.Value).ToList();
        var missed = trials.Where(t => !t.IsRight).ToList();
        var share = (double)(trials.Count - missed.Count) / trials.Count;
        yield return new Measured($"{of}/named_right", Math.Round(share, 4), "", goal, share >= goal,
            string.Create(CultureInfo.InvariantCulture, $"of {trials.Count}; at least {goal}{(missed.Count > 0 ? $"; first miss: {missed[0].Target}, {missed[0].Kind}: {missed[0].Said}" : "")}"));
        yield return Measured.AtMost(3, $"{of}/seconds_p50", Percentile.Of(seconds, 0.5), "s", "from the fault to its name");
        yield return Measured.AtMost(10, $"{of}/seconds_p99", Percentile.Of(seconds, 0.99), "s");
        var fromCall = trials.Where(t => t.SecondsFromCall is not null).Select(t => t.SecondsFromCall!.Value).DefaultIfEmpty(0).ToList();
        yield return Measured.Of($"{of}/seconds_from_call_p50", Percentile.Of(fromCall, 0.5), "s", "from the first call or probe that met it");
        yield return Measured.Of($"{of}/seconds_from_call_p99", Percentile.Of(fromCall, 0.99), "s");
    }

    private static IEnumerable<Measured> ByTarget(string of, IReadOnlyList<Trial> trials) =>
        from trial in trials
        group trial by trial.Target into target
        let seconds = target.Where(t => t.Seconds is not null).Select(t => t.Seconds!.Value).DefaultIfEmpty(0).ToList()
        select Measured.Of($"{of}/{target.Key.Replace(' ', '_')}/seconds_p50", Percentile.Of(seconds, 0.5), "s", string.Create(CultureInfo.InvariantCulture,
            $"{target.Count()} faults, {target.Count(t => t.IsRight)} right, p99 {Percentile.Of(seconds, 0.99):0.0} s, from the first call {Percentile.Of([.. target.Select(t => t.SecondsFromCall ?? 0)], 0.99):0.0} s"));
}

/// <param name="IsRight">Named, and nothing else of the platform's was.</param>
/// <param name="Seconds">Until the last of its faults was named; null when one was not.</param>
/// <param name="Said">What was named in the end.</param>
/// <param name="SecondsFromCall">The same from the first call or probe that met it: what nobody calls cannot be found. Null for pairs.</param>
internal sealed record Trial(string Target, string Kind, bool IsRight, double? Seconds, double? SecondsFromCall, string Said);
