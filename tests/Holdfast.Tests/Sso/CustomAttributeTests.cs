using System.Text.Json;

namespace Holdfast.Tests.Sso;

/// <summary>Names that a connection's map has beside the standard ones: the profile's <c>custom_attributes</c>.</summary>
public sealed class CustomAttributeTests(CustomAttributeTests.Made made) : IClassFixture<CustomAttributeTests.Made>
{
    private readonly HoldfastServer _server = made.Server;

    /// <summary>A developer's server: it may reach loopback.</summary>
    public sealed class Made : IAsyncLifetime
    {
        internal HoldfastServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Server = await HoldfastServer.StartAsync(new Start(IsDev: true));

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }

    [Fact]
    public async Task Of_a_saml_connection_they_follow_the_map_as_it_is_and_hold_what_was_said()
    {
        var connection = await _server.SamlConnectionAsync(null, "GenericSAML", ("attribute_map", new { last_name = "lastName", department = "urn:acme:department", teams = "groups", missing = "nothing" }));
        var code = (await connection.FinishAsync(await connection.BeginAsync(), "ada@acme.test", i => i with
        {
            Attributes = new Dictionary<string, IReadOnlyList<string>>(i.Attributes) { ["urn:acme:department"] = ["R&D"] },
        })).Is(302).Sent("code")!;
        var redeemed = (await connection.RedeemAsync(code)).Is(200);

        Assert.Equal("""{"department":"R\u0026D","teams":["Engineering","Math"]}""".Replace("\\u0026", "&", StringComparison.Ordinal), Custom(redeemed.Json.GetProperty("profile")));
        Assert.Equal("Lovelace", redeemed.Json.GetProperty("profile").GetProperty("last_name").GetString());

        // A change holds at once, like that of roles; without a map there are none.
        (await _server.PutAsync($"/connections/{connection.Id}", new { saml = new { attribute_map = new { unit = "urn:acme:department" } } })).Is(200);
        Assert.Equal("""{"unit":"R&D"}""", Custom((await connection.ProfileAsync(redeemed["access_token"]!)).Is(200).Json));
        (await _server.PutAsync($"/connections/{connection.Id}", new { saml = new { attribute_map = (object?)null } })).Is(200);
        Assert.Equal("{}", Custom((await connection.ProfileAsync(redeemed["access_token"]!)).Is(200).Json));
    }

    [Fact]
    public async Task Of_an_openid_provider_they_are_claims_and_asked_for_at_its_userinfo_endpoint()
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = await provider.ConnectAsync("GenericOIDC", ("attribute_map", new { locale = "locale", level = "acme/level" }));
        provider.Claims = c => c["locale"] = "en-GB";
        provider.UserInfo = JsonSerializer.SerializeToNode(new Dictionary<string, object> { ["sub"] = "sub-1", ["email"] = "ada@acme.test", ["acme/level"] = 7 });

        Assert.Equal("""{"locale":"en-GB","level":7}""", Custom(await provider.SignInAsync(connection)));
    }

    [Fact]
    public async Task A_map_has_its_bounds_and_a_bad_one_changes_nothing()
    {
        var connection = await _server.SamlConnectionAsync();
        async Task<List<string>> FaultsAsync(object map) =>
            [.. (await _server.WithoutEffectAsync(() => _server.PutAsync($"/connections/{connection.Id}", new { saml = new { attribute_map = map } }))).Is(422).Faults];
        static Dictionary<string, object?> Many(int count) => Enumerable.Range(0, count).ToDictionary(i => $"a{i}", object? (i) => $"b{i}");

        Assert.Equal(["saml.attribute_map too_many"], await FaultsAsync(Many(51)));
        Assert.Equal(["saml.attribute_map invalid_name"], await FaultsAsync(new Dictionary<string, object?> { ["a b"] = "x" }));
        Assert.Equal(["saml.attribute_map invalid_name"], await FaultsAsync(new Dictionary<string, object?> { [new string('a', 65)] = "x" }));
        Assert.Equal(["saml.attribute_map.a invalid_type"], await FaultsAsync(new Dictionary<string, object?> { ["a"] = 7 }));
        Assert.Equal(["saml.attribute_map.a required"], await FaultsAsync(new Dictionary<string, object?> { ["a"] = "" }));
        Assert.Equal(["saml.attribute_map.a too_long"], await FaultsAsync(new Dictionary<string, object?> { ["a"] = new string('x', 1025) }));
        var whole = Many(50);
        whole["none"] = null;
        (await _server.PutAsync($"/connections/{connection.Id}", new { saml = new { attribute_map = whole } })).Is(200);
    }

    private static string Custom(JsonElement profile) => profile.GetProperty("custom_attributes").GetRawText();
}
