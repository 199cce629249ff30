using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Protocols.OpenIdConnect;

/// <summary>Proof Key for Code Exchange, method S256 only: <c>plain</c> protects nothing from who can read the request (RFC 7636, RFC 9700 §2.1.1).</summary>
public static class Pkce
{
    private static readonly SearchValues<char> s_unreserved =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~");

    private static readonly SearchValues<char> s_base64Url =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <summary>A verifier of 43 characters.</summary>
    /// <param name="random32">32 bytes that nobody can guess.</param>
    /// <exception cref="ArgumentException">There are not 32.</exception>
    public static string Verifier(ReadOnlySpan<byte> random32) =>
        random32.Length == 32 ? Base64Url.EncodeToString(random32) : throw new ArgumentException("32 bytes are wanted.", nameof(random32));

    /// <summary>BASE64URL(SHA256(verifier)), 43 characters (RFC 7636 §4.2).</summary>
    public static string Challenge(string verifier) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));

    /// <summary>43 characters of base64url.</summary>
    public static bool IsChallenge(string s) => s.Length == 43 && !s.AsSpan().ContainsAnyExcept(s_base64Url);

    /// <summary>43 to 128 unreserved characters (RFC 7636 §4.1).</summary>
    public static bool IsVerifier(string s) => s.Length is >= 43 and <= 128 && !s.AsSpan().ContainsAnyExcept(s_unreserved);

    /// <summary>Whether the verifier is well formed and belongs to the challenge. Takes the same time wherever they differ.</summary>
    public static bool Matches(string verifier, string challenge) =>
        IsVerifier(verifier)
        && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Challenge(verifier)), Encoding.UTF8.GetBytes(challenge));
}
