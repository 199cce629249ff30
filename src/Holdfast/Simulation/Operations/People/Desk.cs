using System.Globalization;
using Holdfast.Claims;
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
    public static readonly SuccessorKey SuccessorKey = new("successor_1", [2]);

    private static readonly byte[] ItemKey = [3];
    private static readonly TimeSpan SessionLife = TimeSpan.FromHours(2);

    private sealed record Done<T>(Ruling<T> Ruling, IReadOnlyList<Change> Changes, long? Term, string? Fault) where T : class;

    /// <summary>The act of a request: its randomness is the key's.</summary>
    public static Act ActOf(Products products, string key) => new(
        Ground.Environment, Ground.IdKey, ItemKey, products.Database.Incarnation, products.Clock.GetUtcNow(), ClusterKeys.Mac(ItemKey, "act", key));

    public static string HashOf(string password) => "hash of " + password;

    /// <summary>Decides by a rule, and keeps what comes of it.</summary>
    public static async Task<Ruling<T>> RecordAsync<T>(Actor actor, Products products, string what, string key, Func<View, Act, Decision<Ruling<T>>> rule) where T : class
    {
        var (done, label) = await actor.RecordAsync(products, what, view =>
        {
            var decision = rule(view, ActOf(products, key));
            return new Decision<Done<T>>(new Done<T>(decision.Answer, decision.Changes, null, null), decision.Changes);
        });
        actor.Ledger.People.Keep(actor, what, products.Node, label, done.Changes);
        return done.Ruling;
    }

    /// <summary>Decides in the primary.</summary>
    public static async Task<Ruling<T>> WriteAsync<T>(Actor actor, Products products, string what, string key, Func<View, Act, Decision<Ruling<T>>> rule) where T : class
    {
        var act = ActOf(products, key);
        var done = await products.Database.WriteAsync(view =>
        {
            var decision = rule(view, act);
            return new Decision<Done<T>>(new Done<T>(decision.Answer, decision.Changes, null, null), decision.Changes);
        }, CancellationToken.None);
        actor.Ledger.People.Keep(actor, what, products.Node, null, done.Changes);
        return done.Ruling;
    }

    /// <summary>Signs in and begins the session, in one decision.</summary>
    public static async Task<Ruling<RefreshToken>> StartAsync(
        Actor actor, Products products, string what, string key, SignInTry attempt, Func<View, Act, Decision<Ruling<SignedIn>>> signIn)
    {
        var people = actor.Ledger.People;
        var (done, label) = await actor.RecordAsync(products, what, view =>
        {
            var act = ActOf(products, key);
            var decision = Session.Start(view, act, signIn(view, act), attempt.Method, SessionLife, SuccessorKey, products.Host.Node.Clock.Next());
            var token = decision.Answer.Answer;
            return new Decision<Done<RefreshToken>>(new Done<RefreshToken>(
                decision.Answer, decision.Changes, token is null ? null : TermOf(view, attempt.Address, token.UserId, decision.Changes),
                token is null ? null : Judge.Admission(view, actor.Ledger, products.Node, token, attempt.Password is not null)), decision.Changes);
        });
        people.Keep(actor, what, products.Node, label, done.Changes);
        if (done.Ruling.Answer is { } started)
        {
            people.NoteSignIn(attempt, products.Node, started.UserId, done.Term);
            people.NoteToken(products.Node, started);
            Note(people, "revoked-is-admitted-nowhere", what, products, started, done.Fault);
        }
        return done.Ruling;
    }

    /// <summary>Refreshes a session.</summary>
    public static async Task<Ruling<RefreshToken>> RefreshAsync(Actor actor, Products products, string what, string key, RefreshToken token)
    {
        var people = actor.Ledger.People;
        var again = (string?)null;
        var (done, label) = await actor.RecordAsync(products, what, view =>
        {
            var act = ActOf(products, key);
            var isApplied = Births.IsApplied(view, token.Birth.Incarnation, long.Parse(token.Birth.Position, CultureInfo.InvariantCulture));
            var decision = RefreshSession.Decide(view, act, token, SuccessorKey, isApplied);
            var isGranted = decision.Answer.Answer is not null;
            again = isGranted ? Judge.Generation(view, act, token) : null;
            return new Decision<Done<RefreshToken>>(new Done<RefreshToken>(
                decision.Answer, decision.Changes, null, isGranted ? Judge.Admission(view, actor.Ledger, products.Node, token, byPassword: false) : null), decision.Changes);
        });
        people.Keep(actor, what, products.Node, label, done.Changes);
        if (done.Ruling.Answer is not { } answered)
        {
            return done.Ruling;
        }
        var next = actor.Cluster.Planted.Successor(answered, products);
        people.NoteToken(products.Node, next);
        Note(people, "revoked-is-admitted-nowhere", what, products, next, done.Fault);
        Note(people, "refresh-is-spent-once", what, products, next, again);
        return new Ruling<RefreshToken>(next, null);
    }

    /// <summary>Uses a single-use item at its authority: here, or there across the network; null when that is away, and the person has to ask for a new one.</summary>
    public static async Task<Ruling<RefreshToken>?> RedeemAsync(
        Actor actor, Products products, string what, string itemId, Func<Products, Task<Ruling<RefreshToken>>> redeem)
    {
        var (whose, name) = products.Database.Read(view =>
            view.Find<string>("SELECT authority FROM pending_items WHERE id = @itemId", new { itemId }) is not { } authority ? (Whose.Unknown, null)
            : (Lives.Of(view, authority, products.Database.Incarnation), Lives.Find(view, authority)?.Name));
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
                there.Products is { } authority ? redeem(authority) : throw new JournalUnavailableException("The node is starting.")).Within(deadline.Token);
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
