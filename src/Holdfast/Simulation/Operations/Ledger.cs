using Holdfast.Simulation.Machines;
using Holdfast.Simulation.Operations.People;
using Holdfast.Storage.Rows;

namespace Holdfast.Simulation.Operations;

/// <summary>What a fact was labelled with when it was answered (law 3).</summary>
/// <param name="Copies">On how many disks it was, in as many failure domains.</param>
internal readonly record struct Label(int Copies, TimeSpan At);

/// <summary>A row that a node has said is kept, when it said so: the answer may still be under way when the disk goes.</summary>
/// <param name="What">In words.</param>
internal sealed record Kept(string What, Table Table, string Id, string Node, TimeSpan At)
{
    /// <summary>Null for what waits for no copy.</summary>
    public Label? Label { get; init; }

    /// <summary>The only disk that had it was lost before anybody else did: the bound of law 3. Null while it must be there.</summary>
    public string? Lost { get; set; }
}

/// <summary>A value that somebody tried to give a thing.</summary>
/// <param name="Until">When the client was answered; never, where it was not: then it may still come about at any time.</param>
internal sealed record Attempt(string Value, TimeSpan From, TimeSpan Until, bool IsAcknowledged);

/// <summary>A wish to use something once that was granted.</summary>
internal sealed record Granted(string Item, string Request, string Node, TimeSpan At);

/// <summary>What clients were told, by which the cluster is judged.</summary>
internal sealed class Ledger(Cluster cluster)
{
    public List<Kept> Kept { get; } = [];

    /// <summary>By organization, what it was called or may be.</summary>
    public Dictionary<string, List<Attempt>> Names { get; } = new(StringComparer.Ordinal);

    /// <summary>Organizations that were acknowledged, in that order.</summary>
    public List<string> Organizations { get; } = [];

    /// <summary>What of its kind there must be one at most: by the mark in its name, the operation in words.</summary>
    public Dictionary<string, string> Marks { get; } = new(StringComparer.Ordinal);

    /// <summary>Denies that were acknowledged: id and subject.</summary>
    public List<(string Id, string Subject)> Denies { get; } = [];

    /// <summary>Ids that somebody asked to lift.</summary>
    public HashSet<string> LiftsAsked { get; } = new(StringComparer.Ordinal);

    /// <summary>Codes that clients got and have not shown.</summary>
    public List<Code> Codes { get; } = [];

    /// <summary>Codes that were shown.</summary>
    public List<Code> Spent { get; } = [];

    public List<Granted> Granted { get; } = [];

    /// <summary>What people were told.</summary>
    public PeopleLedger People { get => field ??= new PeopleLedger(this); }

    /// <summary>The primary lost its tail, or its clock was wrong: then what was given later may carry the earlier stamp, and stand behind.</summary>
    public bool IsOrderBlurred { get; set; }

    /// <summary>How operations ended, by name and end.</summary>
    public SortedDictionary<string, int> Ends { get; } = new(StringComparer.Ordinal);

    /// <summary>How often each pair of a fault and an operation met.</summary>
    public SortedDictionary<string, int> Met { get; } = new(StringComparer.Ordinal);

    /// <summary>Acknowledged facts that went with a disk, as the only copy.</summary>
    public int LostWithDisk => Kept.Count(k => k.Lost is not null);

    /// <summary>When disks were lost or set back, and when the primary lost its tail.</summary>
    public List<TimeSpan> Losses { get; } = [];

    /// <summary>A node answers that this is kept. Noted there and then, not when the client hears it: a disk that is lost in between takes it along (law 3).</summary>
    public void Keep(string what, string node, params ReadOnlySpan<(Table Table, string Id)> rows) => Keep(what, node, null, rows);

    /// <summary>The same, with the label that the answer carried.</summary>
    public void Keep(string what, string node, Label? label, params ReadOnlySpan<(Table Table, string Id)> rows)
    {
        foreach (var (table, id) in rows)
        {
            Kept.Add(new Kept(what, table, id, node, cluster.World.Now) { Label = table.NeedsCopy ? label : null });
        }
    }

    public void TryName(string organization, Attempt attempt)
    {
        if (!Names.TryGetValue(organization, out var attempts))
        {
            Names[organization] = attempts = [];
        }
        attempts.Add(attempt);
    }

    public void Count(string operation, string end)
    {
        Count(Ends, $"{operation}: {end}");
        foreach (var fault in cluster.FaultsNow.Distinct(StringComparer.Ordinal))
        {
            Count(Met, $"{fault} × {operation}");
        }
    }

    private static void Count(SortedDictionary<string, int> counts, string what) => counts[what] = counts.GetValueOrDefault(what) + 1;

    /// <summary>A disk has just been lost, or the primary's tail: what nobody else had is gone, and that is the bound which law 3 states. It is looked for among
    /// the machines that run, so what only a stopped machine has counts as lost too; nothing that should be found is missed by that but there.</summary>
    public void NoteLoss(string why)
    {
        Losses.Add(cluster.World.Now);
        var holders = cluster.Nodes.Select(n => n.Products).OfType<Products>().ToList();
        People.NoteLoss(holders.SelectMany(h => h.Database.Read(view => view.Query<ClaimTerm>("SELECT id AS Id, term AS Term FROM claims")))
            .Concat(cluster.Primary.IsUp ? cluster.Primary.Terms() : []).ToLookup(c => c.Id, c => c.Term, StringComparer.Ordinal));
        var tables = Kept.Where(k => k.Lost is null).GroupBy(k => k.Table).ToList();
        var primary = cluster.Primary.IsUp ? cluster.Primary.Ids(tables.Select(t => t.Key)) : [];
        foreach (var table in tables)
        {
            var held = new HashSet<string>(StringComparer.Ordinal);
            foreach (var holder in holders)
            {
                held.UnionWith(holder.Database.Read(view => view.Query<string>($"SELECT id FROM {table.Key.Name}")));
            }
            held.UnionWith(primary.GetValueOrDefault(table.Key) ?? []);
            foreach (var kept in table.Where(k => !held.Contains(k.Id)))
            {
                kept.Lost = why;
                cluster.World.Trace.Note("ledger", $"{kept.What} went with {why}: nobody else had it");
            }
        }
    }
}

/// <summary>A code that a client got.</summary>
internal sealed record Code(string Value, string Authority, int Connection, TimeSpan At);
