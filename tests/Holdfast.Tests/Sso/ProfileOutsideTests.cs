namespace Holdfast.Tests.Sso;

/// <summary>Organizations that take only people of their own domains (<c>allow_profiles_outside_organization</c>), as far as they have said which those are.</summary>
public sealed class ProfileOutsideTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    [Theory]
    [InlineData("verified", null, "in", true)]
    [InlineData("verified", false, "in", true)]
    [InlineData("verified", null, "out", false)]
    [InlineData("verified", false, "out", false)]
    [InlineData("verified", false, "below", false)]   // a domain is itself and nothing below it
    [InlineData("verified", false, "case", true)]
    [InlineData("verified", true, "out", true)]
    [InlineData("pending", false, "out", true)]       // anybody may name a domain; only a proven one says whose people these are
    [InlineData("none", false, "out", true)]
    public async Task Who_is_let_in_by_their_address(string domains, bool? allows, string who, bool isLetIn)
    {
        var domain = $"{SamlProvider.Unique()}.example";
        var body = new Dictionary<string, object?> { ["name"] = "Acme", ["allow_profiles_outside_organization"] = allows };
        if (domains != "none")
        {
            body["domain_data"] = new[] { new { domain, state = domains } };
        }
        var connection = await _server.SamlConnectionAsync((await _server.PostAsync("/organizations", body)).Is(201)["id"]);
        var email = who switch
        {
            "in" => $"ada@{domain}",
            "case" => $"ada@{domain.ToUpperInvariant()}",
            "below" => $"ada@sub.{domain}",
            _ => "ada@elsewhere.example",
        };
        foreach (var selector in new[] { "connection", "organization" })
        {
            var begun = await connection.BeginAsync(null, ("connection", selector == "connection" ? connection.Id : null), ("organization", selector == "organization" ? connection.OrganizationId : null), ("state", "s"));
            Task<Answer> FinishAsync() => connection.FinishAsync(begun, email);
            var answer = isLetIn ? await FinishAsync() : await _server.WithoutEffectAsync(FinishAsync);

            answer.Is(302);
            Assert.StartsWith(HoldfastServer.Callback, answer.Location, StringComparison.Ordinal);
            Assert.Equal((isLetIn ? null : "profile_not_allowed_outside_organization", "s"), (answer.Sent("error"), answer.Sent("state")));
            Assert.Equal(isLetIn, answer.Sent("code") is not null);
            if (!isLetIn)
            {
                Assert.Equal("ProfileOutsideOrganization", _server.LatestAttempt.Reason);
                Assert.Equal(selector == "connection" ? 1 : 2, _server.Storage.Database.Read(view => view.Find<long>(
                    "SELECT count(*) FROM events WHERE event = 'authentication.sso_failed' AND data LIKE @like", new { like = $"%{email}%{connection.Id}%profile_outside_organization%" })));
            }
        }
    }

    [Fact]
    public async Task Nobody_is_kept_out_for_good()
    {
        var domain = $"{SamlProvider.Unique()}.example";
        var organization = (await _server.PostAsync("/organizations", new { name = "Acme", domain_data = new[] { new { domain, state = "verified" } } })).Is(201)["id"]!;
        var connection = await _server.SamlConnectionAsync(organization);
        Assert.Equal("profile_not_allowed_outside_organization", (await connection.FinishAsync(await connection.BeginAsync())).Is(302).Sent("error"));

        (await _server.PutAsync($"/organizations/{organization}", new { allow_profiles_outside_organization = true })).Is(200);

        Assert.NotNull((await connection.FinishAsync(await connection.BeginAsync())).Is(302).Sent("code"));
    }
}
