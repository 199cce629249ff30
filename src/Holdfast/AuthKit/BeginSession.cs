using Holdfast.Storage;
using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>From who somebody is to their session, in the decision that found it out.</summary>
internal sealed class BeginSession(NodeStore node, RefreshTokens refreshTokens, AuthKitOptions options)
{
    /// <summary>What a sign-in came to: a session or, at a hosted page, a code for one; a choice or a proof that is still to be made; or a refusal.</summary>
    public sealed record Outcome(RefreshToken? Session = null, Refusal? Refused = null, Choice? Choice = null, Mailbox? Unproven = null, string? Code = null);

    /// <summary>What stands at the end, when nothing more is asked of somebody.</summary>
    public delegate Decision<Outcome> Ending(View view, Act act, Decision<Ruling<SignedIn>> signIn, string method);

    /// <summary>Somebody's mailbox is still to be proven, by the code of this verification.</summary>
    public sealed record Mailbox(SignedIn Who, string Address, string VerificationId, UserBody User);

    /// <summary>Somebody is in several organizations.</summary>
    public sealed record Choice(SignedIn Who, UserBody User, IReadOnlyList<Memberships.Member> Organizations);

    /// <summary>Begins it in the organization of the sign-in; else in the only one that the user is in; else in none. Of several, the user chooses.</summary>
    /// <param name="end">Null for the session itself.</param>
    public Decision<Outcome> Decide(View view, Act act, Decision<Ruling<SignedIn>> signIn, string method, Ending? end = null)
    {
        if (signIn.Answer.Answer is { OrganizationId: null } who)
        {
            var organizations = Memberships.Of(view, act, who.UserId);
            if (organizations.Count > 1)
            {
                var row = UserStore.Find(view, act.EnvironmentId, who.UserId) ?? new UserRow(who.UserId, null, null, null, act.Time, act.Time);
                return new(new Outcome(Choice: new Choice(who, row.ToBody(), organizations)), signIn.Changes);
            }
            signIn = Rule.Grant(who with { OrganizationId = organizations is [var only] ? only.OrganizationId : null }, signIn.Changes);
        }
        return (end ?? Start)(view, act, signIn, method);
    }

    /// <summary>The session of somebody of whom nothing more is asked.</summary>
    public Decision<Outcome> Start(View view, Act act, Decision<Ruling<SignedIn>> signIn, string method)
    {
        var started = Session.Start(view, act, signIn, method, options.SessionLifetime, refreshTokens.KeyOf(act.EnvironmentId), node.Clock.Next());
        return new(new Outcome(started.Answer.Answer, started.Answer.Refused), started.Changes);
    }
}
