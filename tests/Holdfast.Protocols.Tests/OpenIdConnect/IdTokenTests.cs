using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Holdfast.Protocols.OpenIdConnect;

namespace Holdfast.Protocols.Tests.OpenIdConnect;

/// <summary>Every token here is written by hand, so that it can be wrong in ways that no library would write.</summary>
public sealed class IdTokenTests
{
    private const string Issuer = "https://idp.example/8f3c/v2.0";
    private const string Client = "client-1";
    private const string Nonce = "nonce-1";

    private static readonly DateTimeOffset s_now = DateTimeOffset.Parse("2026-01-01T00:00:00Z", null);
    private static readonly RSA s_rsa = RSA.Create(2048);
    private static readonly RSA s_otherRsa = RSA.Create(2048);
    private static readonly ECDsa s_p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly ECDsa s_p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
    private static readonly ECDsa s_p521 = ECDsa.Create(ECCurve.NamedCurves.nistP521);

    private static readonly ProviderMetadata s_metadata = new(
        Issuer, "https://idp.example/authorize", "https://idp.example/token", "https://idp.example/keys", null, null, [], SendsIssuer: false);

    private static JsonObject Header(string algorithm = "RS256", string? kid = "k1")
    {
        var header = new JsonObject { ["alg"] = algorithm, ["typ"] = "JWT" };
        if (kid is not null)
        {
            header["kid"] = kid;
        }
        return header;
    }

    private static JsonObject Claims(Action<JsonObject>? change = null)
    {
        var now = s_now.ToUnixTimeSeconds();
        var claims = new JsonObject
        {
            ["iss"] = Issuer, ["aud"] = Client, ["sub"] = "sub-1", ["iat"] = now, ["exp"] = now + 300, ["nonce"] = Nonce, ["email"] = "ada@acme.test",
        };
        change?.Invoke(claims);
        return claims;
    }

    private static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    private static string Sign(string header, string payload, Func<byte[], byte[]> sign)
    {
        var signed = $"{Encode(header)}.{Encode(payload)}";
        return $"{signed}.{Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    private static string Token(JsonObject? claims = null, JsonObject? header = null, AsymmetricAlgorithm? key = null)
    {
        header ??= Header();
        return Sign(header.ToJsonString(), (claims ?? Claims()).ToJsonString(), bytes => Signature(bytes, header["alg"]!.GetValue<string>(), key ?? s_rsa));
    }

    private static byte[] Signature(byte[] bytes, string algorithm, AsymmetricAlgorithm key)
    {
        var hash = algorithm[2..] switch
        {
            "256" => HashAlgorithmName.SHA256,
            "384" => HashAlgorithmName.SHA384,
            _ => HashAlgorithmName.SHA512,
        };
        return key switch
        {
            RSA rsa => rsa.SignData(bytes, hash, algorithm[0] == 'P' ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1),
            ECDsa ec => ec.SignData(bytes, hash),
            _ => throw new ArgumentException("No such key.", nameof(key)),
        };
    }

    private static JsonObject Jwk(RSA rsa, string? kid = "k1", string? alg = null)
    {
        var p = rsa.ExportParameters(false);
        return With(new JsonObject { ["kty"] = "RSA", ["n"] = Base64Url.EncodeToString(p.Modulus), ["e"] = Base64Url.EncodeToString(p.Exponent) }, kid, alg);
    }

    private static JsonObject Jwk(ECDsa ec, string? kid = "k1", string? alg = null)
    {
        var p = ec.ExportParameters(false);
        return With(
            new JsonObject
            {
                ["kty"] = "EC", ["crv"] = $"P-{ec.KeySize}", ["x"] = Base64Url.EncodeToString(p.Q.X), ["y"] = Base64Url.EncodeToString(p.Q.Y),
            },
            kid,
            alg);
    }

    private static JsonObject With(JsonObject jwk, string? kid, string? alg)
    {
        if (kid is not null)
        {
            jwk["kid"] = kid;
        }
        if (alg is not null)
        {
            jwk["alg"] = alg;
        }
        return jwk;
    }

    private static byte[] Set(params JsonObject[] keys) =>
        Encoding.UTF8.GetBytes(new JsonObject { ["keys"] = new JsonArray([.. keys.Select(k => k.DeepClone())]) }.ToJsonString());

    private static IdTokenVerdict Check(string token, byte[]? jwks = null, double skewSeconds = 60, ProviderMetadata? metadata = null) =>
        IdToken.Check(token, metadata ?? s_metadata, jwks ?? Set(Jwk(s_rsa)), Client, Nonce, s_now, TimeSpan.FromSeconds(skewSeconds));

    private static void Accepted(IdTokenVerdict verdict) => Assert.IsType<IdTokenVerdict.Accepted>(verdict);

    private static void Refused(IdTokenRefusal why, IdTokenVerdict verdict) => Assert.Equal(why, Assert.IsType<IdTokenVerdict.Refused>(verdict).Why);

    private static void Unknown(string? kid, IdTokenVerdict verdict) => Assert.Equal(new IdTokenVerdict.UnknownKey(kid), verdict);

    [Fact]
    public void A_sound_token_is_accepted_with_its_claims()
    {
        var accepted = Assert.IsType<IdTokenVerdict.Accepted>(Check(Token()));

        Assert.Equal(("sub-1", "ada@acme.test"), (accepted.Subject, accepted.Claims["email"].GetString()));
    }

    [Theory]
    [InlineData("RS256")]
    [InlineData("RS384")]
    [InlineData("RS512")]
    [InlineData("PS256")]
    [InlineData("PS384")]
    [InlineData("PS512")]
    [InlineData("ES256")]
    [InlineData("ES384")]
    [InlineData("ES512")]
    public void Each_allowed_algorithm_is_checked(string algorithm)
    {
        var ec = algorithm switch
        {
            "ES256" => s_p256,
            "ES384" => s_p384,
            _ => s_p521,
        };
        var (key, jwk) = algorithm[0] == 'E' ? ((AsymmetricAlgorithm)ec, Jwk(ec)) : (s_rsa, Jwk(s_rsa));
        var token = Token(header: Header(algorithm), key: key);

        Accepted(Check(token, Set(jwk)));
        var parts = token.Split('.');
        Refused(IdTokenRefusal.SignatureInvalid, Check($"{parts[0]}.{Encode(Claims(c => c["sub"] = "sub-2").ToJsonString())}.{parts[2]}", Set(jwk)));
    }

    // OAUTH-038: algorithms

    [Theory] // OAUTH-038
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("NONE")]
    [InlineData("nOnE")]
    [InlineData("")]
    [InlineData("rs256")]
    [InlineData("RS256 ")]
    [InlineData("RS1")]
    [InlineData("EdDSA")]
    [InlineData("ES256K")]
    public void An_algorithm_that_is_not_listed_is_refused(string algorithm)
    {
        Refused(IdTokenRefusal.AlgorithmNotAllowed, Check(Sign(Header(algorithm).ToJsonString(), Claims().ToJsonString(), _ => [])));
        Refused(IdTokenRefusal.AlgorithmNotAllowed, Check(Sign(Header(algorithm).ToJsonString(), Claims().ToJsonString(), b => Signature(b, "RS256", s_rsa))));
    }

    [Theory] // OAUTH-038
    [InlineData("HS256")]
    [InlineData("HS384")]
    [InlineData("HS512")]
    public void An_HMAC_is_refused_whatever_its_key(string algorithm)
    {
        byte[][] secrets = [Encoding.UTF8.GetBytes("client-secret"), s_rsa.ExportSubjectPublicKeyInfo(), Encoding.ASCII.GetBytes(s_rsa.ExportSubjectPublicKeyInfoPem())];
        foreach (var secret in secrets)
        {
            var token = Sign(Header(algorithm).ToJsonString(), Claims().ToJsonString(), b => algorithm switch
            {
                "HS256" => HMACSHA256.HashData(secret, b),
                "HS384" => HMACSHA384.HashData(secret, b),
                _ => HMACSHA512.HashData(secret, b),
            });
            var octet = new JsonObject { ["kty"] = "oct", ["kid"] = "k1", ["k"] = Base64Url.EncodeToString(secret) };
            Refused(IdTokenRefusal.AlgorithmNotAllowed, Check(token, Set(octet)));
        }
    }

    [Fact]
    public void A_missing_algorithm_or_one_that_is_no_text_is_refused()
    {
        Refused(IdTokenRefusal.AlgorithmNotAllowed, Check(Sign("{}", Claims().ToJsonString(), _ => [])));
        Refused(IdTokenRefusal.AlgorithmNotAllowed, Check(Sign("""{"alg":["RS256"]}""", Claims().ToJsonString(), _ => [])));
    }

    // OAUTH-038: header and form

    [Theory]
    [InlineData("""{"alg":"RS256","kid":"k1","crit":["exp"]}""", IdTokenRefusal.CriticalHeader)]
    [InlineData("""{"alg":"RS256","kid":"k1","crit":["b64"],"b64":false}""", IdTokenRefusal.CriticalHeader)]
    [InlineData("""{"alg":"RS256","kid":"k1","typ":"at+jwt"}""", IdTokenRefusal.TypeNotAllowed)]
    [InlineData("""{"alg":"RS256","kid":"k1","typ":"logout+jwt"}""", IdTokenRefusal.TypeNotAllowed)]
    [InlineData("""{"alg":"none","alg":"RS256","kid":"k1"}""", IdTokenRefusal.Malformed)]
    [InlineData("""[]""", IdTokenRefusal.Malformed)]
    [InlineData("""{"alg":"RS256" /* c */}""", IdTokenRefusal.Malformed)]
    public void A_header_that_asks_for_more_is_refused(string header, IdTokenRefusal why) =>
        Refused(why, Check(Sign(header, Claims().ToJsonString(), b => Signature(b, "RS256", s_rsa))));

    [Theory]
    [InlineData("""{"alg":"RS256","kid":"k1"}""")]
    [InlineData("""{"alg":"RS256","kid":"k1","typ":"jwt"}""")]
    public void A_header_without_a_type_or_with_ours_is_fine(string header) =>
        Accepted(Check(Sign(header, Claims().ToJsonString(), b => Signature(b, "RS256", s_rsa))));

    [Fact]
    public void A_key_in_the_header_is_not_looked_at()
    {
        var header = Header();
        header["jwk"] = Jwk(s_otherRsa);
        header["jku"] = "https://evil.example/keys";
        header["x5u"] = "https://evil.example/cert";

        Refused(IdTokenRefusal.SignatureInvalid, Check(Token(header: header, key: s_otherRsa)));
        Accepted(Check(Token(header: (JsonObject)header.DeepClone())));
    }

    [Fact]
    public void A_signature_cut_or_taken_away_is_refused()
    {
        var parts = Token().Split('.');

        Refused(IdTokenRefusal.SignatureInvalid, Check($"{parts[0]}.{parts[1]}."));
        Refused(IdTokenRefusal.SignatureInvalid, Check($"{parts[0]}.{parts[1]}.{parts[2][..^4]}"));
        Refused(IdTokenRefusal.SignatureInvalid, Check($"{parts[0]}.{parts[1]}.a"));
    }

    [Theory]
    [InlineData("=")]
    [InlineData(" ")]
    [InlineData("\n")]
    [InlineData("!")]
    public void Characters_that_a_decoder_might_forgive_are_refused(string more)
    {
        Refused(IdTokenRefusal.Malformed, Check(Token() + more));
        Refused(IdTokenRefusal.Malformed, Check(more + Token()));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a.b")]
    [InlineData("a.b.c")]
    [InlineData("a.b.c.d")]
    [InlineData("e30.e30.e30.e30.e30.e30")]
    public void What_is_no_token_is_refused(string token) => Refused(IdTokenRefusal.Malformed, Check(token));

    [Fact] // OAUTH-035
    public void An_encrypted_token_is_refused() => Refused(IdTokenRefusal.Encrypted, Check("e30.e30.e30.e30.e30"));

    [Fact] // OAUTH-035
    public void A_token_above_the_bound_is_refused()
    {
        Refused(IdTokenRefusal.Malformed, Check(Token(Claims(c => c["x"] = new string('x', 1024 * 1024)))));
        Accepted(Check(Token(Claims(c => c["x"] = new string('x', 32 * 1024)))));
    }

    [Fact]
    public void A_claim_that_stands_twice_is_refused() =>
        Refused(
            IdTokenRefusal.Malformed,
            Check(Sign(Header().ToJsonString(), Claims().ToJsonString().Replace("{", """{"sub":"sub-0",""", StringComparison.Ordinal), b => Signature(b, "RS256", s_rsa))));

    // OAUTH-038 and 043: which key

    [Fact]
    public void A_key_id_that_is_not_in_the_set_is_unknown_and_not_refused()
    {
        Unknown("k2", Check(Token(header: Header(kid: "k2"))));
        Unknown("../../etc/passwd", Check(Token(header: Header(kid: "../../etc/passwd"))));
        Unknown("k1", Check(Token(), Set()));
        Accepted(Check(Token(header: Header(kid: "k2"), key: s_otherRsa), Set(Jwk(s_rsa), Jwk(s_otherRsa, "k2"))));   // after one refetch
    }

    [Fact] // OAUTH-038
    public void Without_a_key_id_exactly_one_fitting_key_is_taken()
    {
        var token = Token(header: Header(kid: null));

        Accepted(Check(token, Set(Jwk(s_rsa))));
        Accepted(Check(token, Set(Jwk(s_rsa, kid: null))));
        Accepted(Check(token, Set(Jwk(s_rsa), Jwk(s_p256, "k2"))));
        Accepted(Check(token, Set(Jwk(s_rsa), Jwk(s_otherRsa, "k2", alg: "PS256"))));
        Refused(IdTokenRefusal.KeyAmbiguous, Check(token, Set(Jwk(s_rsa), Jwk(s_otherRsa, "k2"))));
        Unknown(null, Check(token, Set(Jwk(s_p256))));
        Unknown(null, Check(token, Set()));
    }

    [Fact]
    public void The_key_must_be_of_the_algorithms_type()
    {
        Refused(IdTokenRefusal.KeyDoesNotFit, Check(Token(), Set(Jwk(s_p256))));
        Refused(IdTokenRefusal.KeyDoesNotFit, Check(Token(header: Header("ES256"), key: s_p384), Set(Jwk(s_p384))));
        Refused(IdTokenRefusal.KeyDoesNotFit, Check(Token(), Set(Jwk(s_rsa, alg: "RS512"))));
        Accepted(Check(Token(), Set(Jwk(s_rsa, alg: "RS256"))));
    }

    [Fact] // OAUTH-043
    public void One_key_id_for_two_keys_finds_the_one_that_fits()
    {
        Accepted(Check(Token(), Set(Jwk(s_p256), Jwk(s_otherRsa), Jwk(s_rsa))));
        Accepted(Check(Token(header: Header("ES256"), key: s_p256), Set(Jwk(s_rsa), Jwk(s_p256))));
        Refused(IdTokenRefusal.SignatureInvalid, Check(Token(), Set(Jwk(s_p256), Jwk(s_otherRsa))));
    }

    [Fact] // OAUTH-043
    public void A_weak_key_is_refused()
    {
        using var small = RSA.Create(1024);
        using var tiny = RSA.Create(512);

        Refused(IdTokenRefusal.KeyRefused, Check(Token(key: small), Set(Jwk(small))));
        Refused(IdTokenRefusal.KeyRefused, Check(Token(key: tiny), Set(Jwk(tiny))));
        Unknown(null, Check(Token(header: Header(kid: null), key: small), Set(Jwk(small))));
        Accepted(Check(Token(header: Header(kid: null)), Set(Jwk(small), Jwk(s_rsa, "k2"))));   // and does not count as one that fits
    }

    [Fact]
    public void Zeros_before_a_modulus_neither_help_nor_hurt()
    {
        using var small = RSA.Create(1024);

        Refused(IdTokenRefusal.KeyRefused, Check(Token(key: small), Set(Padded(small))));
        Accepted(Check(Token(), Set(Padded(s_rsa))));

        static JsonObject Padded(RSA rsa)
        {
            var jwk = Jwk(rsa);
            jwk["n"] = Base64Url.EncodeToString([.. new byte[128], .. rsa.ExportParameters(false).Modulus!]);
            return jwk;
        }
    }

    [Fact]
    public void A_forgers_modulus_or_exponent_is_refused()
    {
        var one = Jwk(s_rsa);
        one["e"] = "AQ";
        var even = Jwk(s_rsa);
        even["e"] = "AQAA";
        var huge = Jwk(s_rsa);
        huge["n"] = Base64Url.EncodeToString(Enumerable.Repeat((byte)0xff, 1025).ToArray());
        var none = Jwk(s_rsa);
        none["n"] = "";

        foreach (var jwk in new[] { one, even, huge, none })
        {
            Refused(IdTokenRefusal.KeyRefused, Check(Token(), Set(jwk)));
        }
    }

    [Fact] // OAUTH-043
    public void A_key_whose_secret_is_published_is_refused()
    {
        var leaked = Jwk(s_rsa);
        leaked["d"] = "AQAB";

        Refused(IdTokenRefusal.KeyRefused, Check(Token(), Set(leaked)));
    }

    [Fact] // OAUTH-043
    public void A_point_off_its_curve_is_refused()
    {
        var off = Jwk(s_p256);
        off["y"] = off["x"]!.DeepClone();

        Refused(IdTokenRefusal.KeyRefused, Check(Token(header: Header("ES256"), key: s_p256), Set(off)));
    }

    [Fact]
    public void A_key_for_encryption_is_refused()
    {
        var use = Jwk(s_rsa);
        use["use"] = "enc";
        var operations = Jwk(s_rsa);
        operations["key_ops"] = new JsonArray("encrypt");
        var fine = Jwk(s_rsa);
        (fine["use"], fine["key_ops"]) = ("sig", new JsonArray("verify"));

        Refused(IdTokenRefusal.KeyRefused, Check(Token(), Set(use)));
        Refused(IdTokenRefusal.KeyRefused, Check(Token(), Set(operations)));
        Accepted(Check(Token(), Set(fine)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"keys":{}}""")]
    [InlineData("<html>")]
    public void A_set_that_cannot_be_read_is_refused(string jwks)
    {
        Refused(IdTokenRefusal.KeysUnreadable, Check(Token(), Encoding.UTF8.GetBytes(jwks)));
        Assert.Null(SigningKeys.Read(Encoding.UTF8.GetBytes(jwks)));
    }

    [Fact] // OAUTH-043
    public void A_set_above_a_bound_is_refused()
    {
        var hundred = Enumerable.Range(0, 99).Select(i => Jwk(s_p256, $"x{i}")).Append(Jwk(s_rsa)).ToArray();

        Accepted(Check(Token(), Set(hundred)));
        Refused(IdTokenRefusal.KeysUnreadable, Check(Token(), Set([.. hundred, Jwk(s_p256, "x")])));
        var heavy = Jwk(s_rsa);
        heavy["x5c"] = new string('x', SigningKeys.MaxBytes);
        Refused(IdTokenRefusal.KeysUnreadable, Check(Token(), Set(heavy)));
    }

    [Fact]
    public void Odd_keys_in_a_set_do_not_spoil_the_sound_one()
    {
        var set = Encoding.UTF8.GetBytes($$$"""
            {"keys":[1,null,"x",{},{"kty":"OKP","crv":"Ed25519","x":"AA","kid":"a"},{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"},
             {"kty":"RSA","n":"!!","e":"AQAB"},{"kty":7,"kid":{}},{{{Jwk(s_rsa).ToJsonString()}}}]}
            """);

        Accepted(Check(Token(), set));
        Assert.Equal(1, SigningKeys.Read(set)!.Usable);
    }

    // OAUTH-038, 039, 040: who issued it, and to whom

    [Theory] // OAUTH-038
    [InlineData("https://idp.example/8f3c/v2.0/")]
    [InlineData("https://idp.example/9999/v2.0")]   // another tenant, same keys
    [InlineData("https://idp.example/{tenantid}/v2.0")]
    [InlineData("https://IDP.example/8f3c/v2.0")]
    [InlineData("")]
    public void Another_issuer_is_refused(string issuer) => Refused(IdTokenRefusal.IssuerMismatch, Check(Token(Claims(c => c["iss"] = issuer))));

    [Fact]
    public void An_issuer_that_is_missing_or_no_text_is_refused()
    {
        Refused(IdTokenRefusal.IssuerMismatch, Check(Token(Claims(c => c.Remove("iss")))));
        Refused(IdTokenRefusal.IssuerMismatch, Check(Token(Claims(c => c["iss"] = new JsonArray(Issuer)))));
    }

    private static readonly ProviderMetadata s_tenants = s_metadata with { Issuer = "https://idp.example/{tenantid}/v2.0" };

    private static JsonObject OfTenant(string tid, string? iss = null) => Claims(c => (c["tid"], c["iss"]) = (tid, iss ?? $"https://idp.example/{tid}/v2.0"));

    [Fact]   // OAUTH-040
    public void An_issuer_for_all_tenants_is_that_of_the_token_s_own_tenant()
    {
        const string Tenant = "6f1f0a4e-1c1b-4c8a-9a55-0d6f6a1f7b11";

        Accepted(Check(Token(OfTenant(Tenant)), metadata: s_tenants));
        Refused(IdTokenRefusal.IssuerMismatch, Check(Token(OfTenant(Tenant, "https://idp.example/00000000-0000-0000-0000-000000000000/v2.0")), metadata: s_tenants));
        Refused(IdTokenRefusal.IssuerMismatch, Check(Token(OfTenant(Tenant, s_tenants.Issuer)), metadata: s_tenants));
        Refused(IdTokenRefusal.IssuerMismatch, Check(Token(OfTenant("{tenantid}")), metadata: s_tenants));
        Refused(IdTokenRefusal.IssuerMismatch, Check(Token(OfTenant("../evil")), metadata: s_tenants));
        Refused(IdTokenRefusal.IssuerMismatch, Check(Token(Claims(c => c["iss"] = "https://idp.example//v2.0")), metadata: s_tenants));
    }

    [Fact]   // OAUTH-040
    public void A_key_that_signs_for_one_tenant_signs_for_no_other()
    {
        const string Tenant = "6f1f0a4e-1c1b-4c8a-9a55-0d6f6a1f7b11";
        var (any, own, other) = (Jwk(s_rsa), Jwk(s_rsa), Jwk(s_rsa));
        (any["issuer"], own["issuer"], other["issuer"]) = (s_tenants.Issuer, $"https://idp.example/{Tenant}/v2.0", "https://idp.example/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0");

        Accepted(Check(Token(OfTenant(Tenant)), Set(any), metadata: s_tenants));
        Accepted(Check(Token(OfTenant(Tenant)), Set(own), metadata: s_tenants));
        Refused(IdTokenRefusal.KeyDoesNotFit, Check(Token(OfTenant(Tenant)), Set(other), metadata: s_tenants));
    }

    [Fact] // OAUTH-038
    public void Another_audience_is_refused()
    {
        Refused(IdTokenRefusal.AudienceMismatch, Check(Token(Claims(c => c["aud"] = "client-2"))));
        Refused(IdTokenRefusal.AudienceMismatch, Check(Token(Claims(c => c["aud"] = "CLIENT-1"))));
        Refused(IdTokenRefusal.AudienceMismatch, Check(Token(Claims(c => c["aud"] = new JsonArray("client-2", "client-3")))));
        Refused(IdTokenRefusal.AudienceMismatch, Check(Token(Claims(c => c["aud"] = new JsonArray(Client, 1)))));
        Refused(IdTokenRefusal.AudienceMismatch, Check(Token(Claims(c => c["aud"] = new JsonArray()))));
        Refused(IdTokenRefusal.AudienceMismatch, Check(Token(Claims(c => c.Remove("aud")))));
        Accepted(Check(Token(Claims(c => c["aud"] = new JsonArray(Client)))));
    }

    [Fact] // OAUTH-038
    public void Several_audiences_need_a_word_on_whose_token_it_is()
    {
        Refused(IdTokenRefusal.AuthorizedPartyMissing, Check(Token(Claims(c => c["aud"] = new JsonArray(Client, "client-2")))));
        Refused(
            IdTokenRefusal.AuthorizedPartyMismatch, Check(Token(Claims(c => (c["aud"], c["azp"]) = (new JsonArray(Client, "client-2"), "client-2")))));
        Refused(IdTokenRefusal.AuthorizedPartyMismatch, Check(Token(Claims(c => c["azp"] = "client-2"))));
        Refused(IdTokenRefusal.AuthorizedPartyMismatch, Check(Token(Claims(c => c["azp"] = 1))));
        Accepted(Check(Token(Claims(c => (c["aud"], c["azp"]) = (new JsonArray(Client, "client-2"), Client)))));
        Accepted(Check(Token(Claims(c => c["azp"] = Client))));
    }

    [Theory]   // OpenID Connect Core 1.0 §3.1.3.8
    [InlineData("RS256")]
    [InlineData("RS384")]
    [InlineData("PS512")]
    [InlineData("ES256")]
    public void A_hash_of_the_access_token_must_be_this_one_s(string algorithm)
    {
        var (key, jwk) = algorithm[0] == 'E' ? ((AsymmetricAlgorithm)s_p256, Jwk(s_p256)) : (s_rsa, Jwk(s_rsa));
        static byte[] Hash(string algorithm, string token) => algorithm[2..] switch
        {
            "256" => SHA256.HashData(Encoding.ASCII.GetBytes(token)),
            "384" => SHA384.HashData(Encoding.ASCII.GetBytes(token)),
            _ => SHA512.HashData(Encoding.ASCII.GetBytes(token)),
        };
        IdTokenVerdict CheckHash(JsonNode? hash, string? accessToken) => IdToken.Check(
            Token(Claims(c => c["at_hash"] = hash), Header(algorithm), key), s_metadata, SigningKeys.Read(Set(jwk))!, Client, Nonce, s_now, TimeSpan.Zero, accessToken);
        var whole = Hash(algorithm, "token");
        var half = Base64Url.EncodeToString(whole.AsSpan(0, whole.Length / 2));

        Accepted(CheckHash(half, "token"));
        Accepted(CheckHash("of another", null));   // there is none to use
        Refused(IdTokenRefusal.AccessTokenMismatch, CheckHash(half, "tokem"));
        Refused(IdTokenRefusal.AccessTokenMismatch, CheckHash(Base64Url.EncodeToString(whole), "token"));
        Refused(IdTokenRefusal.AccessTokenMismatch, CheckHash("", "token"));
        Refused(IdTokenRefusal.AccessTokenMismatch, CheckHash(1, "token"));
    }

    [Fact]
    public void A_provider_that_gives_back_no_nonce_is_known_to_the_caller_alone()
    {
        var token = Token(Claims(c => c.Remove("nonce")));

        Refused(IdTokenRefusal.NonceMissing, Check(token));
        Accepted(IdToken.Check(token, s_metadata, SigningKeys.Read(Set(Jwk(s_rsa)))!, Client, null, s_now, TimeSpan.Zero));
    }

    [Fact]
    public void What_a_token_says_of_itself_is_told_without_the_person()
    {
        var said = IdTokenSurface.Read(Token(Claims(c => c["at_hash"] = "x")))!;

        Assert.Equal(("RS256", "k1", "JWT", Issuer), (said.Algorithm, said.KeyId, said.Type, said.Issuer));
        Assert.Equal((Client, true, true), (Assert.Single(said.Audiences), said.HasNonce, said.HasAccessTokenHash));
        Assert.Contains("email", said.Claims);
        Assert.DoesNotContain("ada@acme.test", System.Text.Json.JsonSerializer.Serialize(said), StringComparison.Ordinal);
        Assert.DoesNotContain("sub-1", System.Text.Json.JsonSerializer.Serialize(said), StringComparison.Ordinal);
        Assert.DoesNotContain(Nonce, System.Text.Json.JsonSerializer.Serialize(said), StringComparison.Ordinal);
        Assert.Null(IdTokenSurface.Read("e30.e30"));
        Assert.Equal(301, IdTokenSurface.Read(Token(Claims(c => c["iss"] = new string('x', 5000))))!.Issuer!.Length);
    }

    // OAUTH-037 and 038: claims that must be there

    [Fact] // OAUTH-038
    public void A_missing_claim_is_refused()
    {
        Refused(IdTokenRefusal.SubjectMissing, Check(Token(Claims(c => c.Remove("sub")))));
        Refused(IdTokenRefusal.SubjectMissing, Check(Token(Claims(c => c["sub"] = ""))));
        Refused(IdTokenRefusal.SubjectMissing, Check(Token(Claims(c => c["sub"] = 7))));
        Refused(IdTokenRefusal.SubjectMissing, Check(Token(Claims(c => c["sub"] = new string('s', 256)))));
        Refused(IdTokenRefusal.IssuedAtMissing, Check(Token(Claims(c => c.Remove("iat")))));
        Refused(IdTokenRefusal.IssuedAtMissing, Check(Token(Claims(c => c["iat"] = "1767225600"))));
        Refused(IdTokenRefusal.ExpiryMissing, Check(Token(Claims(c => c.Remove("exp")))));
        Refused(IdTokenRefusal.ExpiryMissing, Check(Token(Claims(c => c["exp"] = "9999999999"))));
        Refused(IdTokenRefusal.ExpiryMissing, Check(Token(Claims(c => c["exp"] = null))));
        Accepted(Check(Token(Claims(c => c["sub"] = new string('s', 255)))));
    }

    [Fact] // OAUTH-037
    public void A_nonce_of_another_sign_in_is_refused()
    {
        Refused(IdTokenRefusal.NonceMissing, Check(Token(Claims(c => c.Remove("nonce")))));
        Refused(IdTokenRefusal.NonceMissing, Check(Token(Claims(c => c["nonce"] = new JsonArray(Nonce)))));
        Refused(IdTokenRefusal.NonceMismatch, Check(Token(Claims(c => c["nonce"] = "nonce-2"))));
        Refused(IdTokenRefusal.NonceMismatch, Check(Token(Claims(c => c["nonce"] = "NONCE-1"))));
    }

    // OAUTH-045

    [Theory] // OAUTH-045
    [InlineData(60, true)]
    [InlineData(61, false)]
    [InlineData(300, false)]
    [InlineData(3600, false)]
    public void A_clock_that_is_ahead_is_borne_for_a_minute(int seconds, bool fine)
    {
        var at = s_now.ToUnixTimeSeconds() + seconds;
        var issued = Check(Token(Claims(c => (c["iat"], c["exp"]) = (at, at + 300))));
        var notBefore = Check(Token(Claims(c => (c["nbf"], c["exp"]) = (at, at + 300))));

        if (fine)
        {
            Accepted(issued);
            Accepted(notBefore);
        }
        else
        {
            Refused(IdTokenRefusal.IssuedInTheFuture, issued);
            Refused(IdTokenRefusal.NotYetValid, notBefore);
        }
    }

    [Theory] // OAUTH-045
    [InlineData(59, true)]
    [InlineData(60, false)]
    [InlineData(300, false)]
    [InlineData(3600, false)]
    public void A_token_that_ran_out_is_borne_for_a_minute(int seconds, bool fine)
    {
        var at = s_now.ToUnixTimeSeconds() - seconds;
        var verdict = Check(Token(Claims(c => (c["iat"], c["exp"]) = (at - 300, at))));

        if (fine)
        {
            Accepted(verdict);
        }
        else
        {
            Refused(IdTokenRefusal.Expired, verdict);
        }
    }

    [Fact]
    public void Times_may_have_fractions_but_must_be_numbers_in_reach()
    {
        Accepted(Check(Token(Claims(c => c["iat"] = s_now.ToUnixTimeSeconds() + 0.5)), skewSeconds: 1));
        Refused(IdTokenRefusal.NotYetValid, Check(Token(Claims(c => c["nbf"] = "0"))));
        Refused(IdTokenRefusal.Expired, Check(Token(Claims(c => c["exp"] = -1))));
        Refused(
            IdTokenRefusal.ExpiryMissing,
            Check(Sign(Header().ToJsonString(), Claims().ToJsonString().Replace("\"exp\":", "\"exp\":1e999,\"was\":", StringComparison.Ordinal), b => Signature(b, "RS256", s_rsa))));
    }
}
