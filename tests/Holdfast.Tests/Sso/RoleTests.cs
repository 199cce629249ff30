namespace Holdfast.Tests.Sso;

/// <summary>Roles of a profile, by the groups that the identity provider names.</summary>
public sealed class RoleTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    private static object Map(string? fallback, params (string Group, string Role)[] rules) =>
        new { role_map = new { @default = fallback, rules = rules.Select(r => new { group = r.Group, role = r.Role }) } };

    [Fact] // PLAT-029
    public async Task Groups_give_roles_by_the_connection_s_map_in_its_order()
    {
        var connection = await _server.SamlConnectionAsync();
        async Task<(string?, string?)> RolesAsync()
        {
            var redeemed = (await connection.RedeemAsync(await connection.SignInAsync())).Is(200);
            var profile = redeemed.Json.GetProperty("profile");
            var shown = (await connection.ProfileAsync(redeemed["access_token"]!)).Is(200).Json;
            Assert.Equal(profile.ToString(), shown.ToString());
            Assert.Equal("""["Engineering","Math"]""", profile.GetProperty("groups").ToString());
            string? Text(string name) => profile.TryGetProperty(name, out var value) ? value.ToString() : null;
            return (Text("role"), Text("roles"));
        }
        Assert.Equal((null, null), await RolesAsync());   // the connection says nothing of roles

        var mapped = (await _server.PutAsync($"/connections/{connection.Id}", Map(null, ("Math", "admin"), ("Engineering", "builder"), ("Elsewhere", "owner"), ("Engineering", "admin")))).Is(200);
        Assert.Equal("member", mapped.Json.GetProperty("role_map").GetProperty("default").GetString());
        Assert.Equal(("""{"slug":"admin"}""", """[{"slug":"admin"},{"slug":"builder"}]"""), await RolesAsync());

        (await _server.PutAsync($"/connections/{connection.Id}", Map(null, ("math", "admin"), ("Mat", "admin"), ("Math ", "admin")))).Is(200);   // a group is its whole name
        Assert.Equal(("""{"slug":"member"}""", """[{"slug":"member"}]"""), await RolesAsync());
        (await _server.PutAsync($"/connections/{connection.Id}", Map("guest"))).Is(200);
        Assert.Equal(("""{"slug":"guest"}""", """[{"slug":"guest"}]"""), await RolesAsync());
        (await _server.PutAsync($"/connections/{connection.Id}", new { saml = new { attribute_map = new { first_name = "firstName" } } })).Is(200);   // of another setting
        Assert.Equal(("""{"slug":"guest"}""", """[{"slug":"guest"}]"""), await RolesAsync());

        (await _server.PutAsync($"/connections/{connection.Id}", new { role_map = (object?)null })).Is(200);
        Assert.Equal((null, null), await RolesAsync());
    }

    [Fact] // PLAT-029
    public async Task A_map_has_its_bounds_and_a_bad_one_changes_nothing()
    {
        var connection = await _server.SamlConnectionAsync();
        async Task<List<string>> FaultsAsync(object body) => [.. (await _server.WithoutEffectAsync(() => _server.PutAsync($"/connections/{connection.Id}", body))).Is(422).Faults];
        (string, string)[] Many(int count) => [.. Enumerable.Range(0, count).Select(i => ($"g{i}", "admin"))];

        Assert.Equal(["role_map.rules too_many"], await FaultsAsync(Map(null, Many(201))));
        Assert.Equal(["role_map.default invalid"], await FaultsAsync(Map("Not a slug")));
        Assert.Equal(["role_map.rules.role invalid"], await FaultsAsync(Map(null, ("g", "Admin"))));
        Assert.Equal(["role_map.rules.role invalid"], await FaultsAsync(Map(null, ("g", new string('a', 49)))));
        Assert.Equal(["role_map.rules.group required"], await FaultsAsync(Map(null, ("", "admin"))));
        Assert.Equal(["role_map.rules.group too_long"], await FaultsAsync(Map(null, (new string('g', 1025), "admin"))));
        Assert.Equal(["role_map.rules.role invalid", "role_map.rules.group required"], await FaultsAsync(new { role_map = new { rules = new object?[] { null } } }));
        (await _server.PutAsync($"/connections/{connection.Id}", Map(new string('a', 48), Many(200)))).Is(200);
    }
}
