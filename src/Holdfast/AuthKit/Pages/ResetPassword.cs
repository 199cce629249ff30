using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Http.Pages;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Where the mailed link leads: another password, and on to the application. In the browser that asked for it its own sign-in goes on; in another one, one of its own begins, to the
/// environment's default address.</summary>
internal sealed class ResetPassword(
    Database database, Acts acts, PasswordResets resets, PasswordHasher hasher, PasswordPolicy policy, ToApplication toApplication, Visits visits, HostedFlowCookie cookie,
    EnvironmentStore environments, RedirectUriStore redirectUris, Branding branding, HomeRealm realm)
{
    public const string Path = "/reset-password";

    public const int MostFormBytes = 16 * 1024;
    private const int LongestToken = 256;

    /// <summary>Shows the form. The link is not used up by being looked at: programs that read mail for people follow links.</summary>
    public IResult Show(HttpContext http) => Find(http, http.Request.Query["token"].ToString()) is { } found
        ? Page(http, found, http.Request.Query["token"].ToString(), http.Request.Query["flow"].ToString(), null)
        : PageErrors.NoReset;

    /// <summary>Takes the new password. Whoever posts here has the token, so no form of a flow is needed; but a stranger's page must not post a token of its own, and sign its visitor in as somebody else.</summary>
    public async Task<IResult> TakeAsync(HttpContext http)
    {
        if (!visits.IsFromOurPage(http))
        {
            return PageErrors.Foreign;
        }
        var (form, refusal) = await Forms.ReadAsync(http, MostFormBytes);
        if (form is null)
        {
            return refusal!;
        }
        string? Field(string name) => form.TryGetValue(name, out var values) && values is [{ Length: > 0 } value] ? value : null;
        var (token, flowId) = (Field("token") ?? "", Field("flow") ?? "");
        if (Find(http, token) is not var (item, secret))
        {
            return PageErrors.NoReset;
        }
        if (FlowOf(http, item, flowId) is not { } flow)
        {
            return PageErrors.NoApplication;
        }
        var visit = visits.Of(http, flow);
        if (item.Data is { } address && realm.Of(item.EnvironmentId, address) is { } home)
        {
            cookie.Write(http, flow);   // the browser comes back to it
            return await realm.GoAsync(http, flow, home);   // the link was mailed before their organization had its own way
        }
        if (Field("password") is not { } password)
        {
            return Page(http, (item, secret), token, flowId, visit.Texts["reset.missing"]);
        }
        if (await visits.SendOnAsync(visit, item.Authority) is { } elsewhere)
        {
            return elsewhere;
        }
        var environmentId = item.EnvironmentId;
        var owner = database.Read(view => UserStore.Find(view, environmentId, item.Subject));
        if (await policy.CheckAsync(environmentId, password, item.Data, [owner?.FirstName, owner?.LastName, owner?.Name], http.RequestAborted) is [{ Code: var weak }, ..])
        {
            return Page(http, (item, secret), token, flowId, visit.Texts[$"new_password.{weak}"]);
        }
        var hash = await hasher.HashAsync(environmentId, password, http.RequestAborted);
        var ending = toApplication.Ending(visit, Caller.Hash(item.Id));
        var outcome = await database.RecordAsync(http, view =>
        {
            var act = acts.Of(environmentId);
            return ending(view, act, resets.Reset(view, act, item, secret, hash), SignInMethod.Password);
        });
        return toApplication.Answer(visit, outcome, SignInMethod.Password, why => why is Refusal.Denied or Refusal.NotFound
            ? visits.AgainFrom(http, flow, "notice.not_admitted")
            : PageErrors.NoReset);
    }

    private (PendingItem Item, string Secret)? Find(HttpContext http, string token) => token.Length is 0 or > LongestToken ? null : database.Read(view =>
        token.Split('.') is [var id, _] && view.Find<string>("SELECT environment_id FROM pending_items WHERE id = @id", new { id }) is { } environmentId && ServedUnder.Allows(http, environmentId)
        && PasswordResets.Find(view, acts.Of(environmentId), token) is { } found && UserStore.Find(view, environmentId, found.Item.Subject) is not null
            ? found
            : ((PendingItem, string)?)null);

    /// <summary>The flow of this browser, from its beginning; else one that leads to the environment's default address. Null when it has none.</summary>
    private HostedFlow? FlowOf(HttpContext http, PendingItem item, string flowId) =>
        cookie.Read(http, flowId) is { IsFinished: false } asked && asked.EnvironmentId == item.EnvironmentId ? visits.Begin(asked) with { Address = item.Data }
        : visits.BeginAtHome(item.EnvironmentId, environments, redirectUris) is { } home ? home with { Address = item.Data }
        : null;

    private PageResult Page(HttpContext http, (PendingItem Item, string Secret) found, string token, string flowId, string? fault)
    {
        var flow = cookie.Read(http, flowId);
        var context = PageContext.Of(http, branding.Of(found.Item.EnvironmentId, flow?.OrganizationId), flow?.UiLocales);
        return PageResult.Of<ResetPage>(context, fault is null ? StatusCodes.Status200OK : StatusCodes.Status422UnprocessableEntity,
            (nameof(ResetPage.Token), token), (nameof(ResetPage.FlowId), flowId.Length <= 80 ? flowId : ""), (nameof(ResetPage.Address), found.Item.Data), (nameof(ResetPage.Fault), fault))
            .WithForms(http.RequestServices.GetRequiredService<PublicAddress>().IsHttps, tellsAddress: false);
    }
}
