using System.Buffers.Text;
using System.Text;
using CsCheck;
using Holdfast.Protocols.OpenIdConnect;

namespace Holdfast.Protocols.Tests.OpenIdConnect;

/// <summary>Whatever a stranger sends, there is a verdict and no exception.</summary>
public sealed class AnyInputTests
{
    private const string Issuer = "https://idp.example";

    private static readonly ProviderMetadata s_metadata = new(
        Issuer, "https://idp.example/authorize", "https://idp.example/token", "https://idp.example/keys", null, null, [], SendsIssuer: false);

    // Names and values that the readers know, in places where they do not belong.
    private static readonly Gen<string> s_name = OneOf(
        "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "token_endpoint_auth_methods_supported", "keys", "kty", "crv", "x", "y", "n", "e",
        "kid", "alg", "use", "key_ops", "iss", "aud", "azp", "sub", "exp", "iat", "nbf", "nonce", "typ", "error", "id_token", "access_token", "email", "\\ud800");

    private static readonly Gen<string> s_leaf = OneOf(
        "null", "true", "0", "-1", "1e400", "1767225600", "\"\"", "\"RSA\"", "\"EC\"", "\"P-256\"", "\"RS256\"", "\"ES256\"", "\"AQAB\"", "\"k1\"", "\"!\"",
        "\"\\ud800\"", "\"\\udc00x\"", "\"https://idp.example\"", "\"https://\"", "\"//\"", "[]", "{}", "[\"\\ud800\"]", "[1,\"a\"]", "\"" + "AQAB" + "\"");

    private static readonly Gen<string> s_json = Gen.Recursive<string>((depth, self) =>
    {
        var inner = depth < 4 ? Gen.Frequency((3, s_leaf), (2, self)) : s_leaf;
        return Gen.Frequency(
            (4, Gen.Select(s_name, inner, (n, v) => $"\"{n}\":{v}").Array[0, 8].Select(m => $"{{{string.Join(',', m)}}}")),
            (1, inner.Array[0, 4].Select(v => $"[{string.Join(',', v)}]")));
    });

    [Fact]
    public void Readers_of_documents_never_throw() => s_json.Sample(json =>
    {
        var bytes = Encoding.UTF8.GetBytes(json);
        _ = ProviderMetadata.Read(bytes, null, allowHttpLoopback: true);
        _ = SigningKeys.Read(bytes);
        _ = TokenResponse.Read(bytes);
        _ = TokenResponse.Read(bytes, needsIdToken: false);
        _ = AccountDocument.Read(bytes);
        if (UserInfo.Read(bytes, "a") is UserInfoVerdict.Accepted accepted)
        {
            _ = EmailClaim.Read(accepted.Claims);
        }
    });

    [Fact]
    public void The_judge_of_tokens_never_throws_and_accepts_none_of_these() =>
        Gen.Select(s_json, s_json, s_json, Gen.Byte.Array[0, 80]).Sample((header, payload, keys, signature) =>
        {
            var token = $"{Part(header)}.{Part(payload)}.{Base64Url.EncodeToString(signature)}";
            var set = Encoding.UTF8.GetBytes($$"""{"keys":[{{keys}}]}""");
            _ = IdTokenSurface.Read(token);
            return IdToken.Check(token, s_metadata, set, "client", "nonce", DateTimeOffset.UnixEpoch, TimeSpan.Zero) is not IdTokenVerdict.Accepted;
        });

    [Fact]
    public void A_well_headed_token_against_odd_keys_never_throws() =>
        Gen.Select(OneOf("RS256", "PS384", "ES256", "ES512"), s_json, s_json, Gen.Byte.Array[0, 80]).Sample((algorithm, payload, key, signature) =>
        {
            var token = $"{Part($$"""{"alg":"{{algorithm}}"}""")}.{Part(payload)}.{Base64Url.EncodeToString(signature)}";
            var point = Base64Url.EncodeToString(new byte[32]);
            var set = Encoding.UTF8.GetBytes($$"""{"keys":[{{key}},{"kty":"EC","crv":"P-256","x":"{{point}}","y":"{{point}}"},{"kty":"RSA","e":"Aw","n":"{{Base64Url.EncodeToString(Modulus())}}"}]}""");
            _ = IdTokenSurface.Read(token);
            return IdToken.Check(token, s_metadata, set, "client", "nonce", DateTimeOffset.UnixEpoch, TimeSpan.Zero) is not IdTokenVerdict.Accepted;
        });

    [Fact]
    public void Any_text_is_judged() => Gen.String.Sample(text =>
        IdToken.Check(text, s_metadata, "{\"keys\":[]}"u8, "client", "nonce", DateTimeOffset.UnixEpoch, TimeSpan.Zero) is IdTokenVerdict.Refused
        && !Pkce.Matches(text, text) && (text.Length != 43 || !Pkce.IsChallenge(text) || Pkce.IsVerifier(text)));

    private static Gen<string> OneOf(params string[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static byte[] Modulus() => [.. Enumerable.Repeat((byte)0xfe, 256)];   // even: no product of two primes at all

    private static string Part(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
}
