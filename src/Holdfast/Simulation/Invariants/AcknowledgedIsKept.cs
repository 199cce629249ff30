using Holdfast.Simulation.Machines;
using Holdfast.Simulation.Operations;

namespace Holdfast.Simulation.Invariants;

/// <summary>What was answered was kept (law 3): on the node that answered at once, everywhere in the end.</summary>
internal sealed class AcknowledgedIsKept : Invariant
{
    private int _seen;

    public override string Name => "acknowledged-is-kept";

    public override void Look(Cluster cluster)
    {
        var kept = cluster.Ledger.Kept;
        for (; _seen < kept.Count; _seen++)
        {
            var fact = kept[_seen];
            if (fact.Lost is null && cluster.Nodes.FirstOrDefault(n => n.Name == fact.Node) is { Products: { } products, DisksLost: 0 } && !Has(products, fact))
            {
                Break($"{fact.What} was acknowledged, and {fact.Node} does not have the row {fact.Id} of {fact.Table}");
            }
        }
    }

    public override void LookAtEnd(Cluster cluster)
    {
        var kept = cluster.Ledger.Kept.Where(k => k.Lost is null).GroupBy(k => k.Table).ToList();
        var primary = cluster.Primary.Ids(kept.Select(t => t.Key));
        foreach (var table in kept)
        {
            var holders = cluster.Nodes.Select(n => (n.Name, Ids: Ids(n, table.Key.Name))).Append((cluster.Primary.Name, Ids: primary[table.Key])).ToList();
            foreach (var fact in table)
            {
                var without = holders.Where(h => !h.Ids.Contains(fact.Id)).Select(h => h.Name).ToList();
                if (without.Count > 0)
                {
                    Break($"{fact.What} was acknowledged by {fact.Node} at {fact.At.TotalSeconds:0.000} s, and {string.Join(", ", without)} has no row {fact.Id} of {fact.Table}");
                }
            }
        }
    }

    private static HashSet<string> Ids(Node node, string table) =>
        [.. node.Products!.Database.Read(view => view.Query<string>($"SELECT id FROM {table}"))];

    /// <summary>In its table; or aside, where it waits for the clock of a node that is over a minute behind (decision 0001, case 3).</summary>
    private static bool Has(Products products, Kept fact) => products.Database.Read(view =>
        view.Find<long>($"SELECT count(*) FROM {fact.Table.Name} WHERE id = @Id", new { fact.Id }) > 0
        || view.Find<long>("SELECT count(*) FROM aside WHERE version LIKE @like", new { like = $"%\"i\":\"{fact.Id}\"%" }) > 0);
}
