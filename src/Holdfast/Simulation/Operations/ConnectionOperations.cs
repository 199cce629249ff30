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
        var answer = await actor.AskAsync(Name, async (products, _) =>
        {
            var (denied, label) = await actor.RecordAsync(products, Name, _ =>
            {
                var deny = Denied.Because("deactivated", connection, Ground.Environment, products.Ids, products.Clock.GetUtcNow());
                return Decide.To(deny.Id, deny);
            });
            actor.Ledger.Keep($"{actor.Mark} {Name}", products.Node.Name, label, (Schema.Denies, denied));
            return denied;
        });
        Count(actor, answer);
        if (answer.Value is { } id)
        {
            actor.Ledger.Denies.Add((id, connection));
        }
    }
}

/// <summary>An administrator activates a connection again: looks at the denies that stand, thinks for a while, and lifts those that they saw.</summary>
internal sealed class LiftDenyOperation : Operation
{
    private static readonly TimeSpan LongestThought = TimeSpan.FromSeconds(3);

    public override string Name => "lift-deny";

    public override async Task RunAsync(Actor actor)
    {
        var connection = Ground.Connection(actor.Dice.Between(1, Ground.Connections - 1));
        var seen = (await actor.AskAsync($"{Name}, looking", (products, _) => Task.FromResult(products.Database.Read(view => Denied.Standing(view, connection))))).Value ?? [];
        await Task.Delay(actor.Dice.Between(TimeSpan.Zero, LongestThought), actor.Cluster.ClockOf(actor.Cluster.World.Outside));
        actor.Ledger.LiftsAsked.UnionWith(seen);
        var answer = await actor.AskAsync(Name, async (products, _) =>
        {
            var now = products.Clock.GetUtcNow();
            List<Change> lifts = [.. seen.Select(deny => Denied.Lifted(deny, Ground.Environment, products.Ids, now))];
            var lifted = await products.Database.WriteAsync(view => actor.Cluster.Planted.Lift(view, connection, lifts), CancellationToken.None);
            foreach (var lift in lifted)
            {
                actor.Ledger.Keep($"{actor.Mark} {Name}", products.Node.Name, (Schema.Lifts, lift.Id));
            }
            return lifted;
        });
        Count(actor, answer);
    }
}
