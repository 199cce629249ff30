using Microsoft.AspNetCore.WebUtilities;

namespace Holdfast.Tests.Sso;

/// <summary>Which connection a domain leads to: that of the organization that it is verified for, and otherwise none.</summary>
public sealed class DomainRoutingTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    [Fact]
    public async Task A_verified_domain_leads_to_its_organization_s_connection_and_the_state_comes_back()
    {
        var (domain, connection) = await ConnectedAsync("verified");
        var browser = new Browser(_server);

        var begun = SamlConnection.Read(browser, (await AuthorizeAsync(browser, ("domain", domain.ToUpperInvariant()), ("state", "a b&c=\u00e4"))).Is(302));
        var back = (await connection.FinishAsync(begun, $"ada@{domain}")).Is(302);

        Assert.Equal("a b&c=\u00e4", back.Sent("state"));
        Assert.NotNull(back.Sent("code"));
    }

    [Theory] // OAUTH-008
    [InlineData("pending", null)]
    [InlineData(null, "verified")]
    [InlineData("verified", "verified")]
    public async Task A_domain_that_is_not_verified_here_leads_nowhere(string? ours, string? theirs)
    {
        var (domain, connection) = await ConnectedAsync(ours);
        if (theirs is not null)
        {
            // Another environment's has no part in this one.
            (await _server.SendAsync("POST", "/organizations", _server.B.ApiKey, new { name = "Theirs", domain_data = new[] { new { domain, state = theirs } } })).Is(201);
        }
        if (ours == "verified")
        {
            var id = (await _server.GetAsync($"/organizations/{connection.OrganizationId}")).Json.GetProperty("domains")[0].GetProperty("id").GetString();
            (await _server.DeleteAsync($"/organization_domains/{id}")).Is(204);
        }

        var refused = (await _server.WithoutEffectAsync(() => AuthorizeAsync(null, ("domain", domain), ("state", "s")))).Is(302);

        Assert.Equal((HoldfastServer.Callback, "connection_domain_invalid", "s"), (refused.Location!.Split('?')[0], refused.Sent("error"), refused.Sent("state")));
        // The organization itself is found as ever.
        Assert.StartsWith("https://idp.test/", (await AuthorizeAsync(null, ("organization", connection.OrganizationId))).Is(302).Location, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_a_domain_s_organization_has_no_active_connection_or_several_it_is_told()
    {
        var domain = Name();
        var organization = (await _server.PostAsync("/organizations", new { name = "Acme", domain_data = new[] { new { domain, state = "verified" } } })).Is(201)["id"]!;
        async Task<string?> ErrorAsync(params (string, string?)[] parameters) => (await AuthorizeAsync(null, parameters)).Is(302).Sent("error");
        Assert.Equal("connection_domain_invalid", await ErrorAsync(("domain", domain)));

        var first = await _server.SamlConnectionAsync(organization);
        (await _server.PutAsync($"/connections/{first.Id}", new { state = "inactive" })).Is(200);
        Assert.Equal("connection_unlinked", await ErrorAsync(("domain", domain)));

        (await _server.PutAsync($"/connections/{first.Id}", new { state = "active" })).Is(200);
        var second = await _server.SamlConnectionAsync(organization);
        Assert.Equal("ambiguous_connection_selector", await ErrorAsync(("domain", domain)));
        Assert.Equal("ambiguous_connection_selector", await ErrorAsync(("organization", organization), ("domain_hint", domain)));

        // The one that names the domain is meant, and a domain that the organization has not proven means nothing.
        (await _server.PutAsync($"/connections/{second.Id}", new { domains = new[] { domain, "unproven." + domain } })).Is(200);
        foreach (var parameters in new (string, string?)[][] { [("domain", domain)], [("organization", organization), ("domain_hint", domain)] })
        {
            var begun = SamlConnection.Read(new Browser(_server), (await AuthorizeAsync(null, parameters)).Is(302));
            Assert.Equal($"{_server.PublicUrl}/sso/saml/metadata/{second.Id}", begun.Issuer);
        }
        Assert.Equal("ambiguous_connection_selector", await ErrorAsync(("organization", organization), ("domain_hint", "unproven." + domain)));
        Assert.Equal("invalid_request", await ErrorAsync(("organization", organization), ("domain_hint", new string('d', 254))));
    }

    [Theory]
    [InlineData("not a domain")]
    [InlineData("%")]
    [InlineData("a..b")]
    [InlineData("\u0000")]
    public async Task What_is_no_domain_leads_nowhere(string domain) =>
        Assert.Equal("connection_domain_invalid", (await _server.WithoutEffectAsync(() => AuthorizeAsync(null, ("domain", domain)))).Is(302).Sent("error"));

    /// <summary>An organization with a connection, and with the domain in this state; null for without it.</summary>
    private async Task<(string Domain, SamlConnection Connection)> ConnectedAsync(string? state)
    {
        var domain = Name();
        var data = state is null ? [] : new[] { new { domain, state } };
        var organization = (await _server.PostAsync("/organizations", new { name = "Acme", domain_data = data })).Is(201)["id"];
        return (domain, await _server.SamlConnectionAsync(organization));
    }

    private Task<Answer> AuthorizeAsync(Browser? browser, params (string Name, string? Value)[] parameters)
    {
        var all = new Dictionary<string, string?> { ["client_id"] = _server.A.ClientId, ["redirect_uri"] = HoldfastServer.Callback, ["response_type"] = "code" };
        foreach (var (name, value) in parameters)
        {
            all[name] = value;
        }
        return (browser ?? new Browser(_server)).GetAsync(QueryHelpers.AddQueryString("/sso/authorize", all));
    }

    private static string Name() => $"{SamlProvider.Unique()}.example";
}
