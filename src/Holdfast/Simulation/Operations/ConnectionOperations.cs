using Holdfast.Http;
using Holdfast.Simulation.Machines;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Simulation.Operations;

/// <summary>An administrator deactivates a connection.</summary>
internal sealed class DenyConnectionOperation : Operation
{
    public override string Name => "deny-connection";

    public override async Task RunAsync(Actor actor)
    {
        var connection = Ground.Connection(actor.Dice.Between(1, Ground.Connections - 1));   // the last stays active, so that there are always sign-ins
        var answer = await actor.AskAsync(Name, (products, _) => actor.RecordAsync(products, Name, _ =>
        {
            var deny = Denied.Because("deactivated", connection, Ground.Environment, products.Ids, products.Clock.GetUtcNow());
            return Decide.To(deny.Id, deny);
        }));
        Count(actor, answer);
        if (answer.Value is { Answer: { } id, Label: var label })
        {
            actor.Ledger.Denies.Add((id, connection));
            actor.Ledger.Keep($"{actor.Mark} {Name}", answer.Node!.Name, label, (Schema.Denies, id));
        }
    }
}

/// <summary>An administrator activates a connection again: lifts the denies that were seen.</summary>
internal sealed class LiftDenyOperation : Operation
{
    public override string Name => "lift-deny";

    public override async Task RunAsync(Actor actor)
    {
        var connection = Ground.Connection(actor.Dice.Between(1, Ground.Connections - 1));
        var answer = await actor.AskAsync(Name, async (products, _) =>
        {
            var denies = products.Database.Read(view => Denied.Standing(view, connection));
            actor.Ledger.LiftsAsked.UnionWith(denies);
            var now = products.Clock.GetUtcNow();
            List<Change> lifts = [.. denies.Select(deny => Denied.Lifted(deny, Ground.Environment, products.Ids, now))];
            return await products.Database.WriteAsync(view => actor.Cluster.Planted.Lift(view, connection, lifts), CancellationToken.None);
        });
        Count(actor, answer);
        foreach (var lift in answer.Value ?? [])
        {
            actor.Ledger.Keep($"{actor.Mark} {Name}", answer.Node!.Name, (Schema.Lifts, lift.Id));
        }
    }
}
