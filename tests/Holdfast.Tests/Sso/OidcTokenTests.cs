using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Holdfast.Tests.Sso;

/// <summary>What an ID token may be signed with, what comes beside it, and what is asked for more.</summary>
public sealed class OidcTokenTests(OidcTokenTests.Made made) : IClassFixture<OidcTokenTests.Made>
{
    private readonly HoldfastServer _server = made.Server;

    public sealed class Made : IAsyncLifetime
    {
        internal HoldfastServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Server = await HoldfastServer.StartAsync(new Start(IsDev: true));

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }

    [Theory]
    [InlineData("RS256")]
    [InlineData("ES256")]
    [InlineData("PS256")]
    public async Task Each_usual_algorithm_signs_somebody_in(string algorithm)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        provider.Algorithm = algorithm;
        provider.Claims = c => c["at_hash"] = Base64Url.EncodeToString(SHA256.HashData("access-token-0815"u8).AsSpan(0, 16));

        var profile = await provider.SignInAsync(await provider.ConnectAsync());

        Assert.Equal(("ada@acme.test", "sub-1", "Ada"), (Text(profile, "email"), Text(profile, "idp_id"), Text(profile, "first_name")));
        Assert.Equal(0, provider.Count("/userinfo"));   // nothing was missing
    }

    [Theory] // OAUTH-045
    [InlineData(60, true)]
    [InlineData(61, false)]
    public async Task A_provider_s_clock_may_be_a_minute_ahead_and_no_more(int seconds, bool isTaken)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = await provider.ConnectAsync();
        provider.Claims = c => c["iat"] = _server.Clock.GetUtcNow().ToUnixTimeSeconds() + seconds;

        Assert.Equal(isTaken ? 302 : 400, (await provider.FinishAsync(await provider.BeginAsync(connection))).Status);
    }

    [Theory] // OAUTH-045
    [InlineData(59, true)]
    [InlineData(60, false)]
    public async Task A_token_that_is_over_is_let_pass_for_a_minute_and_no_longer(int seconds, bool isTaken)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = await provider.ConnectAsync();
        provider.Claims = c => c["exp"] = _server.Clock.GetUtcNow().ToUnixTimeSeconds() - seconds;

        Assert.Equal(isTaken ? 302 : 400, (await provider.FinishAsync(await provider.BeginAsync(connection))).Status);
    }

    [Fact]
    public async Task Without_a_key_s_name_the_only_one_that_fits_is_taken_and_of_two_none()
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        provider.Token = t =>
        {
            var signed = $"{Base64Url.EncodeToString("""{"alg":"RS256"}"""u8)}.{t.Split('.')[1]}";
            return $"{signed}.{Base64Url.EncodeToString(OidcStandIn.Rsa.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
        };
        await provider.SignInAsync(await provider.ConnectAsync());

        provider.Keys.Add(OidcStandIn.Jwk(OidcStandIn.Stranger, "rsa-2"));
        var begun = await provider.BeginAsync(await provider.ConnectAsync());
        await _server.RefusedAsync(() => provider.FinishAsync(begun), "sign_in_refused", "KeyAmbiguous");
    }

    [Theory]
    [InlineData("groups")]
    [InlineData("family_name")]
    [InlineData("email")]
    [InlineData("employee")]
    public async Task A_claim_that_is_mapped_and_missing_is_asked_for(string missing)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        provider.Claims = c => c.Remove(missing);
        provider.UserInfo = new JsonObject
        {
            ["sub"] = "sub-1", ["email"] = "ada@acme.test", ["given_name"] = "Augusta", ["family_name"] = "Lovelace", ["groups"] = new JsonArray("Math"), ["employee"] = "e-1",
        };
        var connection = await provider.ConnectAsync("GenericOIDC", ("attribute_map", new { groups = "groups", id = missing == "employee" ? "employee" : null }));

        var profile = await provider.SignInAsync(connection);

        Assert.Equal(("ada@acme.test", "Lovelace", missing == "employee" ? "e-1" : "sub-1"), (Text(profile, "email"), Text(profile, "last_name"), Text(profile, "idp_id")));
        Assert.Equal("Ada", Text(profile, "first_name"));   // what the signed token says stands
        Assert.Equal(["Math"], profile.GetProperty("groups").EnumerateArray().Select(g => g.GetString()));
        Assert.Equal(1, provider.Count("/userinfo"));
    }

    [Theory]
    [InlineData("away")]
    [InlineData("forbidden")]
    [InlineData("hangs")]
    public async Task A_name_is_not_worth_a_refusal_and_stays_as_it_was(string how)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = await provider.ConnectAsync();
        provider.Claims = c => c["groups"] = new System.Text.Json.Nodes.JsonArray("admins");
        await provider.SignInAsync(connection);
        _server.Clock.Advance(TimeSpan.FromSeconds(1));
        provider.Claims = c => c.Remove("family_name");
        switch (how)
        {
            case "away":
                provider.Say("/userinfo", 503, null);
                break;
            case "forbidden":
                provider.Say("/userinfo", 403, null);
                break;
            default:
                provider.Hang("/userinfo");
                break;
        }

        var profile = await provider.SignInAsync(connection);

        Assert.Equal(("Ada", "Lovelace"), (Text(profile, "first_name"), Text(profile, "last_name")));
        Assert.Equal("admins", Assert.Single(profile.GetProperty("groups").EnumerateArray()).GetString());   // they decide about roles
        var latest = (await _server.GetAsync($"/connections/{connection}/attempts?limit=1")).Is(200).Json.GetProperty("data")[0];
        Assert.Equal(("succeeded", "userinfo_unavailable"), (latest.GetProperty("outcome").GetString(), Assert.Single(latest.GetProperty("notes").EnumerateArray()).GetString()));

        // An address is.
        provider.Claims = c => c.Remove("email");
        var begun = await provider.BeginAsync(connection);
        var refused = await _server.WithoutEffectAsync(() => provider.FinishAsync(begun));
        refused.Is(how == "forbidden" ? 400 : 502);
        Assert.Equal(how == "forbidden" ? "ProviderAnswerRefused" : "ProviderUnavailable", _server.LatestAttempt.Reason);
        var attempt = (await _server.GetAsync($"/connections/{connection}/attempts/{_server.LatestAttempt.Id}")).Is(200);
        Assert.Equal("userinfo", attempt.Json.GetProperty("steps").EnumerateArray().Single(s => s.GetProperty("outcome").GetString() == "failed").GetProperty("step").GetString());
    }

    [Fact]
    public async Task Somebody_else_s_claims_are_refused_even_where_only_a_name_was_missing()
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = await provider.ConnectAsync();
        provider.Claims = c => c.Remove("family_name");
        await provider.SignInAsync(connection);
        provider.UserInfo = new JsonObject { ["sub"] = "sub-2", ["family_name"] = "Byron" };

        var begun = await provider.BeginAsync(connection);

        await _server.RefusedAsync(() => provider.FinishAsync(begun), "sign_in_refused", "UserInfoSubjectMismatch");
    }

    [Theory] // OAUTH-041
    [InlineData("ada@acme.test", null)]
    [InlineData("victim@acme.test", "EmailUnverified")]
    public async Task What_is_verified_is_the_address_that_it_is_said_of(string address, string? refusal)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = await provider.ConnectAsync("GoogleOAuth");
        provider.UserInfo = new JsonObject { ["sub"] = "sub-1", ["email"] = "ada@acme.test", ["email_verified"] = true };
        provider.Claims = c =>
        {
            c["email"] = address;
            c.Remove("email_verified");
        };
        var begun = await provider.BeginAsync(connection);

        (await provider.FinishAsync(begun)).Is(refusal is null ? 302 : 400);

        Assert.Equal(refusal, refusal is null ? null : _server.LatestAttempt.Reason);
    }

    [Fact] // OAUTH-041
    public async Task An_address_does_not_make_two_people_one()
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = await provider.ConnectAsync();
        var victim = await provider.SignInAsync(connection);
        provider.Claims = c =>
        {
            c["sub"] = "sub-2";
            c["email_verified"] = false;
        };

        var other = await provider.SignInAsync(connection);

        Assert.Equal(Text(victim, "email"), Text(other, "email"));
        Assert.NotEqual(Text(victim, "id"), Text(other, "id"));
        Assert.NotEqual(Text(victim, "id"), Text(await provider.SignInAsync(await provider.ConnectAsync()), "id"));   // nor does a name at another connection
        provider.Claims = c => c["email"] = "ada.king@acme.test";
        Assert.Equal(Text(victim, "id"), Text(await provider.SignInAsync(connection), "id"));
    }

    private static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();
}
