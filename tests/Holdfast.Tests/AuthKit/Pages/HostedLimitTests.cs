using System.Net;
using Holdfast.Http;
using Holdfast.Tests.Peers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.AuthKit.Pages;

/// <summary>How often the hosted pages are tried and mail; a stranger's tries are not the owner's.</summary>
public sealed class HostedLimitTests
{
    private const string Stranger = "203.0.113.9";
    private const string Owner = "198.51.100.7";

    /// <summary>Where the requests come from.</summary>
    internal sealed class From : IStartupFilter
    {
        public string Place { get; set; } = Owner;

        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use(async (http, go) =>
            {
                http.Connection.RemoteIpAddress = IPAddress.Parse(Place);
                await go(http);
            });
            next(app);
        };
    }

    internal static async Task<(HoldfastServer Server, From From)> StartAsync(double factor = 1)
    {
        var from = new From();
        return (await HoldfastServer.StartAsync(new Start(RateLimitFactor: factor, Configure: builder => builder.Services.AddSingleton<IStartupFilter>(from))), from);
    }

    private static async Task<(Person Person, string Code)> AtCodeAsync(HoldfastServer server, string email, bool isSignUp)
    {
        var person = await new Person(server).StartAsync(isSignUp ? [("screen_hint", "sign-up")] : []);
        await person.SendAsync(("email", email));
        return (person, await person.MailedAsync(() => isSignUp ? person.SendAsync(("password", Person.Password)) : person.SendAsync(("again", "1"), [])));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_guesses_codes_and_asks_for_mails_elsewhere_does_not_keep_the_owner_out(bool isSignUp)
    {
        var (server, from) = await StartAsync();
        await using var _ = server;
        var email = HostedSignInTests.Somebody();
        from.Place = Stranger;
        var (stranger, code) = await AtCodeAsync(server, email, isSignUp);
        for (var i = 0; i < 20; i++)
        {
            await stranger.SendAsync(("code", HostedSignInTests.Other(code)));
            Assert.Contains("not right", stranger.Fault, StringComparison.Ordinal);
            if (i % 5 == 4)
            {
                server.Clock.Advance(TimeSpan.FromSeconds(61));
                code = await stranger.MailedAsync(() => stranger.SendAsync(("again", "1"), []));
            }
        }
        await stranger.SendAsync(("code", code));
        Assert.Contains("Too many codes", stranger.Fault, StringComparison.Ordinal);
        for (var i = 0; i < 2; i++)
        {
            await stranger.SendAsync(("again", "1"), []);
        }
        (await stranger.SendAsync(("again", "1"), [])).Is(429);

        from.Place = Owner;
        var (owner, own) = await AtCodeAsync(server, email, isSignUp);
        await owner.SendAsync(("code", own));
        (await owner.RedeemAsync()).Is(200);
    }

    [Fact]
    public async Task A_mailbox_is_mailed_to_ten_times_a_minute_from_anywhere()
    {
        var (server, from) = await StartAsync();
        await using var _ = server;
        var email = HostedSignInTests.Somebody();
        for (var i = 0; i < 10; i++)
        {
            from.Place = $"203.0.113.{i}";
            await AtCodeAsync(server, email, isSignUp: false);
        }
        from.Place = Owner;
        var person = await new Person(server).StartAsync();
        await person.SendAsync(("email", email));
        (await person.SendAsync(("again", "1"), [])).Is(429);
        server.Clock.Advance(TimeSpan.FromMinutes(1));
        await AtCodeAsync(server, email, isSignUp: false);
    }

    [Fact]
    public async Task Passwords_that_are_chosen_are_weighed_ten_times_a_minute()
    {
        await using var server = (await StartAsync()).Server;
        var person = await new Person(server).StartAsync(("screen_hint", "sign-up"));
        await person.SendAsync(("email", HostedSignInTests.Somebody()));
        for (var i = 0; i < 10; i++)
        {
            (await person.SendAsync(("password", "short"))).Is(422);
        }
        (await person.SendAsync(("password", Person.Password))).Is(429);
        server.Clock.Advance(TimeSpan.FromMinutes(1));
        await person.SendAsync(("password", Person.Password));
        Assert.Equal("/sign-up/verify", person.Path);
    }

    /// <summary>OAUTH-060: one password for many accounts is slow work from one place, and keeps nobody out who comes from another.</summary>
    [Fact]
    public async Task One_place_tries_so_many_accounts_a_minute()
    {
        var (server, from) = await StartAsync(0.03);   // thirty instead of a thousand
        await using var _ = server;
        var email = HostedSignInTests.Somebody();
        await HostedSignInTests.UserAsync(server, email);
        async Task<Answer> TryAsync()
        {
            from.Place = Stranger;
            var person = await new Person(server).StartAsync();
            await person.SendAsync(("email", HostedSignInTests.Somebody()));
            return await person.SendAsync(("password", "one that many people have"));
        }
        for (var i = 0; i < 30; i++)
        {
            (await TryAsync()).Is(422);
        }

        Assert.NotNull((await TryAsync()).Is(429).Headers.RetryAfter);
        from.Place = Owner;
        (await (await new Person(server).StartAsync()).SignInAsync(email)).Page.Is(303);
        server.Clock.Advance(TimeSpan.FromSeconds(61));
        (await TryAsync()).Is(422);
    }

    [Fact]
    public async Task Passkeys_are_asked_for_so_often_from_one_place()
    {
        var (server, from) = await StartAsync(0.01);
        await using var _ = server;
        Task<Answer> AskAsync() => server.SendAsync("GET", "/sign-in/passkey/question?flow=x", null);
        for (var i = 0; i < 10; i++)
        {
            (await AskAsync()).Is(404);
        }
        (await AskAsync()).Is(429, "rate_limit_exceeded");
        from.Place = Stranger;
        (await AskAsync()).Is(404);
    }

    [Fact]
    public async Task Mails_are_counted_where_they_are_asked_for_also_when_another_node_sends_them()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await nodes.HeardAsync(by: 1, whom: 0);
        var email = HostedSignInTests.Somebody();
        await HostedSignInTests.UserAsync(nodes[0], email, verified: false);
        var person = await new Person(nodes[0]).StartAsync();
        await person.SendAsync(("email", email));
        await person.SendAsync(("password", Person.Password));
        Assert.Equal("/sign-in/verify", person.Path);
        var elsewhere = person.At(nodes[1]);
        await elsewhere.SendAsync(("again", "1"), []);
        Assert.Equal(("/sign-in/verify", 200), (elsewhere.Path, elsewhere.Page.Status));

        var limits = nodes[1].Services.GetRequiredService<RateLimits>();
        for (var i = 0; i < 15_000; i++)   // thirty, times the tests' factor, for two nodes
        {
            limits.Count(RateLimits.HostedMailsPerPlace, "127.0.0.1");
        }
        (await elsewhere.SendAsync(("again", "1"), [])).Is(429);
    }
}
