using Holdfast.Mail;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Tests.AuthKit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Mail;

/// <summary>What becomes of mail when its server is not well: it waits or it is refused, and nobody waits for it (decision 0017).</summary>
public sealed class MailServerTests
{
    private static readonly OutgoingMail s_mail = new(
        "mail_01", "Acme", "ada@people.test", "Hello", "Hello\n", "<p>Hello</p>", new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private static Dependency Declare(TimeProvider clock) => new(new DependencyPolicy("mail", "mail", TimeSpan.FromSeconds(20), 4, "It waits.", ["mail"]), clock);

    /// <summary>A server whose rounds the test makes.</summary>
    private static Task<HoldfastServer> StartAsync(SmtpHost host) => HoldfastServer.StartAsync(new Start(Configure: builder =>
        builder.Services.Remove(builder.Services.Single(service => service.ImplementationType == typeof(MailRounds)))) { Mail = host.Settings() });

    private static Task RoundAsync(HoldfastServer server) => server.Services.GetRequiredService<SendMails>().RoundAsync(CancellationToken.None);

    private static async Task<string> InviteAsync(HoldfastServer server, string email) => (await server.PostAsync("/user_management/invitations", new { email })).Is(201)["id"]!;

    private static string? Outcome(HoldfastServer server) => server.Storage.Database.Read(view => view.Find<string>("SELECT outcome FROM mails ORDER BY created_at DESC, id LIMIT 1"));

    [Fact]
    public async Task What_is_wanted_is_sent_once_with_headers_that_say_who_wrote_it()
    {
        using var host = new SmtpHost();
        await using var server = await StartAsync(host);
        (await server.PutAsync("/mail_settings", new { sender_name = "Ümlaut & Söhne" })).Is(200);
        var token = (await server.PostAsync("/user_management/invitations", new { email = "ada@people.test" })).Is(201)["token"]!;

        await RoundAsync(server);
        await RoundAsync(server);

        var mail = Assert.Single(host.Rest());
        Assert.Equal(("no-reply@id.holdfast.test", "ada@people.test"), (mail.Sender, mail.Recipient));
        Assert.Equal("auto-generated", mail.Header("Auto-Submitted"));
        Assert.Matches("^<mail_[0-9A-Z]{26}@id.holdfast.test>$", mail.Header("Message-ID"));
        Assert.StartsWith("multipart/alternative", mail.Header("Content-Type"), StringComparison.Ordinal);
        Assert.Contains("=?utf-8?", mail.Header("From"), StringComparison.Ordinal);
        Assert.Contains(token, mail.Data.Replace("=\r\n", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal("sent", Outcome(server));
    }

    [Theory]
    [InlineData(nameof(SmtpHabit.Hangs), "hangs")]
    [InlineData(nameof(SmtpHabit.Drips), "hangs")]
    [InlineData(nameof(SmtpHabit.Closed), "errors")]
    [InlineData(nameof(SmtpHabit.BreaksOff), "errors")]
    [InlineData(nameof(SmtpHabit.Denies), "denies")]
    public async Task A_server_that_is_ill_is_named_by_its_illness_inside_the_deadline(string name, string how)
    {
        var habit = Enum.Parse<SmtpHabit>(name);
        using var host = new SmtpHost().Then(habit);
        var clock = new FakeTimeProvider();
        var settings = SmtpSettings.Read($"smtp://ada:secretpassword@127.0.0.1:{host.Port}", "id.holdfast.test").Settings!;
        var dependency = Declare(clock);

        var sending = new SmtpRelay(settings).SendAsync(dependency, s_mail, CancellationToken.None);
        Assert.Equal(habit.ToString(), await host.ConnectedAsync());
        if (how == "hangs")
        {
            for (var second = 0; second < 20; second++)
            {
                host.Drip();
                clock.Advance(TimeSpan.FromSeconds(1));
            }
        }
        var fault = await Assert.ThrowsAsync<DependencyUnavailableException>(() => sending);

        Assert.Equal(how, fault.How);
        Assert.Equal(how, dependency.Health.How);
        Assert.DoesNotContain("secretpassword", fault.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToBase64String("\0ada\0secretpassword"u8), fault.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("secretpassword", settings.ToString(), StringComparison.Ordinal);
        Assert.Empty(host.Rest());
    }

    [Fact]
    public async Task A_server_that_is_not_there_refuses()
    {
        var settings = SmtpSettings.Read($"smtp://127.0.0.1:{HoldfastServer.FreePort()}", "id.holdfast.test").Settings!;
        var fault = await Assert.ThrowsAsync<DependencyUnavailableException>(() => new SmtpRelay(settings).SendAsync(Declare(new FakeTimeProvider()), s_mail, CancellationToken.None));
        Assert.Equal("refuses", fault.How);
    }

    [Theory]
    [InlineData(false, "127.0.0.1", null)]          // of this name, and of this authority
    [InlineData(true, "127.0.0.1", null)]
    [InlineData(false, "mail.elsewhere.test", "untrusted")]
    [InlineData(true, "mail.elsewhere.test", "untrusted")]
    [InlineData(false, null, "untrusted")]          // no TLS is offered where it is needed
    public async Task Mail_goes_over_tls_that_can_be_trusted_or_not_at_all(bool isImplicit, string? certificateName, string? how)
    {
        using var certificate = certificateName is null ? null : SmtpHost.CertificateFor(certificateName);
        using var host = new SmtpHost { Certificate = certificate, IsImplicit = isImplicit };
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, certificate?.ExportCertificatePem() ?? SmtpHost.CertificateFor("127.0.0.1").ExportCertificatePem());
        try
        {
            var settings = SmtpSettings.Read($"{(isImplicit ? "smtps" : "smtp")}://ada:secret@127.0.0.1:{host.Port}?tls={(isImplicit ? "implicit" : "start")}&ca={file}", "id.holdfast.test").Settings!;
            var sending = new SmtpRelay(settings).SendAsync(Declare(new FakeTimeProvider()), s_mail, CancellationToken.None);
            if (how is null)
            {
                Assert.Equal(MailVerdict.Taken, await sending);
                var mail = Assert.Single(host.Rest());
                Assert.Equal((true, "ada"), (mail.OverTls, mail.User));
                return;
            }
            Assert.Equal(how, (await Assert.ThrowsAsync<DependencyUnavailableException>(() => sending)).How);
            Assert.Empty(host.Rest());
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_certificate_of_no_known_authority_is_not_trusted()
    {
        using var certificate = SmtpHost.CertificateFor("127.0.0.1");
        using var host = new SmtpHost { Certificate = certificate };
        var fault = await Assert.ThrowsAsync<DependencyUnavailableException>(
            () => new SmtpRelay(host.Settings("?tls=start")).SendAsync(Declare(new FakeTimeProvider()), s_mail, CancellationToken.None));
        Assert.Equal("untrusted", fault.How);
    }

    [Theory]
    [InlineData(false, "ada@bücher.test", "ada@xn--bcher-kva.test")]
    [InlineData(true, "ädä@bücher.test", "ädä@bücher.test")]
    [InlineData(false, "ädä@bücher.test", null)]
    [InlineData(false, "ada@people.test\r\nRCPT TO:<eve@evil.test>", null)]
    [InlineData(false, "ada@people.test> BODY=8BITMIME", null)]
    [InlineData(false, "ada@people.test, eve@evil.test", null)]
    public async Task An_address_is_written_as_one_that_the_server_takes_or_not_at_all(bool isInternational, string to, string? recipient)
    {
        using var host = new SmtpHost { IsInternational = isInternational };

        var verdict = await new SmtpRelay(host.Settings()).SendAsync(Declare(new FakeTimeProvider()), s_mail with { To = to }, CancellationToken.None);

        Assert.Equal(recipient is null ? MailVerdict.Refused : MailVerdict.Taken, verdict);
        Assert.Equal(recipient is null ? [] : [recipient], host.Rest().Select(mail => mail.Recipient));
    }

    [Fact] // OAUTH-056
    public async Task Nothing_breaks_out_of_a_header()
    {
        using var host = new SmtpHost();
        const string Evil = "x\r\nBcc: eve@evil.test\r\n\r\nbody\u2028\u0000<a>\"";

        await new SmtpRelay(host.Settings()).SendAsync(Declare(new FakeTimeProvider()), s_mail with { SenderName = Evil, Subject = Evil, Text = "a\r\n.\r\nMAIL FROM:<eve@evil.test>\r\n" }, CancellationToken.None);

        var mail = Assert.Single(host.Rest());
        Assert.DoesNotContain(mail.Headers(), header => header.StartsWith("Bcc", StringComparison.OrdinalIgnoreCase));
        Assert.Equal(["From", "Date", "Subject", "Message-Id", "To", "Auto-Submitted", "MIME-Version", "Content-Type"], mail.Headers().Select(h => h.Split(':')[0]));
        Assert.Contains("MAIL FROM:<eve@evil.test>", mail.Data, StringComparison.Ordinal);   // in the body, after a dot that was stuffed
    }

    [Fact]
    public async Task What_is_put_off_is_tried_again_later_and_later_and_then_sent_once()
    {
        using var host = new SmtpHost().Then(SmtpHabit.Later, SmtpHabit.Later);
        await using var server = await StartAsync(host);
        await InviteAsync(server, "ada@people.test");

        await RoundAsync(server);
        await RoundAsync(server);
        Assert.Equal(1, host.Sessions);   // not at once again
        server.Clock.Advance(TimeSpan.FromSeconds(5));
        await RoundAsync(server);
        Assert.Equal(2, host.Sessions);
        server.Clock.Advance(TimeSpan.FromSeconds(4.9));   // at least half of twice as long
        await RoundAsync(server);
        Assert.Equal(2, host.Sessions);
        server.Clock.Advance(TimeSpan.FromSeconds(5.1));
        await RoundAsync(server);

        Assert.Single(host.Rest());
        Assert.Equal("sent", Outcome(server));
    }

    [Fact]
    public async Task Mailboxes_that_put_off_use_up_nothing_that_others_repeat_with()
    {
        using var host = new SmtpHost().Then([.. Enumerable.Repeat(SmtpHabit.Later, 60)]);
        await using var server = await StartAsync(host);
        for (var i = 0; i < 30; i++)
        {
            await InviteAsync(server, $"full-{i}@people.test");
        }
        await RoundAsync(server);
        Assert.Equal(30, host.Sessions);
        server.Clock.Advance(TimeSpan.FromSeconds(5));
        await RoundAsync(server);

        Assert.Equal(60, host.Sessions);   // nobody waits for a share of repeats: that is for a server that was away
        Assert.Equal(0, server.Services.GetRequiredService<Dependencies>().All.Single(d => d.Name == "mail").RepeatsRefused);
    }

    [Fact]
    public async Task What_is_refused_is_not_asked_again_and_stops_nobody_else()
    {
        using var host = new SmtpHost().Then(SmtpHabit.Never);
        await using var server = await StartAsync(host);
        await InviteAsync(server, "nobody@people.test");
        await RoundAsync(server);
        Assert.Equal("refused", Outcome(server));
        server.Clock.Advance(TimeSpan.FromHours(1));
        await InviteAsync(server, "ada@people.test");

        await RoundAsync(server);

        Assert.Equal("ada@people.test", Assert.Single(host.Rest()).Recipient);
        Assert.Equal(2, host.Sessions);
    }

    [Fact]
    public async Task A_mail_that_is_put_off_for_ever_is_given_up()
    {
        using var host = new SmtpHost().Then([.. Enumerable.Repeat(SmtpHabit.Later, SendMails.MostTries)]);
        await using var server = await StartAsync(host);
        await InviteAsync(server, "ada@people.test");
        for (var i = 0; i < SendMails.MostTries + 2; i++)
        {
            await RoundAsync(server);
            server.Clock.Advance(TimeSpan.FromMinutes(10));
        }

        Assert.Equal((SendMails.MostTries, "given_up"), (host.Sessions, Outcome(server)));
    }

    [Fact]
    public async Task While_the_server_hangs_codes_are_made_people_sign_in_and_a_stopped_node_stops()
    {
        using var host = new SmtpHost().Then(SmtpHabit.Hangs, SmtpHabit.Hangs);
        await using var server = await StartAsync(host);
        await InviteAsync(server, "ada@people.test");
        using var stop = new CancellationTokenSource();
        var round = server.Services.GetRequiredService<SendMails>().RoundAsync(stop.Token);
        await host.ConnectedAsync();

        await SignedIn.ByMagicCodeAsync(server, "grace@people.test");
        await InviteAsync(server, "grace@people.test2.test");
        Assert.False(round.IsCompleted);

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => round);
        Assert.Null(Outcome(server));   // it waits still
    }

    [Fact]
    public async Task A_mail_whose_answer_was_lost_comes_again_under_the_same_message_id()
    {
        using var host = new SmtpHost().Then(SmtpHabit.TakesAndBreaksOff);
        await using var server = await StartAsync(host);
        await InviteAsync(server, "ada@people.test");
        await RoundAsync(server);
        server.Clock.Advance(TimeSpan.FromSeconds(30));

        await RoundAsync(server);

        var both = host.Rest();
        Assert.Equal(2, both.Count);
        Assert.Single(both.Select(mail => mail.Header("Message-ID")).Distinct());
        Assert.Equal("sent", Outcome(server));
    }

    [Fact]
    public async Task A_mail_that_was_taken_is_sent_whatever_the_server_says_to_the_goodbye()
    {
        using var host = new SmtpHost().Then(SmtpHabit.TakesAndStays);
        await using var server = await StartAsync(host);
        await InviteAsync(server, "ada@people.test");

        await RoundAsync(server).WaitAsync(TimeSpan.FromSeconds(30));   // only a fault reaches it

        Assert.Single(host.Rest());
        Assert.Equal("sent", Outcome(server));
    }

    [Fact]
    public async Task A_mail_that_cannot_be_opened_stops_nobody_else()
    {
        using var host = new SmtpHost();
        await using var server = await StartAsync(host);
        await server.Storage.Database.RecordAsync(_ => Decide.To(true, Change.To(Schema.Mails, "mail_00000000000000000000000000",
            ("environment_id", server.A.Id), ("authority", server.Storage.Database.Incarnation), ("kind", MailKind.PasswordChanged.Name), ("recipient", "eve@people.test"), ("locale", null),
            ("about", "user_01"), ("values_sealed", "broken"), ("created_at", 0L), ("send_before", server.Clock.GetUtcNow().AddHours(1).ToUnixTimeMilliseconds()),
            ("expires_at", server.Clock.GetUtcNow().AddHours(2).ToUnixTimeMilliseconds()))));
        for (var n = 0; n < 8; n++)
        {
            await InviteAsync(server, $"ada{n}@people.test");
        }

        await RoundAsync(server);

        Assert.Equal(8, host.Rest().Count);
        await RoundAsync(server);
        Assert.Equal(8, host.Sessions);
    }

    /// <summary>What became of a mail is noted with any clock: a group of which the later counts is refused to one that runs ahead.</summary>
    [Fact]
    public void The_end_of_a_mail_replaces_nothing() => Assert.DoesNotContain(Schema.Mails.Groups, group => group.Rule == MergeRule.Later);

    [Fact]
    public async Task An_expired_code_and_a_revoked_invitation_are_not_sent_when_the_server_is_back()
    {
        using var host = new SmtpHost().Then(SmtpHabit.Closed);
        await using var server = await StartAsync(host);
        (await server.PutAsync("/mail_settings", new { send = new { magic_auth_by_api = true } })).Is(200);
        (await server.PostAsync("/user_management/magic_auth", new { email = "ada@people.test" })).Is(201);
        await RoundAsync(server);
        var revoked = await InviteAsync(server, "grace@people.test");
        (await server.PostAsync($"/user_management/invitations/{revoked}/revoke", new { })).Is(200);
        await InviteAsync(server, "joan@people.test");
        server.Clock.Advance(TimeSpan.FromMinutes(10));

        await RoundAsync(server);

        Assert.Equal("joan@people.test", Assert.Single(host.Rest()).Recipient);
    }

    [Fact]
    public async Task What_a_node_that_is_gone_wanted_is_sent_by_another_but_no_code_of_it()
    {
        using var host = new SmtpHost();
        await using var server = await StartAsync(host);
        var mails = server.Services.GetRequiredService<Mails>();
        Task WantAsync(string authority, MailKind kind) => server.Storage.Database.RecordAsync(view => Decide.To(true, mails.Want(
            view, server.A.Id, authority, new byte[32], server.Clock.GetUtcNow(), new WantedMail(
                kind, $"{kind.Name}.{authority}@people.test", $"{authority}/{kind.Name}", null, server.Clock.GetUtcNow() + TimeSpan.FromHours(1),
                new Dictionary<string, string> { ["code"] = "123456", ["link"] = "https://id.holdfast.test/x", ["address"] = "ada@people.test", ["until"] = "1767312000000" }))));
        // Two lives of one node: the elder is over.
        await server.Storage.Database.RecordAsync(_ => Decide.To(true, new[] { ("000000000001", 1L), ("000000000002", 2L) }.Select(life => Change.To(
            Schema.Nodes, life.Item1, ("name", "other"), ("region", "r"), ("zone", "z"), ("born_at", life.Item2))).ToList()));
        foreach (var kind in new[] { MailKind.MagicCode, MailKind.PasswordChanged })
        {
            await WantAsync("000000000001", kind);
            await WantAsync("000000000002", kind);
        }

        await RoundAsync(server);
        Assert.Equal(["password_changed.000000000001@people.test"], host.Rest().Select(mail => mail.Recipient));
        server.Clock.Advance(SendMails.TakeOverAfter);
        await RoundAsync(server);
        Assert.Equal(["password_changed.000000000002@people.test"], host.Rest().Select(mail => mail.Recipient));
        await RoundAsync(server);
        Assert.Empty(host.Rest());
    }

    [Fact] // PLAT-026
    public async Task One_environment_s_many_do_not_stand_before_another_s_one()
    {
        using var host = new SmtpHost();
        await using var server = await StartAsync(host);
        for (var i = 0; i < 12; i++)
        {
            await InviteAsync(server, $"many{i}@people.test");
        }
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        (await server.SendAsync("POST", "/user_management/invitations", server.B.ApiKey, new { email = "one@people.test" })).Is(201);

        var order = server.Storage.Database.Read(view => Mails.Waiting(view, server.Clock.GetUtcNow(), 5)).Select(row => row.Recipient).ToList();

        Assert.Equal("one@people.test", order[1]);
    }
}
