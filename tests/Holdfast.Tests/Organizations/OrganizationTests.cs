using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Tests.Organizations;

/// <summary>Organizations: their fields, what is unique, and their bounds.</summary>
public sealed class OrganizationTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    [Fact]
    public async Task An_organization_is_read_back_as_it_was_made()
    {
        var (external, domain) = (SamlProvider.Unique(), $"{SamlProvider.Unique()}.example");
        var events = _server.Events("organization.created");
        var made = (await _server.PostAsync("/organizations", new
        {
            name = "Acm\u00e9 <&'+> \ud83d\ude00",
            allow_profiles_outside_organization = true,
            domain_data = new[] { new { domain = domain.ToUpperInvariant(), state = "verified" }, new { domain = "b\u00fccher." + domain, state = "pending" } },
            metadata = new { tier = "gold", note = "\u00e4\u2028" },
            external_id = external,
            stripe_customer_id = "not taken here",
        })).Is(201);

        Assert.Equal(
            ["object", "id", "name", "allow_profiles_outside_organization", "domains", "metadata", "external_id", "created_at", "updated_at"],
            made.Json.EnumerateObject().Select(p => p.Name));
        Assert.Contains("Acm\u00e9 <&'+> \ud83d\ude00", made.Text, StringComparison.Ordinal);
        Assert.Equal([(domain, "verified"), ("xn--bcher-kva." + domain, "pending")], Domains(made).OrderByDescending(d => d.Item2));
        Assert.All(made.Json.GetProperty("domains").EnumerateArray(), d => Assert.Equal(made["id"], d.GetProperty("organization_id").GetString()));
        Assert.Equal(made["created_at"], made["updated_at"]);
        Assert.Equal(made.Text, (await _server.GetAsync($"/organizations/{made["id"]}")).Is(200).Text);
        Assert.Equal(made.Text, (await _server.GetAsync($"/organizations/external_id/{external}")).Is(200).Text);
        Assert.Equal(events + 1, _server.Events("organization.created"));
        (await _server.GetAsync($"/organizations/{made["id"]}/audit_log_configuration")).Is(200);
    }

    [Fact]
    public async Task A_change_is_of_what_it_names()
    {
        var made = (await _server.PostAsync("/organizations", new { name = "Before", external_id = SamlProvider.Unique(), metadata = new { a = "1", b = "2" } })).Is(201);
        var changed = (await _server.PutAsync($"/organizations/{made["id"]}", new { name = "After" })).Is(200);

        Assert.Equal("After", changed["name"]);
        Assert.Equal((made["external_id"], made["metadata"], made["created_at"]), (changed["external_id"], changed["metadata"], changed["created_at"]));
        Assert.True(string.CompareOrdinal(changed["updated_at"], made["updated_at"]) > 0);
        Assert.Equal(changed.Text, (await _server.GetAsync($"/organizations/{made["id"]}")).Text);
        Assert.Equal(changed["name"], (await _server.PutAsync($"/organizations/{made["id"]}", "")).Is(200)["name"]);
        Assert.Equal(["name required"], (await _server.WithoutEffectAsync(() => _server.PutAsync($"/organizations/{made["id"]}", new { name = (string?)null }))).Is(422).Faults);
    }

    [Fact]
    public async Task Metadata_is_merged_null_takes_a_key_away_and_an_empty_object_all()
    {
        var id = (await _server.PostAsync("/organizations", new { name = "Meta", metadata = new Dictionary<string, string?> { ["a"] = "1", ["b"] = "2", ["gone"] = null } })).Is(201)["id"];
        async Task<string?> PutAsync(string metadata) => (await _server.PutAsync($"/organizations/{id}", $"{{\"metadata\":{metadata}}}")).Is(200)["metadata"];

        Assert.Equal("""{"a":"1","b":"2"}""", (await _server.GetAsync($"/organizations/{id}"))["metadata"]);
        Assert.Equal("""{"a":"3","b":"2","c":""}""", await PutAsync("""{"a":"3","c":""}"""));
        Assert.Equal("""{"a":"3","b":"2"}""", await PutAsync("""{"c":null,"never":null}"""));
        Assert.Equal("{}", await PutAsync("{}"));
    }

    [Fact]
    public async Task Metadata_has_its_bounds()
    {
        Dictionary<string, string> Keys(int count, string prefix = "k") => Enumerable.Range(0, count).ToDictionary(i => $"{prefix}{i}", _ => "v");
        async Task<Answer> MakeAsync(Dictionary<string, string> metadata) => await _server.PostAsync("/organizations", new { name = "Bounds", metadata });
        foreach (var (fits, beyond) in new[]
        {
            (Keys(50), Keys(51)),
            (new() { [new string('k', 40)] = "v" }, new() { [new string('k', 41)] = "v" }),
            (new() { ["k"] = new string('v', 600) }, new() { ["k"] = new string('v', 601) }),
            (new() { ["k"] = "\ud83d\ude00" }, new() { ["k"] = "a\u0000" }),
            (new() { ["k"] = "v" }, new Dictionary<string, string> { [""] = "v" }),
        })
        {
            (await MakeAsync(fits)).Is(201);
            (await _server.WithoutEffectAsync(() => MakeAsync(beyond))).Is(400, "invalid_metadata");
        }
        var id = (await MakeAsync(Keys(50))).Is(201)["id"];
        (await _server.WithoutEffectAsync(() => _server.PutAsync($"/organizations/{id}", new { metadata = new { more = "v" } }))).Is(400, "invalid_metadata");
        (await _server.PutAsync($"/organizations/{id}", new { metadata = new Dictionary<string, string?> { ["more"] = "v", ["k0"] = null } })).Is(200);
    }

    [Fact]
    public async Task An_external_id_has_one_holder_until_it_is_given_up_or_its_holder_is_deleted()
    {
        var (field, code) = ("external_id", "external_id_already_used");
        var value = SamlProvider.Unique();
        Task<Answer> MakeAsync() => _server.PostAsync("/organizations", new Dictionary<string, string> { ["name"] = "Claims", [field] = value });
        var first = (await MakeAsync()).Is(201)["id"];
        var other = await _server.OrganizationAsync();
        (await _server.WithoutEffectAsync(MakeAsync)).Is(400, code);
        (await _server.WithoutEffectAsync(() => _server.PutAsync($"/organizations/{other}", new Dictionary<string, string> { [field] = value }))).Is(400, code);
        (await _server.PutAsync($"/organizations/{first}", new Dictionary<string, string> { [field] = value })).Is(200);   // its own, once more

        (await _server.PutAsync($"/organizations/{first}", new Dictionary<string, string?> { [field] = null })).Is(200);
        var second = (await MakeAsync()).Is(201)["id"];
        (await _server.DeleteAsync($"/organizations/{second}")).Is(202);
        await _server.ShippedAsync();   // the primary decides who holds what, and hears of the deletion a moment later
        var third = (await MakeAsync()).Is(201);

        Assert.Equal(value, third[field]);
        Assert.Equal(value, (await _server.GetAsync($"/organizations/{third["id"]}"))[field]);
    }

    [Fact]
    public async Task A_customer_of_the_billing_provider_is_one_organization()
    {
        var value = "cus_" + SamlProvider.Unique();
        var (first, other) = (await _server.OrganizationAsync(), await _server.OrganizationAsync());
        Task<Answer> GiveAsync(string id, string? customer) => _server.PutAsync($"/organizations/{id}", new Dictionary<string, string?> { ["stripe_customer_id"] = customer });
        Assert.Equal(value, (await GiveAsync(first, value)).Is(200)["stripe_customer_id"]);
        (await _server.WithoutEffectAsync(() => GiveAsync(other, value))).Is(400, "stripe_customer_id_already_used");
        (await GiveAsync(first, null)).Is(200);
        (await GiveAsync(other, value)).Is(200);
    }

    [Fact]
    public async Task An_external_id_finds_who_holds_it_now()
    {
        var (one, two) = (SamlProvider.Unique(), "a b%c" + SamlProvider.Unique());
        var id = (await _server.PostAsync("/organizations", new { name = "Found", external_id = one })).Is(201)["id"];
        (await _server.PutAsync($"/organizations/{id}", new { external_id = two })).Is(200);

        (await _server.GetAsync($"/organizations/external_id/{one}")).Is(404, "entity_not_found");
        Assert.Equal(id, (await _server.GetAsync($"/organizations/external_id/{Uri.EscapeDataString(two)}")).Is(200)["id"]);
        (await _server.DeleteAsync($"/organizations/{id}")).Is(202);
        (await _server.GetAsync($"/organizations/external_id/{Uri.EscapeDataString(two)}")).Is(404, "entity_not_found");
    }

    [Fact]
    public async Task An_external_id_is_up_to_128_characters_of_ascii()
    {
        async Task<Answer> MakeAsync(string external) => await _server.PostAsync("/organizations", new { name = "Bounds", external_id = external });
        var unique = SamlProvider.Unique();
        (await MakeAsync(unique.PadRight(128, 'x'))).Is(201);
        Assert.Equal(["external_id too_long"], (await _server.WithoutEffectAsync(() => MakeAsync(unique.PadRight(129, 'y')))).Is(422).Faults);
        Assert.Equal(["external_id invalid_characters"], (await MakeAsync(unique + "\u00e4")).Is(422).Faults);
        Assert.Equal(["external_id required"], (await MakeAsync("")).Is(422).Faults);
        Assert.Equal(["name too_long"], (await _server.PostAsync("/organizations", new { name = new string('n', 1025) })).Is(422).Faults);
        (await _server.PostAsync("/organizations", new { name = new string('n', 1024) })).Is(201);
    }

    [Fact]
    public async Task A_verified_domain_has_one_owner_and_a_pending_one_many()
    {
        var domain = $"{SamlProvider.Unique()}.example";
        object With(string state) => new { name = "Domains", domain_data = new[] { new { domain, state } } };
        var owner = (await _server.PostAsync("/organizations", With("verified"))).Is(201)["id"];
        var waits = (await _server.PostAsync("/organizations", With("pending"))).Is(201);

        (await _server.WithoutEffectAsync(() => _server.PostAsync("/organizations", With("verified")))).Is(409, "domain_already_exists");
        (await _server.WithoutEffectAsync(() => _server.PutAsync($"/organizations/{waits["id"]}", With("verified")))).Is(409, "domain_already_exists");
        Assert.Equal([(domain, "verified")], Domains((await _server.PutAsync($"/organizations/{owner}", With("pending"))).Is(200)));   // naming it does not unverify it

        (await _server.PutAsync($"/organizations/{owner}", new { domain_data = Array.Empty<object>() })).Is(200);
        Assert.Equal([(domain, "verified")], Domains((await _server.PutAsync($"/organizations/{waits["id"]}", With("verified"))).Is(200)));
        (await _server.DeleteAsync($"/organizations/{waits["id"]}")).Is(202);
        await _server.ShippedAsync();
        (await _server.PostAsync("/organizations", With("verified"))).Is(201);
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("a..example")]
    [InlineData("a.example.")]
    [InlineData("-a.example")]
    [InlineData("a b.example")]
    [InlineData("a_b.example")]
    [InlineData("https://a.example")]
    [InlineData("127.0.0.1")]
    [InlineData("xn--")]
    [InlineData("")]
    public async Task A_domain_is_a_name(string domain)
    {
        Assert.Equal(["domains.domain invalid_domain"], (await _server.WithoutEffectAsync(() => _server.PostAsync("/organizations", new { name = "x", domains = new[] { domain } }))).Is(422).Faults);
        (await _server.PostAsync("/organizations", new { name = "x", domains = new[] { "a.example", "A.example" } })).Is(201);
    }

    [Theory]
    [InlineData(100, 201)]
    [InlineData(101, 422)]
    public async Task Domains_have_a_most(int count, int status) =>
        (await _server.PostAsync("/organizations", new { name = "Many", domains = Enumerable.Range(0, count).Select(i => $"d{i}.example") })).Is(status);

    [Fact]
    public async Task What_was_deleted_is_nowhere_and_is_told_like_what_never_was()
    {
        var connection = await _server.SamlConnectionAsync();
        var id = connection.OrganizationId;
        var events = _server.Events("organization.deleted");
        (await _server.DeleteAsync($"/organizations/{id}")).Is(202);
        Assert.Equal(events + 1, _server.Events("organization.deleted"));

        foreach (var (method, path) in new[] { ("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/audit_log_configuration") })
        {
            var gone = (await _server.WithoutEffectAsync(() => _server.SendAsync(method, $"/organizations/{id}{path}", _server.A.ApiKey, method == "PUT" ? "{\"name\":\"x\"}" : null))).Is(404);
            Assert.Equal($$"""{"code":"entity_not_found","message":"Organization not found: '{{id}}'."}""", gone.Text);
        }
        Assert.DoesNotContain(id, (await _server.GetAsync("/organizations?limit=100")).Ids);
        Assert.Empty((await _server.GetAsync($"/connections?organization_id={id}")).Ids);
        (await _server.GetAsync($"/connections/{connection.Id}")).Is(404);
        (await _server.WithoutEffectAsync(() => _server.PostAsync("/connections", new
        {
            organization_id = id,
            connection_type = "GenericSAML",
            name = "Late",
            saml = new { idp_entity_id = "https://idp.test", idp_sso_url = "https://idp.test", idp_certificates = new[] { SamlProvider.Certificate.ExportCertificatePem() } },
        }))).Is(404, "entity_not_found");
    }

    [Fact]
    public async Task An_event_holds_the_object_as_the_api_shows_it()
    {
        var made = (await _server.PostAsync("/organizations", new { name = "Told \u00e4 <x>" })).Is(201);
        var data = _server.Storage.Database.Read(v => v.Find<string>("SELECT data FROM events WHERE event = 'organization.created' AND data LIKE @like", new { like = $"%{made["id"]}%" }));

        Assert.Equal(made.Text.Replace("\"allow_profiles_outside_organization\":false,", "", StringComparison.Ordinal), data);   // which the description does not have
    }

    private static List<(string, string)> Domains(Answer answer) =>
        [.. answer.Json.GetProperty("domains").EnumerateArray().Select(d => (d.GetProperty("domain").GetString()!, d.GetProperty("state").GetString()!))];

    [Fact]
    public async Task Of_two_that_took_a_value_apart_the_loser_shows_it_no_more_and_takes_it_from_nobody()
    {
        await using var server = await HoldfastServer.StartAsync();
        var (winner, loser, third) = (await server.OrganizationAsync("Winner"), await server.OrganizationAsync("Loser"), await server.OrganizationAsync("Third"));
        var domain = new { domain = "apart.test", state = "verified" };
        (await server.PutAsync($"/organizations/{winner}", new { external_id = "apart", stripe_customer_id = "cus_apart", domain_data = new[] { domain } })).Is(200);
        // The other one took the same on a node that could not know, and its claims came out second.
        await server.Storage.Database.WriteAsync(
            _ => Decide.To(true,
                Change.To(Schema.Organizations, loser, ("external_id", "apart"), ("stripe_customer_id", "cus_apart")),
                Change.To(Schema.OrganizationDomains, "org_domain_apart",
                    ("environment_id", server.A.Id), ("organization_id", loser), ("domain", "apart.test"), ("created_at", 1), ("state", "verified"),
                    ("verification_strategy", "manual"), ("present", true), ("updated_at", 1))),
            CancellationToken.None);

        var shown = (await server.GetAsync($"/organizations/{loser}")).Is(200);
        Assert.Equal("pending", shown.Json.GetProperty("domains")[0].GetProperty("state").GetString());
        Assert.False(shown.Json.TryGetProperty("stripe_customer_id", out _));
        (await server.PutAsync($"/organizations/{loser}", new { external_id = (string?)null, stripe_customer_id = (string?)null, domain_data = Array.Empty<object>() })).Is(200);

        Assert.Equal(winner, (await server.GetAsync("/organizations/external_id/apart")).Is(200)["id"]);
        var kept = (await server.GetAsync($"/organizations/{winner}")).Is(200);
        Assert.Equal("cus_apart", kept["stripe_customer_id"]);
        Assert.Equal("verified", kept.Json.GetProperty("domains")[0].GetProperty("state").GetString());
        (await server.PutAsync($"/organizations/{third}", new { stripe_customer_id = "cus_apart" })).Is(400, "stripe_customer_id_already_used");
        (await server.PutAsync($"/organizations/{third}", new { domain_data = new[] { domain } })).Is(409, "domain_already_exists");
    }
}
