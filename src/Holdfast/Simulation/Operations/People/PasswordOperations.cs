using Holdfast.AuthKit;
using Holdfast.Http;
using Holdfast.Simulation.Machines;
using Holdfast.Users;

namespace Holdfast.Simulation.Operations.People;

/// <summary>Somebody types a password: mostly the right one.</summary>
internal class PasswordSignInOperation : PersonOperation
{
    private static readonly TimeSpan MostForHash = TimeSpan.FromMilliseconds(80);

    public override string Name => "password-sign-in";

    public override async Task RunAsync(Actor actor)
    {
        var who = Recent(actor, actor.Ledger.People.Persons.Where(p => p.Password is not null).ToList(), int.MaxValue) ?? Anybody(actor);
        var password = actor.Dice.Chance(0.7) ? who.Password : actor.Dice.Chance(0.5) ? Recent(actor, who.Passwords.ToList(), 5) : null;
        Take(actor, who, await SignInAsync(actor, who, AddressOf(actor, who), password ?? "a wrong one"));
    }

    protected Task<Answer<Ruling<RefreshToken>>> SignInAsync(Actor actor, Person who, string address, string password) => actor.AskAsync(Name, async (products, key) =>
    {
        var proven = await CheckAsync(actor, products, address, password);
        return await Desk.StartAsync(actor, products, Name, key, new SignInTry(who, SignInMethod.Password, address, password),
            (view, act) => Passwords.SignIn(view, act, address, proven));
    });

    /// <summary>Checks a password outside the node's writer, which takes a while.</summary>
    /// <returns>The credential that it opened; null when it opened none.</returns>
    protected static async Task<string?> CheckAsync(Actor actor, Products products, string address, string password)
    {
        var candidates = products.Database.Read(view => Passwords.Candidates(view, Ground.Environment, address));
        await Task.Delay(actor.Dice.Between(TimeSpan.Zero, MostForHash), products.Clock);
        return candidates.Find(c => c.Secret == Desk.HashOf(password))?.Id;
    }
}

/// <summary>Somebody takes another password, by the old one.</summary>
internal sealed class ChangePasswordOperation : PasswordSignInOperation
{
    public override string Name => "change-password";

    public override async Task RunAsync(Actor actor)
    {
        var who = Recent(actor, actor.Ledger.People.Persons.Where(p => p.Password is not null).ToList(), int.MaxValue);
        if (who is not { Password: { } old })
        {
            return;
        }
        var password = who.NewPassword();
        var answer = await actor.AskAsync(Name, async (products, key) =>
        {
            var proven = await CheckAsync(actor, products, who.Main, old);
            return await Desk.RecordAsync(actor, products, Name, key, (view, act) => Addresses.HolderOf(view, Ground.Environment, who.Main) is { } holder
                ? Passwords.Change(view, act, holder, proven, Desk.HashOf(password))
                : Rule.Refuse<string>(Refusal.WrongCredential));
        });
        Tell(actor, answer);
        who.Password = answer.Value?.Answer is null && answer.End != End.Unknown ? old : password;
    }
}

/// <summary>An administrator gives somebody a password.</summary>
internal sealed class SetPasswordOperation : PersonOperation
{
    public override string Name => "set-password";

    public override async Task RunAsync(Actor actor)
    {
        var who = Anybody(actor);
        if (Recent(actor, who.Users, 1) is { } user)
        {
            var password = who.NewPassword();
            var answer = await actor.AskAsync(Name, (products, key) => Desk.RecordAsync(
                actor, products, Name, key, (view, act) => Passwords.SetByAdministrator(view, act, user, Desk.HashOf(password), "administrator 1")));
            Tell(actor, answer);
            who.Password = answer.Value?.Answer is null ? who.Password : password;
        }
    }
}

/// <summary>A stranger tries passwords at somebody's address.</summary>
internal sealed class TryPasswordsOperation : PasswordSignInOperation
{
    public override string Name => "attack-password";

    public override async Task RunAsync(Actor actor)
    {
        var attacker = actor.Ledger.People.Attacker;
        var password = Recent(actor, attacker.Passwords.ToList(), 20) ?? "a guess";
        Take(actor, attacker, await SignInAsync(actor, attacker, Anybody(actor).Main, password));
    }
}

/// <summary>Somebody who forgot their password has a mail sent.</summary>
internal sealed class RequestResetOperation : PersonOperation
{
    public override string Name => "request-reset";

    public override async Task RunAsync(Actor actor)
    {
        var address = AddressOf(actor, Anybody(actor));
        var answer = await actor.AskAsync(Name, async (products, key) =>
        {
            var secret = $"mailed for {key} at {products.Node.Name}";
            var ruling = await Desk.RecordAsync(actor, products, Name, key, (view, act) =>
            {
                var decision = Passwords.RequestReset(view, act, address, secret, MailLife);
                return decision.Answer.Answer is not { } item ? decision
                    : decision with { Changes = [.. decision.Changes, .. products.PersonMails.PasswordReset(view, act, item, Addresses.Normal(address), secret, act.Now + MailLife)] };
            }, isStranger: true);
            if (ruling.Answer is { } item)
            {
                Send(actor, address, Ids.PasswordReset, item, secret);
            }
            return ruling;
        });
        Tell(actor, answer);
        await PostAsync(actor, answer);
    }
}

/// <summary>Somebody opens that mail, and chooses another password.</summary>
internal sealed class ResetPasswordOperation : PersonOperation
{
    public override string Name => "reset-password";

    public override async Task RunAsync(Actor actor)
    {
        if (Unread(actor, Ids.PasswordReset) is not { } mail)
        {
            return;
        }
        mail.IsTried = true;
        var password = mail.Owner.NewPassword();
        var answer = await actor.AskAsync(Name, async (products, key) => await Desk.RedeemAsync(
            actor, products, Name, mail.ItemId, authority => ResetAsync(actor, authority, Name, key, mail, mail.Owner, password)) ?? new(null, Refusal.ItemElsewhere));
        Take(actor, mail.Owner, answer);
        mail.Owner.Password = answer.Value?.Answer is null ? mail.Owner.Password : password;
    }

    public static async Task<Ruling<RefreshToken>> ResetAsync(Actor actor, Products products, string what, string key, Mail mail, Person who, string password)
    {
        var ruling = await Desk.StartAsync(actor, products, what, key, new SignInTry(who, SignInMethod.Password, mail.Address),
            (view, act) => Passwords.Reset(view, act, mail.ItemId, mail.Secret, Desk.HashOf(password)));
        Used(actor, products, mail, ruling, key);
        return ruling;
    }
}
