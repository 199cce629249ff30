using Holdfast.Http;
using Holdfast.Simulation.Machines;
using Holdfast.Users;

namespace Holdfast.Simulation.Operations.People;

/// <summary>An administrator invites somebody to the organization that asks for more.</summary>
internal sealed class InviteOperation : PersonOperation
{
    public override string Name => "invite";

    public override async Task RunAsync(Actor actor)
    {
        var who = Anybody(actor);
        var organization = actor.Dice.Chance(0.7) ? Ground.StrictOrganization : Ground.Organization;
        var input = new SendInvitation.Input(new(true, who.Main), new(true, organization), default, default, default, default);
        var answer = await actor.AskAsync(Name, (products, key) => Desk.WriteAsync(actor, products, Name, key, (view, act) =>
        {
            var id = Ids.Derived(Ids.Invitation, act.IdKey, key);
            var decision = SendInvitation.Decided(view, act, id, input, [], products.Invitations);
            return decision.Answer.IsSuccess || Invitations.Find(view, act.EnvironmentId, id) is not null ? Rule.Grant(id, decision.Changes) : Rule.Refuse<string>(Refusal.NotFound);
        }));
        Tell(actor, answer);
        if (answer.Value?.Answer is { } sent)
        {
            actor.Ledger.People.Invited.Add(new Invited(who, sent, organization));
        }
    }
}

/// <summary>Somebody accepts; or tries it once more, or at two nodes at once.</summary>
internal sealed class AcceptInvitationOperation : PersonOperation
{
    public const string AcceptedOnce = "invitation-is-accepted-once";

    public override string Name => "accept-invitation";

    public override async Task RunAsync(Actor actor)
    {
        if (Recent(actor, actor.Ledger.People.Invited, 6) is { } invited)
        {
            var one = AcceptAsync(actor, invited, "one");
            if (actor.Dice.Chance(0.3))
            {
                await AcceptAsync(actor, invited, "two");
            }
            await one;
        }
    }

    private async Task AcceptAsync(Actor actor, Invited invited, string window)
    {
        var at = actor.Dice.Pick(actor.Cluster.Nodes);
        Tell(actor, await actor.AskAsync(Name, async (products, key) =>
        {
            var (node, request) = (products.Node, $"{window} {key}");
            var ruling = await Desk.RecordAsync(actor, products, Name, request, (view, act) =>
            {
                var decision = AnswerInvitation.Accepted(view, act, invited.Id, request, products.Invitations);
                return decision.Answer is { IsSuccess: true, Body: InvitationBody { AcceptedUserId: { } by } } ? Rule.Grant(by, decision.Changes) : Rule.Refuse<string>(Refusal.NotFound);
            });
            if (ruling.Answer is { } userId)
            {
                if (invited.Accepted.Find(a => a.Node == node && a.DisksLost == node.DisksLost && a.Request != request) is { Request: { } before })
                {
                    actor.Ledger.People.Faults.Add((AcceptedOnce, $"{node.Name} accepted {invited.Id} for '{before}', and for '{request}'"));
                }
                invited.Accepted.Add((userId, request, node, node.DisksLost));
            }
            return ruling;
        }, window == "two" ? at : null));
    }
}

/// <summary>An invitation is taken back.</summary>
internal sealed class RevokeInvitationOperation : PersonOperation
{
    public override string Name => "revoke-invitation";

    public override async Task RunAsync(Actor actor)
    {
        if (Recent(actor, actor.Ledger.People.Invited, 6) is { } invited)
        {
            Tell(actor, await actor.AskAsync(Name, (products, key) => Desk.RecordAsync(actor, products, Name, key, (view, act) =>
            {
                var decision = AnswerInvitation.Revoked(view, act, invited.Id, products.Invitations);
                return decision.Answer.IsSuccess ? Rule.Grant(invited.Id, decision.Changes) : Rule.Refuse<string>(Refusal.NotFound);
            })));
        }
    }
}

/// <summary>A membership is stopped.</summary>
internal class DeactivateMembershipOperation : PersonOperation
{
    public override string Name => "deactivate-membership";

    public override async Task RunAsync(Actor actor)
    {
        if (Recent(actor, actor.Ledger.People.Sessions, 12) is { } session)
        {
            var id = Memberships.IdOf(Ground.IdKey, session.Token.ActsIn ?? Ground.Organization, session.Token.UserId);
            Tell(actor, await actor.AskAsync(Name, (products, key) => DoAsync(actor, products, key, id)));
        }
    }

    protected virtual Task<Ruling<string>> DoAsync(Actor actor, Products products, string key, string id) => Desk.RecordAsync(actor, products, Name, key, (view, act) =>
    {
        var decision = ChangeMembership.Deactivated(view, act, id);
        return decision.Answer.IsSuccess ? Rule.Grant(id, decision.Changes) : Rule.Refuse<string>(Refusal.NotFound);
    });
}

/// <summary>It goes on: what the administrator saw is lifted.</summary>
internal sealed class ReactivateMembershipOperation : DeactivateMembershipOperation
{
    public override string Name => "reactivate-membership";

    protected override Task<Ruling<string>> DoAsync(Actor actor, Products products, string key, string id)
    {
        var seen = products.Database.Read(view => Denied.Standing(view, id, Memberships.Deactivated));
        actor.Ledger.LiftsAsked.UnionWith(seen);
        return Desk.WriteAsync(actor, products, Name, key, (view, act) =>
        {
            var decision = ChangeMembership.Reactivated(view, act, id, seen);
            return decision.Answer.IsSuccess ? Rule.Grant(id, decision.Changes) : Rule.Refuse<string>(Refusal.NotFound);
        });
    }
}

/// <summary>An administrator makes a user whose mailbox nobody has proven, with a password: what an application does that has a form of its own. Sometimes it is a stranger who filled that in.</summary>
internal sealed class PrepareUserOperation : PersonOperation
{
    public override string Name => "prepare-user";

    public override async Task RunAsync(Actor actor)
    {
        var who = Anybody(actor);
        var author = actor.Dice.Chance(0.5) ? actor.Ledger.People.Attacker : who;
        var password = author.NewPassword();
        var answer = await actor.AskAsync(Name, (products, key) => Desk.WriteAsync(actor, products, Name, key, (view, act) =>
        {
            var input = new UserInput(new(true, who.Main), default, default, default, default, default, default, default, default, default, default, default);
            var decision = CreateUser.Decided(view, act, input, Desk.HashOf(password), "administrator 1");
            return decision.Answer is { IsSuccess: true, Body: UserBody made } ? Rule.Grant(made.Id, decision.Changes) : Rule.Refuse<string>(Refusal.AddressTaken);
        }));
        Tell(actor, answer);
        if (author == who && answer.Value?.Answer is not null)
        {
            who.Password = password;
        }
    }
}
