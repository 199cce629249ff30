using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Organizations;
using Holdfast.Sso;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>The way back from an identity provider, for a flow that left from the hosted pages. No page: what is still to be asked is asked, and the browser goes on.</summary>
internal sealed class ContinueFromProvider(SignInStore signIns, Acts acts, Ids ids, ToApplication toApplication, Actions actions, Visits visits, Database database, CustomDomains domains, PublicAddress address) : Step
{
    public const string Path = "/sign-in/continue";

    /// <summary>Where an identity provider's sign-in leads back to, for a flow.</summary>
    /// <param name="under">The custom domain that its browser is at; null for the public address.</param>
    public static string AddressOf(string flowId, string? under) => Visit.AddressOf(Path, flowId) + (under is null ? "" : $"&at={Uri.EscapeDataString(under)}");

    /// <summary>At the public address, for a flow whose browser began it under a custom domain: back there, with all that was said. Only to a name that is served.</summary>
    public IResult? Onward(HttpContext http) =>
        ServedUnder.NameOf(http) is null && http.Request.Query["at"] is [{ Length: > 0 } at] && OwnHosts.Normal(at) is var name && domains.IsServed(name)
            ? new SeeOther($"{address.Under(name)}{Path}{http.Request.QueryString.ToUriComponent()}")
            : null;

    public override IResult Show(Visit visit) => visit.GoOn(AskAddress.Path, visit.Flow);

    public override Task<IResult> TakeAsync(Visit visit) => Task.FromResult(Show(visit));

    /// <summary>Takes the code that the sign-in ended with. It is bound to this flow, and so to this browser.</summary>
    public async Task<IResult> ContinueAsync(Visit visit)
    {
        var (flow, query) = (visit.Flow, visit.Http.Request.Query);
        if (query["code"] is not [{ Length: > 0 } code])
        {
            return visit.GoOn(AskAddress.Path, flow with { Notice = "notice.provider_refused" });
        }
        if (code.IndexOf('.', StringComparison.Ordinal) is > 0 and var end && code[..end] is var incarnation && incarnation != database.Incarnation
            && await visits.SendOnAsync(visit, incarnation) is { } elsewhere)
        {
            return elsewhere;
        }
        var method = SignInMethod.Sso;
        var ending = toApplication.Ending(visit);
        var shown = new ShownCode(code, AddressOf(flow.Id, ServedUnder.NameOf(visit.Http)), null, ByPublicClient: false);
        var outcome = await actions.DecideAsync(visit.Origin, () => signIns.RedeemAsync<BeginSession.Outcome>(shown, new OAuthClients.Client(flow.ClientId, flow.EnvironmentId, null), null, ids, (view, redemption) =>
        {
            if (redemption.Profile is not { } profile)
            {
                return new(null, []);
            }
            var act = acts.Of(flow.EnvironmentId);
            method = SignInMethod.Of(profile.ConnectionType);
            var (answer, changes) = ending(view, act, GrantByCode.SignIn(view, act, profile), method);
            return new(answer, changes);
        }, keeps: answer => answer?.Question is null), answer => answer, visit.Http.RequestAborted);
        IResult Again(string notice) => visit.GoOn(AskAddress.Path, flow with { Notice = notice });
        return outcome is null ? Again("notice.used") : toApplication.Answer(visit, outcome, method, why => Again(why == Refusal.NotFound ? "fault.not_member" : "fault.not_admitted"));
    }
}
