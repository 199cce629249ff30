using Holdfast.Http;

namespace Holdfast.Tests.Organizations;

/// <summary>Domains of organizations: one truth, whether they are named on the organization or for themselves, and one owner in an environment.</summary>
public sealed class DomainTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    [Fact]
    public async Task A_domain_is_made_pending_with_what_must_stand_in_dns_and_is_the_organization_s()
    {
        var (organization, name) = (await _server.OrganizationAsync(), Name());
        var made = (await CreateAsync(organization, "B\u00fccher." + name.ToUpperInvariant())).Is(201);

        Assert.Equal(
            ["object", "id", "organization_id", "domain", "state", "verification_prefix", "verification_token", "verification_strategy", "created_at", "updated_at"],
            made.Json.EnumerateObject().Select(p => p.Name));
        Assert.Equal(
            ("organization_domain", organization, "xn--bcher-kva." + name, "pending", "dns"),
            (made["object"], made["organization_id"], made["domain"], made["state"], made["verification_strategy"]));
        Assert.Matches("^org_domain_[0-9A-Z]{26}$", made["id"]);
        Assert.Matches("^_holdfast-domain-verification-[0-9a-z]{6}$", made["verification_prefix"]);
        Assert.Matches("^[0-9A-Z]{26}$", made["verification_token"]);
        Assert.Equal(made.Text, (await _server.GetAsync($"/organization_domains/{made["id"]}")).Is(200).Text);
        Assert.Equal(made.Text, (await _server.GetAsync($"/organizations/{organization}")).Json.GetProperty("domains")[0].ToString());
    }

    [Fact]
    public async Task What_an_organization_names_and_what_is_made_for_itself_are_the_same_rows()
    {
        var (named, alone) = (Name(), Name());
        var organization = (await _server.PostAsync("/organizations", new { name = "One truth", domain_data = new[] { new { domain = named, state = "pending" } } })).Is(201);
        var first = organization.Json.GetProperty("domains")[0];
        Assert.Equal(first.ToString(), (await _server.GetAsync($"/organization_domains/{first.GetProperty("id")}")).Is(200).Text);
        Assert.Equal(("dns", 26), (first.GetProperty("verification_strategy").GetString(), first.GetProperty("verification_token").GetString()!.Length));

        var second = (await CreateAsync(organization["id"]!, alone)).Is(201);
        object Both(string state) => new { domain_data = new[] { new { domain = named, state = "pending" }, new { domain = alone, state } } };
        (await _server.PutAsync($"/organizations/{organization["id"]}", Both("verified"))).Is(200);

        var verified = (await _server.GetAsync($"/organization_domains/{second["id"]}")).Is(200);
        Assert.Equal(("verified", "manual"), (verified["state"], verified["verification_strategy"]));
        (await _server.WithoutEffectAsync(() => VerifyAsync(second["id"]!))).Is(400, "domain_already_verified");
        (await _server.PutAsync($"/organizations/{organization["id"]}", new { domain_data = new[] { new { domain = named, state = "pending" } } })).Is(200);
        (await _server.GetAsync($"/organization_domains/{second["id"]}")).Is(404, "entity_not_found");
    }

    [Fact] // PLAT-027
    public async Task A_domain_that_one_has_verified_is_refused_to_another_until_it_is_given_up()
    {
        var (name, taker) = (Name(), await _server.OrganizationAsync());
        var owner = (await _server.PostAsync("/organizations", new { name = "Owner", domain_data = new[] { new { domain = name, state = "verified" } } })).Is(201);
        var id = owner.Json.GetProperty("domains")[0].GetProperty("id").GetString();
        (await _server.WithoutEffectAsync(() => CreateAsync(taker, name))).Is(409, "domain_already_exists");
        (await _server.WithoutEffectAsync(() => CreateAsync(owner["id"]!, name))).Is(409, "domain_already_exists");   // nor once more to itself
        (await _server.SendAsync("POST", "/organizations", _server.B.ApiKey, new { name = "Theirs", domain_data = new[] { new { domain = name, state = "verified" } } })).Is(201);

        (await _server.DeleteAsync($"/organization_domains/{id}")).Is(204);
        await _server.ShippedAsync();

        (await CreateAsync(taker, name)).Is(201);
        (await CreateAsync(owner["id"]!, name)).Is(201);
        (await _server.PutAsync($"/organizations/{taker}", new { domain_data = new[] { new { domain = name, state = "verified" } } })).Is(200);
    }

    [Fact]
    public async Task A_deleted_domain_is_nowhere_and_its_organization_stands()
    {
        var (organization, name) = (await _server.OrganizationAsync(), Name());
        var id = (await CreateAsync(organization, name)).Is(201)["id"];
        Assert.Equal([organization], (await _server.GetAsync($"/organizations?domains={name}")).Ids);

        (await _server.DeleteAsync($"/organization_domains/{id}")).Is(204);

        (await _server.WithoutEffectAsync(() => _server.DeleteAsync($"/organization_domains/{id}"))).Is(404, "entity_not_found");
        (await _server.GetAsync($"/organization_domains/{id}")).Is(404, "entity_not_found");
        (await _server.WithoutEffectAsync(() => VerifyAsync(id!))).Is(404, "entity_not_found");
        Assert.Empty((await _server.GetAsync($"/organizations?domains={name}")).Ids);
        Assert.Equal(0, (await _server.GetAsync($"/organizations/{organization}")).Is(200).Json.GetProperty("domains").GetArrayLength());
        Assert.NotEqual(id, (await CreateAsync(organization, name)).Is(201)["id"]);   // whether or not the primary has heard of it yet
    }

    [Fact]
    public async Task With_its_organization_a_domain_is_gone()
    {
        var (organization, name) = (await _server.OrganizationAsync(), Name());
        var id = (await CreateAsync(organization, name)).Is(201)["id"];
        (await _server.DeleteAsync($"/organizations/{organization}")).Is(202);

        (await _server.GetAsync($"/organization_domains/{id}")).Is(404, "entity_not_found");
        (await _server.WithoutEffectAsync(() => CreateAsync(organization, Name()))).Is(404, "entity_not_found");
    }

    [Theory] // PLAT-027
    [InlineData("localhost", "invalid_domain")]
    [InlineData("a_b.example", "invalid_domain")]
    [InlineData("a.example.", "invalid_domain")]
    [InlineData("https://a.example", "invalid_domain")]
    [InlineData("ada@a.example", "invalid_domain")]
    [InlineData("127.0.0.1", "invalid_domain")]
    [InlineData("*.example.com", "invalid_domain")]
    [InlineData("gmail.com", "consumer_domain")]
    [InlineData("GMail.com", "consumer_domain")]
    [InlineData("", "required")]
    public async Task A_domain_is_a_name_and_not_everybody_s(string domain, string fault)
    {
        var organization = await _server.OrganizationAsync();

        Assert.Equal([$"domain {fault}"], (await _server.WithoutEffectAsync(() => CreateAsync(organization, domain))).Is(422).Faults);
        (await CreateAsync(organization, "mail." + Name())).Is(201);
        if (fault == "consumer_domain")
        {
            (await _server.WithoutEffectAsync(() => _server.PutAsync($"/organizations/{organization}", new { domain_data = new[] { new { domain, state = "verified" } } }))).Is(422);
        }
    }

    [Fact]
    public async Task Domains_have_their_bounds()
    {
        var organization = await _server.OrganizationAsync();
        // 253 characters less the prefix and its dot.
        string Long(int length) => string.Join('.', Enumerable.Repeat(new string('a', 60), 4))[..(length - 8)] + ".example";
        Assert.Equal(["domain too_long"], (await CreateAsync(organization, Long(217))).Is(422).Faults);
        (await CreateAsync(organization, Long(216))).Is(201);
        Assert.Equal(["domain invalid_domain"], (await CreateAsync(organization, new string('a', 64) + ".example")).Is(422).Faults);

        (await _server.PutAsync($"/organizations/{organization}", new { domains = Enumerable.Range(0, 99).Select(i => $"d{i}.example") })).Is(200);
        (await CreateAsync(organization, "d99.example")).Is(201);
        Assert.Equal(["domain too_many"], (await _server.WithoutEffectAsync(() => CreateAsync(organization, "d100.example"))).Is(422).Faults);
    }

    [Fact]
    public async Task The_same_request_again_makes_one_domain_and_one_event()
    {
        var (organization, name, key) = (await _server.OrganizationAsync(), Name(), SamlProvider.Unique());
        var first = (await CreateAsync(organization, name, ("Idempotency-Key", key))).Is(201);
        var again = (await _server.WithoutEffectAsync(() => CreateAsync(organization, name, ("Idempotency-Key", key)))).Is(201);

        Assert.Equal(first.Text, again.Text);
        Assert.Equal([first.Text], Told("organization_domain.created", first["id"]!));
    }

    [Fact]
    public async Task Of_twenty_that_ask_for_one_domain_one_gets_it()
    {
        var (organization, name) = (await _server.OrganizationAsync(), Name());
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => CreateAsync(organization, name))));

        Assert.Single(answers, a => a.Status == 201);
        Assert.All(answers.Where(a => a.Status != 201), a => a.Is(409, "domain_already_exists"));
    }

    [Fact]
    public async Task With_the_primary_gone_a_domain_can_be_taken_away_and_none_can_be_added_or_verified()
    {
        await using var server = await HoldfastServer.StartAsync();
        var made = (await server.PostAsync("/organizations", new { name = "Acme", domain_data = new[] { new { domain = "acme.test", state = "verified" } }, domains = Array.Empty<string>() })).Is(201);
        var (organization, verified) = (made["id"], made.Json.GetProperty("domains")[0].GetProperty("id").GetString());
        var pending = (await server.PostAsync("/organization_domains", new { organization_id = organization, domain = "more.test" })).Is(201)["id"];
        await using (await HeldPrimary.BeginAsync(server))
        {
            (await server.PostAsync("/organization_domains", new { organization_id = organization, domain = "third.test" })).Is(503, "primary_unavailable");
            (await server.PostAsync($"/organization_domains/{pending}/verify", new { })).Is(503, "primary_unavailable");
            Assert.Equal("pending", (await server.GetAsync($"/organization_domains/{pending}")).Is(200)["state"]);
            (await server.DeleteAsync($"/organization_domains/{verified}")).Is(204);
            (await server.GetAsync($"/organization_domains/{verified}")).Is(404);
            Assert.DoesNotContain("organization_domain.deleted", (await server.GetAsync($"/events?organization_id={organization}&limit=100")).Is(200).Text, StringComparison.Ordinal);
        }
        Assert.Contains("organization_domain.deleted", (await server.GetAsync($"/events?organization_id={organization}&limit=100")).Is(200).Text, StringComparison.Ordinal);
        var next = (await server.OrganizationAsync("Next"))!;
        (await server.PutAsync($"/organizations/{next}", new { domain_data = new[] { new { domain = "acme.test", state = "verified" } } })).Is(200);
    }

    [Fact]
    public async Task Each_change_of_a_domain_is_told_once_with_the_domain_as_it_was_then()
    {
        var organization = await _server.OrganizationAsync();
        var made = (await CreateAsync(organization, Name())).Is(201);
        var id = made["id"]!;
        (await _server.PutAsync($"/organizations/{organization}", new { domain_data = new[] { new { domain = made["domain"], state = "verified" } } })).Is(200);
        var verified = (await _server.GetAsync($"/organization_domains/{id}")).Text;
        (await _server.DeleteAsync($"/organization_domains/{id}")).Is(204);

        Assert.Equal([made.Text], Told("organization_domain.created", id));
        Assert.Equal([verified], Told("organization_domain.verified", id));
        Assert.Equal([verified], Told("organization_domain.deleted", id));
        Assert.Empty(Told("organization_domain.updated", id));
    }

    private List<string> Told(string name, string id) => _server.Storage.Database.Read(view => view.Query<string>(
        "SELECT data FROM events WHERE event = @name AND data LIKE @like ESCAPE '\\'", new { name, like = $"%{Like.Escape(id)}%" }));

    private Task<Answer> CreateAsync(string organization, string domain, params (string Name, string Value)[] headers) =>
        _server.PostAsync("/organization_domains", new { organization_id = organization, domain }, headers);

    private Task<Answer> VerifyAsync(string id) => _server.PostAsync($"/organization_domains/{id}/verify", new { });

    private static string Name() => $"{SamlProvider.Unique()}.example";
}
