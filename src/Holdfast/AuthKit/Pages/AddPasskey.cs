using Holdfast.Http;
using Holdfast.Peers;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Offers a passkey to somebody who has just signed in, in a browser that can make one. They may leave it.</summary>
internal sealed class AddPasskey(
    Database database, Acts acts, Passkeys passkeys, ToApplication toApplication, Visits visits, HostedFlowCookie cookie, ForwardToAuthority authority) : Step
{
    public const string Path = "/sign-in/add-passkey";
    public const string QuestionPath = "/sign-in/add-passkey/question";

    private static readonly ApiAnswer s_nothing = ApiError.NotFound("Sign-in", "");

    /// <summary>Whether it is offered: not where nobody is to be, nor to who has one.</summary>
    public static bool IsOffered(View view, Act act, HostedFlow flow, SignedIn who, string method) =>
        flow.CanHavePasskey && (method is SignInMethod.Password or SignInMethod.MagicCode) && SignInPolicy.For(view, act.EnvironmentId, who.OrganizationId).Mfa != SignInPolicy.Off
        && Factor.Of(view, act.EnvironmentId, who.UserId, Factor.Passkey).Count == 0;

    public override IResult Show(Visit visit) => toApplication.Pending(visit.Flow, PendingAuthentication.Passkey) is null ? visit.GoOn(AskAddress.Path, visit.Flow) : visit.Page<AddPasskeyPage>();

    /// <summary>What the browser is asked: JSON, for the page's script. By the node that will take the answer.</summary>
    public async Task<IResult> AskAsync(HttpContext http)
    {
        http.Response.Headers.CacheControl = "no-store";
        if (cookie.Read(http, http.Request.Query["flow"]) is not { IsFinished: false } flow || toApplication.Pending(flow, PendingAuthentication.Passkey) is not { } pending)
        {
            return s_nothing;
        }
        return pending.Authority != database.Incarnation ? await authority.TryAsync(http, pending.Authority, s_nothing, AuthKitErrors.AuthorityUnavailable) ?? s_nothing
            : await passkeys.AskForNewAsync(http, flow.EnvironmentId, pending.UserId) is { } question ? ApiAnswer.Ok(question)
            : s_nothing;
    }

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        var flow = visit.Flow;
        if (toApplication.Pending(flow, PendingAuthentication.Passkey) is not { } pending)
        {
            return visit.GoOn(AskAddress.Path, flow);
        }
        if (await visits.SendOnAsync(visit, pending.Authority) is { } elsewhere)
        {
            return elsewhere;
        }
        if (visit["skip"] is null)
        {
            if (visit["question"] is not { } question || visit["answer"] is not { } answer || !database.Read(view => pending.IsGood(view, acts.Of(flow.EnvironmentId), null)))
            {
                return Failed(visit, "add_passkey.failed");
            }
            var kept = await passkeys.KeepAsync(visit.Http, flow.EnvironmentId, pending, question, answer);
            if (kept.Refused is { } why)
            {
                return Failed(visit, why == Refusal.CredentialTaken ? "add_passkey.taken" : why == Refusal.TooMany ? "add_passkey.too_many" : "add_passkey.failed");
            }
        }
        var ending = toApplication.Ending(visit, pending.Id, flow with { CanHavePasskey = false });
        var outcome = await database.RecordAsync(visit.Http, view =>
        {
            var act = acts.Of(flow.EnvironmentId);
            if (!pending.IsGood(view, act, pending.Id))
            {
                return Decide.Nothing(new BeginSession.Outcome(Refused: Refusal.ItemSpent));
            }
            var (answered, changes) = ending(view, act, Rule.Grant(pending.Who), pending.Method);
            return new Decision<BeginSession.Outcome>(answered, [.. changes, pending.Spent(act, pending.Id)]);
        });
        return toApplication.Answer(visit, outcome, pending.Method, why => visits.AgainFrom(visit.Http, flow, why == Refusal.ItemSpent ? "notice.used" : "notice.not_admitted"));
    }

    private static IResult Failed(Visit visit, string why) => visit.Again<AddPasskeyPage>(new Fault("passkey", visit.Texts[why]));
}
