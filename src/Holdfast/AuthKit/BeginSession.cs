using Holdfast.Environments;
using Holdfast.MultiFactor;
using Holdfast.Storage;
using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>From who somebody is to their session, in the decision that found it out.</summary>
internal sealed class BeginSession(NodeStore node, RefreshTokens refreshTokens, AuthKitOptions options, Freshness freshness, Actions actions)
{
    /// <summary>What a sign-in came to: a session or, at a hosted page, a code for one, or who is to answer a device; something that is still to be chosen or proven; a question to one of the
    /// environment's actions; or a refusal.</summary>
    /// <param name="Offered">At a hosted page: nothing more is asked, but something is offered first.</param>
    /// <param name="Message">What the action that refused says to the person; null when nothing.</param>
    /// <param name="Sso">They are to sign in at their identity provider instead.</param>
    public sealed record Outcome(
        RefreshToken? Session = null, Refusal? Refused = null, Choice? Choice = null, Mailbox? Unproven = null, string? Code = null, FactorsAsked? Asked = null, FactorMissing? Missing = null,
        SignedIn? Offered = null, SignedIn? Proven = null, SsoRequired.Demand? Sso = null, ActionQuestion? Question = null, string? Message = null);

    /// <summary>What stands at the end, when nothing more is asked of somebody.</summary>
    public delegate Decision<Outcome> Ending(View view, Act act, Decision<Ruling<SignedIn>> signIn, string method);

    /// <summary>Somebody's mailbox is still to be proven, by the code of this verification.</summary>
    public sealed record Mailbox(SignedIn Who, string Address, string VerificationId, UserBody User);

    /// <summary>Somebody is in several organizations.</summary>
    public sealed record Choice(SignedIn Who, UserBody User, IReadOnlyList<Memberships.Member> Organizations);

    /// <summary>Somebody has second factors, and shows one of them.</summary>
    /// <param name="Challenge">Of the latest of them, ready to be answered.</param>
    public sealed record FactorsAsked(SignedIn Who, UserBody User, IReadOnlyList<Factor> Factors, ChallengeBody Challenge);

    /// <summary>Somebody has no second factor, and where they sign in to one is required.</summary>
    public sealed record FactorMissing(SignedIn Who, UserBody User);

    /// <summary>Begins it in the organization of the sign-in; else in the only one that the user is in; else in none. Of several, the user chooses. Before that, whoever has
    /// a second factor shows it; and whoever must have one, and has none, gets one first.</summary>
    /// <param name="end">Null for the session itself. A code for one asks the environment's action when it is exchanged.</param>
    /// <param name="origin">Where it comes from; null when nothing is known of that.</param>
    /// <exception cref="Http.DataTooOldException">The data is older than the organization's ceiling.</exception>
    public Decision<Outcome> Decide(View view, Act act, Decision<Ruling<SignedIn>> signIn, string method, Ending? end = null, SignInOrigin? origin = null)
    {
        if (SsoRequired.Refuses(view, act, signIn, method) is { } elsewhere)
        {
            return elsewhere;
        }
        if (actions.AtRegistration(view, act, signIn, method, origin) is { } first)
        {
            return first;
        }
        List<Memberships.Member> organizations = [];
        if (signIn.Answer.Answer is { OrganizationId: null } unsettled)
        {
            // The only one before all else: it may ask for more than the environment does.
            organizations = Memberships.Of(view, act, unsettled.UserId);
            signIn = organizations is [var only] ? Rule.Grant(unsettled with { OrganizationId = only.OrganizationId }, signIn.Changes) : signIn;
        }
        if (signIn.Answer.Answer is { } person && SecondFactor.IsAskedFor(view, act, person, method)
            && SecondFactor.Apps(view, act, person, signIn.Changes) is [.., var latest] factors)
        {
            var (challengeId, challenge) = Challenges.Issue(act, latest.Id, "");
            return new(new Outcome(Asked: new FactorsAsked(person, UserOf(view, act, person), factors,
                ChallengeBody.Of(challengeId, latest.Id, act.Time, (act.Now + Challenges.Lifetime).ToUnixTimeMilliseconds()))), [.. signIn.Changes, challenge]);
        }
        if (signIn.Answer.Answer is { OrganizationId: null } who && organizations.Count > 1)
        {
            return new(new Outcome(Choice: new Choice(who, UserOf(view, act, who), organizations)), signIn.Changes);
        }
        if (signIn.Answer.Answer is { } settled && SecondFactor.IsMissing(view, act, settled, method))
        {
            return new(new Outcome(Missing: new FactorMissing(settled, UserOf(view, act, settled))), signIn.Changes);
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
            ? new(new Outcome(session), started.Changes.Count == 0 ? [] :   // of a request that came before
            [
                .. started.Changes, SessionBody.Begun(session, origin?.Client, act),
                .. SignInMethod.ToEventType(method) is { } type ? [PersonEvents.SignInSucceeded(act, type, session.UserId, AddressOf(view, act, session.UserId, started.Changes), session.SessionId)] : Array.Empty<Change>(),
            ])
            : new(new Outcome(Refused: started.Answer.Refused), started.Changes);
    }

    private static UserBody UserOf(View view, Act act, SignedIn who) =>
        (UserStore.Find(view, act.EnvironmentId, who.UserId) ?? new UserRow(who.UserId, null, null, null, act.Time, act.Time)).ToBody();
    /// <summary>Of a user who is there, or whom this very decision makes.</summary>
    private static string AddressOf(View view, Act act, string userId, IReadOnlyList<Change> changes) =>
        (UserStore.Find(view, act.EnvironmentId, userId) is { } row ? row.Email ?? row.KnownEmail : null)
        ?? changes.Where(c => c.Table == Schema.Users && c.Id == userId).Select(c => c.Values.GetValueOrDefault("email") as string).FirstOrDefault(email => email is not null)
        ?? "";
}
