using Holdfast.Simulation.Disk;
using Holdfast.Simulation.Machines;
using Holdfast.Simulation.Time;
using Holdfast.Storage;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Rows;

namespace Holdfast.Simulation.Planted;

/// <summary>A bug that is put in from outside, to see whether the simulation finds it. No code of the product knows of it.</summary>
internal abstract class PlantedBug
{
    /// <summary>All of them, by name.</summary>
    public static IReadOnlyDictionary<string, Func<PlantedBug>> All { get; } = new Dictionary<string, Func<PlantedBug>>(StringComparer.Ordinal)
    {
        ["skip-fsync"] = () => new SkipFsync(),
        ["answer-before-commit"] = () => new AnswerBeforeCommit(),
        ["retry-as-new"] = () => new RetryAsNew(),
        ["log-page-leaves-out-a-row"] = () => new PageLeavesOutARow(),
        ["same-life-on-an-empty-disk"] = () => new SameLifeOnEmptyDisk(),
        ["join-keeps-what-it-holds"] = () => new JoinKeepsWhatItHolds(),
    };

    public virtual void Prepare(SimulatedDisk disk)
    {
    }

    public virtual Surroundings Change(Surroundings surroundings, Machine machine) => surroundings;

    /// <summary>A page of the change log, on its way from the primary.</summary>
    public virtual LogPage Page(LogPage page) => page;

    /// <summary>The key that a client sends when it tries for the so-manieth time.</summary>
    public virtual string Key(string key, int attempt) => key;

    /// <summary>A node keeps a fact, and then answers.</summary>
    public virtual Task<T> RecordAsync<T>(Products products, World world, Func<View, Decision<T>> decide) => products.Database.RecordAsync(decide);
}

/// <summary>As shipped.</summary>
internal sealed class NoBug : PlantedBug;

/// <summary>A disk that says it has synced, and has not.</summary>
internal sealed class SkipFsync : PlantedBug
{
    public override void Prepare(SimulatedDisk disk) => disk.SkipSync = true;
}

/// <summary>The node decides, answers, and only then hands the decision to its writer.</summary>
internal sealed class AnswerBeforeCommit : PlantedBug
{
    private static readonly TimeSpan Later = TimeSpan.FromMilliseconds(5);

    public override Task<T> RecordAsync<T>(Products products, World world, Func<View, Decision<T>> decide)
    {
        var decision = products.Database.Read(decide);
        world.After(Later, products.Node.Life!, "records late", () => _ = RecordLateAsync(products, decision));
        return Task.FromResult(decision.Answer);
    }

    private static async Task RecordLateAsync<T>(Products products, Decision<T> decision)
    {
        try
        {
            await products.Database.RecordAsync(_ => decision);
        }
        catch (StorageUnavailableException)
        {
            // Nobody is told any more.
        }
    }
}

/// <summary>A client that forgets its idempotency key.</summary>
internal sealed class RetryAsNew : PlantedBug
{
    public override string Key(string key, int attempt) => $"{key}/{attempt}";
}

/// <summary>Of every fortieth page that has several rows, one in the middle is missing.</summary>
internal sealed class PageLeavesOutARow : PlantedBug
{
    private const int Every = 40;

    private int _pages;

    public override LogPage Page(LogPage page) => page.Rows.Count < 2 || ++_pages % Every != 0
        ? page
        : page with { Rows = [.. page.Rows.Where((_, i) => i != page.Rows.Count / 2 - 1)] };
}

/// <summary>Randomness that begins anew with each life of a process: a node whose disk was lost calls itself what it was called before.</summary>
internal sealed class SameLifeOnEmptyDisk : PlantedBug
{
    public override Surroundings Change(Surroundings surroundings, Machine machine) =>
        surroundings with { Entropy = Dice.Of(machine.World.Seed, $"{machine.Name}/the same again").AsEntropy() };
}

/// <summary>A join that, of two names, keeps the one that was there: who hears of them in another order calls the thing otherwise.</summary>
internal sealed class JoinKeepsWhatItHolds : PlantedBug
{
    public override Surroundings Change(Surroundings surroundings, Machine machine) => surroundings with
    {
        Join = (held, incoming) => held is null || held.Table != Schema.Organizations ? Join.Of(held, incoming) : Keep(held, incoming),
    };

    private static (RowVersion Joined, bool Differs) Keep(RowVersion held, RowVersion incoming)
    {
        var (joined, differs) = Join.Of(held, incoming);
        var groups = (GroupVersion?[])joined.Groups.Clone();
        var named = held.Table.GroupAt("named");
        groups[named] = held.Groups[named] ?? joined.Groups[named];
        return (new RowVersion(held.Table, held.Id, groups), differs);
    }
}
