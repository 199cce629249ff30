using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;

namespace Holdfast.Protocols.OpenIdConnect;

/// <summary>A provider's public keys (RFC 7517 §5), as far as they can check a signature. Keys that cannot stay listed with the reason, so that
/// a token that names one is told apart from a token whose key is not here yet.</summary>
public sealed class SigningKeys
{
    /// <summary>The largest set that is read, in bytes.</summary>
    public const int MaxBytes = 256 * 1024;

    /// <summary>The most keys that are read.</summary>
    public const int MaxKeys = 100;

    private const int MinRsaBits = 2048;
    private const int MaxRsaBits = 8192;   // one check costs time with the square of it

    private SigningKeys(IReadOnlyList<SigningKey> keys) => Keys = keys;

    internal IReadOnlyList<SigningKey> Keys { get; }

    /// <summary>A set without keys: of a provider that signs nothing.</summary>
    public static SigningKeys None { get; } = new([]);

    /// <summary>How many of them can check a signature.</summary>
    public int Usable => Keys.Count(k => k.Fault is null);

    /// <summary>The names of those that can, as they are published.</summary>
    public IReadOnlyList<string> Names => [.. Keys.Where(k => k.Fault is null).Select(k => k.Kid).OfType<string>()];

    /// <summary>Whether two sets hold the same keys, in whatever order and with whatever else beside them.</summary>
    public bool SaysTheSameAs(SigningKeys other) => Keys.Select(k => k.Meaning).Order(StringComparer.Ordinal).SequenceEqual(other.Keys.Select(k => k.Meaning).Order(StringComparer.Ordinal), StringComparer.Ordinal);

    /// <summary>Null when the set cannot be read: not JSON, no <c>keys</c>, above a bound. Keep the last good set then.</summary>
    public static SigningKeys? Read(ReadOnlySpan<byte> jwksJson)
    {
        if (!StrictJson.TryReadObject(jwksJson, MaxBytes, out var set)
            || !set.TryGetProperty("keys", out var keys) || keys.ValueKind != JsonValueKind.Array || keys.GetArrayLength() > MaxKeys)
        {
            return null;
        }
        return new SigningKeys([.. keys.EnumerateArray().Where(k => k.ValueKind == JsonValueKind.Object).Select(ReadKey)]);
    }

    private static SigningKey ReadKey(JsonElement key)
    {
        var (kid, alg) = (key.TextOrNull("kid"), key.TextOrNull("alg"));
        if (key.TryGetProperty("d", out _) || key.TryGetProperty("k", out _))
        {
            return Faulty("its secret part is published");
        }
        if (key.TextOrNull("use") is { } use && use != "sig")
        {
            return Faulty("it is not for signatures");
        }
        if (key.TryGetProperty("key_ops", out _) && key.TextsOrNull("key_ops")?.Contains("verify") != true)
        {
            return Faulty("it is not for checking signatures");
        }
        switch (key.TextOrNull("kty"))
        {
            case "RSA" when Number(key, "n") is { } modulus && Number(key, "e") is { } exponent:
                var bits = (modulus.Length * 8) - byte.LeadingZeroCount(modulus[0]);
                if (bits is < MinRsaBits or > MaxRsaBits)
                {
                    return Faulty($"RSA of {bits} bits, not between {MinRsaBits} and {MaxRsaBits}");
                }
                if (exponent.Length > 4 || exponent is [1] || (exponent[^1] & 1) == 0)
                {
                    return Faulty("its RSA exponent makes signatures easy to forge, or slow to check");
                }
                return new SigningKey(kid, alg, new RSAParameters { Modulus = modulus, Exponent = exponent }, null, null, key.TextOrNull("issuer"));
            case "EC" when Curve(key.TextOrNull("crv")) is { } curve && Bytes(key, "x") is { } x && Bytes(key, "y") is { } y:
                return new SigningKey(kid, alg, null, new ECParameters { Curve = curve, Q = new ECPoint { X = x, Y = y } }, null, key.TextOrNull("issuer"));
            default:
                return Faulty("its type is not known, or a part is missing");
        }

        SigningKey Faulty(string fault) => new(kid, alg, null, null, fault);
    }

    private static ECCurve? Curve(string? name) => name switch
    {
        "P-256" => ECCurve.NamedCurves.nistP256,
        "P-384" => ECCurve.NamedCurves.nistP384,
        "P-521" => ECCurve.NamedCurves.nistP521,
        _ => null,
    };

    private static byte[]? Bytes(JsonElement key, string name)
    {
        if (!key.TryGetText(name, out var text) || text.Length > MaxRsaBits / 4)
        {
            return null;
        }
        try
        {
            return Base64Url.DecodeFromChars(text) is { Length: > 0 } bytes ? bytes : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>A big-endian number without leading zeros, which some providers add; null for zero.</summary>
    private static byte[]? Number(JsonElement key, string name) =>
        Bytes(key, name) is { } bytes && bytes.AsSpan().TrimStart((byte)0) is { Length: > 0 } number ? number.ToArray() : null;
}

/// <param name="Kid">Null when the set names none.</param>
/// <param name="Algorithm">The only algorithm that this key is for; null for any that fits.</param>
/// <param name="Fault">Why it must not be used; null when it may, and then exactly one of the two kinds of parameters is there.</param>
/// <param name="Issuer">The only issuer that it signs for, where a set serves many (Microsoft's does); null for any.</param>
internal sealed record SigningKey(string? Kid, string? Algorithm, RSAParameters? Rsa, ECParameters? Ec, string? Fault, string? Issuer = null)
{
    /// <summary>All that counts of the key, as one text.</summary>
    public string Meaning => string.Join('\n', Kid, Algorithm, Fault, Issuer, Hex(Rsa?.Modulus), Hex(Rsa?.Exponent), Ec?.Curve.Oid.FriendlyName, Hex(Ec?.Q.X), Hex(Ec?.Q.Y));

    private static string Hex(byte[]? bytes) => Convert.ToHexStringLower(bytes ?? []);

    public bool SignsFor(JsonElement claims) => Issuer is null || TenantIssuer.Fill(Issuer, claims) == claims.TextOrNull("iss");

    public bool Fits(string algorithm) =>
        Fault is null
        && (Algorithm is null || Algorithm == algorithm)
        && (Rsa is not null
            ? algorithm[0] is 'R' or 'P'
            : algorithm[0] == 'E' && (Ec!.Value.Q.X!.Length, algorithm) is (32, "ES256") or (48, "ES384") or (66, "ES512"));
}
