using Holdfast.AuthKit;
using Holdfast.Http;
using Holdfast.Simulation.Machines;
using Holdfast.Users;

namespace Holdfast.Simulation.Operations.People;

/// <summary>Somebody begins a sign-up in their browser, with a password.</summary>
internal class SignUpOperation : PersonOperation
{
    public override string Name => "sign-up";

    public override Task RunAsync(Actor actor)
    {
        var who = Anybody(actor);
        return BeginAsync(actor, who, AddressOf(actor, who));
    }

    protected async Task<Browser?> BeginAsync(Actor actor, Person who, string address)
    {
        var password = who.NewPassword();
        var answer = await actor.AskAsync(Name, async (products, key) =>
        {
            var secret = $"mailed for {key} at {products.Node.Name}";
            var begun = await Desk.RecordAsync(actor, products, Name, $"{key} for {address}", (view, act) =>
            {
                var decision = SignUp.Begin(act, address, Desk.HashOf(password), Names, secret, MailLife);
                return Rule.Grant(decision.Answer, [.. decision.Changes, .. products.PersonMails.EmailVerification(view, act, decision.Answer.ItemId, Addresses.Normal(address), secret, act.Now + MailLife)]);
            }, isStranger: true);
            Send(actor, address, Ids.EmailVerification, begun.Answer!.ItemId, secret);
            return begun;
        });
        Tell(actor, answer);
        if (answer.Value?.Answer is not { } begun)
        {
            return null;
        }
        var browser = new Browser(who, address, password, begun.SignUpId, begun.ItemId);
        actor.Ledger.People.Browsers.Add(browser);
        await PostAsync(actor, answer);
        return browser;
    }

    /// <summary>Proves a mailbox at some node, in some browser.</summary>
    protected static Task<Answer<Ruling<RefreshToken>>> ProveAsync(Actor actor, string what, Browser browser, Mail mail) => actor.AskAsync(what, async (products, key) =>
        await Desk.RedeemAsync(actor, products, what, mail.ItemId, authority => RedeemAsync(actor, authority, what, key, browser, mail)) ?? new(null, Refusal.ItemElsewhere));

    protected static async Task<Ruling<RefreshToken>> RedeemAsync(Actor actor, Products products, string what, string key, Browser browser, Mail mail)
    {
        var ruling = await Desk.StartAsync(actor, products, what, $"{key} of {browser.SignUpId}", new SignInTry(browser.Whose, SignInMethod.Password, browser.Address),
            (view, act) => SignUp.ProveMailbox(view, act, browser.SignUpId, mail.ItemId, mail.Secret));
        Used(actor, products, mail, ruling, key);
        if (ruling.Answer is { } token)
        {
            browser.Whose.Password = token.CredentialId is null ? browser.Whose.Password : browser.Password;
        }
        return ruling;
    }
}

/// <summary>The owner of the mailbox opens the mail, in the browser that they began with.</summary>
internal sealed class ProveMailboxOperation : SignUpOperation
{
    public override string Name => "prove-mailbox";

    public override async Task RunAsync(Actor actor)
    {
        if (Unread(actor, Ids.EmailVerification) is { } mail)
        {
            mail.IsTried = true;
            // A mail that somebody else's sign-up caused is opened too, in a browser that knows only its own.
            var people = actor.Ledger.People;
            if ((people.Browsers.Find(b => b.ItemId == mail.ItemId && b.Whose == mail.Owner) ?? people.Browsers.FindLast(b => b.Whose == mail.Owner)) is { } browser)
            {
                Take(actor, mail.Owner, await ProveAsync(actor, Name, browser, mail));
            }
        }
    }
}

/// <summary>A stranger signs up with somebody's address, and proves it with what they have: a mail to themselves, or a guess.</summary>
internal sealed class SignUpAsOtherOperation : SignUpOperation
{
    public override string Name => "attack-sign-up";

    public override async Task RunAsync(Actor actor)
    {
        var (attacker, victim) = (actor.Ledger.People.Attacker, Anybody(actor));
        if (await BeginAsync(actor, attacker, victim.Main) is not { } browser)
        {
            return;
        }
        var own = actor.Dice.Chance(0.5) ? await BeginAsync(actor, attacker, attacker.Main) : null;
        var mail = actor.Ledger.People.Mails.FindLast(m => own is not null && m.ItemId == own.ItemId)
            ?? new Mail(attacker, victim.Main, Ids.EmailVerification, browser.ItemId, "a guess");
        Take(actor, attacker, await ProveAsync(actor, Name, browser, mail));
        if (own is not null && actor.Dice.Chance(0.5))
        {
            Take(actor, attacker, await ProveAsync(actor, Name, own, mail));   // as anybody may: a user of their own
        }
    }
}
