namespace Holdfast.Tests.Organizations;

/// <summary>Pages of a list: a total order, cursors that hold, and bounds (PLAT-013). The clock stands, so all these have one time.</summary>
public sealed class PageTests(PageTests.Made made) : IClassFixture<PageTests.Made>
{
    private readonly HoldfastServer _server = made.Server;
    private readonly IReadOnlyList<string> _all = made.All;

    /// <summary>A server with 25 organizations, oldest first.</summary>
    public sealed class Made : IAsyncLifetime
    {
        internal HoldfastServer Server { get; private set; } = null!;

        internal IReadOnlyList<string> All { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Server = await HoldfastServer.StartAsync();
            for (var i = 0; i < 25; i++)
            {
                await Server.OrganizationAsync($"Page {i}");
                if (i == 11)
                {
                    Server.Clock.Advance(TimeSpan.FromMilliseconds(1));   // two groups of equal times
                }
            }
            All = (await Server.GetAsync("/organizations?limit=100&order=asc")).Is(200).Ids;
        }

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }

    [Fact]
    public async Task A_list_keeps_its_bounds_and_its_orders()
    {
        Assert.Equal(25, _all.Distinct().Count());
        Assert.Equal(Enumerable.Reverse(_all), (await ListAsync("limit=100")).Ids);
        Assert.Equal(Enumerable.Reverse(_all), (await ListAsync("limit=100&order=desc")).Ids);
        Assert.Equal(Enumerable.Reverse(_all), (await ListAsync("limit=100&order=normal")).Ids);
        Assert.Equal(10, (await ListAsync("")).Ids.Count);
        Assert.Single((await ListAsync("limit=1")).Ids);
        Assert.Equal(_all.Take(3), (await ListAsync("order=asc&limit=3&unknown=1")).Ids);
        foreach (var wrong in new[] { "0", "101", "-1", "x", "1.5", "+1", "1e1", "99999999999", "%20", "1%00" })
        {
            var refused = (await ListAsync($"limit={wrong}")).Is(422, "invalid_request_parameters");
            Assert.Equal(["limit out_of_range"], refused.Faults);
        }
        Assert.Equal(["order invalid"], (await ListAsync("order=up")).Is(422).Faults);
        Assert.Equal(["before exclusive_with_after"], (await ListAsync($"before={_all[1]}&after={_all[2]}")).Is(422).Faults);
        Assert.Equal(["after invalid"], (await ListAsync($"after={new string('x', 129)}")).Is(422).Faults);
        Assert.Equal(["before invalid"], (await ListAsync($"before={new string('x', 129)}")).Is(422).Faults);
    }

    [Theory]
    [InlineData("asc")]
    [InlineData("desc")]
    public async Task Going_on_until_there_is_no_after_sees_everything_once(string order)
    {
        foreach (var limit in new[] { 1, 7, 25, 100 })
        {
            var seen = new List<string>();
            string? after = null;
            do
            {
                var page = (await ListAsync($"order={order}&limit={limit}{(after is null ? "" : $"&after={after}")}")).Is(200);
                Assert.Equal(after is null ? null : page.Ids[0], page.Cursor("before"));
                seen.AddRange(page.Ids);
                after = page.Cursor("after");
                Assert.True(seen.Count <= 25);
            }
            while (after is not null);

            Assert.Equal(order == "asc" ? _all : Enumerable.Reverse(_all), seen);
        }
    }

    [Theory]
    [InlineData("asc")]
    [InlineData("desc")]
    public async Task Going_back_sees_the_same(string order)
    {
        var seen = new List<string>();
        var before = order == "asc" ? _all[^1] : _all[0];
        while (true)
        {
            var page = (await ListAsync($"order={order}&limit=7&before={before}")).Is(200);
            seen.InsertRange(0, page.Ids);
            if (page.Cursor("before") is not { } next)
            {
                break;
            }
            before = next;
        }

        Assert.Equal(order == "asc" ? _all.Take(24) : Enumerable.Reverse(_all).Take(24), seen);
    }

    [Fact]
    public async Task In_normal_order_before_fetches_what_is_older()
    {
        var page = await ListAsync($"order=normal&limit=2&before={_all[10]}");
        Assert.Equal([_all[9], _all[8]], page.Ids);

        page = await ListAsync($"order=normal&limit=2&after={_all[10]}");
        Assert.Equal([_all[12], _all[11]], page.Ids);
    }

    [Fact]
    public async Task A_foreign_cursor_and_a_forged_one_are_before_nothing_and_after_nothing()
    {
        var foreign = (await _server.SendAsync("POST", "/organizations", _server.B.ApiKey, new { name = "Theirs" })).Is(201)["id"]!;
        foreach (var order in new[] { "asc", "desc", "normal" })
        {
            foreach (var cursor in new[] { foreign, "org_01J00000000000000000000000", "x", "%27%20OR%201=1--", "%25", "%00" })
            {
                foreach (var side in new[] { "before", "after" })
                {
                    var page = (await ListAsync($"order={order}&{side}={cursor}")).Is(200);
                    Assert.Empty(page.Ids);
                    Assert.Null(page.Cursor("before"));
                    Assert.Null(page.Cursor("after"));
                }
            }
        }
        Assert.NotEmpty((await ListAsync($"order=asc&after={_all[3]}")).Ids);
    }

    [Fact]
    public async Task What_is_inserted_or_deleted_meanwhile_moves_nothing()
    {
        await using var server = await HoldfastServer.StartAsync();
        for (var i = 0; i < 9; i++)
        {
            await server.OrganizationAsync($"Page {i}");
        }
        var all = (await server.GetAsync("/organizations?limit=100")).Ids;
        var first = await server.GetAsync("/organizations?limit=4");
        server.Clock.Advance(TimeSpan.FromMilliseconds(1));
        await server.OrganizationAsync("In between");
        (await server.DeleteAsync($"/organizations/{all[3]}")).Is(202);   // the cursor's own
        (await server.DeleteAsync($"/organizations/{all[6]}")).Is(202);   // one that is still to come

        var second = await server.GetAsync($"/organizations?limit=100&after={first.Cursor("after")}");

        Assert.Equal([all[4], all[5], all[7], all[8]], second.Ids);
    }

    [Fact]
    public async Task Filters_come_in_three_spellings()
    {
        var (one, two) = ($"{SamlProvider.Unique()}.example", $"{SamlProvider.Unique()}.example");
        var ids = new List<string>
        {
            (await _server.SendAsync("POST", "/organizations", _server.B.ApiKey, new { name = "One", domains = new[] { one } })).Is(201)["id"]!,
            (await _server.SendAsync("POST", "/organizations", _server.B.ApiKey, new { name = "Two", domains = new[] { two } })).Is(201)["id"]!,
        };
        foreach (var query in new[] { $"domains={one},{two}", $"domains={one}&domains={two}", $"domains[]={one}&domains[]={two}", $"domains={one.ToUpperInvariant()},{two}" })
        {
            Assert.Equal(ids.Order(), (await TheirsAsync(query)).Ids.Order());
        }
        Assert.Equal([ids[0]], (await TheirsAsync($"domains={one}")).Ids);
        Assert.Empty((await TheirsAsync("domains=nobody.example")).Ids);
        Assert.Empty((await TheirsAsync("search=%25")).Ids);
        Assert.Equal(["search too_long"], (await TheirsAsync($"search={new string('x', 257)}")).Is(422).Faults);
        (await TheirsAsync($"search={new string('x', 256)}")).Is(200);
    }

    private Task<Answer> ListAsync(string query) => _server.GetAsync($"/organizations?{query}");

    private Task<Answer> TheirsAsync(string query) => _server.SendAsync("GET", $"/organizations?{query}", _server.B.ApiKey);
}
