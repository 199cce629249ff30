using Holdfast.Http;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Takes the answer of a passkey on the page that asks for the address: whoever has one need not say who they are.</summary>
internal sealed class SignInByPasskey(Passkeys passkeys, ToApplication toApplication, Visits visits, HostedFlowCookie cookie, RateLimits limits, AskAddress address, HomeRealm realm) : Step
{
    public const string Path = "/sign-in/passkey";
    public const string QuestionPath = "/sign-in/passkey/question";

    public override IResult Show(Visit visit) => visit.GoOn(AskAddress.Path, visit.Flow);

    /// <summary>What the browser is asked: JSON, for the page's script. Asking writes nothing.</summary>
    public async Task<IResult> AskAsync(HttpContext http)
    {
        if (limits.Count(RateLimits.PasskeyQuestionsPerPlace, HostedLimits.PlaceOf(http)) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        var question = cookie.Read(http, http.Request.Query["flow"]) is { IsFinished: false } flow ? await passkeys.AskAsync(http, flow.EnvironmentId) : null;
        http.Response.Headers.CacheControl = "no-store";
        return question is null ? ApiError.NotFound("Sign-in", "") : ApiAnswer.Ok(question);
    }

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        var (flow, environmentId) = (visit.Flow, visit.Flow.EnvironmentId);
        if (visit["question"] is not { } question || visit["answer"] is not { } answer || passkeys.AuthorityOf(environmentId, question) is not { } authority)
        {
            return Failed(visit, "passkey.failed");
        }
        if (await visits.SendOnAsync(visit, authority) is { } elsewhere)
        {
            return elsewhere;
        }
        if (limits.Count(RateLimits.HostedPerPlace, HostedLimits.PlaceOf(visit.Http)) is { } wait)
        {
            return address.Again(visit, new Fault("passkey", visit.Texts["fault.too_many_tries"], wait));
        }
        var outcome = await passkeys.SignInAsync(visit.Http, environmentId, question, answer, toApplication.Ending(visit));
        if (outcome.Sso is { } sso && realm.Of(environmentId, sso.Email) is { } home)
        {
            return await realm.GoAsync(visit.Http, flow.For(sso.Email), home);
        }
        return toApplication.Answer(visit, outcome, SignInMethod.Passkey, why => Failed(visit, why switch
        {
            Refusal.PasskeyCopied => "passkey.copied",
            Refusal.Denied or Refusal.NotFound => "fault.not_admitted",
            _ => "passkey.failed",
        }));
    }

    private IResult Failed(Visit visit, string why) => address.Again(visit, new Fault("passkey", visit.Texts[why]));
}
