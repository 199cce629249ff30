using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Environments;

/// <summary>Keys that sign an environment's tokens: RS256, RSA of 2,048 bits.</summary>
public static class SigningKey
{
    private const int Bits = 2048;

    /// <summary>The public half as a JSON Web Key (RFC 7517), with every field that the public description asks for.</summary>
    public sealed record Jwk(
        string Alg,
        string Kty,
        string Use,
        [property: JsonPropertyName("x5c")] IReadOnlyList<string> X5c,
        string N,
        string E,
        string Kid,
        [property: JsonPropertyName("x5t#S256")] string X5tS256);

    /// <summary>A new key.</summary>
    /// <param name="active">Whether it signs from now on, or waits as the next one.</param>
    public static Change Make(string environmentId, bool active, ClusterKeys keys, Ids ids, TimeProvider clock)
    {
        using var rsa = RSA.Create(Bits);
        var id = ids.New(Ids.SigningKey);
        var now = clock.GetUtcNow();
        var request = new CertificateRequest($"CN={id}", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddYears(20));
        var parameters = rsa.ExportParameters(includePrivateParameters: false);
        var jwk = new Jwk("RS256", "RSA", "sig", [Convert.ToBase64String(certificate.RawData)], Base64.Encode(parameters.Modulus), Base64.Encode(parameters.Exponent),
            id, Base64.Encode(SHA256.HashData(certificate.RawData)));
        return Change.To(Schema.SigningKeys, id,
            ("environment_id", environmentId), ("private_key_sealed", keys.SealAtRest($"signing_keys/{id}/private_key", rsa.ExportPkcs8PrivateKey())),
            ("public_jwk", JsonSerializer.Serialize(jwk, JavaScriptJson.Options)), ("created_at", now.ToUnixTimeMilliseconds()),
            ("activated_at", active ? now.ToUnixTimeMilliseconds() : null));
    }
}
