using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.Protocols.OpenIdConnect;

/// <summary>Judges an ID token (OpenID Connect Core 1.0 §3.1.3.7, RFC 8725).</summary>
/// <remarks>The library checks the signature and nothing else: its own reader of tokens has a clock, takes the last of two equal names, and tells
/// a claim of the wrong type as a bad signature. Key, algorithm and claims are judged here, on the very bytes that were signed;
/// <c>jku</c>, <c>x5u</c>, <c>jwk</c> and their like are never read.</remarks>
public static class IdToken
{
    /// <summary>The longest token that is read, in characters.</summary>
    public const int MaxLength = 64 * 1024;

    private const int MaxSubjectLength = 255;   // OpenID Connect Core 1.0 §2

    private static readonly HashSet<string> s_algorithms = new(StringComparer.Ordinal)
    {
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
    };

    // The decoder would forgive white space and padding, which RFC 7515 §2 does not allow.
    private static readonly SearchValues<char> s_characters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    /// <param name="jwksJson">The provider's key set as it was fetched.</param>
    /// <inheritdoc cref="Check(string, ProviderMetadata, SigningKeys, string, string, DateTimeOffset, TimeSpan, string)"/>
    public static IdTokenVerdict Check(
        string token, ProviderMetadata metadata, ReadOnlySpan<byte> jwksJson, string clientId, string nonce, DateTimeOffset now, TimeSpan skew) =>
        SigningKeys.Read(jwksJson) is { } keys
            ? Check(token, metadata, keys, clientId, nonce, now, skew)
            : new IdTokenVerdict.Refused(IdTokenRefusal.KeysUnreadable, "the key set is not JSON, or above a bound");

    /// <param name="nonce">The one that we sent when the flow began; null for a provider that is known not to give it back.</param>
    /// <param name="skew">How far the provider's clock may be off; 60 s is plenty.</param>
    /// <param name="accessToken">What came beside the ID token; where that holds <c>at_hash</c>, it must be this one's (§3.1.3.8). Null when there is none to use.</param>
    public static IdTokenVerdict Check(
        string token, ProviderMetadata metadata, SigningKeys keys, string clientId, string? nonce, DateTimeOffset now, TimeSpan skew, string? accessToken = null)
    {
        var parts = token.Length <= MaxLength && !token.AsSpan().ContainsAnyExcept(s_characters) ? token.Split('.') : [];
        if (parts.Length == 5)
        {
            return Refused(IdTokenRefusal.Encrypted, "five parts");
        }
        if (parts.Length != 3 || !TryDecode(parts[0], out var header) || !TryDecode(parts[1], out var claims))
        {
            return Refused(IdTokenRefusal.Malformed, $"not three parts of at most {MaxLength} characters with one JSON object each");
        }
        if (CheckHeader(header) is { } fault)
        {
            return fault;
        }
        return CheckSignature(token, header, claims, keys) ?? CheckClaims(claims, metadata.Issuer, clientId, nonce, now, skew)
            ?? CheckAccessToken(header.TextOrNull("alg")!, claims, accessToken)
            ?? (IdTokenVerdict)new IdTokenVerdict.Accepted(claims.Members(), claims.TextOrNull("sub")!);
    }

    internal static bool TryDecode(string part, out JsonElement json)
    {
        json = default;
        return TryDecode(part, out byte[] bytes) && StrictJson.TryReadObject(bytes, MaxLength, out json);
    }

    private static bool TryDecode(ReadOnlySpan<char> part, out byte[] bytes)
    {
        bytes = new byte[Base64Url.GetMaxDecodedLength(part.Length)];
        try
        {
            var done = Base64Url.TryDecodeFromChars(part, bytes, out var length);
            Array.Resize(ref bytes, length);
            return done;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static IdTokenVerdict.Refused? CheckHeader(JsonElement header)
    {
        if (!header.TryGetText("alg", out var algorithm) || !s_algorithms.Contains(algorithm))
        {
            return Refused(IdTokenRefusal.AlgorithmNotAllowed, algorithm ?? "no alg");
        }
        if (header.TryGetProperty("crit", out _))
        {
            return Refused(IdTokenRefusal.CriticalHeader, "crit");
        }
        if (header.TryGetProperty("typ", out _) && !string.Equals(header.TextOrNull("typ"), "JWT", StringComparison.OrdinalIgnoreCase))
        {
            return Refused(IdTokenRefusal.TypeNotAllowed, header.TextOrNull("typ") ?? "typ");
        }
        return null;
    }

    /// <returns>Null when the signature is the provider's.</returns>
    private static IdTokenVerdict? CheckSignature(string token, JsonElement header, JsonElement claims, SigningKeys keys)
    {
        var (algorithm, kid) = (header.TextOrNull("alg")!, header.TextOrNull("kid"));
        var named = keys.Keys.Where(k => kid is null || k.Kid == kid).ToArray();
        var fitting = named.Where(k => k.Fits(algorithm) && k.SignsFor(claims)).ToArray();
        if (fitting.Length == 0)
        {
            return kid is null || named.Length == 0 ? new IdTokenVerdict.UnknownKey(kid)
                : named.FirstOrDefault(k => k.Fault is not null) is { } faulty ? Refused(IdTokenRefusal.KeyRefused, $"key {kid}: {faulty.Fault}")
                : Refused(IdTokenRefusal.KeyDoesNotFit, $"key {kid} is not for {algorithm}");
        }
        if (kid is null && fitting.Length > 1)
        {
            return Refused(IdTokenRefusal.KeyAmbiguous, $"no kid, and {fitting.Length} keys for {algorithm}");
        }
        // More than one only where a provider gave one kid twice; then any of them will do.
        IdTokenVerdict.Refused? fault = null;
        foreach (var key in fitting)
        {
            fault = CheckSignature(token, algorithm, key);
            if (fault is null)
            {
                return null;
            }
        }
        return fault;
    }

    private static IdTokenVerdict.Refused? CheckSignature(string token, string algorithm, SigningKey key)
    {
        ECDsa? ec = null;
        try
        {
            ec = key.Ec is { } point ? ECDsa.Create(point) : null;
        }
        catch (CryptographicException)
        {
            return Refused(IdTokenRefusal.KeyRefused, $"key {key.Kid}: its point is not on its curve");
        }
        using (ec)
        {
            var factory = new CryptoProviderFactory { CacheSignatureProviders = false };
            using var verifier = factory.CreateForVerifying(ec is null ? new RsaSecurityKey(key.Rsa!.Value) : new ECDsaSecurityKey(ec), algorithm);
            var dot = token.LastIndexOf('.');
            return TryDecode(token.AsSpan(dot + 1), out var signature) && signature.Length > 0
                && verifier.Verify(Encoding.ASCII.GetBytes(token[..dot]), signature)
                ? null
                : Refused(IdTokenRefusal.SignatureInvalid, $"not by key {key.Kid ?? "without kid"}");
        }
    }

    private static IdTokenVerdict.Refused? CheckClaims(
        JsonElement claims, string issuer, string clientId, string? nonce, DateTimeOffset now, TimeSpan skew)
    {
        if (TenantIssuer.Fill(issuer, claims) is not { } filled || claims.TextOrNull("iss") != filled)
        {
            return Refused(IdTokenRefusal.IssuerMismatch, $"{claims.TextOrNull("iss") ?? "none"} instead of {issuer}");
        }
        if ((CheckAudience(claims, clientId) ?? CheckTimes(claims, now, skew)) is { } fault)
        {
            return fault;
        }
        if (claims.TextOrNull("sub") is not { Length: <= MaxSubjectLength })
        {
            return Refused(IdTokenRefusal.SubjectMissing, $"no sub of 1 to {MaxSubjectLength} characters");
        }
        if (nonce is null)
        {
            return null;
        }
        if (!claims.TryGetText("nonce", out var given))
        {
            return Refused(IdTokenRefusal.NonceMissing, "nonce");
        }
        return CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(nonce))
            ? null
            : Refused(IdTokenRefusal.NonceMismatch, "the token belongs to another sign-in");
    }

    /// <summary>The left half of the access token's hash, of the size that the signature's algorithm has.</summary>
    private static IdTokenVerdict.Refused? CheckAccessToken(string algorithm, JsonElement claims, string? accessToken)
    {
        if (accessToken is null || !claims.TryGetProperty("at_hash", out _))
        {
            return null;
        }
        var bytes = Encoding.ASCII.GetBytes(accessToken);
        var hash = algorithm[2..] switch
        {
            "256" => SHA256.HashData(bytes),
            "384" => SHA384.HashData(bytes),
            _ => SHA512.HashData(bytes),
        };
        var half = Base64Url.EncodeToString(hash.AsSpan(0, hash.Length / 2));
        return CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(half), Encoding.UTF8.GetBytes(claims.TextOrNull("at_hash") ?? ""))
            ? null
            : Refused(IdTokenRefusal.AccessTokenMismatch, "at_hash is another token's");
    }

    private static IdTokenVerdict.Refused? CheckAudience(JsonElement claims, string clientId)
    {
        var audiences = claims.TryGetText("aud", out var one) ? [one] : claims.TextsOrNull("aud") ?? [];
        if (!audiences.Contains(clientId, StringComparer.Ordinal))
        {
            return Refused(IdTokenRefusal.AudienceMismatch, $"{string.Join(", ", audiences)} without {clientId}");
        }
        if (claims.TryGetProperty("azp", out _))
        {
            return claims.TextOrNull("azp") == clientId
                ? null
                : Refused(IdTokenRefusal.AuthorizedPartyMismatch, $"{claims.TextOrNull("azp") ?? "none"} instead of {clientId}");
        }
        return audiences.Count > 1 ? Refused(IdTokenRefusal.AuthorizedPartyMissing, $"{audiences.Count} audiences and no azp") : null;
    }

    private static IdTokenVerdict.Refused? CheckTimes(JsonElement claims, DateTimeOffset now, TimeSpan skew)
    {
        var (at, leeway) = (now.ToUnixTimeMilliseconds() / 1000.0, skew.TotalSeconds);
        if (Seconds(claims, "exp") is not { } expiry)
        {
            return Refused(IdTokenRefusal.ExpiryMissing, "no number in exp");
        }
        if (Seconds(claims, "iat") is not { } issuedAt)
        {
            return Refused(IdTokenRefusal.IssuedAtMissing, "no number in iat");
        }
        if (at >= expiry + leeway)
        {
            return Refused(IdTokenRefusal.Expired, Ago(at - expiry));
        }
        if (issuedAt > at + leeway)
        {
            return Refused(IdTokenRefusal.IssuedInTheFuture, Ahead(issuedAt - at));
        }
        return claims.TryGetProperty("nbf", out _) && !(Seconds(claims, "nbf") <= at + leeway)
            ? Refused(IdTokenRefusal.NotYetValid, "nbf is ahead of our clock, or no number")
            : null;
    }

    /// <summary>Seconds since 1970, fractions allowed (RFC 7519 §2, NumericDate); null for anything but a number.</summary>
    private static double? Seconds(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var seconds)
        && double.IsFinite(seconds) ? seconds : null;

    private static string Ago(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds:0} s ago by our clock");

    private static string Ahead(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds:0} s ahead of our clock");

    private static IdTokenVerdict.Refused Refused(IdTokenRefusal why, string detail) => new(why, detail);
}
