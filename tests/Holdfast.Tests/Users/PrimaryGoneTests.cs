namespace Holdfast.Tests.Users;

/// <summary>What administrators can do to people while the primary is away: deny, and delete. The rest says 503, and is done once when it is repeated.</summary>
public sealed class PrimaryGoneTests
{
    [Fact]
    public async Task Denies_and_deletions_go_on_and_the_rest_waits()
    {
        await using var server = await HoldfastServer.StartAsync();
        const string Users = "/user_management/users";
        const string Memberships = "/user_management/organization_memberships";
        async Task<string> UserAsync(string name) => (await server.PostAsync(Users, new { email = $"{name}@example.test" })).Is(201)["id"]!;
        var (ada, bob, organization) = (await UserAsync("ada"), await UserAsync("bob"), await server.OrganizationAsync());
        async Task<string> JoinAsync(string user) => (await server.PostAsync(Memberships, new { user_id = user, organization_id = organization })).Is(201)["id"]!;
        var (hers, his) = (await JoinAsync(ada), await JoinAsync(bob));
        var body = new { email = "carol@example.test" };
        await using (await HeldPrimary.BeginAsync(server))
        {
            (await server.PostAsync(Users, body, ("Idempotency-Key", "carol"))).Is(503, "primary_unavailable");
            (await server.PutAsync($"{Users}/{ada}", new { external_id = "x" })).Is(503, "primary_unavailable");
            (await server.PutAsync($"{Memberships}/{hers}", new { role_slug = "admin" })).Is(503, "primary_unavailable");
            Assert.Equal("inactive", (await server.PutAsync($"{Memberships}/{hers}/deactivate", "{}")).Is(200)["status"]);
            (await server.PutAsync($"{Memberships}/{hers}/reactivate", "{}")).Is(503, "primary_unavailable");
            (await server.DeleteAsync($"{Memberships}/{his}")).Is(200);
            (await server.DeleteAsync($"{Users}/{bob}")).Is(200);
            (await server.GetAsync($"{Users}/{bob}")).Is(404, "entity_not_found");
            Assert.Equal("inactive", (await server.GetAsync($"{Memberships}/{hers}")).Is(200)["status"]);
        }

        var id = (await server.PostAsync(Users, body, ("Idempotency-Key", "carol"))).Is(201)["id"];
        Assert.Equal(id, (await server.PostAsync(Users, body, ("Idempotency-Key", "carol"))).Is(201)["id"]);
        Assert.Equal("active", (await server.PutAsync($"{Memberships}/{hers}/reactivate", "{}")).Is(200)["status"]);
        Assert.Equal((1, 1, 3), (server.Events("user.deleted"), server.Events("organization_membership.deleted"), server.Events("user.created")));
    }
}
