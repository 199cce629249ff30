using Holdfast.Organizations;
using Holdfast.Sso;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>AuthKit's authorization endpoint: on to the hosted pages, or straight to an identity provider. Writes nothing.</summary>
internal sealed class StartHosted(
    AuthorizationRequests requests, StartSignIn signIns, HomeRealm realm, Visits visits, HostedFlowCookie cookie, Database database, TimeProvider clock)
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
        var flow = Invited(visits.Begin(new HostedFlow("", request.EnvironmentId, request.ClientId, request.RedirectUri, request.State, request.CodeChallenge, "", default)
        {
            UiLocales = request["ui_locales"], OrganizationId = request["organization"], InvitationToken = request["invitation_token"],
            IsSignUp = request["screen_hint"] == "sign-up", IsAnew = request["prompt"] == "login" || request["max_age"] == "0",
            ForProvider = request.Given.Where(p => p.Key.StartsWith("provider_", StringComparison.Ordinal)).ToDictionary(StringComparer.Ordinal) is { Count: > 0 } more ? more : null,
        }) with { Address = request.LoginHint is { } hint && Addresses.IsAddress(hint) ? hint : null });
        if (flow.OrganizationId is { } wanted && database.Read(view => OrganizationStore.Find(view, flow.EnvironmentId, wanted)) is null)
        {
            return request.Back("organization_invalid", "There is no such organization.");
        }
        cookie.Write(http, flow);
        var home = flow.Address is { } address && realm.Of(flow.EnvironmentId, address) is { } own ? own : realm.OfOrganization(flow, request["domain_hint"]);
        return home is not null ? await realm.GoAsync(http, flow, home) : new Back(Visit.AddressOf(flow.IsSignUp ? AskNewAddress.Path : AskAddress.Path, flow.Id));
    }

    /// <summary>Whoever comes with an invitation is asked for the invited address, and comes into its organization.</summary>
    private HostedFlow Invited(HostedFlow flow)
    {
        if (flow.InvitationToken is not { } token)
        {
            return flow;
        }
        var row = database.Read(view => Invitations.FindByToken(view, flow.EnvironmentId, token));
        return row?.StateAt(clock.GetUtcNow()) == InvitationRow.Pending
            ? flow with { Address = row.Email, OrganizationId = row.OrganizationId ?? flow.OrganizationId }
            : flow with { InvitationToken = null, Notice = "notice.invitation_over" };
    }

    private static (string Error, string Description)? Fault(AuthorizationRequest request) =>
        request["screen_hint"] is not (null or "sign-in" or "sign-up") ? ("invalid_request", "screen_hint may be sign-in or sign-up.")
        : request["connection"] is not null ? ("ambiguous_connection_selector", "A connection may not stand beside provider.")
        : request["ui_locales"] is { Length: > 128 } || request["invitation_token"] is { Length: > LongestToken } || request["organization"] is { Length: > 128 }
        || ProviderLength(request) > ForProvider.MostCharacters * 2
            ? ("invalid_request", $"ui_locales and organization_id are at most 128 characters, invitation_token {LongestToken}; provider_scopes and provider_query_params {ForProvider.MostCharacters}.")
        : null;

    private static int ProviderLength(AuthorizationRequest request) => request.Given.Where(p => p.Key.StartsWith("provider_", StringComparison.Ordinal)).Sum(p => p.Key.Length + p.Value.Length);
}
