using Holdfast.AuthKit;
using Holdfast.Simulation.Machines;
using Holdfast.Users;

namespace Holdfast.Simulation.Operations.People;

/// <summary>An identity provider says who somebody is. It is believed about addresses inside the organization's own domain.</summary>
internal class SsoUserOperation : PersonOperation
{
    public override string Name => "sso-user";

    public override async Task RunAsync(Actor actor)
    {
        var who = Anybody(actor);
        var profile = new SsoSignIn.Profile(Ground.Connection(Ground.Connections), Ground.Organization, who.Subject, who.Main, Names);
        var isVouchedFor = who.Main.EndsWith(Ground.VerifiedDomain, StringComparison.Ordinal);
        Take(actor, who, await SignInAsync(actor, new SignInTry(who, SignInMethod.Sso, isVouchedFor ? who.Main : null), profile));
    }

    protected Task<Answer<Ruling<RefreshToken>>> SignInAsync(Actor actor, SignInTry attempt, SsoSignIn.Profile profile) => actor.AskAsync(
        Name, (products, key) => Desk.StartAsync(actor, products, Name, key, attempt, (view, act) => SsoSignIn.Decide(view, act, profile)));
}

/// <summary>A stranger's identity provider, of another organization, says that they are somebody.</summary>
internal sealed class ForeignProviderOperation : SsoUserOperation
{
    public override string Name => "attack-sso";

    public override async Task RunAsync(Actor actor)
    {
        var (attacker, victim) = (actor.Ledger.People.Attacker, Anybody(actor));
        var profile = new SsoSignIn.Profile("conn_evil", "org_evil", actor.Dice.Chance(0.5) ? victim.Subject : attacker.Subject, victim.Main, Names);
        Take(actor, attacker, await SignInAsync(actor, new SignInTry(attacker, SignInMethod.Sso, null), profile));
    }
}
