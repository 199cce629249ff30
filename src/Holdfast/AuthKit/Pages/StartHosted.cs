using Holdfast.Sso;

namespace Holdfast.AuthKit.Pages;

/// <summary>AuthKit's authorization endpoint: on to the hosted pages, or straight to an identity provider. Writes nothing.</summary>
internal sealed class StartHosted(AuthorizationRequests requests, StartSignIn signIns, Visits visits, HostedFlowCookie cookie)
{
    private const string Hosted = "authkit";
    private const int LongestToken = 512;

    /// <summary>What <c>/sso/authorize</c> calls otherwise.</summary>
    private static readonly Dictionary<string, string> s_otherNames = new(StringComparer.Ordinal) { ["connection_id"] = "connection", ["organization_id"] = "organization" };

    public async Task<IResult> HandleAsync(HttpContext http)
    {
        var (request, refusal) = await requests.ReadAsync(http, s_otherNames);
        if (request is null)
        {
            return refusal!;
        }
        if (request["provider"] != Hosted)
        {
            return await signIns.BeginAsync(http, request);
        }
        if ((request.Fault() ?? Fault(request)) is { } fault)
        {
            return request.Back(fault.Error, fault.Description);
        }
        var flow = visits.Begin(new HostedFlow("", request.EnvironmentId, request.ClientId, request.RedirectUri, request.State, request.CodeChallenge, "", default)
        {
            UiLocales = request["ui_locales"], OrganizationId = request["organization"], InvitationToken = request["invitation_token"],
            IsSignUp = request["screen_hint"] == "sign-up", IsAnew = request["prompt"] == "login" || request["max_age"] == "0",
        }) with { Address = request.LoginHint };
        cookie.Write(http, flow);
        return new Back(Visit.AddressOf(AskAddress.Path, flow.Id));
    }

    private static (string Error, string Description)? Fault(AuthorizationRequest request) =>
        request["screen_hint"] is not (null or "sign-in" or "sign-up") ? ("invalid_request", "screen_hint may be sign-in or sign-up.")
        : request["connection"] is not null ? ("ambiguous_connection_selector", "A connection may not stand beside provider.")
        : request["ui_locales"] is { Length: > 128 } || request["invitation_token"] is { Length: > LongestToken } || request["organization"] is { Length: > 128 }
            ? ("invalid_request", $"ui_locales and organization_id are at most 128 characters, invitation_token {LongestToken}.")
        : null;
}
