using Holdfast.AuthKit;
using Holdfast.Claims;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Simulation.Links;
using Holdfast.Simulation.Machines;
using Holdfast.Storage;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Simulation.Operations.People;

/// <summary>What a node does when somebody asks it: the product's rules in the node's writer, and a note of what it kept.</summary>
internal static class Desk
{
    private static readonly byte[] ChanceKey = [3];

    public const string StrangerChangesNothing = "stranger-changes-nothing";

    private sealed record Done<T>(Ruling<T> Ruling, IReadOnlyList<Change> Changes, long? Term, string? Fault) where T : class;

    /// <summary>The act of a request: its randomness is the key's, and what repeats it shares its name.</summary>
    public static Act ActOf(Products products, Actor actor, string key) =>
        actor.Cluster.Planted.Act(products.Acts.Of(Ground.Environment) with { Random = ClusterKeys.Mac(ChanceKey, "act", key), Request = key }, products);

    public static string HashOf(string password) => "hash of " + password;

    /// <summary>What anybody can cause who knows an address: an item that waits, and the mail of it.</summary>
    private static readonly Table[] s_ofStrangers = [Schema.PendingItems, Schema.PendingSignUps, Schema.Mails, Schema.Events];

    /// <summary>Decides by a rule, and keeps what comes of it.</summary>
    /// <param name="isStranger">Whoever asks has proven nothing.</param>
    public static async Task<Ruling<T>> RecordAsync<T>(
        Actor actor, Products products, string what, string key, Func<View, Act, Decision<Ruling<T>>> rule, bool isStranger = false) where T : class
    {
        var (done, label) = await actor.RecordAsync(products, what, view =>
        {
            var decision = rule(view, ActOf(products, actor, key));
            return new Decision<Done<T>>(new Done<T>(decision.Answer, decision.Changes, null, null), decision.Changes);
        });
        actor.Ledger.People.Keep(actor, what, products.Node, label, done.Changes);
        if (isStranger && done.Changes.FirstOrDefault(c => !s_ofStrangers.Contains(c.Table)) is { } gain)
        {
            actor.Ledger.People.Faults.Add((StrangerChangesNothing, $"{what} at {products.Node.Name} wrote the row {gain.Id} of {gain.Table} for who has proven nothing"));
        }
        return done.Ruling;
    }

    /// <summary>Decides in the primary.</summary>
    public static async Task<Ruling<T>> WriteAsync<T>(Actor actor, Products products, string what, string key, Func<View, Act, Decision<Ruling<T>>> rule) where T : class
    {
        var act = ActOf(products, actor, key);
        var done = await products.Database.WriteAsync(view =>
        {
            var decision = rule(view, act);
            return new Decision<Done<T>>(new Done<T>(decision.Answer, decision.Changes, null, null), actor.Cluster.Planted.AtPrimary(decision).Changes);
        }, CancellationToken.None);
        actor.Ledger.People.Keep(actor, what, products.Node, null, done.Changes);
        return done.Ruling;
    }

    /// <summary>Signs in and begins the session, in one decision; or learns what is still asked.</summary>
    public static Task<Ruling<RefreshToken>> StartAsync(
        Actor actor, Products products, string what, string key, SignInTry attempt, Func<View, Act, Decision<Ruling<SignedIn>>> signIn) =>
        StartAsync(actor, products, what, key, attempt, (view, act, then) => then(view, act, signIn(view, act), attempt.Method));

    /// <summary>The same for somebody of whom it is known already.</summary>
    public static async Task<Ruling<RefreshToken>> StartAsync(
        Actor actor, Products products, string what, string key, SignInTry attempt, Func<View, Act, BeginSession.Ending, Decision<BeginSession.Outcome>> decide)
    {
        var people = actor.Ledger.People;
        var (done, label) = await actor.RecordAsync(products, what, view =>
        {
            var act = ActOf(products, actor, key);
            if (Session.OfRequest(view, act, products.RefreshTokens.KeyOf(Ground.Environment)) is { } before)
            {
                // As the product looks before it decides: the answer was lost, and the request is repeated.
                var ended = before.Session.Ended(view, act);
                return new Decision<Begun>(new Begun(new BeginSession.Outcome(ended is null ? before : null, ended), [], null, null, null, IsRepeat: true), []);
            }
            var (mailId, code) = ("", "");
            var decision = decide(view, act, (v, a, signIn, method) =>
            {
                if (attempt is not { Password: not null, IsProven: false } || signIn.Answer.Answer is not { } who || UserStore.Find(v, Ground.Environment, who.UserId) is not { IsVerified: false } user)
                {
                    return products.BeginSession.Decide(v, a, signIn, method);
                }
                (mailId, code) = (a.NewId(Ids.EmailVerification), $"proves {key}");
                var until = a.Now + Products.Options.MagicCodeLifetime;
                return new(new BeginSession.Outcome(Unproven: new BeginSession.Mailbox(who, attempt.Address!, mailId, user.ToBody())),
                [
                    .. signIn.Changes, VerifyAddress.Issue(a, who.UserId, attempt.Address!, code, Products.Options.MagicCodeLifetime, mailId),
                    .. products.PersonMails.EmailVerification(v, a, mailId, attempt.Address!, code, until, null, user.Id),
                ]);
            });
            var outcome = decision.Answer;
            var token = outcome.Session;
            return new Decision<Begun>(new Begun(
                outcome, decision.Changes, token is null ? null : TermOf(view, attempt.Address, token.UserId, decision.Changes),
                token is null ? null : Judge.Admission(view, actor.Ledger, products.Node, token, attempt is { Password: not null, IsProven: false }) ?? Judge.Factor(view, actor.Ledger, products.Node, token, decision.Changes),
                HeldPending.Of(act, attempt, outcome, mailId, code), IsRepeat: false), decision.Changes);
        });
        people.Keep(actor, what, products.Node, label, done.Changes);
        if (done.Pending is { } pending)
        {
            people.Pendings.Add(pending);
        }
        if (done.Outcome.Session is { } started)
        {
            if (!done.IsRepeat)
            {
                people.NoteSignIn(attempt, products.Node, started.UserId, done.Term);
            }
            people.NoteRequest($"{what} {key}", products, started);
            people.NoteToken(products.Node, started);
            Note(people, "revoked-is-admitted-nowhere", what, products, started, done.Fault);
        }
        else if (attempt.Who == people.Attacker && done.Outcome.Refused is not null && done.Changes.FirstOrDefault(c => c.Table != Schema.Spends && c.Table != Schema.Events) is { } gain)
        {
            people.Faults.Add((StrangerChangesNothing, $"{what} at {products.Node.Name} by {attempt.Who} was refused, and wrote the row {gain.Id} of {gain.Table}"));
        }
        return new Ruling<RefreshToken>(done.Outcome.Session, done.Outcome.Refused);
    }

    private sealed record Begun(BeginSession.Outcome Outcome, IReadOnlyList<Change> Changes, long? Term, string? Fault, HeldPending? Pending, bool IsRepeat);

    /// <summary>Refreshes a session.</summary>
    /// <param name="organizationId">Where its person acts from now on; null to stay.</param>
    public static async Task<Ruling<RefreshToken>> RefreshAsync(Actor actor, Products products, string what, string key, RefreshToken token, string? organizationId = null)
    {
        var people = actor.Ledger.People;
        var again = (string?)null;
        var (done, label) = await actor.RecordAsync(products, what, view =>
        {
            var act = ActOf(products, actor, key);
            var decision = actor.Cluster.Planted.Refresh(view, act, products, token, organizationId);
            var next = decision.Answer.Answer;
            again = next is not null ? Judge.Generation(view, act, token) : null;
            return new Decision<Done<RefreshToken>>(new Done<RefreshToken>(
                decision.Answer, decision.Changes, null, next is not null ? Judge.Admission(view, actor.Ledger, products.Node, next, byPassword: false) ?? Judge.Switch(view, token, next, organizationId) : null),
                decision.Changes);
        });
        people.Keep(actor, what, products.Node, label, done.Changes);
        if (done.Ruling.Answer is not { } answered)
        {
            return done.Ruling;
        }
        var successor = actor.Cluster.Planted.Successor(answered, products);
        people.NoteToken(products.Node, successor);
        Note(people, "revoked-is-admitted-nowhere", what, products, successor, done.Fault);
        Note(people, "refresh-is-spent-once", what, products, successor, again);
        return new Ruling<RefreshToken>(successor, null);
    }

    /// <summary>Uses a single-use item at its authority: here, or there across the network; null when that is away, and the person has to ask for a new one.</summary>
    public static Task<Ruling<RefreshToken>?> RedeemAsync(
        Actor actor, Products products, string what, string itemId, Func<Products, Task<Ruling<RefreshToken>>> redeem) => AtAuthorityAsync(
        actor, products, what, products.Database.Read(view => view.Find<string>("SELECT authority FROM pending_items WHERE id = @itemId", new { itemId })), redeem);

    /// <summary>Does what only one incarnation may: here, or there across the network; null when that is away.</summary>
    /// <param name="authority">Null when it is not known here.</param>
    public static async Task<Ruling<RefreshToken>?> AtAuthorityAsync(
        Actor actor, Products products, string what, string? authority, Func<Products, Task<Ruling<RefreshToken>>> redeem)
    {
        var (whose, name) = authority is null ? (Whose.Unknown, null)
            : products.Database.Read(view => (Lives.Of(view, authority, products.Database.Incarnation), Lives.Find(view, authority)?.Name));
        if (whose == Whose.Ours)
        {
            return await redeem(products);
        }
        if (whose != Whose.Peers || actor.Cluster.Nodes.FirstOrDefault(n => n.Name == name && n != products.Node) is not { } there)
        {
            return new Ruling<RefreshToken>(null, Refusal.ItemElsewhere);
        }
        using var deadline = new CancellationTokenSource(SingleUse.Deadline, products.Clock);
        var began = actor.Cluster.World.Now;
        try
        {
            return await actor.Cluster.Net.CallAsync(products.Node.Name, there.Name, what, () =>
                there.Products is { } serving ? redeem(serving) : throw new JournalUnavailableException("The node is starting.")).Within(deadline.Token);
        }
        catch (NotAnsweredException fault)
        {
            actor.Cluster.Unforeseen.Note(what, there, fault);
            return null;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        finally
        {
            var took = actor.Cluster.World.Now - began - SingleUse.Deadline;
            actor.Cluster.Waits.Note($"{what}, forwarded,", products.Node, took > TimeSpan.Zero ? took : TimeSpan.Zero);
        }
    }

    private static void Note(PeopleLedger people, string invariant, string what, Products products, RefreshToken token, string? fault)
    {
        if (fault is not null)
        {
            people.Faults.Add((invariant, $"{what} at {products.Node.Name} was granted for {token.SessionId} of {token.UserId}: {fault}"));
        }
    }

    /// <summary>The term under which the address is the user's after the decision; null when it is not.</summary>
    private static long? TermOf(View view, string? address, string userId, IReadOnlyList<Change> changes)
    {
        if (address is null)
        {
            return null;
        }
        var value = Addresses.Normal(address);
        var given = changes.LastOrDefault(c => c.Table == Schema.Claims && (string?)c.Values["value"] == value);
        return given is not null ? (long)given.Values["term"]!
            : Claim.Find(view, Ground.Environment, Claim.UserEmail, value) is { } claim && claim.Holder == userId ? claim.Term : null;
    }
}
