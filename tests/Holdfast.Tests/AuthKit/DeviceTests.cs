using Holdfast.AuthKit;
using Holdfast.Tests.Peers;
using Holdfast.Users;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.AuthKit;

/// <summary>Devices that ask to be signed in (RFC 8628; OAUTH-023). How a person answers on a page, the browser's tests show.</summary>
public sealed class DeviceTests(Shared shared) : IClassFixture<Shared>
{
    private const string Grant = "urn:ietf:params:oauth:grant-type:device_code";

    private readonly HoldfastServer _server = shared.Server;

    private static string Somebody() => $"{SamlProvider.Unique()}@people.test";

    private static async Task<Answer> BeginAsync(HoldfastServer server) =>
        (await server.SendAsync("POST", "/user_management/authorize/device", null, new { client_id = server.A.ClientId })).Is(200);

    private static Task<Answer> PollAsync(HoldfastServer server, string code, string? clientId = null, string? key = null) => server.SendAsync(
        "POST", "/user_management/authenticate", null, new { grant_type = Grant, client_id = clientId ?? server.A.ClientId, device_code = code }, key is null ? [] : [("Idempotency-Key", key)]);

    /// <summary>What the page does for somebody who has signed in.</summary>
    private static async Task<bool> AnswerAsync(HoldfastServer server, string userCode, string? userId, string? organizationId = null)
    {
        var (devices, acts) = (server.Services.GetRequiredService<DeviceCodes>(), server.Services.GetRequiredService<Acts>());
        return devices.Find(userCode) is { } waiting && await server.Storage.Database.RecordAsync(view => DeviceAnswer.Give(
            view, acts.Of(server.A.Id), waiting.Id, userId is null ? null : new Holdfast.Users.SignedIn(userId, OrganizationId: organizationId), "password")) is null;
    }

    [Fact]
    public async Task A_device_is_signed_in_once_when_the_person_says_yes()
    {
        var begun = await BeginAsync(_server);
        var user = (await SignedIn.ByMagicCodeAsync(_server, Somebody())).UserId;

        Assert.Matches("^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$", begun["user_code"]);
        Assert.Equal(($"{_server.PublicUrl}/device", $"{_server.PublicUrl}/device?user_code={begun["user_code"]}", "300", "5"),
            (begun["verification_uri"], begun["verification_uri_complete"], begun["expires_in"], begun["interval"]));
        (await PollAsync(_server, begun["device_code"]!)).IsOAuth("authorization_pending");
        Assert.True(await AnswerAsync(_server, begun["user_code"]!.ToLowerInvariant().Replace("-", " ", StringComparison.Ordinal), user));
        _server.Clock.Advance(TimeSpan.FromSeconds(5));
        var session = new SignedIn(_server, (await PollAsync(_server, begun["device_code"]!, key: "once")).Is(200));

        Assert.Equal((user, "Password"), (session.UserId, session.Answer["authentication_method"]));
        (await session.RefreshAsync()).Is(200);
        _server.Clock.Advance(TimeSpan.FromSeconds(5));
        (await PollAsync(_server, begun["device_code"]!)).IsOAuth("invalid_grant");
        Assert.False(await AnswerAsync(_server, begun["user_code"]!, user));   // it was answered
    }

    [Fact]
    public async Task What_somebody_refused_stays_refused()
    {
        var begun = await BeginAsync(_server);
        Assert.True(await AnswerAsync(_server, begun["user_code"]!, null));
        Assert.False(await AnswerAsync(_server, begun["user_code"]!, (await SignedIn.ByMagicCodeAsync(_server, Somebody())).UserId));
        (await PollAsync(_server, begun["device_code"]!)).IsOAuth("access_denied");
    }

    [Fact]
    public async Task Who_asks_too_soon_is_told_to_slow_down_and_waits_longer_from_then_on()
    {
        var begun = await BeginAsync(_server);
        async Task<string?> After(int seconds)
        {
            _server.Clock.Advance(TimeSpan.FromSeconds(seconds));
            return (await PollAsync(_server, begun["device_code"]!)).Is(400)["error"];
        }

        var said = new List<string?>();
        foreach (var pause in new[] { 0, 4, 9, 15, 15 })
        {
            said.Add(await After(pause));
        }
        Assert.Equal(["authorization_pending", "slow_down", "slow_down", "authorization_pending", "authorization_pending"], said);
    }

    [Fact]
    public async Task It_expires_for_both()
    {
        var begun = await BeginAsync(_server);
        _server.Clock.Advance(TimeSpan.FromSeconds(300));

        (await PollAsync(_server, begun["device_code"]!)).IsOAuth("expired_token");
        Assert.False(await AnswerAsync(_server, begun["user_code"]!, "user_x"));
    }

    [Fact]
    public async Task A_code_is_one_client_s_and_what_is_no_code_is_nobody_s()
    {
        var begun = await BeginAsync(_server);

        (await PollAsync(_server, begun["device_code"]!, _server.B.ClientId)).IsOAuth("invalid_grant");
        (await PollAsync(_server, begun["device_code"]!, "client_nobody")).IsOAuth("invalid_client");
        foreach (var wrong in new[] { begun["device_code"] + "x", begun["user_code"]!, "x", new string('x', 9000), begun["device_code"]!.Replace(_server.A.Id, _server.B.Id, StringComparison.Ordinal) })
        {
            (await PollAsync(_server, wrong)).IsOAuth("invalid_grant");
        }
        (await SignedIn.AskAsync(_server, Grant)).IsOAuth("invalid_request");
        (await _server.SendAsync("POST", "/user_management/authorize/device", null, new { })).IsOAuth("invalid_request");
        (await _server.SendAsync("POST", "/user_management/authorize/device", null, new { client_id = "client_nobody" })).IsOAuth("invalid_client");
        foreach (var wrong in new[] { "", "AAAA-AAAA", "BCDF-GHJ", "BCDF-GHJKL", new string('B', 1000), "1234-5678" })
        {
            Assert.Null(_server.Services.GetRequiredService<DeviceCodes>().Find(wrong));
        }
    }

    [Fact]
    public async Task Strangers_who_ask_leave_one_short_lived_row_each_and_are_bounded()
    {
        var (server, from) = await Pages.HostedLimitTests.StartAsync();
        await using var _ = server;
        Task<Answer> AskAsync() => server.SendAsync("POST", "/user_management/authorize/device", null, new { client_id = server.A.ClientId });
        for (var place = 0; place < 20; place++)
        {
            from.Place = $"203.0.113.{place}";
            for (var i = 0; i < 30; i++)
            {
                await BeginAsync(server);
            }
            (await server.WithoutEffectAsync(AskAsync)).Is(429, "rate_limit_exceeded");   // of this place; the next has its own
        }
        from.Place = "198.51.100.7";
        Assert.Equal(TimeSpan.FromSeconds(60), (await server.WithoutEffectAsync(AskAsync)).Is(429, "rate_limit_exceeded").Headers.RetryAfter!.Delta);
        // Nothing but the items, each over with its code; and no row says a code.
        Assert.Equal((600L, 600L), server.Storage.Database.Read(view => (
            view.Find<long>("SELECT count(*) FROM pending_items WHERE kind = 'device_request_'"),
            view.Find<long>("SELECT count(*) FROM pending_items WHERE kind = 'device_request_' AND expires_at - created_at = 300000 AND data LIKE '%203.0.113.%'"))));
    }

    [Fact] // PLAT-026
    public async Task So_many_wait_of_one_environment_and_the_others_have_their_own()
    {
        await using var server = await HoldfastServer.StartAsync();
        Task<Answer> AskAsync(string clientId) => server.SendAsync("POST", "/user_management/authorize/device", null, new { client_id = clientId });
        for (var i = 0; i < DeviceCodes.MostOfEnvironment; i++)
        {
            await BeginAsync(server);
        }

        (await AskAsync(server.A.ClientId)).Is(429, "rate_limit_exceeded");
        (await AskAsync(server.B.ClientId)).Is(200);
        server.Clock.Advance(DeviceCodes.Lifetime);
        (await AskAsync(server.A.ClientId)).Is(200);
    }

    [Fact]
    public async Task Somebody_who_may_not_sign_in_signs_in_no_device()
    {
        var begun = await BeginAsync(_server);
        var session = await SignedIn.ByMagicCodeAsync(_server, Somebody());
        Assert.True(await AnswerAsync(_server, begun["user_code"]!, session.UserId));
        (await _server.DeleteAsync($"/user_management/users/{session.UserId}")).Is(200);

        (await PollAsync(_server, begun["device_code"]!)).IsOAuth("access_denied");
    }

    [Fact]
    public async Task The_node_that_took_the_request_answers_wherever_the_device_asks_and_after_a_restart_too()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var user = (await SignedIn.ByMagicCodeAsync(nodes[0], "ada@people.test")).UserId;
        var (begun, other) = (await BeginAsync(nodes[0]), await BeginAsync(nodes[0]));
        await nodes.HeardAsync(1, 0);
        var incarnation = nodes[0].Storage.Database.Incarnation;

        (await PollAsync(nodes[1], begun["device_code"]!)).IsOAuth("authorization_pending");
        Assert.Contains(incarnation, nodes[1].Services.GetRequiredService<DeviceCodes>().MayHaveShown(begun["user_code"]!, [incarnation, nodes[1].Storage.Database.Incarnation]));
        Assert.True(await AnswerAsync(nodes[0], begun["user_code"]!, user));
        nodes.Clock.Advance(TimeSpan.FromSeconds(5));
        await nodes.StopNodeAsync(0);
        (await PollAsync(nodes[1], begun["device_code"]!)).Is(503, "authority_unavailable");
        await nodes.StartNodeAsync(0);
        await nodes.HeardAsync(1, 0);

        Assert.Equal(user, new SignedIn(nodes[1], (await PollAsync(nodes[1], begun["device_code"]!)).Is(200)).UserId);
        (await PollAsync(nodes[0], other["device_code"]!)).IsOAuth("authorization_pending");   // and who has not been answered yet still can be
        Assert.True(await AnswerAsync(nodes[0], other["user_code"]!, user));
        nodes.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(user, new SignedIn(nodes[0], (await PollAsync(nodes[0], other["device_code"]!)).Is(200)).UserId);
    }

    [Fact]
    public async Task A_device_s_code_names_the_node_that_decides_and_no_other()
    {
        var begun = await BeginAsync(_server);
        var (life, rest) = begun["device_code"]!.Split('.', 2) is [var l, var r] ? (l, r) : default;
        Assert.Equal(_server.Storage.Database.Incarnation, life);
        foreach (var wrong in new[] { $"aaaaaaaaaaaa.{rest}", $"{life}.{life}.{rest}", $".{rest}", life, $"{life}.", "." })
        {
            (await PollAsync(_server, wrong)).IsOAuth("invalid_grant");
        }
        _server.Clock.Advance(TimeSpan.FromSeconds(5));
        (await PollAsync(_server, rest)).IsOAuth("authorization_pending");   // as an elder release made it
    }

    [Fact]
    public async Task A_device_that_asks_in_several_places_at_once_is_signed_in_once()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var user = (await SignedIn.ByMagicCodeAsync(nodes[0], "ada@people.test")).UserId;
        var begun = await BeginAsync(nodes[0]);
        await nodes.HeardAsync(1, 0);
        Assert.True(await AnswerAsync(nodes[0], begun["user_code"]!, user));

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => PollAsync(nodes[i % 2], begun["device_code"]!)));
        Assert.Single(answers, a => a.Status == 200);
        Assert.Equal(1, nodes[0].Storage.Database.Read(view => view.Find<long>("SELECT count(*) FROM sessions WHERE user_id = @user AND method = 'password'", new { user })));
    }
}
