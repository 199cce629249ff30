using System.Security.Cryptography;
using System.Text;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Http.Pages;
using Holdfast.Keys;
using Holdfast.Peers;
using Holdfast.Storage;
using Microsoft.Extensions.Primitives;

namespace Holdfast.AuthKit.Pages;

/// <summary>What every page of the way in goes through: is this browser's flow still under way, and does a post come from its page?</summary>
internal sealed class Visits(
    HostedFlowCookie cookie, Branding branding, Database database, ForwardToAuthority authority, PublicAddress address, AuthKitOptions options, Entropy entropy, TimeProvider clock)
{
    public const int MostFormBytes = 16 * 1024;

    private static readonly IReadOnlyDictionary<string, StringValues> s_nothing = new Dictionary<string, StringValues>();

    /// <summary>A flow that begins.</summary>
    public HostedFlow Begin(HostedFlow wanted)
    {
        var now = clock.GetUtcNow();
        return wanted.Anew($"{database.Incarnation}.{now.ToUnixTimeSeconds():x8}{Base64.Encode(entropy.Bytes(16))}", Base64.Encode(entropy.Bytes(16)), now + options.HostedFlowLifetime);
    }

    /// <summary>A flow that did not begin at the application: it ends at the environment's default address. Null when none is registered.</summary>
    public HostedFlow? BeginAtHome(string environmentId, EnvironmentStore environments, RedirectUriStore redirectUris) =>
        redirectUris.Default(environmentId) is { } home && environments.FindClient(environmentId) is { } client ? Begin(new HostedFlow("", environmentId, client, home, null, null, "", default)) : null;

    /// <summary>This browser at a page that needs no flow of its own, with the flow that it goes on with.</summary>
    public Visit Of(HttpContext http, HostedFlow flow) => VisitOf(http, flow, s_nothing);

    public Task<IResult> ShowAsync(HttpContext http, Step step) => Task.FromResult(
        cookie.Read(http, http.Request.Query["flow"]) is not { } flow ? PageErrors.NoFlow
        : flow.IsFinished ? Finished(http, flow)
        : flow.ExpiresAt <= clock.GetUtcNow() ? AgainFrom(http, flow, "notice.expired")
        : step.Show(VisitOf(http, flow, s_nothing)));

    /// <summary>The same for the way back from an identity provider.</summary>
    public Task<IResult> ContinueAsync(HttpContext http, ContinueFromProvider step) =>
        cookie.Read(http, http.Request.Query["flow"]) is not { } flow ? Task.FromResult<IResult>(PageErrors.NoFlow)
        : flow.IsFinished ? Task.FromResult<IResult>(Finished(http, flow))
        : flow.ExpiresAt <= clock.GetUtcNow() ? Task.FromResult(AgainFrom(http, flow, "notice.expired"))
        : step.ContinueAsync(VisitOf(http, flow, s_nothing));

    public async Task<IResult> TakeAsync(HttpContext http, Step step)
    {
        if (!IsFromOurPage(http))
        {
            return PageErrors.Foreign;
        }
        var (form, refusal) = await Forms.ReadAsync(http, MostFormBytes);
        if (form is null)
        {
            return new ErrorPage(refusal!.Status, "bad_request", "bad_request");
        }
        if (cookie.Read(http, form.GetValueOrDefault("flow").ToString()) is not { } flow)
        {
            return PageErrors.NoFlow;
        }
        if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(flow.FormToken), Encoding.UTF8.GetBytes(form.GetValueOrDefault("token").ToString())))
        {
            return PageErrors.Foreign;
        }
        return flow.IsFinished ? Finished(http, flow)
            : flow.ExpiresAt <= clock.GetUtcNow() ? AgainFrom(http, flow, "notice.expired")
            : await step.TakeAsync(VisitOf(http, flow, form));
    }

    /// <summary>Begins a flow again in the same browser: it took too long, or the node that alone could end it is gone (law 5). The application's request is the same.</summary>
    /// <param name="notice">Names what the page says of it.</param>
    public IResult AgainFrom(HttpContext http, HostedFlow flow, string notice)
    {
        var next = Begin(flow) with { Notice = notice, Address = flow.Address };
        cookie.Delete(http, flow.Id);
        cookie.Write(http, next);
        return new SeeOther(Visit.AddressOf(AskAddress.Path, next.Id));
    }

    /// <summary>Sends a post on to the node that alone may decide about it, when that is another; the flow begins again when it is gone or cannot be reached.</summary>
    /// <returns>The answer; null when this node decides.</returns>
    public async Task<IResult?> SendOnAsync(Visit visit, string incarnation) => incarnation == database.Incarnation ? null
        : await authority.TryAsync(visit.Http, incarnation, ForwardToAuthority.SignInBudget) == Forwarded.Answered ? Results.Empty
        : AgainFrom(visit.Http, visit.Flow, "notice.again");

    /// <summary>It has ended at the application. What is kept says only where that was.</summary>
    public void Finish(HttpContext http, HostedFlow flow) => cookie.Write(http, Begin(flow) with
    {
        Id = flow.Id, FormToken = flow.FormToken, IsFinished = true, State = null, CodeChallenge = null, InvitationToken = null, ForProvider = null,
    });

    private PageResult Finished(HttpContext http, HostedFlow flow)
    {
        var context = ContextOf(http, flow);
        if (flow.Device is not null)
        {
            return PageResult.Of<MessagePage>(context, StatusCodes.Status200OK,
                (nameof(MessagePage.Heading), context.Texts["device.done"]), (nameof(MessagePage.Advice), context.Texts["device.done_lead"]));
        }
        var home = new Uri(flow.RedirectUri).GetLeftPart(UriPartial.Authority);
        return PageResult.Of<MessagePage>(context, StatusCodes.Status200OK,
            (nameof(MessagePage.Heading), context.Texts["finished.title"]), (nameof(MessagePage.Advice), context.Texts["finished.lead"]),
            (nameof(MessagePage.LinkPath), home + "/"), (nameof(MessagePage.LinkText), context.Texts["finished.go"]));
    }

    private Visit VisitOf(HttpContext http, HostedFlow flow, IReadOnlyDictionary<string, StringValues> form) => new(http, flow, form, ContextOf(http, flow), cookie, address.IsHttps);

    private PageContext ContextOf(HttpContext http, HostedFlow flow) => PageContext.Of(http, branding.Of(flow.EnvironmentId, flow.OrganizationId), flow.UiLocales);

    /// <summary>Whether the browser says that the post comes from our own page. One that says nothing is believed as far as the form's token and the flow's cookie go.</summary>
    public bool IsFromOurPage(HttpContext http)
    {
        if (http.Request.Headers["Sec-Fetch-Site"].ToString() is { Length: > 0 } site)
        {
            return site == "same-origin";
        }
        var origin = http.Request.Headers.Origin.ToString();
        return origin.Length == 0 || origin == address.Url || origin == $"{http.Request.Scheme}://{http.Request.Host.Value}";
    }
}
