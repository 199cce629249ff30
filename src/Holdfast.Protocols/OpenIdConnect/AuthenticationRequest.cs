using System.Text;

namespace Holdfast.Protocols.OpenIdConnect;

/// <summary>Sends the browser to an identity provider: code flow with PKCE (OpenID Connect Core 1.0 §3.1.2.1, RFC 7636 §4.3).</summary>
public static class AuthenticationRequest
{
    private static readonly HashSet<string> s_ours = new(StringComparer.Ordinal)
    {
        "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "login_hint",
        "response_mode", "request", "request_uri",
    };

    /// <param name="scopes"><c>openid</c> is added when it is not among them.</param>
    /// <param name="loginHint">The address that was typed; null when none was.</param>
    /// <param name="extra">What the connection adds: <c>prompt</c>, <c>domain_hint</c>.</param>
    /// <exception cref="ArgumentException">An extra parameter would replace one of ours, or the challenge is none.</exception>
    public static Uri Url(
        ProviderMetadata metadata, string clientId, string redirectUri, IEnumerable<string> scopes, string state, string nonce,
        string codeChallenge, string? loginHint = null, IEnumerable<KeyValuePair<string, string>>? extra = null)
    {
        if (!Pkce.IsChallenge(codeChallenge))
        {
            throw new ArgumentException("Not an S256 challenge.", nameof(codeChallenge));
        }
        var url = new StringBuilder(metadata.AuthorizationEndpoint);
        // The endpoint may have a query of its own, and it stays (RFC 6749 §3.1).
        var separator = metadata.AuthorizationEndpoint.Contains('?') ? '&' : '?';
        Add("response_type", "code");
        Add("client_id", clientId);
        Add("redirect_uri", redirectUri);
        Add("scope", string.Join(' ', scopes.Prepend("openid").Distinct()));
        Add("state", state);
        Add("nonce", nonce);
        Add("code_challenge", codeChallenge);
        Add("code_challenge_method", "S256");
        if (loginHint is not null)
        {
            Add("login_hint", loginHint);
        }
        foreach (var (name, value) in extra ?? [])
        {
            if (s_ours.Contains(name))
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
