using System.Text;

namespace Holdfast.Protocols.OpenIdConnect;

/// <summary>Sends the browser to an identity provider: code flow with PKCE (OpenID Connect Core 1.0 §3.1.2.1, RFC 7636 §4.3).</summary>
public static class AuthenticationRequest
{
    private static readonly HashSet<string> s_ours = new(StringComparer.OrdinalIgnoreCase)
    {
        "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "login_hint",
        "response_mode", "request", "request_uri",
        // Never ours here, and never anybody's: they belong into other messages, or would have the provider answer somebody else.
        "code", "code_verifier", "client_secret", "client_assertion", "client_assertion_type", "id_token_hint", "iss", "registration",
    };

    /// <summary>Whether a parameter keeps the flow safe, and so is nobody else's to set. In any case: a lenient provider may read it so.</summary>
    public static bool IsReserved(string name) => s_ours.Contains(name);

    /// <param name="scopes"><c>openid</c> is added when it is not among them, and there is a nonce.</param>
    /// <param name="nonce">Null for a provider that has no ID token, or takes no nonce.</param>
    /// <param name="codeChallenge">Null for a provider that refuses PKCE.</param>
    /// <param name="loginHint">The address that was typed; null when none was.</param>
    /// <param name="extra">What the connection or the application adds: <c>prompt</c>, <c>domain_hint</c>.</param>
    /// <param name="byPost">The provider is to post its answer (<c>response_mode=form_post</c>).</param>
    /// <exception cref="ArgumentException">An extra parameter would replace one of ours, or the challenge is none.</exception>
    public static Uri Url(
        ProviderMetadata metadata, string clientId, string redirectUri, IEnumerable<string> scopes, string state, string? nonce,
        string? codeChallenge, string? loginHint = null, IEnumerable<KeyValuePair<string, string>>? extra = null, bool byPost = false)
    {
        if (codeChallenge is not null && !Pkce.IsChallenge(codeChallenge))
        {
            throw new ArgumentException("Not an S256 challenge.", nameof(codeChallenge));
        }
        var url = new StringBuilder(metadata.AuthorizationEndpoint);
        // The endpoint may have a query of its own, and it stays (RFC 6749 §3.1).
        var separator = metadata.AuthorizationEndpoint.Contains('?') ? '&' : '?';
        Add("response_type", "code");
        Add("client_id", clientId);
        Add("redirect_uri", redirectUri);
        Add("scope", string.Join(' ', (nonce is null ? scopes : scopes.Prepend("openid")).Distinct()));
        Add("state", state);
        if (nonce is not null)
        {
            Add("nonce", nonce);
        }
        if (codeChallenge is not null)
        {
            Add("code_challenge", codeChallenge);
            Add("code_challenge_method", "S256");
        }
        if (byPost)
        {
            Add("response_mode", "form_post");
        }
        if (loginHint is not null)
        {
            Add("login_hint", loginHint);
        }
        foreach (var (name, value) in extra ?? [])
        {
            if (IsReserved(name))
            {
                throw new ArgumentException($"The parameter '{name}' is not the connection's to set.", nameof(extra));
            }
            Add(name, value);
        }
        return new Uri(url.ToString());

        void Add(string name, string value)
        {
            url.Append(separator).Append(Uri.EscapeDataString(name)).Append('=').Append(Uri.EscapeDataString(value));
            separator = '&';
        }
    }
}
