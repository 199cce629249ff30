using System.Globalization;
using Holdfast.Simulation.Invariants;
using Holdfast.Simulation.Machines;
using Holdfast.Simulation.Operations;
using Holdfast.Simulation.Planted;
using Holdfast.Simulation.Plans;
using Holdfast.Simulation.Time;
using Microsoft.Data.Sqlite;

namespace Holdfast.Simulation.Runs;

/// <summary>What came of one seed.</summary>
/// <param name="Broken">By invariant, what broke in words.</param>
/// <param name="Fingerprint">Of all that happened: the same seed has the same.</param>
internal sealed record Outcome(
    Plan Plan, IReadOnlyList<(string Invariant, string What)> Broken, ulong Fingerprint, long Steps, TimeSpan VirtualTime,
    IReadOnlyDictionary<string, int> Ends, IReadOnlyDictionary<string, int> Met, int LostWithDisk, TimeSpan LongestFact, IReadOnlyList<string> Trace);

/// <summary>One plan, carried out in a world of its own, on the thread that asks.</summary>
internal sealed class Run : IDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(30);

    /// <summary>How long a cluster may take after everything was repaired: a version from a fast clock waits aside for a minute, and is looked at once a minute.</summary>
    private static readonly TimeSpan LevelPatience = TimeSpan.FromMinutes(3);

    private static readonly TimeSpan LastAnswers = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(500);

    private const int DamagedFile = 11;
    private const int NoDatabase = 26;

    private readonly Plan _plan;
    private readonly World _world;
    private readonly Cluster _cluster;
    private readonly List<Invariant> _invariants;
    private readonly Dictionary<int, Action> _ends = [];
    private readonly List<(string, string)> _broken = [];

    private Run(Plan plan, string slot, PlantedBug planted, bool keepsTrace)
    {
        _plan = plan;
        _world = new World(plan.Seed, keepsTrace);
        _cluster = new Cluster(_world, slot, plan.Shape, planted);
        _invariants =
        [
            _cluster.Unforeseen, _cluster.Waits, new AcknowledgedIsKept(), new TwoCopiesSurviveOneDisk(), new UsedOnce(), new DenyStands(), new DoneOnce(), new LastNameStands(), new EventHasOnePlace(),
            new LogIsReadWhole(), new SameEverywhere(), .. People.All(),
        ];
    }

    /// <summary>The names of all invariants.</summary>
    public static IReadOnlyList<string> Names { get; } = ListNames();

    public static Outcome Of(Plan plan, string slot, PlantedBug planted, bool keepsTrace = false)
    {
        using var run = new Run(plan, slot, planted, keepsTrace);
        run.DoAndJudge();
        var (world, cluster) = (run._world, run._cluster);
        return new Outcome(
            plan, [.. run._broken, .. run._invariants.SelectMany(i => i.Broken.Select(b => (i.Name, b)))], world.Trace.Fingerprint, world.Steps, world.Now,
            cluster.Ledger.Ends, cluster.Ledger.Met, cluster.Ledger.LostWithDisk, cluster.Waits.Longest, world.Trace.Lines);
    }

    private static List<string> ListNames()
    {
        using var run = new Run(new Plan(0, new Shape(1, 1), TimeSpan.Zero, [], []), "names", new NoBug(), keepsTrace: false);
        return [.. run._invariants.Select(i => i.Name), "level-in-time"];
    }

    /// <summary>What the judge cannot look at is broken too.</summary>
    private void DoAndJudge()
    {
        try
        {
            Do();
        }
        catch (SqliteException fault) when (fault.SqliteErrorCode is DamagedFile or NoDatabase)
        {
            _broken.Add(("level-in-time", $"A machine's file is damaged, and nobody becomes level with it any more: {fault.Message}"));
        }
        catch (Exception fault)
        {
            _broken.Add((_cluster.Unforeseen.Name, $"It could not be carried out, or not judged: {fault}"));
        }
    }

    private void Do()
    {
        if (!Begin())
        {
            _broken.Add(("level-in-time", "The cluster did not start."));
            return;
        }
        var from = _world.Now;
        foreach (var operation in _plan.Operations)
        {
            _world.After(operation.At, _world.Outside, "operation", () => _ = OperateAsync(operation));
        }
        foreach (var fault in _plan.Faults)
        {
            _world.After(fault.From, _world.Outside, "fault", () => Begin(fault));
            _world.After(fault.Until, _world.Outside, "fault ends", () => End(fault));
        }
        _world.Run(from + _plan.Load);
        Heal();
        _world.Run(_world.Now + LastAnswers, () => _running == 0);
        if (Level())
        {
            _invariants.ForEach(i => i.LookAtEnd(_cluster));
        }
    }

    private bool Begin()
    {
        // As the first node does that starts without peers; from then on all know each other.
        _cluster.Primary.Start();
        _ = _world.Run(StartPatience, () => _cluster.Primary.IsUp);
        var cluster = _cluster.Primary.Life!.StartAsync("bootstrap", () => _cluster.Primary.BootstrapAsync("cluster_simulated"));
        _ = _world.Run(StartPatience, () => cluster.IsCompleted);
        foreach (var node in _cluster.Nodes)
        {
            node.Start();
        }
        if (!_world.Run(StartPatience, () => _cluster.Machines.All(m => m.IsUp)))
        {
            return false;
        }
        var ground = _cluster.Nodes[0].Life!.StartAsync("ground", async () =>
        {
            await _cluster.Ground.LayAsync(_cluster.Nodes[0].Products!);
            return true;
        });
        return _world.Run(StartPatience, () => ground.IsCompleted) && ground.IsCompletedSuccessfully
            && _world.Run(StartPatience, () => _cluster.Nodes.All(n => n.Host!.Replicator.Position.Sequence >= Ground.Rows + _cluster.Nodes.Count));
    }

    private int _running;

    private async Task OperateAsync(PlannedOperation planned)
    {
        _running++;
        try
        {
            await planned.Operation.RunAsync(new Actor(_cluster, planned.Number, planned.Node, new Dice(planned.Seed)));
            _invariants.ForEach(i => i.Look(_cluster));
        }
        catch (Exception fault)
        {
            _broken.Add((_cluster.Unforeseen.Name, $"{planned.Operation.Name}: {fault}"));
        }
        finally
        {
            _running--;
        }
    }

    private void Begin(PlannedFault planned)
    {
        var node = _cluster.Nodes[planned.Node % _cluster.Nodes.Count];
        _world.Trace.Note("fault", $"{planned.Kind} ({node.Name})");
        _cluster.FaultsNow.Add(planned.Kind);
        _ends[planned.Number] = Fault.All[planned.Kind].Begin(_cluster, node, new Dice(planned.Seed));
    }

    private void End(PlannedFault planned)
    {
        if (_ends.Remove(planned.Number, out var end))
        {
            _world.Trace.Note("fault", $"{planned.Kind} is over");
            end();
            _cluster.FaultsNow.Remove(planned.Kind);
        }
    }

    /// <summary>Everything is repaired, and clocks are right.</summary>
    private void Heal()
    {
        foreach (var fault in _plan.Faults)
        {
            End(fault);
        }
        _cluster.Net.Heal();
        _cluster.Primary.Mood = Mood.Well;
        foreach (var machine in _cluster.Machines)
        {
            (machine.Disk.IsFull, machine.Slowness, machine.Skew) = (false, 1, TimeSpan.Zero);
            machine.Start();
        }
        _world.Trace.Note("world", "all is repaired");
    }

    /// <summary>Waits until every node has shipped and read all there is.</summary>
    private bool Level()
    {
        var until = _world.Now + LevelPatience;
        while (_world.Now < until)
        {
            if (_running == 0 && _cluster.Machines.All(m => m.IsUp) && IsLevel())
            {
                return true;
            }
            _world.Run(_world.Now + Glance);
        }
        _broken.Add(("level-in-time", string.Create(CultureInfo.InvariantCulture,
            $"{LevelPatience.TotalSeconds:0} s after everything was repaired: {string.Join("; ", _cluster.Machines.Select(Standing.Of))}")));
        return false;
    }

    private bool IsLevel()
    {
        var position = _cluster.Nodes[0].Host!.Replicator.Position.Sequence;   // the primary is asked last: to open its file costs more than all the rest
        return _cluster.Nodes.All(n => n.Host!.Replicator.Position.Sequence == position && Standing.HasNothingToSay(n)) && _cluster.Primary.Head() == position;
    }

    public void Dispose() => _cluster.Dispose();
}
