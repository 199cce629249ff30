using Holdfast.Keys;
using Holdfast.Sso;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>From a proof to the application: what is still to be asked, and at the end a code for it.</summary>
internal sealed class ToApplication(BeginSession begin, Visits visits, Database database, ClusterKeys keys, Acts acts, AuthKitOptions options, Entropy entropy)
{
    /// <summary>What follows when somebody has proven who they are: what the API would ask of them is asked of them here, too; and instead of the session there is a code.</summary>
    /// <remarks>A device gets no code: who they are is asked to answer it.</remarks>
    /// <param name="request">What repeats of one request share: they get one code. Null for a request of its own.</param>
    public BeginSession.Ending Ending(HostedFlow flow, string? request = null)
    {
        if (flow.Device is not null)
        {
            return (view, act, signIn, method) => begin.Decide(view, act, Into(view, act, flow, signIn), method, (_, _, who, _) => new(new BeginSession.Outcome(Proven: who.Answer.Answer, Refused: who.Answer.Refused), who.Changes));
        }
        var code = $"{database.Incarnation}.{Base64.Encode(request is null ? entropy.Bytes(32) : keys.Mac("hosted-code", flow.EnvironmentId, flow.Id, request))}";
        return (view, act, signIn, method) => begin.Decide(view, act, Into(view, act, flow, signIn), method, (_, now, who, how) => who.Answer.Answer is { } signedIn
            ? new(new BeginSession.Outcome(Code: code),
                [.. who.Changes, SignInStore.Mint(now, code, (flow.ClientId, flow.RedirectUri, flow.CodeChallenge), new HostedSignIn(signedIn, how), options.CodeLifetime)])
            : new(new BeginSession.Outcome(Refused: who.Answer.Refused), who.Changes));
    }

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
            { Proven: { } who } => visit.GoOn(ConfirmDevice.Path, Asked(visit.Flow with { OrganizationId = who.OrganizationId }, who, method)),
            { Choice: { } choice } => visit.GoOn(ChooseOrganization.Path, Asked(visit.Flow, choice.Who, method)),
            { Unproven: { } mailbox } => visit.GoOn(VerifyEmail.Path, Asked(visit.Flow, mailbox.Who, method, mailbox.VerificationId)),
            _ => refused(outcome.Refused!.Value),
        };
    }

    /// <summary>Into the organization that the application wants, if they are in it.</summary>
    private static Decision<Ruling<SignedIn>> Into(View view, Act act, HostedFlow flow, Decision<Ruling<SignedIn>> signIn) =>
        flow.OrganizationId is not { } wanted || signIn.Answer.Answer is not { } who ? signIn
        : Memberships.IsIn(view, act, wanted, who.UserId) ? Rule.Grant(who with { OrganizationId = wanted }, signIn.Changes)
        : Rule.Refuse<SignedIn>(Refusal.NotFound, signIn.Changes);

    /// <summary>The flow of somebody who has proven who they are, and of whom something is still asked.</summary>
    private HostedFlow Asked(HostedFlow flow, SignedIn who, string method, string? verificationId = null) => flow with
    {
        Notice = null, Pending = PendingAuthentication.Of(acts.Of(flow.EnvironmentId), who, method, options.PendingLifetime, verificationId).Seal(keys, flow.EnvironmentId),
    };
}
