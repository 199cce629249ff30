using System.Collections.Concurrent;
using System.Globalization;
using Holdfast.Simulation.Planted;
using Holdfast.Simulation.Plans;

namespace Holdfast.Simulation.Runs;

/// <summary>Many seeds, on all cores: one world after the other on each thread, and no world on two.</summary>
/// <param name="first">The first seed; the others follow it.</param>
internal sealed class Campaign(ulong first, long most, TimeSpan longest, int threads, Func<PlantedBug> planted, TimeProvider clock)
{
    private static readonly TimeSpan TellEvery = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, int> _met = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> _ends = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<Outcome> _failed = new();
    private long _next;
    private long _done;
    private long _steps;
    private long _lostWithDisk;
    private long _differing;
    private ulong _traces;
    private volatile bool _stop;

    /// <summary>Seeds that were run.</summary>
    public long Done => Interlocked.Read(ref _done);

    public long Steps => Interlocked.Read(ref _steps);

    public long LostWithDisk => Interlocked.Read(ref _lostWithDisk);

    /// <summary>How often each pair of a fault and an operation met.</summary>
    public IReadOnlyDictionary<string, int> Met => _met;

    public IReadOnlyDictionary<string, int> Ends => _ends;

    /// <summary>Whether every seed is run a second time, for its history only.</summary>
    public bool Twice { get; init; }

    /// <summary>Seeds whose second history was another than the first.</summary>
    public long Differing => Interlocked.Read(ref _differing);

    /// <summary>The sum of all fingerprints: another process that ran the same seeds has the same.</summary>
    public ulong Traces => Interlocked.Read(ref _traces);

    /// <summary>Those in which something broke, by seed.</summary>
    public IReadOnlyList<Outcome> Failed => [.. _failed.OrderBy(o => o.Plan.Seed)];

    public TimeSpan Took { get; private set; }

    /// <param name="stopAtFirst">Ends when something broke that does not break without what was planted.</param>
    public void Run(bool stopAtFirst, Action<string> progress, CancellationToken ct)
    {
        var began = clock.GetTimestamp();
        var workers = Enumerable.Range(0, threads).Select(i => new Thread(() => Work(began, stopAtFirst, progress, ct)) { IsBackground = true, Name = $"world {i}" }).ToList();
        workers.ForEach(w => w.Start());
        while (!workers.TrueForAll(w => w.Join(TellEvery / workers.Count)))
        {
            if (clock.GetElapsedTime(began) - Took >= TellEvery)
            {
                Took = clock.GetElapsedTime(began);
                progress(Line());
            }
        }
        Took = clock.GetElapsedTime(began);
    }

    public string Line() => string.Create(CultureInfo.InvariantCulture,
        $"{Done} seeds in {Took.TotalSeconds:0} s, {Done / Math.Max(1, Took.TotalHours * threads * 3600) * 3600:0} per core and hour, {_failed.Count} with something broken");

    /// <summary>Worlds that run at once in one process have different disks; and as few as may be, because what is learned of a disk's name is kept for ever.</summary>
    private static readonly ConcurrentBag<string> s_slots = [];

    private static int s_slotsMade;

    private static string TakeSlot() => s_slots.TryTake(out var slot) ? slot : string.Create(CultureInfo.InvariantCulture, $"w{Interlocked.Increment(ref s_slotsMade)}");

    private void Work(long began, bool stopAtFirst, Action<string> progress, CancellationToken ct)
    {
        var slot = TakeSlot();
        while (!_stop && !ct.IsCancellationRequested && Interlocked.Increment(ref _next) - 1 is var index && index < most
            && (longest <= TimeSpan.Zero || clock.GetElapsedTime(began) < longest))
        {
            var outcome = Runs.Run.Of(Plan.Of(first + (ulong)index), slot, planted());
            Interlocked.Increment(ref _done);
            Interlocked.Add(ref _traces, outcome.Fingerprint);
            if (Twice && Runs.Run.Of(outcome.Plan, slot, planted()).Fingerprint != outcome.Fingerprint)
            {
                Interlocked.Increment(ref _differing);
            }
            Interlocked.Add(ref _steps, outcome.Steps);
            Interlocked.Add(ref _lostWithDisk, outcome.LostWithDisk);
            Add(_met, outcome.Met);
            Add(_ends, outcome.Ends);
            if (outcome.Broken.Count > 0 && !(stopAtFirst && BreaksAnyway(outcome, slot)))
            {
                _failed.Enqueue(outcome);
                progress($"seed {outcome.Plan.Seed} broke {outcome.Broken[0].Invariant}");   // at once: a long run may be cut off
                _stop |= stopAtFirst;
            }
        }
        s_slots.Add(slot);
    }

    /// <summary>Whether the seed breaks anything without what was planted: then it has not found it.</summary>
    private static bool BreaksAnyway(Outcome outcome, string slot) => Runs.Run.Of(outcome.Plan, slot, new NoBug()).Broken.Count > 0;

    private static void Add(ConcurrentDictionary<string, int> sums, IReadOnlyDictionary<string, int> counts)
    {
        foreach (var (what, count) in counts)
        {
            sums.AddOrUpdate(what, count, (_, sum) => sum + count);
        }
    }
}
