using Holdfast.Keys;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Organizations;

/// <summary>Names of an environment's own.</summary>
public sealed class CustomDomainTests : IAsyncLifetime
{
    private HoldfastServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await HoldfastServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private EdgeKey Key => EdgeKey.Of(_server.Services.GetRequiredService<ClusterKeys>());

    private async Task<string> MapAsync()
    {
        var key = Key;
        var answer = (await _server.SendAsync("GET", EdgeKey.DomainsPath, null, null, (EdgeKey.Header, key.Ask(_server.Clock.GetUtcNow().ToUnixTimeSeconds(), "nonce")))).Is(200);
        Assert.True(key.Answers("nonce", answer.Bytes, answer.Headers.GetValues(EdgeKey.Header).Single()));
        return answer.Text;
    }

    [Fact]
    public async Task A_name_is_one_environment_s_until_it_is_taken_away()
    {
        var made = (await _server.PostAsync("/custom_domains", new { domain = "Login.ACME.test" })).Is(201);
        Assert.Equal(("login.acme.test", "custom_domain"), (made["domain"], made["object"]));
        Assert.Equal("{\"domains\":{\"login.acme.test\":\"" + _server.A.Id + "\"}}", await MapAsync());
        (await _server.PostAsync("/custom_domains", new { domain = "login.acme.test" })).Is(409, "duplicate_custom_domain");
        (await _server.SendAsync("POST", "/custom_domains", _server.B.ApiKey, new { domain = "login.acme.test" })).Is(409, "duplicate_custom_domain");

        (await _server.DeleteAsync($"/custom_domains/{made["id"]}")).Is(204);
        (await _server.DeleteAsync($"/custom_domains/{made["id"]}")).Is(404);
        Assert.Equal("""{"domains":{}}""", await MapAsync());
        (await _server.SendAsync("POST", "/custom_domains", _server.B.ApiKey, new { domain = "login.acme.test" })).Is(201);
        Assert.Equal("{\"domains\":{\"login.acme.test\":\"" + _server.B.Id + "\"}}", await MapAsync());
        Assert.Empty((await _server.GetAsync("/custom_domains")).Is(200).Ids);
        Assert.Single((await _server.SendAsync("GET", "/custom_domains", _server.B.ApiKey)).Is(200).Ids);
    }

    [Theory]
    [InlineData("acme")]
    [InlineData("https://login.acme.test")]
    [InlineData("login.acme.test:443")]
    [InlineData("login.acme.test/x")]
    [InlineData("*.acme.test")]
    [InlineData("10.0.0.1")]
    [InlineData("id.holdfast.test")]   // the server's own, what is below it, and what is above
    [InlineData("x.id.holdfast.test")]
    [InlineData("holdfast.test")]
    [InlineData("a..test")]
    [InlineData("")]
    public async Task What_cannot_be_a_name_of_theirs_is_refused(string domain) =>
        await _server.WithoutEffectAsync(async () => (await _server.PostAsync("/custom_domains", new { domain })).Is(422));

    [Fact]
    public async Task Under_a_name_its_own_environment_alone_is_served()
    {
        (await _server.PostAsync("/custom_domains", new { domain = "login.acme.test" })).Is(201);
        (string, string) under = ("Host", "login.acme.test");
        (await _server.GetAsync("/organizations", under)).Is(200);
        (await _server.SendAsync("GET", "/organizations", _server.B.ApiKey, null, under)).Is(401);
        (await _server.SendAsync("GET", $"/sso/jwks/{_server.A.ClientId}", null, null, under)).Is(200);
        (await _server.SendAsync("GET", $"/sso/jwks/{_server.B.ClientId}", null, null, under)).Is(404);
        (await _server.SendAsync("GET", "/organizations", _server.B.ApiKey)).Is(200);
        // Where sign-ins begin: at the public address, where identity providers send people back to.
        foreach (var path in new[] { "/sso/authorize", "/user_management/authorize" })
        {
            var on = (await _server.SendAsync("GET", $"{path}?client_id={_server.A.ClientId}&state=a%2Fb", null, null, under)).Is(307);
            Assert.Equal($"{_server.PublicUrl}{path}?client_id={_server.A.ClientId}&state=a%2Fb", on.Location);
        }
    }

    [Fact]
    public async Task The_map_is_told_to_the_edge_key_alone()
    {
        var now = _server.Clock.GetUtcNow().ToUnixTimeSeconds();
        var other = EdgeKey.Of(ClusterKeys.Of(new byte[32], new byte[32], Storage.Entropy.Real));
        foreach (var header in new[] { "", "x", "1 2 3", other.Ask(now, "n"), Key.Ask(now - 301, "n"), Key.Ask(now, "n").Replace(" n ", " m ", StringComparison.Ordinal) })
        {
            (await _server.SendAsync("GET", EdgeKey.DomainsPath, null, null, (EdgeKey.Header, header))).Is(401);
        }
        (await _server.GetAsync(EdgeKey.DomainsPath)).Is(401);
        (await _server.SendAsync("GET", EdgeKey.DomainsPath, null, null, (EdgeKey.Header, Key.Ask(now, "n")))).Is(200);
        Assert.Equal(Key.Value, EdgeKey.Read(Key.Value + "\n")!.Value);
        Assert.Null(EdgeKey.Read("edge_short"));
    }
}
