using Holdfast.Http;
using Holdfast.Http.Pages;
using Holdfast.Peers;
using Holdfast.Storage;

namespace Holdfast.AuthKit.Pages;

/// <summary>Where somebody types in the code that a device shows them (RFC 8628 §3.3). From there they sign in as anywhere, and then answer the device.</summary>
internal sealed class AskDeviceCode(
    DeviceCodes devices, Visits visits, HostedFlowCookie cookie, ForwardToAuthority authority, Database database, Branding branding, PublicAddress address, RateLimits limits)
{
    public const string Path = "/device";

    public const int MostFormBytes = 4 * 1024;

    /// <summary>The page. A code in its address is filled in, and not taken: whoever follows a link sees what they are about to do.</summary>
    public IResult Show(HttpContext http) => Page(http, http.Request.Query["user_code"] is [{ Length: > 0 } code] && DeviceCodes.Normal(code) is { } shown ? DeviceCodes.Show(shown) : null, null);

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
        var typed = form.GetValueOrDefault("user_code").ToString();
        if (typed.Length == 0)
        {
            return Page(http, null, "device.missing");
        }
        if (ForwardedRequest.Of(http) is null && limits.Count(RateLimits.DeviceCodesPerIp, HostedLimits.PlaceOf(http)) is { } wait)
        {
            http.Response.Headers.RetryAfter = wait.ToString(System.Globalization.CultureInfo.InvariantCulture);
            return Page(http, typed, "device.too_many", StatusCodes.Status429TooManyRequests);
        }
        if (devices.Find(typed) is { } waiting && ServedUnder.Allows(http, waiting.EnvironmentId))
        {
            var flow = visits.Begin(new HostedFlow("", waiting.EnvironmentId, waiting.ClientId, ServedUnder.BaseOf(http, address) + Path, null, null, "", default)
            {
                Device = new HostedDevice(waiting.Id, DeviceCodes.Normal(typed)!, waiting.Authority, waiting.AskedFrom),
            });
            cookie.Write(http, flow);
            return new SeeOther(Visit.AddressOf(AskAddress.Path, flow.Id));
        }
        var lives = database.Read(view => view.Query<string>($"SELECT id FROM nodes WHERE id <> @Incarnation AND {Denied.Not("nodes.id")} ORDER BY born_at DESC", new { database.Incarnation }));
        foreach (var incarnation in devices.MayHaveShown(typed, lives))
        {
            if (await authority.TryAsync(http, incarnation, ForwardToAuthority.SignInBudget) == Forwarded.Answered)
            {
                return Results.Empty;
            }
        }
        return Page(http, typed, "device.wrong");
    }

    private PageResult Page(HttpContext http, string? code, string? fault, int status = StatusCodes.Status422UnprocessableEntity)
    {
        // Not the looks of whose code it is: a page that differs would say which codes there are, as often as it is asked.
        var context = PageContext.Of(http, http.Features.Get<ServedUnder>() is { } domain ? branding.Of(domain.EnvironmentId, null) : null);
        return PageResult.Of<DeviceCodePage>(context, fault is null ? StatusCodes.Status200OK : status,
            (nameof(DeviceCodePage.Code), code is { Length: <= 32 } ? code : null), (nameof(DeviceCodePage.Fault), fault is null ? null : context.Texts[fault])).WithForms(address.IsHttps);
    }
}
