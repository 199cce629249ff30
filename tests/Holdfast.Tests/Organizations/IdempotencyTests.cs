using Holdfast.Http;

namespace Holdfast.Tests.Organizations;

/// <summary>One key and one body, of one caller on one path, is one operation (PLAT-012).</summary>
public sealed class IdempotencyTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    [Fact]
    public async Task The_same_request_again_is_answered_the_same_and_done_once()
    {
        var key = SamlProvider.Unique();
        var first = (await CreateAsync(key, "Acme")).Is(201);
        var again = (await _server.WithoutEffectAsync(() => CreateAsync(key, "Acme"))).Is(201);

        Assert.Equal(first.Bytes, again.Bytes);
        Assert.Equal(first.ContentType, again.ContentType);
        (await _server.GetAsync($"/organizations/{first["id"]}")).Is(200);
    }

    [Fact]
    public async Task Without_a_key_two_equal_requests_are_two()
    {
        var body = new { name = "Twice" };

        Assert.NotEqual((await _server.PostAsync("/organizations", body)).Is(201)["id"], (await _server.PostAsync("/organizations", body)).Is(201)["id"]);
    }

    [Fact]
    public async Task Another_body_under_the_same_key_is_another_operation()
    {
        var key = SamlProvider.Unique();
        var first = (await CreateAsync(key, "Acme")).Is(201);
        var other = (await CreateAsync(key, "Globex")).Is(201);

        Assert.NotEqual(first["id"], other["id"]);
        Assert.Equal("Globex", other["name"]);
        Assert.Equal(first["id"], (await CreateAsync(key, "Acme")).Is(201)["id"]);
    }

    [Fact]
    public async Task Another_key_another_path_and_another_environment_have_nothing_to_do_with_it()
    {
        var key = SamlProvider.Unique();
        var body = new { name = "Acme", uri = $"https://app.test/{key}" };
        var ids = new List<string?>
        {
            (await _server.SendAsync("POST", "/organizations", _server.A.ApiKey, body, ("Idempotency-Key", key))).Is(201)["id"],
            (await _server.SendAsync("POST", "/organizations", _server.A.ApiKey, body, ("Idempotency-Key", key + "2"))).Is(201)["id"],
            (await _server.SendAsync("POST", "/organizations", _server.B.ApiKey, body, ("Idempotency-Key", key))).Is(201)["id"],
            (await _server.SendAsync("POST", "/user_management/redirect_uris", _server.A.ApiKey, body, ("Idempotency-Key", key))).Is(201)["id"],
        };

        Assert.Equal(ids.Count, ids.Distinct().Count());
    }

    [Fact]
    public async Task Twenty_at_once_make_one_organization()
    {
        var key = SamlProvider.Unique();
        var before = _server.Events("organization.created");
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => CreateAsync(key, "Rush")));

        Assert.All(answers, a => a.Is(201));
        Assert.Single(answers.Select(a => a.Text).Distinct());
        Assert.Equal(before + 1, _server.Events("organization.created"));
        Assert.Single((await _server.GetAsync("/organizations?limit=100&search=Rush")).Ids);
    }

    [Fact]
    public async Task A_refusal_is_not_kept()
    {
        var key = SamlProvider.Unique();
        var external = SamlProvider.Unique();
        var holder = (await _server.PostAsync("/organizations", new { name = "Holder", external_id = external })).Is(201)["id"];
        var body = new { name = "Wants it too", external_id = external };
        (await _server.WithoutEffectAsync(() => _server.PostAsync("/organizations", body, ("Idempotency-Key", key)))).Is(400, "external_id_already_used");

        (await _server.PutAsync($"/organizations/{holder}", new { external_id = (string?)null })).Is(200);

        (await _server.PostAsync("/organizations", body, ("Idempotency-Key", key))).Is(201);
    }

    [Theory]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(4000)]
    public async Task A_key_of_any_length_works(int length)
    {
        var key = SamlProvider.Unique().PadRight(length, 'k');
        var first = (await CreateAsync(key, "Long")).Is(201);

        Assert.Equal(first["id"], (await CreateAsync(key, "Long")).Is(201)["id"]);
        Assert.NotEqual(first["id"], (await CreateAsync(key[..^1] + "x", "Long")).Is(201)["id"]);
    }

    [Fact]
    public async Task An_answer_is_kept_for_a_day_and_no_longer()
    {
        await using var server = await HoldfastServer.StartAsync();
        var first = (await CreateAsync("day", "Acme", server)).Is(201);

        server.Clock.Advance(TimeSpan.FromHours(24) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(first["id"], (await CreateAsync("day", "Acme", server)).Is(201)["id"]);

        server.Clock.Advance(TimeSpan.FromMilliseconds(1));
        var later = (await CreateAsync("day", "Acme", server)).Is(201);
        Assert.NotEqual(first["id"], later["id"]);
        Assert.Equal(later.Text, (await CreateAsync("day", "Acme", server)).Is(201).Text);   // and is kept in its turn
    }

    [Fact]
    public async Task A_restart_forgets_nothing()
    {
        var data = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        try
        {
            Answer first;
            Holdfast.Environments.NewEnvironment a, b;
            await using (var server = await HoldfastServer.StartAsync(new Start(Data: data)))
            {
                (a, b) = (server.A, server.B);
                first = (await CreateAsync("restart", "Acme", server)).Is(201);
            }
            await using var next = await HoldfastServer.StartAsync(new Start(Data: data), a, b);

            Assert.Equal(first.Text, (await next.WithoutEffectAsync(() => CreateAsync("restart", "Acme", next))).Is(201).Text);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task A_repeat_is_answered_while_the_primary_is_locked()
    {
        await using var server = await HoldfastServer.StartAsync();
        var first = (await CreateAsync("locked", "Acme", server)).Is(201);
        await using (await HeldPrimary.BeginAsync(server))
        {
            Assert.Equal(first.Text, (await CreateAsync("locked", "Acme", server)).Is(201).Text);

            var refused = (await CreateAsync("new", "Globex", server)).Is(503, "primary_unavailable");
            Assert.Equal(5, refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds);
        }
        Assert.Equal(first.Text, (await CreateAsync("locked", "Acme", server)).Is(201).Text);
    }

    private Task<Answer> CreateAsync(string key, string name, HoldfastServer? server = null) =>
        (server ?? _server).PostAsync("/organizations", new { name }, ("Idempotency-Key", key));

    [Fact]
    public void A_decision_that_runs_again_makes_the_same_ids()
    {
        var operation = new Operation("environment_1", "idem_1", 1, null!, [1, 2, 3]);
        string[] Run(Operation run) => [run.NewId("org_"), run.NewId("org_")];
        var first = Run(operation.Anew());
        Assert.Equal(first, Run(operation.Anew()));
        Assert.NotEqual(first[0], first[1]);
    }
}
