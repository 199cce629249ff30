using Holdfast.Http;
using Holdfast.Simulation.Machines;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Simulation.Invariants;

/// <summary>When all is repaired, all have the same: every node and the primary, to the byte.</summary>
internal sealed class SameEverywhere : Invariant
{
    public override string Name => "same-everywhere";

    public override void LookAtEnd(Cluster cluster)
    {
        var digests = cluster.Nodes.Select(n => (n.Name, Digest: n.Host!.Node.Digest()))
            .Append((cluster.Primary.Name, Digest: cluster.Primary.Look(c => Digest.Of(c, Schema.Tables, World(cluster))))).ToList();
        if (digests.Select(d => d.Digest).Distinct(StringComparer.Ordinal).Count() > 1)
        {
            Break($"{string.Join(", ", digests.Select(d => $"{d.Name} {d.Digest[..8]}"))}: {Difference(cluster)}");
        }
    }

    private static DateTimeOffset World(Cluster cluster) => Time.World.Start + cluster.World.Now;

    /// <summary>The first rows that are not alike, in words.</summary>
    private static string Difference(Cluster cluster)
    {
        var said = new List<string>();
        foreach (var table in Schema.Tables)
        {
            var reference = cluster.Primary.Rows(table);
            foreach (var node in cluster.Nodes)
            {
                var rows = node.Rows(table);
                var differing = reference.Keys.Union(rows.Keys).Where(id => reference.GetValueOrDefault(id) != rows.GetValueOrDefault(id)).ToList();
                if (differing.Count > 0)
                {
                    said.Add($"{table}: {differing.Count} rows of {node.Name} differ from the primary's, such as {differing[0]}: "
                        + $"{rows.GetValueOrDefault(differing[0]) ?? "absent"} against {reference.GetValueOrDefault(differing[0]) ?? "absent"}");
                }
            }
        }
        return string.Join("; ", said.Take(3));
    }
}

/// <summary>A deny stands until a lift names it (law 4).</summary>
internal sealed class DenyStands : Invariant
{
    public override string Name => "deny-undone-only-by-its-lift";

    public override void LookAtEnd(Cluster cluster)
    {
        var ledger = cluster.Ledger;
        var lost = ledger.Kept.Where(k => k.Table == Schema.Denies && k.Lost is not null).Select(k => k.Id).ToHashSet(StringComparer.Ordinal);
        var standing = ledger.Denies.Where(d => !ledger.LiftsAsked.Contains(d.Id) && !lost.Contains(d.Id)).ToList();
        foreach (var node in cluster.Nodes)
        {
            var (denied, lifted) = node.Products!.Database.Read(view => (
                standing.Select(d => d.Subject).Distinct(StringComparer.Ordinal).Where(subject => Denied.Is(view, subject)).ToHashSet(StringComparer.Ordinal),
                view.Query<string>("SELECT deny_id FROM lifts")));
            foreach (var (id, subject) in standing.Where(d => !denied.Contains(d.Subject)))
            {
                Break($"{subject} was denied by {id}, which nobody lifted, and {node.Name} does not deny it");
            }
            foreach (var deny in lifted.Where(l => !ledger.LiftsAsked.Contains(l)))
            {
                Break($"{node.Name} has a lift of {deny}, which nobody asked for");
            }
        }
    }
}

/// <summary>A single-use item is accepted once (law 5): of two requests, one at most is granted.</summary>
internal sealed class UsedOnce : Invariant
{
    private int _seen;

    public override string Name => "single-use-is-used-once";

    public override void Look(Cluster cluster)
    {
        var granted = cluster.Ledger.Granted;
        for (; _seen < granted.Count; _seen++)
        {
            var one = granted[_seen];
            if (granted.Take(_seen).FirstOrDefault(g => g.Item == one.Item && g.Request != one.Request) is { } before)
            {
                Break($"the code {one.Item[..8]} was granted to {before.Request} by {before.Node} at {before.At.TotalSeconds:0.000} s, "
                    + $"and to {one.Request} by {one.Node} at {one.At.TotalSeconds:0.000} s");
            }
        }
    }

    public override void LookAtEnd(Cluster cluster) => Look(cluster);
}

/// <summary>What carries an idempotency key is done once, on whatever nodes it was tried.</summary>
internal sealed class DoneOnce : Invariant
{
    public override string Name => "idempotent-is-done-once";

    public override void LookAtEnd(Cluster cluster)
    {
        var names = cluster.Nodes[0].Products!.Database.Read(view =>
            view.Query<string>("SELECT json_extract(data, '$.name') FROM events WHERE event = 'organization.created'"));
        foreach (var twice in names.GroupBy(n => n, StringComparer.Ordinal).Where(g => g.Count() > 1))
        {
            Break($"{cluster.Ledger.Marks.GetValueOrDefault(twice.Key, twice.Key)} made {twice.Count()} organizations");
        }
    }
}

/// <summary>A name is one that somebody gave, and none that was replaced by an acknowledged later one.</summary>
internal sealed class LastNameStands : Invariant
{
    public override string Name => "last-acknowledged-name-stands";

    public override void LookAtEnd(Cluster cluster)
    {
        var names = cluster.Nodes[0].Products!.Database.Read(view => view.Query<Named>("SELECT id AS Id, name AS Name FROM organizations"))
            .ToDictionary(n => n.Id, n => n.Name, StringComparer.Ordinal);
        foreach (var (organization, attempts) in cluster.Ledger.Names.Where(n => names.ContainsKey(n.Key)))
        {
            var possible = attempts.Where(a => cluster.Ledger.IsOrderBlurred || !attempts.Exists(b => b.IsAcknowledged && b.From > a.Until)).Select(a => a.Value).ToList();
            if (!possible.Contains(names[organization], StringComparer.Ordinal))
            {
                Break($"{organization} is called '{names[organization]}'; it was last called {string.Join(" or ", possible)}");
            }
        }
    }

    private sealed record Named(string Id, string Name);
}
