using Holdfast.Protocols.OpenIdConnect;

namespace Holdfast.Sso;

/// <summary>A code as a client shows it.</summary>
/// <param name="RedirectUri">Null when the client does not repeat it.</param>
/// <param name="Verifier">Of PKCE (RFC 7636 §4.5).</param>
internal sealed record ShownCode(string Code, string? RedirectUri, string? Verifier, bool ByPublicClient)
{
    private const int Longest = 256;

    public bool IsTooLong => Code.Length > Longest;

    /// <summary>A challenge always needs its verifier, and a verifier a challenge: else either could be stripped (RFC 9700 §4.8.2).</summary>
    public bool Proves(string? challenge) =>
        challenge is null ? Verifier is null && !ByPublicClient : Verifier is not null && Pkce.IsVerifier(Verifier) && Pkce.Matches(Verifier, challenge);
}
