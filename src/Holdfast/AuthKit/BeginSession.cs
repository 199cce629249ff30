using Holdfast.Environments;
using Holdfast.Storage;
using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>From who somebody is to their session, in the decision that found it out.</summary>
internal sealed class BeginSession(NodeStore node, RefreshTokens refreshTokens, AuthKitOptions options, Freshness freshness, Actions actions)
{
    /// <summary>What a sign-in came to: a session or, at a hosted page, a code for one, or who is to answer a device; a choice or a proof that is still to be made; a question to one of the environment's actions; or a refusal.</summary>
    /// <param name="Message">What the action that refused says to the person; null when nothing.</param>
    public sealed record Outcome(
        RefreshToken? Session = null, Refusal? Refused = null, Choice? Choice = null, Mailbox? Unproven = null, string? Code = null, SignedIn? Proven = null, ActionQuestion? Question = null,
        string? Message = null);

    /// <summary>What stands at the end, when nothing more is asked of somebody.</summary>
    public delegate Decision<Outcome> Ending(View view, Act act, Decision<Ruling<SignedIn>> signIn, string method);

    /// <summary>Somebody's mailbox is still to be proven, by the code of this verification.</summary>
    public sealed record Mailbox(SignedIn Who, string Address, string VerificationId, UserBody User);

    /// <summary>Somebody is in several organizations.</summary>
    public sealed record Choice(SignedIn Who, UserBody User, IReadOnlyList<Memberships.Member> Organizations);

    /// <summary>Begins it in the organization of the sign-in; else in the only one that the user is in; else in none. Of several, the user chooses.</summary>
    /// <param name="end">Null for the session itself. A code for one asks the environment's action when it is exchanged.</param>
    /// <param name="origin">Where it comes from; null when nothing is known of that.</param>
    /// <exception cref="Http.DataTooOldException">The data is older than the organization's ceiling.</exception>
    public Decision<Outcome> Decide(View view, Act act, Decision<Ruling<SignedIn>> signIn, string method, Ending? end = null, SignInOrigin? origin = null)
    {
        if (actions.AtRegistration(view, act, signIn, method, origin) is { } first)
        {
            return first;
        }
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
        if (end is null)
        {
            return Admit(view, act, signIn, method, origin);
        }
        freshness.Require(view, act.EnvironmentId, signIn.Answer.Answer?.OrganizationId);
        return end(view, act, signIn, method);
    }

    /// <summary>The session of somebody who has chosen what there was to choose; the environment's action is asked before.</summary>
    public Decision<Outcome> Admit(View view, Act act, Decision<Ruling<SignedIn>> signIn, string method, SignInOrigin? origin) =>
        actions.AtAuthentication(view, act, signIn, method, origin) ?? Start(view, act, signIn, method, origin);

    /// <summary>Begins it for somebody whom nobody asks anything any more.</summary>
    /// <param name="impersonator">Who acts as the user; null for the user.</param>
    /// <param name="lifetime">Null for the environment's own.</param>
    /// <exception cref="Http.DataTooOldException">The data is older than the organization's ceiling.</exception>
    public Decision<Outcome> Start(
        View view, Act act, Decision<Ruling<SignedIn>> signIn, string method, SignInOrigin? origin, Impersonator? impersonator = null, TimeSpan? lifetime = null)
    {
        var organizationId = signIn.Answer.Answer?.OrganizationId;
        freshness.Require(view, act.EnvironmentId, organizationId);
        var set = SignInSettings.Of(view, act.EnvironmentId, organizationId).SessionLifetime is { } seconds ? TimeSpan.FromSeconds(seconds) : options.SessionLifetime;
        var started = Session.Start(
            view, act, signIn, method, lifetime ?? set, refreshTokens.KeyOf(act.EnvironmentId), node.Clock.Next(), origin?.Client, impersonator);
        return started.Answer.Answer is { } session
            ? new(new Outcome(session), [.. started.Changes, SessionBody.Begun(session, origin?.Client, act)])
            : new(new Outcome(Refused: started.Answer.Refused), started.Changes);
    }
}
