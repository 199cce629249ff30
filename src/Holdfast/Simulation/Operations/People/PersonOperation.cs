using Holdfast.Users;

namespace Holdfast.Simulation.Operations.People;

/// <summary>Something that a person does, or is done to one.</summary>
internal abstract class PersonOperation : Operation
{
    protected static readonly TimeSpan MailLife = TimeSpan.FromMinutes(30);

    protected static readonly PersonNames Names = new("Ada", "Lovelace");

    /// <summary>Says how it ended: a refusal by its name.</summary>
    protected void Tell<T>(Actor actor, Answer<Ruling<T>> answer) where T : class =>
        Count(actor, answer, answer.Value is { Refused: { } why } ? why.ToString() : null);

    /// <summary>The client got a session, or not.</summary>
    protected void Take(Actor actor, Person who, Answer<Ruling<RefreshToken>> answer)
    {
        Tell(actor, answer);
        if (answer.Value?.Answer is { } token)
        {
            actor.Ledger.People.Sessions.Add(new HeldSession(who, token));
        }
    }

    protected static Person Anybody(Actor actor) => actor.Dice.Pick(actor.Ledger.People.Persons);

    /// <summary>The address that somebody uses: mostly the one that they have always had.</summary>
    protected static string AddressOf(Actor actor, Person who) => actor.Dice.Chance(0.85) ? who.Main : who.Other;

    /// <summary>One of the newest of a list; null when it is empty.</summary>
    protected static T? Recent<T>(Actor actor, IReadOnlyList<T> list, int most) where T : class =>
        list.Count == 0 ? null : list[^(1 + actor.Dice.Below(Math.Min(most, list.Count)))];

    /// <summary>A mail waits until its node sends it to the mailbox's owner.</summary>
    protected static void Send(Actor actor, string address, string kind, string itemId, string secret)
    {
        if (actor.Ledger.People.OwnerOfMailbox(address) is { } owner)
        {
            actor.Ledger.People.Outbox[itemId] = new Mail(owner, address, kind, itemId, secret);
        }
    }

    /// <summary>A while later the node that answered goes through what waits.</summary>
    protected static async Task PostAsync<T>(Actor actor, Answer<T> answer)
    {
        await Task.Delay(actor.Dice.Between(TimeSpan.Zero, PostOperation.Pause), actor.Cluster.ClockOf(actor.Cluster.World.Outside));
        if (answer.Node?.Products is { } products)
        {
            await PostOperation.RoundAsync(actor, products);
        }
    }

    /// <summary>It was accepted: once, of all attempts.</summary>
    /// <param name="ruling">A session, or a sign-in of which something is still asked.</param>
    protected static void Used(Actor actor, Machines.Products products, Mail mail, Ruling<RefreshToken> ruling, string attempt)
    {
        if (ruling.Refused is null)
        {
            mail.IsUsed = true;
            Granted(actor, products, mail.ItemId, ruling.Answer?.SessionId ?? attempt);
        }
    }

    /// <summary>Something that is good once was taken.</summary>
    /// <param name="request">A repeat has the same.</param>
    protected static void Granted(Actor actor, Machines.Products products, string item, string request) =>
        actor.Ledger.Granted.Add(new Granted(item, request, products.Node.Name, actor.Cluster.World.Now));

    /// <summary>The newest mail of a kind that nobody has tried to use; null when there is none.</summary>
    protected static Mail? Unread(Actor actor, string kind) => Recent(actor, actor.Ledger.People.Mails.FindAll(m => m.Kind == kind && !m.IsTried && m.Owner != actor.Ledger.People.Attacker), 3);
}
