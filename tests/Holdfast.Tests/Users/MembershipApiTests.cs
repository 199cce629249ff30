using System.Text.Json;
using Holdfast.Http;
using Holdfast.Storage.Rows;
using Holdfast.Users;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Users;

/// <summary>Memberships as administrators see and change them.</summary>
public sealed class MembershipApiTests(Shared shared) : IClassFixture<Shared>
{
    private const string Memberships = "/user_management/organization_memberships";

    private readonly HoldfastServer _server = shared.Server;

    [Fact]
    public async Task A_membership_is_read_back_as_it_was_made()
    {
        var (user, organization) = await PartiesAsync();
        var events = _server.Events("organization_membership.created");
        var made = (await _server.PostAsync(Memberships, new { user_id = user, organization_id = organization })).Is(201);

        Assert.Equal(
            ["object", "id", "user_id", "organization_id", "status", "directory_managed", "custom_attributes", "created_at", "updated_at", "role", "roles", "organization_name", "user"],
            made.Json.EnumerateObject().Select(p => p.Name));
        Assert.StartsWith("om_", made["id"], StringComparison.Ordinal);
        Assert.Equal(("organization_membership", user, organization, "active", "False"), (made["object"], made["user_id"], made["organization_id"], made["status"], made["directory_managed"]));
        Assert.Equal(("""{"slug":"member"}""", """[{"slug":"member"}]""", "Acme", "{}"), (made["role"], made["roles"], made["organization_name"], made["custom_attributes"]));
        Assert.Equal((await _server.GetAsync($"/user_management/users/{user}")).Text, made["user"]);
        Assert.Equal(made.Text, (await _server.GetAsync($"{Memberships}/{made["id"]}")).Is(200).Text);
        Assert.Equal(events + 1, _server.Events("organization_membership.created"));
        var told = JsonDocument.Parse(DataOf("organization_membership.created", made["id"]!)!).RootElement;
        Assert.Equal(made.Json.EnumerateObject().Select(p => p.Name).Except(["organization_name", "user"]), told.EnumerateObject().Select(p => p.Name));
        Assert.Equal([user], (await _server.GetAsync($"/user_management/users?organization_id={organization}")).Ids);
        Assert.Equal([user], (await _server.GetAsync($"/user_management/users?organization={organization}")).Ids);
        Assert.Empty((await _server.GetAsync($"{Memberships}/{made["id"]}/groups")).Is(200).Ids);
    }

    [Fact]
    public async Task Its_id_is_of_the_two_whoever_makes_it()
    {
        var (user, organization) = await PartiesAsync();
        var act = Act();
        await _server.Storage.Database.RecordAsync(view => Decide.To(true, Holdfast.Users.Memberships.JustInTime(view, act, organization, user)));
        var id = Holdfast.Users.Memberships.IdOf(act.IdKey, organization, user);
        var found = (await _server.GetAsync($"{Memberships}/{id}")).Is(200);

        Assert.Equal(("active", """{"slug":"member"}"""), (found["status"], found["role"]));
        Assert.Contains("\"custom_attributes\":{}", DataOf("organization_membership.created", id), StringComparison.Ordinal);
        await _server.ShippedAsync();
        (await _server.WithoutEffectAsync(() => _server.PostAsync(Memberships, new { user_id = user, organization_id = organization }))).Is(409, "organization_membership_already_exists");
    }

    [Fact]
    public async Task A_role_is_given_and_changed()
    {
        var (user, organization) = await PartiesAsync();
        var made = (await _server.PostAsync(Memberships, new { user_id = user, organization_id = organization, role_slug = "admin" })).Is(201);
        Assert.Equal("""{"slug":"admin"}""", made["role"]);
        var events = _server.Events("organization_membership.updated");

        var changed = (await _server.PutAsync($"{Memberships}/{made["id"]}", new { role_slugs = new[] { "member" } })).Is(200);
        Assert.Equal(("""{"slug":"member"}""", """[{"slug":"member"}]"""), (changed["role"], changed["roles"]));
        Assert.True(string.CompareOrdinal(changed["updated_at"], made["updated_at"]) > 0);
        Assert.Equal(changed.Text, (await _server.GetAsync($"{Memberships}/{made["id"]}")).Text);
        Assert.Equal(changed.Text, (await _server.PutAsync($"{Memberships}/{made["id"]}", "")).Is(200).Text);
        Assert.Equal(events + 1, _server.Events("organization_membership.updated"));
    }

    [Theory] // PLAT-029
    [InlineData("invalid_role", """ "role_slug":"owner" """)]
    [InlineData("invalid_role", """ "role_slugs":[null] """)]
    [InlineData("multiple_roles_not_enabled", """ "role_slugs":["admin","member"] """)]
    [InlineData("invalid_request_parameters", """ "role_slugs":[] """)]
    [InlineData("invalid_request_parameters", """ "role_slug":"admin","role_slugs":["admin"] """)]
    public async Task A_role_is_one_that_there_is(string code, string fields)
    {
        var (user, organization) = await PartiesAsync();
        (await _server.WithoutEffectAsync(() => _server.PostAsync(Memberships, $$"""{"user_id":"{{user}}","organization_id":"{{organization}}",{{fields}}}"""))).Is(422, code);
        var id = (await _server.PostAsync(Memberships, new { user_id = user, organization_id = organization })).Is(201)["id"];
        (await _server.WithoutEffectAsync(() => _server.PutAsync($"{Memberships}/{id}", $$"""{{{fields}}}"""))).Is(422, code);
    }

    [Fact]
    public async Task Both_parties_must_be_there()
    {
        var (user, organization) = await PartiesAsync();
        Assert.Equal(["user_id required", "organization_id required"], (await _server.PostAsync(Memberships, "{}")).Is(422).Faults);
        (await _server.PostAsync(Memberships, new { user_id = "user_nobody", organization_id = organization })).Is(404, "entity_not_found");
        (await _server.PostAsync(Memberships, new { user_id = user, organization_id = "org_nobody" })).Is(404, "entity_not_found");
        var id = (await _server.PostAsync(Memberships, new { user_id = user, organization_id = organization })).Is(201)["id"];
        (await _server.DeleteAsync($"/organizations/{organization}")).Is(202);
        (await _server.GetAsync($"{Memberships}/{id}")).Is(404, "entity_not_found");
        (await _server.PostAsync(Memberships, new { user_id = user, organization_id = organization })).Is(404, "entity_not_found");

        var (gone, other) = await PartiesAsync();
        var second = (await _server.PostAsync(Memberships, new { user_id = gone, organization_id = other })).Is(201)["id"];
        (await _server.DeleteAsync($"/user_management/users/{gone}")).Is(200);
        (await _server.GetAsync($"{Memberships}/{second}")).Is(404, "entity_not_found");
        Assert.Empty((await _server.GetAsync($"{Memberships}?organization_id={other}")).Is(200).Ids);
    }

    [Fact]
    public async Task One_that_is_deactivated_signs_nobody_in_until_it_is_reactivated()
    {
        var (user, organization) = await PartiesAsync();
        var id = (await _server.PostAsync(Memberships, new { user_id = user, organization_id = organization, role_slug = "admin" })).Is(201)["id"]!;
        var events = _server.Events("organization_membership.updated");
        bool Allows() => _server.Storage.Database.Read(view => Holdfast.Users.Memberships.Allows(view, Act().IdKey, organization, user));
        Assert.True(Allows());

        var stopped = (await _server.PutAsync($"{Memberships}/{id}/deactivate", "{}")).Is(200);
        Assert.Equal(("inactive", """{"slug":"admin"}"""), (stopped["status"], stopped["role"]));
        Assert.Equal(stopped.Text, (await _server.PutAsync($"{Memberships}/{id}/deactivate", "")).Is(200).Text);   // and no second event
        Assert.Equal((false, events + 1), (Allows(), _server.Events("organization_membership.updated")));
        Assert.Equal(stopped.Text, (await _server.GetAsync($"{Memberships}/{id}")).Text);

        var again = (await _server.PutAsync($"{Memberships}/{id}/reactivate", "{}")).Is(200);
        Assert.Equal(("active", """{"slug":"admin"}"""), (again["status"], again["role"]));
        Assert.Equal(again.Text, (await _server.WithoutEffectAsync(() => _server.PutAsync($"{Memberships}/{id}/reactivate", ""))).Is(200).Text);
        Assert.Equal((true, events + 2), (Allows(), _server.Events("organization_membership.updated")));
    }

    [Fact]
    public async Task Making_one_that_is_inactive_makes_it_active_with_the_role_that_is_named()
    {
        var (user, organization) = await PartiesAsync();
        var id = (await _server.PostAsync(Memberships, new { user_id = user, organization_id = organization, role_slug = "admin" })).Is(201)["id"];
        (await _server.PutAsync($"{Memberships}/{id}/deactivate", "{}")).Is(200);   // the primary may not have heard of it yet

        var again = (await _server.PostAsync(Memberships, new { user_id = user, organization_id = organization })).Is(201);
        Assert.Equal((id, "active", """{"slug":"member"}"""), (again["id"], again["status"], again["role"]));
    }

    [Fact]
    public async Task A_deactivation_that_was_not_seen_stays()
    {
        var (user, organization) = await PartiesAsync();
        var id = (await _server.PostAsync(Memberships, new { user_id = user, organization_id = organization })).Is(201)["id"]!;
        (await _server.PutAsync($"{Memberships}/{id}/deactivate", "{}")).Is(200);
        var seen = _server.Storage.Database.Read(view => Denied.Standing(view, id));
        (await _server.PutAsync($"{Memberships}/{id}/deactivate", "{}")).Is(200);   // as another node would, meanwhile
        await _server.ShippedAsync();
        var act = Act();
        var events = _server.Events("organization_membership.updated");
        var answer = await _server.Storage.Database.WriteAsync(view => ChangeMembership.Reactivated(view, act, id, seen), CancellationToken.None);

        Assert.Contains("\"status\":\"inactive\"", System.Text.Encoding.UTF8.GetString(answer.Bytes!), StringComparison.Ordinal);
        Assert.Equal("inactive", (await _server.GetAsync($"{Memberships}/{id}"))["status"]);
        Assert.Equal(events, _server.Events("organization_membership.updated"));
    }

    [Fact]
    public async Task One_that_was_deleted_is_gone_and_can_be_made_again()
    {
        var (user, organization) = await PartiesAsync();
        var made = (await _server.PostAsync(Memberships, new { user_id = user, organization_id = organization, role_slug = "admin" })).Is(201);
        var (deleted, created) = (_server.Events("organization_membership.deleted"), _server.Events("organization_membership.created"));
        Assert.Empty((await _server.DeleteAsync($"{Memberships}/{made["id"]}")).Is(200).Text);
        Assert.Equal(deleted + 1, _server.Events("organization_membership.deleted"));
        foreach (var (method, path) in new[] { ("GET", ""), ("PUT", ""), ("DELETE", ""), ("PUT", "/deactivate"), ("PUT", "/reactivate"), ("GET", "/groups") })
        {
            (await _server.WithoutEffectAsync(() => _server.SendAsync(method, $"{Memberships}/{made["id"]}{path}", _server.A.ApiKey))).Is(404, "entity_not_found");
        }
        Assert.False(_server.Storage.Database.Read(view => Holdfast.Users.Memberships.Allows(view, Act().IdKey, organization, user)));
        // What an identity provider says does not bring it back; an administrator does, and that is told anew.
        Assert.Empty(_server.Storage.Database.Read(view => Holdfast.Users.Memberships.JustInTime(view, Act(), organization, user)));
        var again = (await _server.PostAsync(Memberships, new { user_id = user, organization_id = organization })).Is(201);
        Assert.Equal((made["id"], made["created_at"], """{"slug":"member"}"""), (again["id"], again["created_at"], again["role"]));
        Assert.Equal(created + 1, _server.Events("organization_membership.created"));
    }

    [Fact]
    public async Task Lists_are_of_a_user_or_of_an_organization_and_show_the_active_ones_unless_others_are_asked_for()
    {
        var (user, organization) = await PartiesAsync();
        var (second, elsewhere) = await PartiesAsync();
        async Task<string> JoinAsync(string who, string where) => (await _server.PostAsync(Memberships, new { user_id = who, organization_id = where })).Is(201)["id"]!;
        var (a, b, c) = (await JoinAsync(user, organization), await JoinAsync(second, organization), await JoinAsync(user, elsewhere));
        (await _server.PutAsync($"{Memberships}/{b}/deactivate", "{}")).Is(200);
        async Task<List<string>> ListAsync(string query) => (await _server.GetAsync($"{Memberships}?{query}")).Is(200).Ids;

        (await _server.GetAsync(Memberships)).Is(400, "missing_user_id_or_organization_id");
        (await _server.GetAsync($"{Memberships}?user_id={user}&statuses=gone")).Is(422);
        (await _server.GetAsync($"{Memberships}?user_id=user_nobody")).Is(404, "entity_not_found");
        (await _server.GetAsync($"{Memberships}?organization_id=org_nobody")).Is(404, "entity_not_found");
        Assert.Equal([a], await ListAsync($"organization_id={organization}"));
        Assert.Equal([b], await ListAsync($"organization_id={organization}&statuses=inactive"));
        foreach (var both in new[] { "statuses=active,inactive", "statuses=active&statuses=inactive", "statuses[]=active&statuses[]=inactive" })
        {
            Assert.Equal(new[] { a, b }.Order(), (await ListAsync($"organization_id={organization}&{both}")).Order());
        }
        Assert.Empty(await ListAsync($"organization_id={organization}&statuses=pending"));
        Assert.Equal(new[] { a, c }.Order(), (await ListAsync($"user_id={user}")).Order());
        Assert.Equal([c], await ListAsync($"user_id={user}&organization_id={elsewhere}"));
        var page = (await _server.GetAsync($"{Memberships}?user_id={user}&limit=1")).Is(200);
        Assert.Equal(new[] { a, c }.Order(), new[] { page.Ids[0], (await ListAsync($"user_id={user}&limit=1&after={page.Cursor("after")}"))[0] }.Order());
    }

    private async Task<(string User, string Organization)> PartiesAsync() =>
        ((await _server.PostAsync("/user_management/users", new { email = $"{SamlProvider.Unique().ToLowerInvariant()}@example.test" })).Is(201)["id"]!, await _server.OrganizationAsync());

    private Act Act() => _server.Services.GetRequiredService<Acts>().Of(_server.A.Id);

    private string? DataOf(string name, string id) => _server.Storage.Database.Read(view => view.Find<string>(
        "SELECT data FROM events WHERE event = @name AND data LIKE @like", new { name, like = $"%\"id\":\"{id}\"%" }));
}
