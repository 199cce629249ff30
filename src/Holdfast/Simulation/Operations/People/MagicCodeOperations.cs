using Holdfast.AuthKit;
using Holdfast.Http;
using Holdfast.Simulation.Machines;
using Holdfast.Users;

namespace Holdfast.Simulation.Operations.People;

/// <summary>Somebody has a code mailed.</summary>
internal sealed class RequestCodeOperation : PersonOperation
{
    public override string Name => "request-code";

    public override async Task RunAsync(Actor actor)
    {
        var address = AddressOf(actor, Anybody(actor));
        var answer = await actor.AskAsync(Name, async (products, key) =>
        {
            var code = $"code for {key} at {products.Node.Name}";
            var ruling = await Desk.RecordAsync(actor, products, Name, key, (view, act) =>
            {
                var decision = MagicCode.Issue(act, Addresses.Normal(address), code, MailLife);
                return Rule.Grant(decision.Answer, [.. decision.Changes, .. products.PersonMails.MagicCode(view, act, decision.Answer, Addresses.Normal(address), code, act.Now + MailLife)]);
            }, isStranger: true);
            Send(actor, address, Ids.MagicCode, ruling.Answer!, code);
            return ruling;
        });
        Tell(actor, answer);
        await PostAsync(actor, answer);
    }
}

/// <summary>Somebody types a mailed code in.</summary>
internal sealed class MagicSignInOperation : PersonOperation
{
    public override string Name => "magic-sign-in";

    public override async Task RunAsync(Actor actor)
    {
        if (Unread(actor, Ids.MagicCode) is { } mail)
        {
            mail.IsTried = true;
            Take(actor, mail.Owner, await actor.AskAsync(Name, async (products, key) => await Desk.RedeemAsync(
                actor, products, Name, mail.ItemId, authority => RedeemAsync(actor, authority, Name, key, mail, mail.Owner)) ?? new(null, Refusal.ItemElsewhere)));
        }
    }

    public static async Task<Ruling<RefreshToken>> RedeemAsync(Actor actor, Products products, string what, string key, Mail mail, Person who)
    {
        var ruling = await Desk.StartAsync(actor, products, what, key, new SignInTry(who, SignInMethod.MagicCode, mail.Address),
            (view, act) => MagicCode.Redeem(view, act, mail.ItemId, mail.Secret));
        Used(actor, products, mail, ruling, key);
        return ruling;
    }
}

/// <summary>Somebody who has seen a code or a link that was used shows it again: anywhere, past the forwarding, and after its authority began anew.</summary>
internal sealed class ReplayItemOperation : PersonOperation
{
    public override string Name => "attack-used-item";

    public override async Task RunAsync(Actor actor)
    {
        var people = actor.Ledger.People;
        if (Recent(actor, people.Mails.FindAll(m => m.IsUsed && m.Owner != people.Attacker), 8) is not { } mail)
        {
            return;
        }
        var browser = people.Browsers.Find(b => b.ItemId == mail.ItemId);
        var password = people.Attacker.NewPassword();
        Take(actor, people.Attacker, await actor.AskAsync(Name, (products, key) => ShowAsync(actor, products, key, mail, browser, password)));
    }

    private Task<Ruling<RefreshToken>> ShowAsync(Actor actor, Products products, string key, Mail mail, Browser? browser, string password)
    {
        var attacker = actor.Ledger.People.Attacker;
        return mail.Kind switch
        {
            Ids.MagicCode => MagicSignInOperation.RedeemAsync(actor, products, Name, key, mail, attacker),
            Ids.PasswordReset => ResetPasswordOperation.ResetAsync(actor, products, Name, key, mail, attacker, password),
            _ => Desk.StartAsync(actor, products, Name, key, new SignInTry(attacker, SignInMethod.Password, mail.Address),
                (view, act) => SignUp.ProveMailbox(view, act, browser?.SignUpId ?? "", mail.ItemId, mail.Secret)),
        };
    }
}
