using System.Globalization;
using Holdfast.Simulation.Machines;

namespace Holdfast.Simulation.Runs;

/// <summary>How far a machine has come.</summary>
internal static class Standing
{
    /// <summary>Whether a node has shipped all its facts and those of lives that are over, and nothing waits aside or to be offered again.</summary>
    public static bool HasNothingToSay(Node node) => node.Products!.Database.Read(view =>
        view.Find<long>("SELECT (SELECT count(*) FROM aside) + (SELECT count(*) FROM offer_again)") == 0
        && string.IsNullOrEmpty(view.Find<string>("SELECT value FROM node_state WHERE name = 'offering_all'"))
        && view.Find<long>("SELECT count(*) FROM received r JOIN peer_journals j ON j.origin = r.origin WHERE r.position > j.confirmed AND r.origin NOT IN @Speaking",
            new { Speaking = node.Cluster.Nodes.Select(n => n.Products?.Database.Incarnation ?? "").ToList() }) == 0   // the lives that are, and not those that it last heard
        && view.Find<long>("SELECT coalesce(max(position), 0) FROM journal")
            <= long.Parse(view.Find<string>("SELECT value FROM node_state WHERE name = 'shipped'") ?? "0", CultureInfo.InvariantCulture));

    public static string Of(Machine machine) => machine switch
    {
        { IsUp: false } => $"{machine.Name} is down",
        Node { Host: { } host } node => $"{node.Name} is at {host.Replicator.Position}{(HasNothingToSay(node) ? "" : ", with facts to ship")}"
            + (host.Replicator.Health is { Fault: { } fault } health ? $", and says {fault}: {health.Text}" : ""),
        PrimaryMachine primary => $"the primary is at {primary.Head()}",
        _ => machine.Name,
    };
}
