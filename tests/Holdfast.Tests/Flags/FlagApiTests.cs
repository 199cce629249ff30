using System.Text.Json;
using Holdfast.Flags;
using Holdfast.Tests.AuthKit;

namespace Holdfast.Tests.Flags;

/// <summary>The Feature Flags API, and the routes beside it that the public API has in its Dashboard.</summary>
public sealed class FlagApiTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    [Fact]
    public async Task A_flag_is_made_read_changed_and_deleted_with_every_field_of_the_public_object()
    {
        var made = (await _server.PostAsync("/feature-flags", new
        {
            slug = "whole",
            name = "Whole",
            description = "Says & shows all",
            owner = new { email = "ada@acme.test", first_name = "Ada" },
            tags = new[] { "beta", "ui", "beta" },
        })).Is(201);
        Assert.Matches("^flag_[0-9A-Z]{26}$", made["id"]);
        Assert.Equal(
            """{"object":"feature_flag","id":"ID","slug":"whole","name":"Whole","description":"Says & shows all","owner":{"email":"ada@acme.test","first_name":"Ada","last_name":null},"tags":["beta","ui"],"enabled":false,"default_value":false,"created_at":"2026-01-01T00:00:00.000Z","updated_at":"2026-01-01T00:00:00.000Z"}""",
            made.Text.Replace(made["id"]!, "ID", StringComparison.Ordinal));
        Assert.Equal(made.Text, (await _server.GetAsync("/feature-flags/whole")).Is(200).Text);

        var changed = (await _server.PutAsync("/feature-flags/whole", new { name = "Part", owner = (object?)null, tags = Array.Empty<string>() })).Is(200);
        Assert.Equal("""Part|Says & shows all||[]|False""", $"{changed["name"]}|{changed["description"]}|{changed["owner"]}|{changed["tags"]}|{changed["enabled"]}");
        Assert.True(changed.Json.GetProperty("updated_at").GetDateTimeOffset() > made.Json.GetProperty("updated_at").GetDateTimeOffset());

        Assert.Equal("True", (await _server.PutAsync("/feature-flags/whole/enable", "")).Is(200)["enabled"]);
        Assert.Equal("False", (await _server.PutAsync("/feature-flags/whole/disable", "{}")).Is(200)["enabled"]);

        (await _server.DeleteAsync("/feature-flags/whole")).Is(204);
        (await _server.GetAsync("/feature-flags/whole")).Is(404, "entity_not_found");
        (await _server.PutAsync("/feature-flags/whole/enable", "")).Is(404, "entity_not_found");
        (await _server.DeleteAsync("/feature-flags/whole")).Is(404, "entity_not_found");
        Assert.NotEqual(made["id"], (await _server.PostAsync("/feature-flags", new { slug = "whole" })).Is(201)["id"]);   // the slug is free, at once
    }

    [Theory]
    [InlineData("POST", "/feature-flags", "{}", 422, "slug required")]
    [InlineData("POST", "/feature-flags", """{"slug":""}""", 422, "slug required")]
    [InlineData("POST", "/feature-flags", """{"slug":"With Capitals"}""", 422, "slug invalid")]
    [InlineData("POST", "/feature-flags", """{"slug":"-begins"}""", 422, "slug invalid")]
    [InlineData("POST", "/feature-flags", """{"slug":"__proto__"}""", 422, "slug invalid")]
    [InlineData("POST", "/feature-flags", """{"slug":"a/b"}""", 422, "slug invalid")]
    [InlineData("POST", "/feature-flags", """{"slug":7}""", 422, "slug invalid_type")]
    [InlineData("POST", "/feature-flags", """{"slug":"a","name":""}""", 422, "name required")]
    [InlineData("POST", "/feature-flags", """{"slug":"a","tags":[1]}""", 422, "tags[0] invalid_type")]
    [InlineData("POST", "/feature-flags", """{"slug":"a","tags":[null]}""", 422, "tags required")]
    [InlineData("POST", "/feature-flags", """{"slug":"a","tags":null}""", 422, "tags required")]
    [InlineData("POST", "/feature-flags", """{"slug":"a","enabled":null}""", 422, "enabled required")]
    [InlineData("POST", "/feature-flags", """{"slug":"a","default_value":"yes"}""", 422, "default_value invalid_type")]
    [InlineData("POST", "/feature-flags", """{"slug":"a","owner":{}}""", 422, "owner.email required")]
    [InlineData("PUT", "/feature-flags/stands", """{"slug":"other"}""", 422, "slug immutable")]
    [InlineData("PUT", "/feature-flags/stands", """{"name":null}""", 422, "name required")]
    [InlineData("PUT", "/feature-flags/stands/targets/user_01", """{"enabled":null}""", 422, "enabled required")]
    [InlineData("PUT", "/feature-flags/stands/targets/w1", """{"type":"Workspace"}""", 422, "type invalid")]
    [InlineData("GET", "/feature-flags?limit=0", null, 422, "limit out_of_range")]
    [InlineData("GET", "/feature-flags?order=up", null, 422, "order invalid")]
    public async Task What_is_wrong_is_said_and_changes_nothing(string method, string path, string? body, int status, string fault)
    {
        await StandsAsync();
        var answer = (await _server.WithoutEffectAsync(() => _server.SendAsync(method, path, _server.A.ApiKey, body))).Is(status);
        Assert.Equal([fault], answer.Faults);
    }

    [Theory]
    [InlineData("stands/targets/connection_01", 400)]
    [InlineData("stands/targets/org_domain_01", 400)]
    [InlineData("stands/targets/user_01%20", 400)]
    [InlineData("stands/targets/user_01J00000000000000000000000", 404)]
    [InlineData("stands/targets/org_01J00000000000000000000000", 404)]
    [InlineData("nowhere/targets/org_01J00000000000000000000000", 404)]
    public async Task A_target_that_is_not_there_is_refused_in_the_public_shape(string path, int status)
    {
        await StandsAsync();
        foreach (var method in new[] { "POST", "DELETE" })
        {
            var answer = (await _server.WithoutEffectAsync(() => _server.SendAsync(method, $"/feature-flags/{path}", _server.A.ApiKey))).Is(status);
            if (status == 400)
            {
                Assert.Equal("""{"message":"Invalid resource id","code":"invalid_resource_id_format","statusCode":400}""", answer.Text);
            }
        }
    }

    [Fact]
    public async Task A_slug_is_taken_once_and_a_request_that_is_sent_again_with_its_key_happens_once()
    {
        var first = (await _server.PostAsync("/feature-flags", new { slug = "once" }, ("Idempotency-Key", "k"))).Is(201);
        Assert.Equal(first.Text, (await _server.PostAsync("/feature-flags", new { slug = "once" }, ("Idempotency-Key", "k"))).Is(201).Text);
        (await _server.WithoutEffectAsync(() => _server.PostAsync("/feature-flags", new { slug = "once" }))).Is(409, "flag_slug_already_used");
        Assert.Equal("once", first["name"]);   // where none is given
    }

    [Fact]
    public async Task Flags_are_on_for_whom_their_targets_name_and_for_everybody_where_the_default_says_so()
    {
        await using var server = await HoldfastServer.StartAsync();
        var (organization, other) = (await server.OrganizationAsync(), await server.OrganizationAsync("Other"));
        var ada = await MemberAsync(server, "ada@acme.test", organization);
        var bob = await MemberAsync(server, "bob@acme.test", other);
        foreach (var (slug, enabled, byDefault, target) in new[]
        {
            ("for-all", true, true, null), ("for-ada", true, false, ada), ("for-acme", true, false, organization), ("for-nobody", true, false, null), ("disabled", false, true, ada),
        })
        {
            (await server.PostAsync("/feature-flags", new { slug, enabled, default_value = byDefault })).Is(201);
            if (target is not null)
            {
                (await server.PostAsync($"/feature-flags/{slug}/targets/{target}", null)).Is(204);
            }
        }

        Assert.Equal(["for-acme", "for-ada", "for-all"], await SlugsAsync(server, $"/user_management/users/{ada}/feature-flags"));
        Assert.Equal(["for-all"], await SlugsAsync(server, $"/user_management/users/{bob}/feature-flags"));
        Assert.Equal(["for-acme", "for-all"], await SlugsAsync(server, $"/organizations/{organization}/feature-flags"));
        Assert.Equal(["for-all"], await SlugsAsync(server, $"/organizations/{other}/feature-flags"));

        // A target that is taken away, that is switched off, and one whose organization was left: each counts as absent.
        (await server.DeleteAsync($"/feature-flags/for-ada/targets/{ada}")).Is(204);
        (await server.PutAsync($"/feature-flags/for-acme/targets/{organization}", new { enabled = false })).Is(204);
        Assert.Equal(["for-all"], await SlugsAsync(server, $"/user_management/users/{ada}/feature-flags"));
        (await server.PutAsync($"/feature-flags/for-acme/targets/{organization}", new { })).Is(204);
        Assert.Equal(["for-acme", "for-all"], await SlugsAsync(server, $"/user_management/users/{ada}/feature-flags"));
        var membership = (await server.GetAsync($"/user_management/organization_memberships?user_id={ada}")).Is(200).Ids[0];
        (await server.PutAsync($"/user_management/organization_memberships/{membership}/deactivate", "")).Is(200);
        Assert.Equal(["for-all"], await SlugsAsync(server, $"/user_management/users/{ada}/feature-flags"));
        (await server.GetAsync("/organizations/org_01J00000000000000000000000/feature-flags")).Is(404, "entity_not_found");
        (await server.GetAsync("/user_management/users/user_01J00000000000000000000000/feature-flags")).Is(404, "entity_not_found");
    }

    [Fact]
    public async Task The_runtime_client_gets_every_flag_with_its_targets_those_that_are_off_and_those_of_own_kinds_too()
    {
        await using var server = await HoldfastServer.StartAsync();
        var organization = await server.OrganizationAsync();
        var user = await MemberAsync(server, "ada@acme.test", organization);
        (await server.PostAsync("/feature-flags", new { slug = "plain" })).Is(201);
        (await server.PostAsync("/feature-flags", new { slug = "aimed", enabled = true })).Is(201);
        (await server.PostAsync($"/feature-flags/aimed/targets/{organization}", null)).Is(204);
        (await server.PutAsync($"/feature-flags/aimed/targets/{user}", new { enabled = false })).Is(204);
        (await server.PutAsync("/feature-flags/aimed/targets/w-1", new { type = "workspace" })).Is(204);

        var expected = """{"aimed":{"slug":"aimed","enabled":true,"default_value":false,"targets":{"users":[{"id":"USER","enabled":false}],"organizations":[{"id":"ORG","enabled":true}],"custom_targets":[{"type":"workspace","id":"w-1","enabled":true}]}},"plain":{"slug":"plain","enabled":false,"default_value":false,"targets":{"users":[],"organizations":[]}}}""".Replace("USER", user, StringComparison.Ordinal).Replace("ORG", organization, StringComparison.Ordinal);
        Assert.Equal(expected, (await server.GetAsync("/sdk/feature-flags")).Is(200).Text);

        (await server.DeleteAsync("/feature-flags/aimed/targets/w-1?type=workspace")).Is(204);
        (await server.DeleteAsync($"/user_management/users/{user}")).Is(200);
        (await server.DeleteAsync($"/organizations/{organization}")).Is(202);
        Assert.Equal("""{"users":[],"organizations":[]}""", (await server.GetAsync("/sdk/feature-flags")).Json.GetProperty("aimed").GetProperty("targets").GetRawText());
    }

    [Fact]
    public async Task An_access_token_names_what_is_on_for_its_user_and_organization_and_nothing_when_nothing_is()
    {
        await using var server = await HoldfastServer.StartAsync();
        var connection = await server.SamlConnectionAsync();
        var session = await SignedIn.BySsoAsync(connection);
        Assert.False(session.Token.TryGetClaim("feature_flags", out _));

        (await server.PostAsync("/feature-flags", new { slug = "second", enabled = true })).Is(201);
        (await server.PostAsync("/feature-flags", new { slug = "first", enabled = true })).Is(201);
        (await server.PostAsync("/feature-flags", new { slug = "only-others", enabled = true })).Is(201);
        (await server.PostAsync($"/feature-flags/second/targets/{connection.OrganizationId}", null)).Is(204);
        (await server.PostAsync($"/feature-flags/first/targets/{session.UserId}", null)).Is(204);
        var refreshed = new SignedIn(server, (await session.RefreshAsync()).Is(200));
        Assert.Equal(["first", "second"], refreshed.Token.Claims.Where(c => c.Type == "feature_flags").Select(c => c.Value));

        (await server.PutAsync("/feature-flags/first/disable", "")).Is(200);
        (await server.DeleteAsync("/feature-flags/second")).Is(204);
        Assert.False(new SignedIn(server, (await refreshed.RefreshAsync()).Is(200)).Token.TryGetClaim("feature_flags", out _));
    }

    [Fact]
    public async Task Each_change_is_told_once_with_who_did_it_and_what_was_before()
    {
        await using var server = await HoldfastServer.StartAsync();
        var organization = await server.OrganizationAsync("Acme");
        (await server.PostAsync("/feature-flags", new { slug = "told" })).Is(201);
        (await server.PutAsync("/feature-flags/told", new { name = "Told" })).Is(200);
        (await server.PutAsync("/feature-flags/told", new { name = "Told" })).Is(200);       // nothing changes, and nothing is told
        (await server.PutAsync("/feature-flags/told/enable", "")).Is(200);
        (await server.PostAsync($"/feature-flags/told/targets/{organization}", null)).Is(204);
        (await server.PostAsync($"/feature-flags/told/targets/{organization}", null)).Is(204);
        (await server.PutAsync("/feature-flags/told", new { default_value = true })).Is(200);
        (await server.DeleteAsync("/feature-flags/told")).Is(204);

        await server.ToldAsync();
        var events = (await server.GetAsync("/events?order=asc&events=flag.created,flag.updated,flag.rule_updated,flag.deleted")).Is(200).Json.GetProperty("data").EnumerateArray().ToList();
        Assert.Equal(
            [
                "flag.created ", """flag.updated {"data":{"name":"told"}}""", """flag.updated {"data":{"enabled":false}}""",
                """flag.rule_updated some {"data":{},"context":{"access_type":"none","configured_targets":{"organizations":[],"users":[]}}}""",
                """flag.rule_updated all {"data":{"default_value":false},"context":{"access_type":"some","configured_targets":{"organizations":[{"id":"ORG","name":"Acme"}],"users":[]}}}""".Replace("ORG", organization, StringComparison.Ordinal),
                "flag.deleted ",
            ],
            events.OrderBy(e => e.GetProperty("data").GetProperty("updated_at").GetString(), StringComparer.Ordinal).ThenBy(e => e.GetProperty("event").GetString() == "flag.deleted").Select(Told));
        Assert.All(events, e => Assert.Equal(server.A.ClientId, e.GetProperty("context").GetProperty("client_id").GetString()));
        Assert.All(events, e => Assert.Equal(server.A.Id, e.GetProperty("data").GetProperty("environment_id").GetString()));
        Assert.All(events, e => Assert.Equal("api", e.GetProperty("context").GetProperty("actor").GetProperty("source").GetString()));
    }

    [Fact]
    public async Task With_the_primary_gone_flags_are_read_and_deleted_and_the_rest_waits()
    {
        await using var server = await HoldfastServer.StartAsync();
        var session = await SignedIn.ByMagicCodeAsync(server, "ada@acme.test");
        foreach (var slug in new[] { "stays", "goes" })
        {
            (await server.PostAsync("/feature-flags", new { slug, enabled = true, default_value = true })).Is(201);
        }
        await using (await HeldPrimary.BeginAsync(server))
        {
            (await server.PostAsync("/feature-flags", new { slug = "new" })).Is(503, "primary_unavailable");
            (await server.PutAsync("/feature-flags/stays/disable", "")).Is(503, "primary_unavailable");
            (await server.PostAsync($"/feature-flags/stays/targets/{session.UserId}", null)).Is(503, "primary_unavailable");
            (await server.DeleteAsync("/feature-flags/goes")).Is(204);
            Assert.Equal("stays", new SignedIn(server, (await session.RefreshAsync()).Is(200)).Claim("feature_flags"));
            Assert.Equal(["stays"], (await server.GetAsync("/sdk/feature-flags")).Is(200).Json.EnumerateObject().Select(f => f.Name));
        }
        (await server.PostAsync("/feature-flags", new { slug = "goes" })).Is(201);
        Assert.Equal(1, server.Events("flag.deleted"));
    }

    [Fact]
    public async Task Flags_have_pages_in_both_orders()
    {
        await using var server = await HoldfastServer.StartAsync();
        for (var i = 0; i < 5; i++)
        {
            (await server.PostAsync("/feature-flags", new { slug = $"f{i}", enabled = true, default_value = true })).Is(201);
            server.Clock.Advance(TimeSpan.FromMilliseconds(1));
        }
        var organization = await server.OrganizationAsync();
        foreach (var path in new[] { "/feature-flags", $"/organizations/{organization}/feature-flags" })
        {
            var first = (await server.GetAsync($"{path}?limit=2")).Is(200);
            Assert.Equal(["f4", "f3"], Slugs(first));
            Assert.Null(first.Cursor("before"));
            Assert.Equal(["f2", "f1"], Slugs((await server.GetAsync($"{path}?limit=2&after={first.Cursor("after")}")).Is(200)));
            var last = (await server.GetAsync($"{path}?order=asc&limit=100")).Is(200);
            Assert.Equal(["f0", "f1", "f2", "f3", "f4"], Slugs(last));
            Assert.Null(last.Cursor("after"));
        }
    }

    [Fact]
    public async Task An_environment_s_flag_takes_no_target_of_another_environment()
    {
        var theirs = (await _server.SendAsync("POST", "/organizations", _server.B.ApiKey, new { name = "Theirs" })).Is(201)["id"];
        await StandsAsync();
        (await _server.WithoutEffectAsync(() => _server.PostAsync($"/feature-flags/stands/targets/{theirs}", null))).Is(404, "entity_not_found");
        (await _server.SendAsync("POST", "/feature-flags", _server.B.ApiKey, new { slug = "stands" })).Is(201);
    }

    [Fact]
    [Trait("Pace", "slow")]
    public async Task There_are_no_more_flags_than_a_client_can_be_given()
    {
        await using var server = await HoldfastServer.StartAsync();
        for (var i = 0; i < FlagInput.MostFlags; i++)
        {
            (await server.PostAsync("/feature-flags", new { slug = $"f{i}" })).Is(201);
        }
        (await server.WithoutEffectAsync(() => server.PostAsync("/feature-flags", new { slug = "more" }))).Is(422, "too_many_flags");
        (await server.DeleteAsync("/feature-flags/f7")).Is(204);
        await server.ShippedAsync();
        (await server.PostAsync("/feature-flags", new { slug = "more" })).Is(201);
    }

    [Fact]
    [Trait("Pace", "slow")]
    public async Task There_are_no_more_targets_than_a_client_can_be_given()
    {
        await using var server = await HoldfastServer.StartAsync();
        (await server.PostAsync("/feature-flags", new { slug = "full" })).Is(201);
        for (var i = 0; i < ChangeTarget.MostTargets; i++)
        {
            (await server.PutAsync($"/feature-flags/full/targets/w{i}", new { type = "workspace" })).Is(204);
        }
        (await server.WithoutEffectAsync(() => server.PutAsync("/feature-flags/full/targets/more", new { type = "workspace" }))).Is(422, "too_many_targets");
        (await server.PutAsync("/feature-flags/full/targets/w7", new { type = "workspace", enabled = false })).Is(204);   // one that stands is changed
        (await server.DeleteAsync("/feature-flags/full/targets/w7?type=workspace")).Is(204);
        (await server.PutAsync("/feature-flags/full/targets/more", new { type = "workspace" })).Is(204);
    }

    private async Task StandsAsync()
    {
        if ((await _server.GetAsync("/feature-flags/stands")).Status == 404)
        {
            (await _server.PostAsync("/feature-flags", new { slug = "stands" })).Is(201);
        }
    }

    private static async Task<string> MemberAsync(HoldfastServer server, string email, string organization)
    {
        var user = (await server.PostAsync("/user_management/users", new { email })).Is(201)["id"]!;
        (await server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = organization })).Is(201);
        return user;
    }

    private static async Task<List<string>> SlugsAsync(HoldfastServer server, string path) => [.. Slugs((await server.GetAsync(path)).Is(200)).Order(StringComparer.Ordinal)];

    private static IEnumerable<string> Slugs(Answer list) => list.Json.GetProperty("data").EnumerateArray().Select(f => f.GetProperty("slug").GetString()!);

    private static string Told(JsonElement told)
    {
        var context = told.GetProperty("context");
        return $"{told.GetProperty("event").GetString()} "
            + (context.TryGetProperty("access_type", out var access) ? access.GetString() + " " : "")
            + (context.TryGetProperty("previous_attributes", out var previous) ? previous.GetRawText() : "");
    }
}
