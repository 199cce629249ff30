using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Protocols.OneTimePasswords;
using Holdfast.Sso;
using Holdfast.Storage.Rows;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>From a proof to the application: what is still to be asked, and at the end a code for it.</summary>
internal sealed class ToApplication(BeginSession begin, Visits visits, Database database, ClusterKeys keys, Acts acts, AuthKitOptions options, Actions actions, Entropy entropy)
{
    /// <summary>What follows when somebody has proven who they are: what the API would ask of them is asked of them here, too; and instead of the session there is a code.</summary>
    /// <remarks>A device gets no code: who they are is asked to answer it.</remarks>
    /// <param name="flow">Null for the visit's.</param>
    /// <param name="request">What repeats of one request share: they get one code. Null for a request of its own.</param>
    public BeginSession.Ending Ending(Visit visit, string? request = null, HostedFlow? flow = null)
    {
        flow ??= visit.Flow;
        if (flow.Device is not null)
        {
            return (view, act, signIn, method) => begin.Decide(view, act, Into(view, act, flow, Invited(view, act, flow, signIn)), method, (_, _, who, _) => new(new BeginSession.Outcome(Proven: who.Answer.Answer, Refused: who.Answer.Refused), who.Changes), visit.Origin);
        }
        var code = $"{database.Incarnation}.{Base64.Encode(request is null ? entropy.Bytes(32) : keys.Mac("hosted-code", flow.EnvironmentId, flow.Id, request))}";
        return (view, act, signIn, method) => begin.Decide(view, act, Into(view, act, flow, Invited(view, act, flow, signIn)), method, (state, now, who, how) =>
            who.Answer.Answer is { } offered && AddPasskey.IsOffered(state, now, flow, offered, how) ? new(new BeginSession.Outcome(Offered: offered), who.Changes)
            : who.Answer.Answer is { } signedIn && RedirectUriStore.Allows(state, flow.EnvironmentId, flow.RedirectUri)   // it may have been withdrawn meanwhile
            ? new(new BeginSession.Outcome(Code: code),
                [.. who.Changes, SignInStore.Mint(now, code, (flow.ClientId, flow.RedirectUri, flow.CodeChallenge), new HostedSignIn(signedIn, how), options.CodeLifetime)])
            : new(new BeginSession.Outcome(Refused: who.Answer.Refused ?? Refusal.Denied), who.Changes), visit.Origin);
    }

    /// <summary>Decides, and asks the environment's action in between, where there is one that is asked before somebody is made a user (decision 0020).</summary>
    public Task<BeginSession.Outcome> DecideAsync(Visit visit, Func<Task<BeginSession.Outcome>> decide) => actions.DecideAsync(visit.Origin, decide, outcome => outcome, visit.Http.RequestAborted);

    /// <summary>Answers with what a sign-in came to: on to the application, on to what is still to be asked, or what is wrong.</summary>
    public IResult Answer(Visit visit, BeginSession.Outcome outcome, string method, Func<Refusal, IResult> refused)
    {
        if (outcome.Code is { } code)
        {
            var flow = visit.Flow;
            visits.Finish(visit.Http, flow);
            return new SeeOther(SsoErrors.BackUrl(flow.RedirectUri, [("code", code), ("state", flow.State)]));
        }
        return outcome switch
        {
            { Proven: { } who } => visit.GoOn(ConfirmDevice.Path, Asked(visit.Flow, who, method, PendingAuthentication.Device)),
            { Choice: { } choice } => visit.GoOn(ChooseOrganization.Path, Asked(visit.Flow, choice.Who, method, PendingAuthentication.Organization)),
            { Unproven: { } mailbox } => visit.GoOn(VerifyEmail.Path, Asked(visit.Flow, mailbox.Who, method, PendingAuthentication.Mailbox, mailbox.VerificationId)),
            { Asked: { } factors } => visit.GoOn(ShowFactor.Path, Asked(visit.Flow, factors.Who, method, PendingAuthentication.Factor, factorIds: [.. factors.Factors.Select(f => f.Id)])),
            { Missing: { } missing } => visit.GoOn(EnrollFactor.Path, Asked(visit.Flow, missing.Who, method, PendingAuthentication.Enrollment) with
            {
                FactorSecret = Base32.Encode(entropy.Bytes(Totp.SecretBytes)),
            }),
            { Offered: { } who } => visit.GoOn(AddPasskey.Path, Asked(visit.Flow, who, method, PendingAuthentication.Passkey)),
            { Message: { } message } => visit.Refused(message),
            _ => refused(outcome.Refused ?? Refusal.Denied),
        };
    }

    /// <summary>Names what is said to somebody who has proven who they are, and may not go on.</summary>
    public static string Why(Refusal why) => why == Refusal.NotFound ? "fault.not_member" : "fault.not_admitted";

    /// <summary>Accepts the invitation that the flow came by, if it is of an address that they hold; a mailbox that is proven, or vouched for, stands behind every sign-in that comes this far. One that is
    /// over, or somebody else's, is left as it is.</summary>
    private static Decision<Ruling<SignedIn>> Invited(View view, Act act, HostedFlow flow, Decision<Ruling<SignedIn>> signIn)
    {
        if (flow.InvitationToken is not { } token || signIn.Answer.Answer is not { } who
            || Invitations.FindByToken(view, act.EnvironmentId, token) is not { } row)
        {
            return signIn;
        }
        if (row.AcceptedUserId == who.UserId && row.OrganizationId is { } joined && who.OrganizationId is null && Memberships.IsIn(view, act, joined, who.UserId))
        {
            return Rule.Grant(who with { OrganizationId = joined }, signIn.Changes);   // accepted a step before
        }
        if (row.StateAt(act.Now) != InvitationRow.Pending
            || !(who.IsNew ? TakesAddress(act, signIn.Changes, row.Email, who.UserId) : Addresses.HolderOf(view, act.EnvironmentId, row.Email) == who.UserId)
            || (row.OrganizationId is { } organization && Denied.Standing(view, Memberships.IdOf(act.IdKey, organization, who.UserId), Memberships.Removed).Count > 0))
        {
            return signIn;
        }
        return Rule.Grant(row.OrganizationId is null ? who : who with { OrganizationId = row.OrganizationId }, [.. signIn.Changes, .. Invitations.Accept(view, act, row, who.UserId).Changes]);
    }

    /// <summary>Whether the decision gives them the address.</summary>
    private static bool TakesAddress(Act act, IReadOnlyList<Change> changes, string address, string userId) =>
        Addresses.Take(act, address, userId, 1) is var taken && changes.Any(c => c.Table == Schema.Claims && c.Id == taken.Id && c.Values.GetValueOrDefault("holder") as string == userId);

    /// <summary>Into the organization that the application wants, if they are in it.</summary>
    private static Decision<Ruling<SignedIn>> Into(View view, Act act, HostedFlow flow, Decision<Ruling<SignedIn>> signIn) =>
        flow.OrganizationId is not { } wanted || signIn.Answer.Answer is not { } who ? signIn
        : who.OrganizationId == wanted || Memberships.IsIn(view, act, wanted, who.UserId) ? Rule.Grant(who with { OrganizationId = wanted }, signIn.Changes)
        : Rule.Refuse<SignedIn>(Refusal.NotFound, signIn.Changes);

    /// <summary>The flow of somebody who has proven who they are, and of whom something is still asked.</summary>
    public HostedFlow Asked(HostedFlow flow, SignedIn who, string method, string next, string? verificationId = null, IReadOnlyList<string>? factorIds = null) => flow with
    {
        Notice = null, FactorSecret = null, RecoveryCodes = null,
        Pending = PendingAuthentication.Of(acts.Of(flow.EnvironmentId), who, method, options.PendingLifetime, next, verificationId, factorIds).Seal(keys, flow.EnvironmentId),
    };

    /// <summary>Who this browser has proven to be, when this is what is asked of them next; null otherwise.</summary>
    public PendingAuthentication? Pending(HostedFlow flow, string step) =>
        flow.Pending is { } token && PendingAuthentication.Open(keys, flow.EnvironmentId, token) is { } pending && pending.Asks(step) ? pending : null;
}
