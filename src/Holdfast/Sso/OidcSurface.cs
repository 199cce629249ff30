using Holdfast.Protocols.OpenIdConnect;

namespace Holdfast.Sso;

/// <summary>What was sent and received in a sign-in by OpenID Connect or OAuth 2.0, as far as it went: no secret, no token, nothing of the person. It is kept with a sign-in that
/// succeeded, so what was expected then stays told whatever the connection expects now.</summary>
/// <param name="Issuer">That the connection expects; for plain OAuth 2.0 the provider's address.</param>
/// <param name="RedirectUri">Ours, which must be registered at the provider.</param>
/// <param name="ClientAuthentication">How we proved ourselves: a method of OpenID Connect Core 1.0 §9.</param>
/// <param name="Keys">The names of the provider's keys, as last read.</param>
/// <param name="KeysReadAt">When it first published these.</param>
/// <param name="AnswerIssuer">What the browser's answer says of who gave it (RFC 9207); null when it does not say.</param>
/// <param name="TokenStatus">Of the token endpoint's answer; null while there is none.</param>
/// <param name="Token">Null when none came, or it could not be read.</param>
/// <param name="UserInfo">The names of what the UserInfo endpoint said; null when it was not asked, or said nothing usable.</param>
internal sealed record OidcSurface(
    string Issuer, string ClientId, string RedirectUri, string TokenEndpoint, string ClientAuthentication, IReadOnlyList<string> Keys, DateTimeOffset? KeysReadAt,
    string? AnswerIssuer = null, int? TokenStatus = null, IdTokenSurface? Token = null, string? UserInfoEndpoint = null, IReadOnlyList<string>? UserInfo = null)
{
    private const int MostNames = 60;

    /// <summary>In characters: what a provider calls things is told to its administrator, and journaled with each sign-in.</summary>
    private const int LongestText = 300;
    private const int LongestName = 100;

    public static OidcSurface Of(ReadyConnection connection, OidcSettings oidc, ProviderDocuments.Provider provider) => new(
        Cut(provider.Metadata.Issuer, LongestText), oidc.ClientId, connection.Here.OidcCallback, Cut(provider.Metadata.TokenEndpoint, LongestText), ClientAuthenticationOf(oidc, provider),
        NamesOf(provider), provider.Keys.Names.Count == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(provider.Row.ReadAt));

    public OidcSurface WithKeys(ProviderDocuments.Provider provider) => this with
    {
        Keys = NamesOf(provider), KeysReadAt = DateTimeOffset.FromUnixTimeMilliseconds(provider.Row.ReadAt),
    };

    public OidcSurface WithUserInfo(IEnumerable<string> names) => this with { UserInfo = [.. names.Take(MostNames).Select(n => Cut(n, LongestName))] };

    public OidcSurface WithUserInfoEndpoint(string endpoint) => this with { UserInfoEndpoint = Cut(endpoint, LongestText) };

    private static List<string> NamesOf(ProviderDocuments.Provider provider) => [.. provider.Keys.Names.Take(MostNames).Select(n => Cut(n, LongestName))];

    private static string Cut(string text, int longest) => text.Length > longest ? text[..longest] + "…" : text;

    /// <summary>What keeping it costs, in characters.</summary>
    public int CountCharacters() =>
        Issuer.Length + ClientId.Length + RedirectUri.Length + TokenEndpoint.Length + Keys.Sum(k => k.Length) + (AnswerIssuer?.Length ?? 0) + (UserInfo?.Sum(u => u.Length) ?? 0)
        + (Token is { } t ? (t.Issuer?.Length ?? 0) + (t.KeyId?.Length ?? 0) + t.Audiences.Sum(a => a.Length) + t.Claims.Sum(c => c.Length) : 0);

    private static string ClientAuthenticationOf(OidcSettings oidc, ProviderDocuments.Provider provider) => Sso.ClientAuthentication.MethodOf(oidc, provider.Metadata);
}
