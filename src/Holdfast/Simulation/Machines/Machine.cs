using Holdfast.Simulation.Disk;
using Holdfast.Simulation.Time;
using Holdfast.Storage;

namespace Holdfast.Simulation.Machines;

/// <summary>A machine: a disk, a clock, a process that lives, ends and is started again.</summary>
internal abstract class Machine : IDisposable
{
    private static readonly TimeSpan Respite = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan Backlog = TimeSpan.FromSeconds(2);

    private readonly Dice _diskDice;
    private readonly Entropy _entropy;
    private int _boots = 1;
    private bool _isWanted;
    private TimeSpan _quickSince = -Backlog;
    private bool _endsWithPower;

    protected Machine(Cluster cluster, string name, string region)
    {
        (Cluster, Name, Region) = (cluster, name, region);
        _diskDice = World.Dice($"{name}/disk");
        _entropy = World.Dice($"{name}/entropy").AsEntropy();
        Disk = new SimulatedDisk($"{cluster.Slot}-{name}", _diskDice.Below(int.MaxValue), () => Time.World.Start + World.Now);
        cluster.Planted.Prepare(Disk, name);
        cluster.Net.Attach(name, region, () => Life);
    }

    public string Name { get; }

    public string Region { get; }

    public SimulatedDisk Disk { get; }

    /// <summary>How far its clock is ahead of the world's time.</summary>
    public TimeSpan Skew { get; set; }

    /// <summary>How much longer than usual its disk takes.</summary>
    public double Slowness
    {
        get;
        set
        {
            _quickSince = field > 1 && value <= 1 ? World.Now : _quickSince;
            field = value;
        }
    } = 1;

    /// <summary>Whether its disk is slow, or was a moment ago, so that work still waits for what it took on then.</summary>
    public bool IsSlow => Slowness > 1 || World.Now - _quickSince < Backlog;

    /// <summary>The process that runs now; null while none does.</summary>
    public Life? Life { get; private set; }

    /// <summary>How often its disk has been lost or set back.</summary>
    public int DisksLost { get; private set; }

    /// <summary>When that was last; null while it has its first disk.</summary>
    public TimeSpan? DiskLostAt { get; private set; }

    public bool IsUp => Life is not null && IsReady;

    public Cluster Cluster { get; }

    public World World => Cluster.World;

    /// <summary>Whether its process has got so far that it serves.</summary>
    protected abstract bool IsReady { get; }

    protected abstract Task OpenAsync(Surroundings surroundings);

    /// <summary>Lets go of what the process held of this program's memory. Its disk is dead by then, so nothing is written.</summary>
    protected abstract void Drop();

    public void Start()
    {
        _isWanted = true;
        if (Life is not null)
        {
            return;
        }
        Disk.Revive();
        var life = Life = new Life(World, Name);
        World.After(TimeSpan.Zero, life, "starts", () => _ = RunAsync(life));
    }

    private async Task RunAsync(Life life)
    {
        try
        {
            var lanes = Lanes.Of(World, life, World.Dice($"{Name}/lanes/{World.Now.Ticks}"), () => Slowness, LookAtDisk);
            await OpenAsync(Cluster.Planted.Around(
                new Surroundings(new MachineClock(World, life, () => Skew), _entropy, SimulatedDisk.AsDisk(() => $"{Name}/{_boots}"), SimulatedDisk.Vfs) { OpenLane = lanes }, this));
            World.Trace.Note(Name, "is up");
        }
        catch (Exception fault)
        {
            World.Trace.Note(Name, "does not start", fault.Message);
            Cluster.Unforeseen.NoteFailedStart(this, fault);
            Crash(withPower: false, "a start that failed");
            Restart(Respite);
        }
    }

    /// <summary>What a supervisor does: tries again, as long as the machine is wanted.</summary>
    private void Restart(TimeSpan after) => World.After(after, World.Outside, "restart", () =>
    {
        if (_isWanted && Life is null)
        {
            Start();
        }
    });

    /// <summary>After so many more of its disk's operations, the process ends in the middle of one.</summary>
    public void EndInAWrite(int operations, bool withPower)
    {
        _endsWithPower = withPower;
        Disk.FailAfter(operations, withPower);
    }

    /// <summary>A disk that was set to fail in the middle of a write takes the process with it.</summary>
    private void LookAtDisk()
    {
        if (Disk.IsCut && Life is not null)
        {
            _boots += _endsWithPower ? 1 : 0;
            Crash(withPower: false, _endsWithPower ? "a power cut in the middle of a write" : "kill -9 in the middle of a write");
            Restart(Respite);
        }
    }

    /// <summary>The process ends between two of its steps; with the power, what was not synced is up to chance.</summary>
    public void Crash(bool withPower, string why)
    {
        if (Life is not { } life)
        {
            return;
        }
        World.Trace.Note(Name, $"ends by {why}");
        life.End();
        if (withPower)
        {
            _boots++;
            Disk.PowerCut(_diskDice.Below);
        }
        else
        {
            Disk.KillProcess();
        }
        Drop();
        Life = null;
    }

    /// <summary>The machine is off until somebody starts it.</summary>
    public void StayDown(bool withPower, string why)
    {
        _isWanted = false;
        Crash(withPower, why);
    }

    /// <summary>Another disk stands in the machine: an empty one, or one from before.</summary>
    public void ReplaceDisk(DiskSnapshot? with)
    {
        StayDown(withPower: false, with is null ? "the loss of its disk" : "its disk being set back");
        (DisksLost, DiskLostAt) = (DisksLost + 1, World.Now);
        if (with is null)
        {
            Disk.Empty();
        }
        else
        {
            Disk.Restore(with);
        }
    }

    public virtual void Dispose()
    {
        Life?.End();
        Disk.KillProcess();
        Drop();
        Life = null;
        Disk.Dispose();
    }
}
