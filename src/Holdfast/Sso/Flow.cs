using System.Globalization;
using Holdfast.Keys;

namespace Holdfast.Sso;

/// <summary>A sign-in that is under way. It is kept by the browser that began it, sealed in a cookie: what strangers cause costs the node nothing (decision 0002).</summary>
/// <param name="Id">What the identity provider gives back (RelayState, <c>state</c>): authority, time and 128 random bits.</param>
/// <param name="RequestId">Of the AuthnRequest; null for OpenID Connect.</param>
/// <param name="Nonce">For the ID token; null for SAML.</param>
/// <param name="Verifier">PKCE's, towards the identity provider (RFC 7636); null for SAML.</param>
/// <param name="ForcedAt">Since when the person must have signed in anew at the identity provider; null when an older session there is good enough.</param>
/// <param name="Restarts">How often the flow began again because its authority was gone.</param>
/// <param name="ForProvider">What the application adds to the request to the provider; null for nothing.</param>
internal sealed record Flow(
    string Id, string EnvironmentId, string ClientId, string ConnectionId, string RedirectUri, string? State, string? CodeChallenge, string? LoginHint,
    string? RequestId, string? Nonce, string? Verifier, DateTimeOffset ExpiresAt, int Restarts, DateTimeOffset? ForcedAt = null, ForProvider? ForProvider = null)
{
    /// <summary>The incarnation that made it, and alone ends it.</summary>
    public string Authority => Id[..Id.IndexOf('.', StringComparison.Ordinal)];

    /// <summary>It goes on at a page of our own, which has the application's request: that page looks at the application's redirect URI.</summary>
    public bool IsHosted => RedirectUri.StartsWith('/');

    /// <summary>Whether a RelayState or <c>state</c> looks like the id of a flow: one of ours comes back, others are somebody else's text.</summary>
    public static bool IsId(string? text) => text is { Length: > IdTail and <= 80 } && text.LastIndexOf('.') == text.Length - IdTail;

    /// <summary>When the flow of this id began, to the second.</summary>
    public DateTimeOffset BeganAt => DateTimeOffset.FromUnixTimeSeconds(uint.Parse(Id.AsSpan(Id.Length - IdTail + 1, 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture));

    /// <summary>What stands after the incarnation: a dot, 8 characters of time, 22 that are random.</summary>
    private const int IdTail = 31;

    /// <summary>A new id. At most 80 bytes may travel as RelayState (SAML 2.0 Bindings §3.4.3); this is 43.</summary>
    public static string NewId(string incarnation, DateTimeOffset now, byte[] random16) =>
        $"{incarnation}.{now.ToUnixTimeSeconds().ToString("x8", CultureInfo.InvariantCulture)}{Base64.Encode(random16)}";
}
