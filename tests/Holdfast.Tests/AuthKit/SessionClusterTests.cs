using Holdfast.Tests.Peers;
using Holdfast.Users;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.AuthKit;

/// <summary>Sessions on nodes that stand together, and with what they stand on gone (laws 1, 4 and 5).</summary>
public sealed class SessionClusterTests
{
    [Fact]
    public async Task A_session_goes_on_at_a_node_that_has_never_heard_of_it_with_the_primary_and_its_own_node_gone()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var known = await SignedIn.ByMagicCodeAsync(nodes[0], "ada@people.test");
        await nodes.StopNodeAsync(1);
        var unheard = await SignedIn.ByMagicCodeAsync(nodes[0], "grace@people.test");
        await nodes.StopNodeAsync(0);
        await nodes.StartNodeAsync(1);

        var next = new SignedIn(nodes[1], (await unheard.RefreshAsync(at: nodes[1])).Is(200));

        Assert.Equal((unheard.SessionId, "grace@people.test"), (next.SessionId, next.Answer.Json.GetProperty("user").GetProperty("email").GetString()));
        (await next.RefreshAsync()).Is(200);
        (await known.RefreshAsync(at: nodes[1])).Is(200);
    }

    [Fact]
    public async Task A_session_is_ended_where_it_has_not_come_to_and_then_everywhere()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await nodes.StopNodeAsync(1);
        var session = await SignedIn.ByMagicCodeAsync(nodes[0], "ada@people.test");
        await nodes.StopNodeAsync(0);
        await nodes.StartNodeAsync(1);
        (await nodes[1].PostAsync("/user_management/sessions/revoke", new { session_id = session.SessionId })).Is(200);
        (await session.RefreshAsync(at: nodes[1])).IsOAuth("invalid_grant");
        await nodes.StartNodeAsync(0);

        await nodes.HasAsync(0, view => view.Find<long>("SELECT count(*) FROM denies WHERE subject = @SessionId", new { session.SessionId }) > 0);
        (await session.RefreshAsync(at: nodes[0])).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task A_link_to_sign_out_ends_a_session_where_it_has_not_come_to()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await nodes.StopNodeAsync(1);
        var session = await SignedIn.ByMagicCodeAsync(nodes[0], "ada@people.test");
        await nodes.StopNodeAsync(0);
        await nodes.StartNodeAsync(1);
        Assert.Contains((await nodes[1].SendAsync("GET", $"/user_management/sessions/logout?session_id={session.SessionId}", null)).Status, new[] { 200, 302 });
        (await session.RefreshAsync(at: nodes[1])).IsOAuth("invalid_grant");
        await nodes.StartNodeAsync(0);

        await nodes.HasAsync(0, view => view.Find<long>("SELECT count(*) FROM denies WHERE subject = @SessionId", new { session.SessionId }) > 0);
        (await session.RefreshAsync(at: nodes[0])).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task A_mailbox_that_is_proven_on_both_sides_is_one_user_and_both_sessions_go_on()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var (first, second) = await ApartAsync(nodes, node => SignedIn.ByMagicCodeAsync(node, "ada@people.test"));
        Assert.Equal(first.UserId, second.UserId);
        Assert.NotEqual(first.SessionId, second.SessionId);

        for (var i = 0; i < 2; i++)
        {
            await nodes.HasAsync(i, view => view.Find<long>("SELECT count(*) FROM sessions WHERE id IN @ids", new { ids = new[] { first.SessionId, second.SessionId } }) == 2);
            (first, second) = (new(nodes[i], (await first.RefreshAsync(at: nodes[i])).Is(200)), new(nodes[i], (await second.RefreshAsync(at: nodes[i])).Is(200)));
            Assert.Equal(1, nodes[i].Storage.Database.Read(view => view.Find<long>("SELECT count(*) FROM users WHERE email LIKE 'ada%'")));
            Assert.Equal(1, nodes[i].Events("user.created"));
            nodes.Clock.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal(first.UserId, (await SignedIn.ByMagicCodeAsync(nodes[i], "ADA@people.test")).UserId);
        }
    }

    [Fact]
    public async Task A_stranger_who_signs_up_with_another_s_address_on_one_side_gains_nothing_and_changes_nothing()
    {
        const string Theirs = "the stranger's own password";
        await using var nodes = await Cluster.StartAsync(2);
        var known = (await nodes[0].PostAsync("/user_management/users", new { email = "grace@people.test", password = Password, email_verified = true })).Is(201)["id"];
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM credentials") == 1);
        await nodes.StopNodeAsync(0);
        // The hosted page of sign-up will do just this; the code goes to a mailbox that is not the stranger's.
        var (database, acts, hasher) = (nodes[1].Storage.Database, nodes[1].Services.GetRequiredService<Acts>(), nodes[1].Services.GetRequiredService<PasswordHasher>());
        var hash = await hasher.HashAsync(nodes[1].A.Id, Theirs, CancellationToken.None);
        foreach (var address in new[] { "ada@people.test", "grace@people.test" })
        {
            var begun = await database.RecordAsync(_ => SignUp.Begin(acts.Of(nodes[1].A.Id), address, hash, new PersonNames("Mallory", null), "the mailed code", TimeSpan.FromMinutes(10)));
            var guessed = await database.RecordAsync(view => SignUp.ProveMailbox(view, acts.Of(nodes[1].A.Id), begun.SignUpId, begun.ItemId, "a guess"));
            Assert.Null(guessed.Answer);
            await WrongAsync(nodes[1], address, Theirs);
        }
        await nodes.StopNodeAsync(1);
        await nodes.StartNodeAsync(0);
        var ada = await SignedIn.ByMagicCodeAsync(nodes[0], "ada@people.test");
        await nodes.StartNodeAsync(1);

        await nodes.HasAsync(0, view => view.Find<long>("SELECT count(*) FROM pending_sign_ups") == 2);
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM sessions WHERE id = @SessionId", new { ada.SessionId }) == 1);
        for (var i = 0; i < 2; i++)
        {
            await WrongAsync(nodes[i], "ada@people.test", Theirs);
            await WrongAsync(nodes[i], "grace@people.test", Theirs);
            Assert.Equal(known, new SignedIn(nodes[i], (await TryAsync(nodes[i], "grace@people.test", Password)).Is(200)).UserId);
            Assert.Equal(0, nodes[i].Storage.Database.Read(view => view.Find<long>("SELECT count(*) FROM users WHERE first_name = 'Mallory'")));
            Assert.Equal(1, nodes[i].Storage.Database.Read(view => view.Find<long>("SELECT count(*) FROM credentials")));
        }
        ada = new(nodes[1], (await ada.RefreshAsync(at: nodes[1])).Is(200));
        Assert.Equal(System.Text.Json.JsonValueKind.Null, ada.Answer.Json.GetProperty("user").GetProperty("first_name").ValueKind);
    }

    [Fact]
    public async Task Of_two_passwords_that_are_set_apart_by_the_mailbox_none_counts_until_it_decides_and_that_is_told_once()
    {
        await using var nodes = await Cluster.StartAsync(2);
        (await nodes[0].PostAsync("/user_management/users", new { email = "ada@people.test", password = Password, email_verified = true })).Is(201);
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM credentials") == 1);
        var old = new SignedIn(nodes[0], (await TryAsync(nodes[0], "ada@people.test", Password)).Is(200));
        var number = 0;
        async Task<string> ResetAsync(HoldfastServer node)
        {
            var password = $"{Password} {++number}";
            var token = (await node.PostAsync("/user_management/password_reset", new { email = "ada@people.test" })).Is(201)["password_reset_token"];
            (await node.PostAsync("/user_management/password_reset/confirm", new { token, new_password = password })).Is(200);
            (await TryAsync(node, "ada@people.test", password)).Is(200);
            await WrongAsync(node, "ada@people.test", Password);
            return password;
        }
        var (one, two) = await ApartAsync(nodes, ResetAsync);

        for (var i = 0; i < 2; i++)
        {
            await nodes.HasAsync(i, view => view.Find<long>("SELECT count(*) FROM credentials") == 3);
            foreach (var password in new[] { one, two })
            {
                (await TryAsync(nodes[i], "ada@people.test", password)).Is(400, "password_reset_required");
            }
            await WrongAsync(nodes[i], "ada@people.test", Password);
            (await old.RefreshAsync(at: nodes[i])).IsOAuth("invalid_grant");
            Assert.Equal(1, nodes[i].Events("user.password_reset_required"));
        }
        nodes.Clock.Advance(TimeSpan.FromSeconds(1));
        var last = await ResetAsync(nodes[1]);
        await nodes.HasAsync(0, view => view.Find<long>("SELECT count(*) FROM credentials") == 4);
        (await TryAsync(nodes[0], "ada@people.test", last)).Is(200);
        await WrongAsync(nodes[0], "ada@people.test", one);
        await nodes[0].ToldAsync();
        Assert.Single((await nodes[0].GetAsync("/events?events=user.password_reset_required")).Is(200).Ids);   // of both nodes one
    }

    private const string Password = "correct horse battery staple";

    private static Task<Answer> TryAsync(HoldfastServer server, string email, string password) => SignedIn.AskAsync(server, "password", ("email", email), ("password", password));

    private static async Task WrongAsync(HoldfastServer server, string email, string password) => (await TryAsync(server, email, password)).Is(400, "invalid_credentials");

    /// <summary>Does the same on either node while the other is not there, and brings both together.</summary>
    private static async Task<(T First, T Second)> ApartAsync<T>(Cluster nodes, Func<HoldfastServer, Task<T>> work)
    {
        await nodes.StopNodeAsync(1);
        var first = await work(nodes[0]);
        await nodes.StopNodeAsync(0);
        nodes.Clock.Advance(TimeSpan.FromSeconds(1));
        await nodes.StartNodeAsync(1);
        var second = await work(nodes[1]);
        await nodes.StartNodeAsync(0);
        await nodes.LevelAsync(1);
        return (first, second);
    }

    [Fact] // OAUTH-061
    public async Task Guesses_of_a_mailed_code_are_counted_together_wherever_they_are_typed_in()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var limits = nodes[0].Services.GetRequiredService<Holdfast.Http.RateLimits>();
        async Task LeaveOneAsync(string id)
        {
            await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM pending_items WHERE id = @id", new { id }) > 0);
            for (var i = 0; i < 4999; i++)   // five, times the tests' factor
            {
                limits.Count(Holdfast.Http.RateLimits.GuessesPerCode, id);
            }
        }
        var (id, code) = await SignedIn.MailCodeAsync(nodes[0], "ada@people.test");
        await LeaveOneAsync(id);
        Task<Answer> TryAsync(string typed) => SignedIn.AskAsync(nodes[1], SignedIn.MagicGrant, ("email", "ada@people.test"), ("code", typed));

        (await TryAsync(code == "000000" ? "000001" : "000000")).Is(400, "invalid_one_time_code");
        (await TryAsync(code)).Is(400, "one_time_code_too_many_attempts");

        var user = (await nodes[0].PostAsync("/user_management/users", new { email = "grace@people.test" })).Is(201)["id"]!;
        (await nodes[0].PostAsync($"/user_management/users/{user}/email_verification/send", new { })).Is(200);
        id = nodes[0].Storage.Database.Read(view => view.Find<string>("SELECT id FROM pending_items WHERE subject = @user", new { user }))!;
        code = (await nodes[0].GetAsync($"/user_management/email_verification/{id}")).Is(200)["code"]!;
        await LeaveOneAsync(id);
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM users WHERE id = @user", new { user }) > 0);
        Task<Answer> ConfirmAsync(string typed) => nodes[1].PostAsync($"/user_management/users/{user}/email_verification/confirm", new { code = typed });
        (await ConfirmAsync(code == "000000" ? "000001" : "000000")).Is(400, "email_verification_code_incorrect");
        (await ConfirmAsync(code)).Is(429, "rate_limit_exceeded");
    }

    [Fact]
    public async Task A_mailed_code_is_redeemed_by_the_node_that_made_it_wherever_it_is_typed_in()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var (id, code) = await SignedIn.MailCodeAsync(nodes[0], "ada@people.test");
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM pending_items WHERE id = @id", new { id }) > 0);

        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => SignedIn.AskAsync(nodes[i % 2], SignedIn.MagicGrant, ("email", "ada@people.test"), ("code", code))));

        Assert.Single(answers, a => a.Status == 200);
        Assert.All(answers.Where(a => a.Status != 200), a => a.Is(400, "one_time_code_previously_used"));
        var (late, unused) = await SignedIn.MailCodeAsync(nodes[0], "ada@people.test");
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM pending_items WHERE id = @late", new { late }) > 0);
        await nodes.StopNodeAsync(0);
        (await SignedIn.AskAsync(nodes[1], SignedIn.MagicGrant, ("email", "ada@people.test"), ("code", unused))).Is(503, "authority_unavailable");
    }
}
