using Holdfast.Http;
using Holdfast.Tests.Peers;
using Holdfast.Users;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.AuthKit;

/// <summary>A user gets another address by proving it, and proves the one they have.</summary>
public sealed class EmailChangeTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    private static string Somebody() => $"{SamlProvider.Unique()}@people.test";

    private static async Task<string> UserAsync(HoldfastServer server, string email, bool verified = true) =>
        (await server.PostAsync("/user_management/users", new { email, email_verified = verified })).Is(201)["id"]!;

    private static Task<Answer> SendAsync(HoldfastServer server, string user, string email) => server.PostAsync($"/user_management/users/{user}/email_change/send", new { new_email = email });

    private static Task<Answer> ConfirmAsync(HoldfastServer server, string user, string code) => server.PostAsync($"/user_management/users/{user}/email_change/confirm", new { code });

    /// <summary>What was mailed last.</summary>
    private static string CodeOf(HoldfastServer server, string user, string kind = Ids.EmailChange) =>
        server.Services.GetRequiredService<ItemSecrets>().Code(server.A.Id, server.Storage.Database.Read(view => PendingItem.Latest(view, server.A.Id, kind, user))[0].Id);

    [Fact]
    public async Task Whoever_types_in_the_code_that_was_mailed_there_has_the_address()
    {
        var (old, wanted) = (Somebody(), $"New.{Somebody()}");
        var user = await UserAsync(_server, old);
        var session = await SignedIn.ByMagicCodeAsync(_server, old);
        var reset = (await _server.PostAsync("/user_management/password_reset", new { email = old })).Is(201)["password_reset_token"];

        var sent = (await SendAsync(_server, user, wanted)).Is(200);
        Assert.Equal(("email_change", wanted, old), (sent["object"], sent["new_email"], sent.Json.GetProperty("user").GetProperty("email").GetString()));
        Assert.Equal(old, (await _server.GetAsync($"/user_management/users/{user}")).Is(200)["email"]);   // nothing has changed yet
        var done = (await ConfirmAsync(_server, user, CodeOf(_server, user))).Is(200);

        var shown = done.Json.GetProperty("user");
        Assert.Equal(("email_change_confirmation", Addresses.Normal(wanted), true), (done["object"], shown.GetProperty("email").GetString(), shown.GetProperty("email_verified").GetBoolean()));
        Assert.Equal(user, (await SignedIn.ByMagicCodeAsync(_server, wanted)).UserId);
        Assert.NotEqual(user, (await SignedIn.ByMagicCodeAsync(_server, old)).UserId);   // whoever has that mailbox now is somebody else
        (await session.RefreshAsync()).Is(200);
        (await _server.PostAsync("/user_management/password_reset/confirm", new { token = reset, new_password = "correct horse battery staple" })).Is(404);   // it went to a mailbox that is theirs no more
        (await ConfirmAsync(_server, user, CodeOf(_server, user))).Is(409, "email_change_code_previously_used");
    }

    [Fact]
    public async Task What_cannot_be_changed_is_said_before_anything_is_mailed()
    {
        var (mine, theirs) = (Somebody(), Somebody());
        var user = await UserAsync(_server, mine);
        await UserAsync(_server, theirs);

        (await SendAsync(_server, user, mine.ToUpperInvariant())).Is(409, "email_change_not_needed");
        (await SendAsync(_server, user, theirs)).Is(409, "email_not_available");
        (await SendAsync(_server, user, "nobody")).Is(422, "invalid_email");
        Assert.Equal(["new_email required"], (await _server.PostAsync($"/user_management/users/{user}/email_change/send", new { })).Is(422).Faults);
        (await SendAsync(_server, "user_nobody", Somebody())).Is(404, "entity_not_found");
        (await ConfirmAsync(_server, user, "123456")).Is(409, "no_pending_email_change");
        Assert.Equal(["code required"], (await _server.PostAsync($"/user_management/users/{user}/email_change/confirm", new { })).Is(422).Faults);
    }

    [Fact]
    public async Task A_wrong_code_an_old_one_and_too_many_change_nothing()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 1));
        var user = await UserAsync(server, "ada@people.test");
        (await SendAsync(server, user, "new@people.test")).Is(200);
        var code = CodeOf(server, user);
        var wrong = code == "000000" ? "000001" : "000000";
        for (var i = 0; i < 5; i++)
        {
            (await server.WithoutEffectAsync(() => ConfirmAsync(server, user, wrong))).Is(400, "email_change_code_incorrect");
        }
        (await ConfirmAsync(server, user, code)).Is(429, "email_change_too_many_attempts");

        (await SendAsync(server, user, "other@people.test")).Is(200);
        server.Clock.Advance(TimeSpan.FromMinutes(10));
        (await ConfirmAsync(server, user, CodeOf(server, user))).Is(400, "email_change_code_expired");
        for (var i = 0; i < 3; i++)
        {
            (await SendAsync(server, user, "other@people.test")).Is(200);
        }
        (await SendAsync(server, user, "other@people.test")).Is(429, "rate_limit_exceeded");
    }

    [Fact]
    public async Task An_address_that_somebody_else_has_proven_meanwhile_is_theirs()
    {
        var (wanted, user) = (Somebody(), await UserAsync(_server, Somebody()));
        (await SendAsync(_server, user, wanted)).Is(200);
        var other = await SignedIn.ByMagicCodeAsync(_server, wanted);

        (await ConfirmAsync(_server, user, CodeOf(_server, user))).Is(409, "email_not_available");
        Assert.Equal(wanted, (await _server.GetAsync($"/user_management/users/{other.UserId}")).Is(200)["email"]);
    }

    [Fact]
    public async Task One_judge_decides_so_two_nodes_change_once_and_without_the_primary_nothing_is_lost()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var user = await UserAsync(nodes[0], "ada@people.test");
        (await SendAsync(nodes[0], user, "new@people.test")).Is(200);
        var code = CodeOf(nodes[0], user);
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM pending_items WHERE subject = @user", new { user }) > 0);
        await nodes.HeardAsync(1, 0);

        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => ConfirmAsync(nodes[i % 2], user, code)));

        Assert.Single(answers, a => a.Status == 200);
        Assert.All(answers.Where(a => a.Status != 200), a => a.Is(409, "email_change_code_previously_used"));
    }

    [Fact]
    public async Task The_primary_gone_the_code_is_mailed_and_the_change_waits()
    {
        await using var server = await HoldfastServer.StartAsync(new Start());
        var user = await UserAsync(server, "ada@people.test");
        server.Clock.StretchesFrom = TimeSpan.FromDays(1);   // what is away now is not a busy machine
        using (new Bench.PrimaryLock(Path.Combine(server.Data, "primary.db")))
        {
            (await SendAsync(server, user, "new@people.test")).Is(200);
            (await ConfirmAsync(server, user, CodeOf(server, user))).Is(503, "primary_unavailable");
        }
        server.Clock.StretchesFrom = TimeSpan.FromMilliseconds(500);
        await server.ShippedAsync();
        (await ConfirmAsync(server, user, CodeOf(server, user))).Is(200);
    }

    [Fact]
    public async Task The_address_that_a_user_has_is_proven_by_its_code_once()
    {
        var email = Somebody();
        var user = await UserAsync(_server, email, verified: false);
        Task<Answer> Verify(string what, object? body = null) => _server.PostAsync($"/user_management/users/{user}/email_verification/{what}", body ?? new { });

        (await Verify("confirm", new { code = "123456" })).Is(400, "email_verification_code_incorrect");
        Assert.Equal(user, (await Verify("send")).Is(200).Json.GetProperty("user").GetProperty("id").GetString());
        var code = CodeOf(_server, user, Ids.EmailVerification);
        var id = _server.Storage.Database.Read(view => PendingItem.Latest(view, _server.A.Id, Ids.EmailVerification, user))[0].Id;
        Assert.Equal((code, email), ((await _server.GetAsync($"/user_management/email_verification/{id}")).Is(200)["code"], (await _server.GetAsync($"/user_management/email_verification/{id}"))["email"]));
        (await Verify("confirm", new { code = code == "000000" ? "000001" : "000000" })).Is(400, "email_verification_code_incorrect");
        Assert.True((await Verify("confirm", new { code })).Is(200).Json.GetProperty("user").GetProperty("email_verified").GetBoolean());
        (await Verify("confirm", new { code })).Is(400, "email_previously_verified");
        (await Verify("send")).Is(400, "email_already_verified");

        user = await UserAsync(_server, Somebody(), verified: false);
        (await Verify("send")).Is(200);
        _server.Clock.Advance(TimeSpan.FromMinutes(10));
        (await Verify("confirm", new { code = CodeOf(_server, user, Ids.EmailVerification) })).Is(400, "email_verification_code_expired");
        Assert.Equal(["code required"], (await Verify("confirm")).Is(422).Faults);
        (await _server.PostAsync("/user_management/users/user_nobody/email_verification/send", new { })).Is(404, "entity_not_found");
    }
}
