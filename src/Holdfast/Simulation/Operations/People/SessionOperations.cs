using Holdfast.Simulation.Machines;
using Holdfast.Users;

namespace Holdfast.Simulation.Operations.People;

/// <summary>A client refreshes its session. Without an answer it repeats, elsewhere, with the token that it has.</summary>
internal class RefreshOperation : PersonOperation
{
    public override string Name => "refresh";

    public override async Task RunAsync(Actor actor)
    {
        if (Recent(actor, actor.Ledger.People.Sessions, 12) is { } session)
        {
            await RefreshAsync(actor, session, null);
        }
    }

    protected async Task RefreshAsync(Actor actor, HeldSession session, Node? always)
    {
        var token = session.Token;
        var answer = await actor.AskAsync(Name, (products, key) => Desk.RefreshAsync(actor, products, Name, key, token), always);
        Tell(actor, answer);
        if (answer.Value?.Answer is { } next)
        {
            session.GoOn(next);
        }
    }
}

/// <summary>A client goes on in another organization.</summary>
internal sealed class SwitchOrganizationOperation : PersonOperation
{
    public override string Name => "switch-organization";

    public override async Task RunAsync(Actor actor)
    {
        if (Recent(actor, actor.Ledger.People.Sessions, 12) is { } session)
        {
            var (token, to) = (session.Token, session.Token.ActsIn == Ground.StrictOrganization ? Ground.Organization : Ground.StrictOrganization);
            var answer = await actor.AskAsync(Name, (products, key) => Desk.RefreshAsync(actor, products, Name, key, token, to));
            Tell(actor, answer);
            if (answer.Value?.Answer is { } next)
            {
                session.GoOn(next);
            }
        }
    }
}

/// <summary>Two windows of one client refresh at once, at two nodes.</summary>
internal sealed class RaceToRefreshOperation : RefreshOperation
{
    public override string Name => "race-to-refresh";

    public override async Task RunAsync(Actor actor)
    {
        if (Recent(actor, actor.Ledger.People.Sessions, 12) is { } session)
        {
            var nodes = actor.Cluster.Nodes;
            var one = RefreshAsync(actor, session, nodes[actor.Dice.Below(nodes.Count)]);
            var other = RefreshAsync(actor, session, nodes[actor.Dice.Below(nodes.Count)]);
            await one;
            await other;
        }
    }
}

/// <summary>A thief shows a token that was stolen: the newest, or one that was spent, soon or late, anywhere.</summary>
internal sealed class ReplayRefreshOperation : PersonOperation
{
    public override string Name => "attack-refresh";

    public override async Task RunAsync(Actor actor)
    {
        if (Recent(actor, actor.Ledger.People.Sessions, 20) is { } session)
        {
            var token = actor.Dice.Chance(0.2) ? session.Token : Recent(actor, session.Old, 4) ?? session.Token;
            Tell(actor, await actor.AskAsync(Name, (products, key) => Desk.RefreshAsync(actor, products, Name, key, token)));
        }
    }
}

/// <summary>Somebody signs out, or an administrator revokes the session.</summary>
internal sealed class EndSessionOperation : PersonOperation
{
    public override string Name => "end-session";

    public override async Task RunAsync(Actor actor)
    {
        if (Recent(actor, actor.Ledger.People.Sessions, 12) is { } session)
        {
            var reason = actor.Dice.Chance(0.5) ? "signed_out" : "revoked";
            Tell(actor, await actor.AskAsync(Name, (products, key) =>
                Desk.RecordAsync(actor, products, Name, key, (view, act) => Session.End(view, act, session.Token.SessionId, reason))));
        }
    }
}
