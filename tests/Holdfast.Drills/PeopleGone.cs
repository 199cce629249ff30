using System.Diagnostics;
using Holdfast.Storage;
using Holdfast.Tests;
using Holdfast.Tests.MultiFactor;
using Holdfast.Tests.Peers;
using Holdfast.Users;
using Microsoft.Extensions.DependencyInjection;
using SignedIn = Holdfast.Tests.AuthKit.SignedIn;

namespace Holdfast.Drills;

/// <summary>The primary is gone, in each way: people go on, by AuthKit's API, also after a cold start in that state. Whom somebody shuts out meanwhile is out at once there, and everywhere after it is back.</summary>
[Collection(nameof(AloneOnTheMachine))]
public sealed class PeopleGone(ITestOutputHelper output)
{
    /// <summary>Of each kind while the primary is gone, a fifth of them after a cold start: 1,000 in all five ways.</summary>
    private const int Times = 200;
    private const int AtOnce = 6;
    private const int Known = 20;

    // The last four are shut out while the primary is gone, and stay out.
    private const int Staying = Known - 4;
    private const string Password = "correct horse battery staple";
    private const string Another = "another horse, another staple";

    public static TheoryData<Outage> Ways => [.. Enum.GetValues<Outage>()];

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Everybody_goes_on_and_who_is_shut_out_stays_out(Outage outage)
    {
        var (clock, table) = (new HeldClock(patience: 2), new Table());
        await using var nodes = await Cluster.StartAsync(2, clock: clock);
        try
        {
            var people = await PeopleAsync(nodes);
            await RunAsync(nodes[0], people, table, "there", 0, Times / 10);
            await nodes[0].ShippedAsync();
            await nodes.StopNodeAsync(1);
            ShutOut shutOut;
            using (BrokenPrimary.By(outage, Path.Combine(nodes.Data(0), "primary.db")))
            {
                (await nodes[0].PostAsync("/user_management/users", new { email = "never@people.test" })).Is(503, "primary_unavailable");
                await RunAsync(nodes[0], people, table, "gone", 1_000_000, Times - (Times / 5));
                await nodes.StopNodeAsync(0);
                await nodes.StartNodeAsync(0);
                await RunAsync(nodes[0], people, table, "restarted", 2_000_000, Times / 5);
                shutOut = await ShutOut.MakeAsync(nodes[0], people);
                await shutOut.AssertOutAsync(nodes[0]);
                (await nodes[0].PostAsync("/user_management/users", new { email = "never@people.test" })).Is(503, "primary_unavailable");
            }
            if (BrokenPrimary.IsLost(outage))
            {
                await nodes.StopNodeAsync(0);
                Restore(nodes.Data(0));
                await nodes.StartNodeAsync(0);
            }
            await nodes[0].ShippedAsync();
            await shutOut.AssertOutAsync(nodes[0]);
            await nodes.StartNodeAsync(1);
            await nodes.HasAsync(1, shutOut.IsThere);
            await shutOut.AssertOutAsync(nodes[1]);
            await RunAsync(nodes[1], people, table, "back, at the other node", 3_000_000, Times / 10);
        }
        finally
        {
            output.WriteLine(table.Write(outage));
        }
        Assert.Empty(table.Failures);
        Assert.Equal(7 * (Times + (2 * (Times / 10))), table.Count);
    }

    /// <summary>With an app: it is set up, and its code shown, while the primary is gone. Both nodes stay: which of them decides about a code, the code says (law 5), and either may have to.</summary>
    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Who_has_an_app_goes_on(Outage outage)
    {
        var (clock, table) = (new HeldClock(patience: 2), new Table());
        await using var nodes = await Cluster.StartAsync(2, clock: clock);
        try
        {
            (await nodes[0].PostAsync("/user_management/users", new { email = "first@people.test" })).Is(201);
            await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM users") == 1);
            await nodes.HeardAsync(by: 0, whom: 1);
            await nodes.HeardAsync(by: 1, whom: 0);
            using (BrokenPrimary.By(outage, Path.Combine(nodes.Data(0), "primary.db")))
            {
                (await nodes[0].PostAsync("/user_management/users", new { email = "never@people.test" })).Is(503, "primary_unavailable");
                await ShowAppsAsync(nodes[0], table, "gone", 1_000_000, Times - (Times / 5));
                await nodes.StopNodeAsync(0);
                await nodes.StartNodeAsync(0);
                await nodes.HeardAsync(by: 0, whom: 1);
                await ShowAppsAsync(nodes[0], table, "restarted", 2_000_000, Times / 5);
                (await nodes[0].PostAsync("/user_management/users", new { email = "never@people.test" })).Is(503, "primary_unavailable");
            }
        }
        finally
        {
            output.WriteLine(table.Write(outage));
        }
        Assert.Empty(table.Failures);
        Assert.Equal(Times, table.Count);
    }

    /// <summary>Everybody for the first time: a mailed code, an app, another mailed code and that of the app; which is good once, for anybody who has seen it as well.</summary>
    private static Task ShowAppsAsync(HoldfastServer server, Table table, string when, int from, int times) => AtOnceAsync(server, table, "mailed code and app", when, from, times, async (_, n) =>
    {
        var email = $"app-{n}@people.test";
        var user = (await SignedIn.ByMagicCodeAsync(server, email)).UserId;
        var app = await App.EnrollAsync(server, user);
        async Task<Answer> AskAsync()
        {
            server.Clock.Advance(TimeSpan.FromMilliseconds(1));   // of three codes at one instant two would count
            return (await SignedIn.AskAsync(server, SignedIn.MagicGrant, ("email", email), ("code", (await SignedIn.MailCodeAsync(server, email)).Code))).Is(403, "mfa_challenge");
        }
        Task<Answer> ShowAsync(Answer asked, string code) => SignedIn.AskAsync(server, "urn:workos:oauth:grant-type:mfa-totp", ("pending_authentication_token", asked["pending_authentication_token"]),
            ("code", code), ("authentication_challenge_id", asked.Json.GetProperty("authentication_challenge").GetProperty("id").GetString()));
        var (asked, again, code) = (await AskAsync(), await AskAsync(), app.Code());
        Assert.Equal(user, new SignedIn(server, (await ShowAsync(asked, code)).Is(200)).UserId);
        (await ShowAsync(again, code)).Is(400);
    });

    /// <summary>Who is there before: an organization with its identity provider, and people who have passwords.</summary>
    private sealed record People(SamlConnection Connection, IReadOnlyList<string> Emails);

    private static async Task<People> PeopleAsync(Cluster nodes)
    {
        var emails = Enumerable.Range(0, Known).Select(i => $"known-{i}@people.test").ToList();
        foreach (var email in emails)
        {
            (await nodes[0].PostAsync("/user_management/users", new { email, password = Password, email_verified = true })).Is(201);
        }
        var connection = await nodes[0].SamlConnectionAsync();
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM connections") == 1 && view.Find<long>("SELECT count(*) FROM users") >= Known);
        return new(connection, emails);
    }

    /// <summary>So many of each kind.</summary>
    /// <param name="from">Numbers of people that no other part has.</param>
    private static async Task RunAsync(HoldfastServer server, People people, Table table, string when, int from, int times)
    {
        var connection = people.Connection with { Server = server };
        var sessions = new List<SignedIn>();
        server.Clock.Advance(TimeSpan.FromSeconds(1));   // codes of one address at one instant would be equally new, also those of the other node
        for (var i = 0; i < AtOnce; i++)
        {
            sessions.Add(await SignedIn.ByMagicCodeAsync(server, people.Emails[i]));
        }
        var kinds = new (string Name, Func<int, int, Task> Work)[]
        {
            // One client's refreshes are one after the other.
            ("refresh", async (worker, _) => sessions[worker] = new SignedIn(server, (await sessions[worker].RefreshAsync()).Is(200))),
            ("password", async (_, n) => Assert.NotNull(new SignedIn(server, (await SignedIn.AskAsync(server, "password", ("email", people.Emails[n % Staying]), ("password", Password))).Is(200)).SessionId)),
            ("magic code", async (_, n) => Assert.NotNull((await SignedIn.ByMagicCodeAsync(server, people.Emails[n % Staying])).SessionId)),
            // A mailbox that nobody had: the code makes the user.
            ("sign-up by magic code", async (_, n) => Assert.Equal($"new-{n}@people.test", (await SignedIn.ByMagicCodeAsync(server, $"new-{n}@people.test")).Answer.Json.GetProperty("user").GetProperty("email").GetString())),
            ("sign-up at the hosted pages", async (_, n) =>
            {
                var email = $"hosted-{n}@people.test";
                var person = await new Holdfast.Tests.AuthKit.Pages.Person(server).StartAsync(("screen_hint", "sign-up"));
                await person.SendAsync(("email", email));
                await person.SendAsync(("password", Password));
                var item = server.Storage.Database.Read(view => view.Find<string>("SELECT about FROM mails WHERE recipient = @email", new { email }))!;
                await person.SendAsync(("code", server.Services.GetRequiredService<ItemSecrets>().Code(server.A.Id, item)));
                Assert.Equal(email, (await person.RedeemAsync()).Is(200).Json.GetProperty("user").GetProperty("email").GetString());
            }),
            ("just-in-time by SAML", async (_, n) => Assert.Equal(people.Connection.OrganizationId, (await SignedIn.BySsoAsync(connection, $"jit-{n}@people.test")).Claim("org_id"))),
            ("sign-out", async (_, n) =>
            {
                var session = await SignedIn.ByMagicCodeAsync(server, people.Emails[n % Staying]);
                (await server.SendAsync("GET", $"/user_management/sessions/logout?session_id={session.SessionId}", null)).Is(302);
                (await session.RefreshAsync()).IsOAuth("invalid_grant");
            }),
        };
        foreach (var (name, work) in kinds)
        {
            await AtOnceAsync(server, table, name, when, from, times, work);
        }
    }

    private static async Task AtOnceAsync(HoldfastServer server, Table table, string name, string when, int from, int times, Func<int, int, Task> work)
    {
        var next = 0;
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(worker => Task.Run(async () =>
        {
            while (Interlocked.Increment(ref next) is var number && number <= times)
            {
                server.Clock.Advance(TimeSpan.FromMilliseconds(50));   // a clock that stands would make all codes of one address equally new
                await table.CountAsync(name, when, () => work(worker, from + number));
            }
        })));
    }

    /// <summary>Who was shut out while the primary was gone: somebody suspended, somebody deleted, somebody taken from their organization, a session revoked, a password changed.</summary>
    private sealed class ShutOut
    {
        private readonly List<SignedIn> _out = [];
        private readonly List<string> _subjects = [];
        private string _reset = "";

        public static async Task<ShutOut> MakeAsync(HoldfastServer server, People people)
        {
            var made = new ShutOut();
            async Task<SignedIn> SessionAsync(string email) => new(server, (await SignedIn.AskAsync(server, "password", ("email", email), ("password", Password))).Is(200));
            var (suspended, deleted, revoked) = (await SessionAsync(people.Emails[^1]), await SessionAsync(people.Emails[^2]), await SessionAsync(people.Emails[^3]));
            made._reset = people.Emails[^4];
            var reset = await SessionAsync(made._reset);
            var member = await SignedIn.BySsoAsync(people.Connection with { Server = server }, "member@people.test");
            var (database, acts) = (server.Storage.Database, server.Services.GetRequiredService<Acts>());
            // No route suspends a user yet; the rule does.
            Assert.NotNull((await database.RecordAsync(view => DenyUser.Suspend(view, acts.Of(server.A.Id), suspended.UserId))).Answer);
            (await server.DeleteAsync($"/user_management/users/{deleted.UserId}")).Is(200);
            (await server.PostAsync("/user_management/sessions/revoke", new { session_id = revoked.SessionId })).Is(200);
            var token = (await server.PostAsync("/user_management/password_reset", new { email = made._reset })).Is(201)["password_reset_token"];
            (await server.PostAsync("/user_management/password_reset/confirm", new { token, new_password = Another })).Is(200);
            var membership = database.Read(view => view.Find<string>("SELECT id FROM memberships WHERE user_id = @UserId", new { member.UserId }))!;
            (await server.PutAsync($"/user_management/organization_memberships/{membership}/deactivate", new { })).Is(200);
            made._out.AddRange([suspended, deleted, revoked, reset, member]);
            made._subjects.AddRange([suspended.UserId, deleted.UserId, revoked.SessionId, membership]);
            return made;
        }

        /// <summary>A node has heard of all of it.</summary>
        public bool IsThere(View view) => view.Query<string>("SELECT DISTINCT subject FROM denies WHERE subject IN @subjects", new { subjects = _subjects }).Count == _subjects.Count
            && view.Find<long>("SELECT count(*) FROM credentials WHERE proof = 'mailbox' AND replaces <> '[]'") > 0;

        /// <summary>Their sessions have ended, none of them comes in again, and the old password opens nothing.</summary>
        public async Task AssertOutAsync(HoldfastServer server)
        {
            foreach (var session in _out)
            {
                (await session.RefreshAsync(at: server)).IsOAuth("invalid_grant");
            }
            foreach (var who in _out.Take(2))
            {
                Assert.NotEqual(200, (await SignedIn.AskAsync(server, "password", ("email", who.Answer.Json.GetProperty("user").GetProperty("email").GetString()), ("password", Password))).Status);
            }
            (await SignedIn.AskAsync(server, "password", ("email", _reset), ("password", Password))).Is(400);
            (await SignedIn.AskAsync(server, "password", ("email", _reset), ("password", Another))).Is(200);
        }
    }

    private static void Restore(string data)
    {
        using var doctor = Process.Start(Bench.DevServer.Command("doctor", "--data", data, "--restore"))!;
        var said = doctor.StandardOutput.ReadToEnd() + doctor.StandardError.ReadToEnd();
        doctor.WaitForExit();
        Assert.True(doctor.ExitCode == 0, said);
    }
}
