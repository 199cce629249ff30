using System.Globalization;

namespace Holdfast.Sso;

/// <summary>Tells an administrator what a sign-in by OpenID Connect or OAuth 2.0 was checked for, which check failed, why, and what to change where. Pure.</summary>
internal static class ExplainOidcAttempt
{
    private const string Passed = "passed";
    private const string Failed = "failed";
    private const string NotReached = "not_reached";

    /// <summary>The checks in their order, and the refusals that each can end with. <c>IsOpenId</c> marks those that plain OAuth 2.0 has nothing to check in.</summary>
    private static readonly Check[] All =
    [
        new("flow", "The answer belongs to a sign-in that this browser began here, and that is still open.", ["FlowNotFound", "FlowTriedTooOften", "FlowVoid"], _ => null, _ => null),
        new("documents", "The provider's discovery document and keys are known, and are of the issuer that the connection names.", ["ProviderDocumentsMissing"],
            s => s.Issuer, s => s.KeysReadAt is { } at ? $"{s.Issuer}, with {s.Keys.Count} keys that it has published since {Time(at)}" : s.Issuer, IsOpenId: true),
        new("answer", "The browser brings back one whole answer, of the provider that was asked.",
            ["AnswerRepeated", "AnswerStateMismatch", "AnswerIssuerMissing", "AnswerIssuerMismatch", "AnswerCodeMissing"], s => s.Issuer, s => s.AnswerIssuer ?? "no iss"),
        new("consent", "The provider says that it signed the person in.", ["ProviderRefused"], _ => "a code", _ => null),
        new("token_endpoint", "The provider's token endpoint answers in time, takes our proof of who we are, and the code.",
            ["ProviderUnavailable", "ProviderAnswerRefused", "TokenEndpointRefused"],
            s => $"{s.TokenEndpoint} takes {s.ClientAuthentication} of {s.ClientId}, with the redirect URI {s.RedirectUri}", s => s.TokenStatus is { } status ? $"status {status}" : "no answer"),
        new("token", "There is an ID token: a signed JWT of a sound shape.", ["IdTokenMissing", "Malformed", "Encrypted", "TypeNotAllowed", "CriticalHeader"], _ => "a signed JWT",
            s => s.Token is null ? "none that can be read" : s.Token.Type ?? "no typ", IsOpenId: true),
        new("signature", "A key of the provider signed it, with an algorithm of that key's kind.",
            ["AlgorithmNotAllowed", "KeysUnreadable", "KeyRefused", "KeyDoesNotFit", "KeyAmbiguous", "KeyUnknown", "SignatureInvalid"],
            s => $"RS, PS or ES with one of the keys {Join(s.Keys)}", s => $"{s.Token?.Algorithm ?? "no alg"} with {(s.Token?.KeyId is { } kid ? $"key {kid}" : "a key without a name")}", IsOpenId: true),
        new("issuer", "It comes from the connection's provider.", ["IssuerMismatch"], s => s.Issuer, s => s.Token?.Issuer, IsOpenId: true),
        new("audience", "It is meant for us, and for nobody in our place.", ["AudienceMismatch", "AuthorizedPartyMissing", "AuthorizedPartyMismatch"], s => s.ClientId,
            s => $"{Join(s.Token?.Audiences) ?? "no aud"}{(s.Token?.AuthorizedParty is { } party ? $", issued to {party}" : "")}", IsOpenId: true),
        new("time", "It holds now, give or take a minute.", ["ExpiryMissing", "IssuedAtMissing", "Expired", "IssuedInTheFuture", "NotYetValid"], _ => null,
            s => s.Token is null ? null : $"issued {Seconds(s.Token.Issued)}, valid from {Seconds(s.Token.NotBefore ?? s.Token.Issued)} until {Seconds(s.Token.Expires)}", IsOpenId: true),
        new("subject", "It says who signed in, by a name that stays the same.", ["SubjectMissing"], _ => "sub", s => s.Token?.Claims.Contains("sub") == true ? "sub" : "no sub", IsOpenId: true),
        new("nonce", "It belongs to this very sign-in.", ["NonceMissing", "NonceMismatch"], _ => "the nonce that we sent", s => s.Token?.HasNonce == true ? "a nonce" : "no nonce", IsOpenId: true),
        new("access_token", "The access token that came along is the one that it was made with.", ["AccessTokenMismatch"], _ => null,
            s => s.Token?.HasAccessTokenHash == true ? "at_hash" : "no at_hash", IsOpenId: true),
        new("authentication", "The person signed in anew, where the application wanted that.", ["AuthenticationTooOld"], _ => null,
            s => s.Token?.Authenticated is { } at ? $"auth_time {Seconds(at)}" : "no auth_time", IsOpenId: true),
        new("userinfo", "What the provider's API says more of the person is about the same one.",
            ["UserInfoMalformed", "UserInfoSigned", "UserInfoSubjectMissing", "UserInfoSubjectMismatch"], s => s.UserInfoEndpoint is { } from ? $"an answer of {from}" : "not needed",
            s => s.UserInfo is { } names ? Join(names) : s.UserInfoEndpoint is null ? "not asked" : "nothing that can be used"),
        new("claims", "The claims hold what a profile needs: an e-mail address.",
            ["EmailMissing", "EmailUnverified", "StableIdMissing", "AttributesTooLarge", "AttributeTooLong"], _ => "an e-mail address",
            s => Join([.. (s.Token?.Claims ?? []).Concat(s.UserInfo ?? []).Distinct()]) ?? "no claims"),
        new("single_use", "The sign-in was not ended before, and the connection and its redirect URI still stand.", ["FlowUsed", "ConnectionInactive", "RedirectUriWithdrawn"], _ => null, _ => null),
    ];

    /// <param name="connectionType">Whose product's words the remedy is told in.</param>
    /// <param name="reason">Null for a sign-in that succeeded.</param>
    /// <param name="said">Null when nothing was sent or received yet.</param>
    public static (string Summary, AttemptBody.RemedyBody? Remedy, IReadOnlyList<AttemptBody.StepBody> Steps) Of(
        string connectionType, string? reason, string detail, OidcSurface? said, DateTimeOffset at)
    {
        var steps = Steps(connectionType, reason, said);
        if (reason is null)
        {
            return ("The person was signed in.", null, steps);
        }
        var product = OidcProduct.Of(connectionType);
        var (summary, where, remedy) = Words(reason, detail, said, product, at);
        return (summary, new AttemptBody.RemedyBody(product.Name, where is null ? null : $"{product.Place} > {where}", remedy), steps);
    }

    private static List<AttemptBody.StepBody> Steps(string connectionType, string? reason, OidcSurface? said)
    {
        var checks = OAuthProvider.Of(connectionType)?.Plain is null ? All : [.. All.Where(c => !c.IsOpenId)];
        var at = reason is null ? checks.Length : Array.FindIndex(checks, c => c.Reasons.Contains(reason, StringComparer.Ordinal));
        at = reason == "ProviderUnavailable" && said?.UserInfoEndpoint is not null ? Array.FindIndex(checks, c => c.Name == "userinfo") : at;
        at = reason == "ProviderAnswerRefused" && said?.UserInfoEndpoint is not null ? Array.FindIndex(checks, c => c.Name == "userinfo") : at;
        at = at < 0 ? Array.FindIndex(checks, c => c.Name == "claims") : at;
        return [.. checks.Select((check, i) => new AttemptBody.StepBody(
            check.Name, i < at ? Passed : i == at ? Failed : NotReached, check.What, said is null ? null : check.Expected(said), said is null || i > at ? null : check.Received(said)))];
    }

    private static (string Summary, string? Where, string Remedy) Words(string reason, string detail, OidcSurface? s, OidcProduct p, DateTimeOffset at)
    {
        var redirect = s?.RedirectUri ?? "the connection's redirect_uri";
        const string Again = "Start at the application again, in the same browser, with cookies allowed.";
        const string Clock = "Set the provider's clock by NTP. A minute of difference is let pass.";
        switch (reason)
        {
            case "FlowNotFound":
                return ("The answer came from a browser that has no such sign-in open: it took over ten minutes, was begun in another browser, or cookies are blocked.", null, Again);
            case "FlowTriedTooOften":
                return ("The sign-in was tried too often.", null, Again);
            case "FlowVoid":
                return ("The node that began the sign-in was away.", null, Again);
            case "FlowUsed":
                return ("The sign-in was ended already: the answer came twice.", null, "Sign in again, and press buttons once.");
            case "ConnectionInactive":
                return ("The connection was switched off or deleted meanwhile.", null, "Activate it, if it is to be used.");
            case "RedirectUriWithdrawn":
                return ("The application's address was withdrawn meanwhile.", null, "Register it again, if it is to be used.");
            case "ProviderDocumentsMissing" when detail.Contains("IssuerMismatch", StringComparison.Ordinal):
                return ($"The discovery document is another issuer's: {detail}", null,
                    "Set the connection's oidc.discovery_url to the provider's own, or oidc.issuer to what the document says, if you know that it is the right one.");
            case "ProviderDocumentsMissing" when detail.Contains("IssuerIsTemplate", StringComparison.Ordinal):
                return ("The discovery document is for all tenants at once, so it names no issuer.", null, "Set the connection's oidc.discovery_url to that of your own tenant.");
            case "ProviderDocumentsMissing":
                return ($"The provider's discovery document or its keys were never read: {detail}", null, "Check the connection's oidc.discovery_url, and that this server may reach it.");
            case "AnswerIssuerMismatch":
                return ($"The answer was given by another provider{(s?.AnswerIssuer is { } other ? $": {other}" : "")}.", null,
                    $"Register {redirect} at {s?.Issuer ?? "the connection's provider"} alone. If it happens by itself, somebody may be mixing up providers on purpose.");
            case "AnswerIssuerMissing":
                return ("The provider promises to name itself in its answer (iss), and did not.", null, "Look for a proxy between the provider and here that drops parameters.");
            case "AnswerRepeated" or "AnswerStateMismatch" or "AnswerCodeMissing":
                return ("What the browser brought back is not one whole answer: a parameter is missing, or there twice.", p.RedirectUri, $"Have answers sent to {redirect}, and nothing added on the way.");
            case "ProviderRefused" when IsAboutRedirect(detail):
                return ($"The provider does not know our redirect URI: {detail}", p.RedirectUri, $"Register {redirect}, character by character.");
            case "ProviderRefused" when detail.StartsWith("invalid_scope", StringComparison.Ordinal) || detail.StartsWith("unauthorized_scope", StringComparison.Ordinal):
                return ($"The provider does not give what was asked for: {detail}", p.Claims, "Allow the scopes, or ask for fewer (oidc.scopes, provider_scopes).");
            case "ProviderRefused":
                return ($"The provider did not let the person in: {detail}", p.Assignment, "Assign the application to the person or their group.");
            case "ProviderUnavailable":
                return ($"The provider's {(s?.UserInfoEndpoint is { } asked ? $"API ({asked})" : "token endpoint")} did not answer: {detail}.", null,
                    "Wait, then sign in again. If it stays so, check that this server may reach it.");
            case "ProviderAnswerRefused":
                return ($"The provider's answer could not be used: {detail}", s?.UserInfoEndpoint is null ? null : p.Claims,
                    s?.UserInfoEndpoint is null ? "Check oidc.discovery_url; something that is not the provider may answer there." : "Let the application read the account and its address.");
            case "TokenEndpointRefused" when IsAboutRedirect(detail):
                return ($"The provider has another redirect URI for us: {detail}", p.RedirectUri, $"Register {redirect}, character by character.");
            case "TokenEndpointRefused" when detail.Contains("invalid_grant", StringComparison.Ordinal):
                return ($"The provider did not take its own code: {detail}", p.RedirectUri, $"Sign in again. If it happens every time, compare its redirect URI with {redirect}, and its clock with the time.");
            case "TokenEndpointRefused":
                return ($"The provider did not take our client id and our proof ({s?.ClientAuthentication ?? "client authentication"}): {detail}", p.Credentials, s?.ClientAuthentication == Sso.ClientAuthentication.PrivateKey
                    ? "Have it load the connection's key (jwks_uri), or choose another oidc.token_endpoint_auth_method."
                    : "Copy client id and secret anew (an expired secret looks like this), or choose another oidc.token_endpoint_auth_method.");
            case "IdTokenMissing":
                return ("The provider gave no ID token.", p.Claims, "Ask for the scope openid (oidc.scopes), and let the application use OpenID Connect.");
            case "Encrypted":
                return ("The ID token is encrypted, which is not supported.", p.Credentials, "Switch ID token encryption off; it travels over TLS.");
            case "AlgorithmNotAllowed":
                return ($"The ID token is signed with an algorithm that is not accepted: {detail}", p.Credentials, "Choose RS256, ES256 or PS256 for ID tokens. With HS256 or none, whoever knows the client secret, or nobody at all, could have signed.");
            case "KeyUnknown":
                return ($"The ID token is signed with a key that the provider does not publish{(s?.Token?.KeyId is { } kid ? $": {kid}" : "")}.", null,
                    "Wait a minute, then sign in again: the provider may have changed its keys. If it stays so, oidc.discovery_url is another provider's, or another tenant's.");
            case "KeyRefused" or "KeyDoesNotFit" or "KeyAmbiguous" or "KeysUnreadable":
                return ($"The provider's key cannot be used: {detail}", p.Credentials, "Have it publish an RSA key of 2,048 bits or more, or one on P-256, P-384 or P-521, each with a kid of its own.");
            case "SignatureInvalid":
                return ("The ID token's signature is not by the key that it names, or it was changed.", null, "Look for a proxy in front of the token endpoint. If there is none, ask the provider's support.");
            case "IssuerMismatch":
                return ($"The ID token comes from another issuer than the connection's: {s?.Token?.Issuer ?? "none"}.", null,
                    $"Compare it with {s?.Issuer}: tenant, domain and a slash at the end count. If the token's is right, change the connection (oidc.issuer).");
            case "AudienceMismatch":
                return ($"The ID token is meant for another client: {Join(s?.Token?.Audiences) ?? "none"}.", p.Credentials, $"Compare the client id with the connection's oidc.client_id, {s?.ClientId}.");
            case "AuthorizedPartyMissing" or "AuthorizedPartyMismatch":
                return ($"The ID token was issued to another client, and names us beside it: {detail}", p.Credentials, "Have it issue ID tokens for this client alone.");
            case "Expired":
                return ($"The ID token was no longer valid when it came: {detail}.", null, $"{Clock} Or give its ID tokens five minutes.");
            case "IssuedInTheFuture" or "NotYetValid":
                return ($"The provider's clock is ahead of ours: {detail}.", null, Clock);
            case "AuthenticationTooOld":
                return ("The application wanted the person to sign in anew, and the provider tells of an elder session, or of none (auth_time).", p.Claims, "Let it honour prompt=login and max_age, and send auth_time.");
            case "NonceMissing" or "NonceMismatch":
                return ("The ID token does not belong to this sign-in: its nonce is another's, or missing.", null,
                    "Sign in again, once, and without going back. If it happens every time, the provider or something before it keeps answers in a cache, or drops the nonce.");
            case "AccessTokenMismatch":
                return ("The ID token was made with another access token than came along.", null, "Look for a proxy in front of the token endpoint. If there is none, ask the provider's support.");
            case "SubjectMissing":
                return ("The ID token does not say who signed in (sub).", p.Claims, "Have it send sub.");
            case "UserInfoSigned":
                return ("The UserInfo endpoint answers with a signed JWT, which is not supported.", p.Credentials, "Choose plain JSON: no userinfo_signed_response_alg for this client.");
            case "UserInfoSubjectMismatch" or "UserInfoSubjectMissing":
                return ("The UserInfo endpoint spoke of another person than the ID token.", p.Claims, "Have both use the same sub: pairwise in one and public in the other are two.");
            case "UserInfoMalformed":
                return ($"What the provider's API says of the account cannot be read: {detail}", p.Claims, "Let the application read the account and its address.");
            case "EmailMissing":
                return ("There is no e-mail address in the claims.", p.Claims, "Give the application the email scope and claim, or map another claim (attribute_map.email)."
                    + (s?.Token is { Claims: { Count: > 0 } names } ? $" These came: {Join(names)}." : ""));
            case "EmailUnverified":
                return ("The provider does not say that it has verified the account's address, so nobody knows whose it is.", p.Claims,
                    p.Name == "Microsoft" ? "Add the optional claims email and xms_edov to ID tokens: the second says whether the tenant owns the address's domain." : "The person verifies their main address there, then signs in again.");
            case "StableIdMissing":
                return ("The claim that is to name the person (attribute_map.id) did not come.", p.Claims, "Send it, or change attribute_map.id.");
            case "AttributesTooLarge" or "AttributeTooLong":
                return ("The claims hold more than is kept of a person.", p.Claims, "Send fewer claims or groups: only those that the application needs.");
            default:
                return ($"The ID token is not made as OpenID Connect has it ({reason}): {detail}", null, "If nothing between the provider and here changes it, ask the provider's support, with this reason.");
        }
    }

    private static bool IsAboutRedirect(string detail) => detail.Contains("redirect_uri", StringComparison.OrdinalIgnoreCase) || detail.Contains("redirect uri", StringComparison.OrdinalIgnoreCase);

    private static string Seconds(double? at) => at is { } seconds and >= 0 and < 253402300800 ? Time(DateTimeOffset.FromUnixTimeMilliseconds((long)(seconds * 1000))) : "never";

    private static string Time(DateTimeOffset at) => at.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    private static string? Join(IReadOnlyList<string>? texts) => texts is { Count: > 0 } ? string.Join(", ", texts) : null;

    private sealed record Check(string Name, string What, string[] Reasons, Func<OidcSurface, string?> Expected, Func<OidcSurface, string?> Received, bool IsOpenId = false);
}
