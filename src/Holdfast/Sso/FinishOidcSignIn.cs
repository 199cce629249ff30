using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Holdfast.Http;
using Holdfast.Protocols.OpenIdConnect;
using Holdfast.Resilience;

namespace Holdfast.Sso;

/// <summary>Ends a sign-in by OpenID Connect: redeems the provider's code, checks the ID token, then sends the browser back with a code of ours.</summary>
/// <remarks>OpenID Connect Core 1.0 §3.1.2.5 to §3.1.3.7. The token endpoint is the one far party that this waits for (law 1), inside its deadline.</remarks>
internal sealed class FinishOidcSignIn(
    Connections connections, ProviderDocuments documents, OutboundHttp outbound, Dependencies dependencies, SignInStore signIns, FlowCookie cookie,
    AttemptRing attempts, ResumeFlow resume, SsoOptions options, Ids ids, TimeProvider clock)
{
    public async Task<IResult> HandleAsync(string connectionId, HttpContext http)
    {
        // Load.
        if (connections.Find(connectionId) is not { Settings.Oidc: { } oidc } connection)
        {
            return SsoErrors.NoConnection;
        }
        var state = http.Request.Query["state"].ToString();
        if (cookie.Read(http, state, clock.GetUtcNow()) is not { Nonce: { } nonce, Verifier: { } verifier } flow || flow.ConnectionId != connectionId)
        {
            return SsoErrors.NoFlow(attempts.Remember(connectionId, "FlowNotFound", "this browser has no sign-in under way with that state"));
        }
        return await resume.EndAsync(http, connection, flow, () => EndAsync(http, connection, oidc, flow, nonce, verifier));
    }

    private async Task<IResult> EndAsync(HttpContext http, ReadyConnection connection, OidcSettings oidc, Flow flow, string nonce, string verifier)
    {
        var connectionId = connection.Connection.Id;
        if (await documents.FindAsync(connection, http.RequestAborted) is not { } provider)
        {
            return SsoErrors.ProviderAway(attempts.Remember(connectionId, "ProviderDocumentsMissing", "the provider's documents were never read yet"));
        }
        var parameters = http.Request.Query.SelectMany(q => q.Value.Select(v => KeyValuePair.Create(q.Key, v ?? "")));
        switch (AuthenticationResponse.Check(parameters, flow.Id, provider.Metadata))
        {
            case AuthenticationResponseVerdict.Failed failed:
                var denied = attempts.Remember(connectionId, "ProviderRefused", $"{failed.Error}: {failed.Description}");
                return SsoErrors.Back(flow.RedirectUri, flow.State, "access_denied", $"The identity provider did not sign the person in. Reference {denied}.");
            case AuthenticationResponseVerdict.Refused refused:
                return SsoErrors.Refused(attempts.Remember(connectionId, refused.Why.ToString(), "the answer that the browser brought back"));
            case AuthenticationResponseVerdict.Accepted { Code: var providerCode }:
                return await RedeemAsync(http, connection, oidc, provider, flow, nonce, verifier, providerCode);
            default:
                throw new InvalidOperationException("There is no such verdict.");
        }
    }

    private async Task<IResult> RedeemAsync(
        HttpContext http, ReadyConnection connection, OidcSettings oidc, ProviderDocuments.Provider provider, Flow flow, string nonce, string verifier, string providerCode)
    {
        var id = connection.Connection.Id;
        Dictionary<string, JsonElement> claims;
        string subject;
        try
        {
            var answer = await PostCodeAsync(connection, oidc, provider.Metadata, verifier, providerCode, http.RequestAborted);
            if (TokenResponse.Read(answer.Body) is not TokenResponseVerdict.Accepted { IdToken: var token, AccessToken: var accessToken } read)
            {
                return SsoErrors.Refused(attempts.Remember(id, "TokenEndpointRefused", Describe(TokenResponse.Read(answer.Body), answer.Status)));
            }
            var verdict = Check(provider);
            if (verdict is IdTokenVerdict.UnknownKey && await documents.FindKeyAsync(connection, provider, http.RequestAborted) is { } anew)
            {
                verdict = Check(provider = anew);   // one fetch of its keys, limited in rate: it may just have changed them
            }
            if (verdict is not IdTokenVerdict.Accepted accepted)
            {
                var (why, detail) = verdict is IdTokenVerdict.Refused refused ? (refused.Why.ToString(), refused.Detail) : ("KeyUnknown", "the token names a key that the provider does not publish");
                return SsoErrors.Refused(attempts.Remember(id, why, detail));
            }
            (claims, subject) = (accepted.Claims.ToDictionary(StringComparer.Ordinal), accepted.Subject);
            if (flow.ForcedAt is { } forced
                && !(claims.TryGetValue("auth_time", out var time) && time.ValueKind == JsonValueKind.Number && time.TryGetInt64(out var at) && at >= (forced - options.ClockSkew).ToUnixTimeSeconds()))
            {
                return SsoErrors.Refused(attempts.Remember(id, "AuthenticationTooOld", "the person was to sign in anew, and auth_time does not say so"));
            }
            if (EmailClaim.Read(claims) is null && provider.Metadata.UserinfoEndpoint is { } userinfo && accessToken is not null)
            {
                var document = await outbound.GetAsync(
                    Dependency(connection), new Uri(userinfo), OutboundLimits.Document, http.RequestAborted, new AuthenticationHeaderValue("Bearer", accessToken));
                if (UserInfo.Read(document.Body, subject) is not UserInfoVerdict.Accepted more)
                {
                    return SsoErrors.Refused(attempts.Remember(id, "UserInfoRefused", "the UserInfo endpoint's answer is not about this person"));
                }
                foreach (var (name, value) in more.Claims)
                {
                    claims.TryAdd(name, value);   // what the signed token says stands
                }
            }

            IdTokenVerdict Check(ProviderDocuments.Provider by) =>
                IdToken.Check(token, by.Metadata, by.Keys, oidc.ClientId, nonce, clock.GetUtcNow(), options.ClockSkew);
        }
        catch (DependencyUnavailableException away)
        {
            return SsoErrors.ProviderAway(attempts.Remember(id, "ProviderUnavailable", away.How));
        }
        catch (OutboundAnswerException bad)
        {
            return SsoErrors.Refused(attempts.Remember(id, "ProviderAnswerRefused", bad.Fault.ToString()));
        }
        var (who, incomplete) = Attributes.Of(subject, claims, oidc.AttributeMap);
        if (who is null)
        {
            return SsoErrors.Refused(attempts.Remember(id, incomplete!, "the claims do not say who the person is"));
        }

        // Save, then answer.
        var (code, failure) = await signIns.CompleteAsync(connection.Connection, flow, who, new SucceededAttempt(ids.New(Ids.Attempt), new AttemptFacts(null, [], false)), saml: null);
        return code is null
            ? SsoErrors.Refused(attempts.Remember(id, failure!, "the sign-in was used before"))
            : new Back(SsoErrors.BackUrl(flow.RedirectUri, [("code", code), ("state", flow.State)]));
    }

    private Task<OutboundAnswer> PostCodeAsync(
        ReadyConnection connection, OidcSettings oidc, ProviderMetadata metadata, string verifier, string code, CancellationToken ct)
    {
        var form = new List<KeyValuePair<string, string>>
        {
            new("grant_type", "authorization_code"), new("code", code), new("redirect_uri", connection.Here.OidcCallback), new("code_verifier", verifier),
        };
        AuthenticationHeaderValue? basic = null;
        if (metadata.TokenEndpointAuthMethods.Contains("client_secret_basic"))
        {
            // Each half is form-encoded first (RFC 6749 §2.3.1).
            basic = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Uri.EscapeDataString(oidc.ClientId)}:{Uri.EscapeDataString(oidc.ClientSecret)}")));
        }
        else
        {
            form.Add(new("client_id", oidc.ClientId));
            form.Add(new("client_secret", oidc.ClientSecret));
        }
        return outbound.PostFormAsync(Dependency(connection), new Uri(metadata.TokenEndpoint), form, basic, OutboundLimits.Document, ct);
    }

    private Dependency Dependency(ReadyConnection connection) => dependencies.GetOrAdd(
        new DependencyPolicy($"idp_token:{connection.Connection.Id}", "identity provider token endpoint", TimeSpan.FromSeconds(2), 64,
            "None: the person is asked to sign in again. Other connections do not notice.", ["sso"]),
        clock);

    private static string Describe(TokenResponseVerdict verdict, int status) => verdict switch
    {
        TokenResponseVerdict.Failed failed => $"{status}: {failed.Error}: {failed.Description}",
        TokenResponseVerdict.Refused refused => $"{status}: {refused.Why}",
        _ => $"{status}",
    };
}
