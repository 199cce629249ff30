using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Holdfast.Keys;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.Sso;

/// <summary>A connection's own key, by which it proves itself at its provider (<c>private_key_jwt</c>). It stands in the connection's settings, sealed with them; no other
/// connection has it, so what it signs for one provider is worth nothing at another.</summary>
/// <param name="Id">The <c>kid</c>: derived from the public half.</param>
/// <param name="Algorithm"><c>RS256</c>, <c>PS256</c> or <c>ES256</c>.</param>
/// <param name="PrivateKey">PKCS#8 in base64.</param>
internal sealed record OidcClientKey(string Id, string Algorithm, string PrivateKey)
{
    public static readonly IReadOnlyList<string> Algorithms = ["RS256", "PS256", "ES256"];

    private const int Bits = 2048;

    private bool IsElliptic => Algorithm == "ES256";

    /// <summary>A new one. RSA takes a while, so it is made before the transaction that keeps it.</summary>
    public static OidcClientKey Make(string algorithm)
    {
        using AsymmetricAlgorithm key = algorithm == "ES256" ? ECDsa.Create(ECCurve.NamedCurves.nistP256) : RSA.Create(Bits);
        return new OidcClientKey(
            Base64.Encode(SHA256.HashData(key.ExportSubjectPublicKeyInfo()).AsSpan(0, 16).ToArray()), algorithm, Convert.ToBase64String(key.ExportPkcs8PrivateKey()));
    }

    /// <summary>Signs with it; the key is opened for this alone.</summary>
    public T Sign<T>(Func<SigningCredentials, T> sign)
    {
        if (!IsElliptic)
        {
            using var rsa = RSA.Create();
            rsa.ImportPkcs8PrivateKey(Convert.FromBase64String(PrivateKey), out _);
            return sign(Credentials(new RsaSecurityKey(rsa)));
        }
        using var ec = ECDsa.Create();
        ec.ImportPkcs8PrivateKey(Convert.FromBase64String(PrivateKey), out _);
        return sign(Credentials(new ECDsaSecurityKey(ec)));
    }

    /// <summary>The public half, as a provider loads it (RFC 7517 §5).</summary>
    public JsonObject ToJwks()
    {
        var jwk = new JsonObject { ["kid"] = Id, ["use"] = "sig", ["alg"] = Algorithm };
        if (IsElliptic)
        {
            using var ec = ECDsa.Create();
            ec.ImportPkcs8PrivateKey(Convert.FromBase64String(PrivateKey), out _);
            var point = ec.ExportParameters(includePrivateParameters: false).Q;
            (jwk["kty"], jwk["crv"], jwk["x"], jwk["y"]) = ("EC", "P-256", Base64.Encode(point.X!), Base64.Encode(point.Y!));
        }
        else
        {
            using var rsa = RSA.Create();
            rsa.ImportPkcs8PrivateKey(Convert.FromBase64String(PrivateKey), out _);
            var key = rsa.ExportParameters(includePrivateParameters: false);
            (jwk["kty"], jwk["n"], jwk["e"]) = ("RSA", Base64.Encode(key.Modulus!), Base64.Encode(key.Exponent!));
        }
        return new JsonObject { ["keys"] = new JsonArray(jwk) };
    }

    // The library keeps what it signed with by the key's id, and this key is gone when the signing is done.
    private SigningCredentials Credentials(SecurityKey key)
    {
        key.KeyId = Id;
        return new SigningCredentials(key, Algorithm) { CryptoProviderFactory = new CryptoProviderFactory { CacheSignatureProviders = false } };
    }
}
