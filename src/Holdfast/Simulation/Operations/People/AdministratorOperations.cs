using Holdfast.Http;
using Holdfast.Simulation.Machines;
using Holdfast.Users;

namespace Holdfast.Simulation.Operations.People;

/// <summary>An administrator does something to a user.</summary>
internal abstract class UserOperation : PersonOperation
{
    public override async Task RunAsync(Actor actor)
    {
        var who = Anybody(actor);
        if (Recent(actor, who.Users, 2) is { } user)
        {
            Tell(actor, await actor.AskAsync(Name, (products, key) => DoAsync(actor, products, key, who, user)));
        }
    }

    protected abstract Task<Ruling<string>> DoAsync(Actor actor, Products products, string key, Person who, string user);
}

internal sealed class SuspendUserOperation : UserOperation
{
    public override string Name => "suspend-user";

    protected override Task<Ruling<string>> DoAsync(Actor actor, Products products, string key, Person who, string user) =>
        Desk.RecordAsync(actor, products, Name, key, (view, act) => DenyUser.Suspend(view, act, user));
}

/// <summary>An administrator lifts the suspensions that they see.</summary>
internal sealed class LiftSuspensionOperation : UserOperation
{
    public override string Name => "lift-suspension";

    protected override async Task<Ruling<string>> DoAsync(Actor actor, Products products, string key, Person who, string user)
    {
        var seen = products.Database.Read(view => Denied.Standing(view, user, "suspended"));
        actor.Ledger.LiftsAsked.UnionWith(seen);
        var lifted = await Desk.WriteAsync(actor, products, Name, key, (view, act) => DenyUser.Lift(view, act, user, seen));
        return new(lifted.Answer is null ? null : user, lifted.Refused);
    }
}

internal sealed class DeleteUserOperation : UserOperation
{
    public override string Name => "delete-user";

    protected override Task<Ruling<string>> DoAsync(Actor actor, Products products, string key, Person who, string user) =>
        Desk.RecordAsync(actor, products, Name, key, (view, act) => DenyUser.Delete(view, act, user));
}

/// <summary>An administrator gives somebody the other of their addresses.</summary>
internal sealed class ChangeAddressOperation : UserOperation
{
    public override string Name => "change-address";

    protected override Task<Ruling<string>> DoAsync(Actor actor, Products products, string key, Person who, string user) =>
        Desk.WriteAsync(actor, products, Name, key, (view, act) => Addresses.ChangeTo(view, act, user, who.Other));
}

/// <summary>Somebody leaves an organization, or comes back.</summary>
internal sealed class MembershipOperation : UserOperation
{
    public override string Name => "set-membership";

    protected override Task<Ruling<string>> DoAsync(Actor actor, Products products, string key, Person who, string user)
    {
        var stays = actor.Dice.Chance(0.6);
        return Desk.RecordAsync(actor, products, Name, key, (_, act) => Rule.Grant(user, Memberships.Set(act, Ground.Organization, user, stays)));
    }
}
