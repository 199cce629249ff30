using System.Text.Json;
using System.Text.RegularExpressions;
using Holdfast.Mail;
using Holdfast.Tests.AuthKit;

namespace Holdfast.Tests.Mail;

/// <summary>Which mails are wanted, when, and what stands in them.</summary>
public sealed partial class MailTests
{
    private const string Password = "correct horse battery staple";
    private const string MagicGrant = "urn:workos:oauth:grant-type:magic-auth:code";

    private static async Task<List<JsonElement>> InboxAsync(HoldfastServer server) =>
        [.. (await server.SendAsync("GET", "/dev/inbox", null, null, ("Accept", "application/json"))).Is(200).Json.EnumerateArray()];

    private static string Of(JsonElement mail, string field) => mail.GetProperty(field).GetString()!;

    private static Task<HoldfastServer> StartAsync() => HoldfastServer.StartAsync(new Start(IsDev: true));

    private static async Task UserAsync(HoldfastServer server, string email, bool verified = true, string? locale = null) =>
        (await server.PostAsync("/user_management/users", new { email, password = Password, email_verified = verified, locale })).Is(201);

    [Fact]
    public async Task The_inbox_has_what_a_person_needs_to_go_on_as_soon_as_it_is_asked_for()
    {
        await using var server = await StartAsync();
        (await server.PutAsync("/mail_settings", new { sender_name = "Acme & Co", send = new { magic_auth_by_api = true } })).Is(200);
        (await server.PostAsync("/user_management/magic_auth", new { email = "ada@people.test" })).Is(201);

        var mail = Assert.Single(await InboxAsync(server));
        Assert.Equal(["html", "sent_at", "subject", "text", "to"], mail.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal));
        Assert.Equal(("ada@people.test", "Your sign-in code for Acme & Co"), (Of(mail, "to"), Of(mail, "subject")));
        Assert.Contains("for 10 minutes", Of(mail, "text"), StringComparison.Ordinal);
        Assert.Contains("Acme &amp; Co", Of(mail, "html"), StringComparison.Ordinal);
        var code = SixDigits().Match(Of(mail, "text")).Value;
        (await SignedIn.AskAsync(server, MagicGrant, ("email", "ada@people.test"), ("code", code))).Is(200);

        var page = await server.SendAsync("GET", "/dev/inbox", null, null, ("Accept", "text/html"));
        Assert.StartsWith("text/html", page.Is(200).ContentType, StringComparison.Ordinal);
        Assert.Contains("Acme &amp; Co", page.Text, StringComparison.Ordinal);
        var one = await server.SendAsync("GET", LinkInInbox().Match(page.Text).Groups[1].Value, null, null, ("Accept", "text/html"));
        Assert.Contains(code, one.Is(200).Text, StringComparison.Ordinal);
        (await server.SendAsync("GET", "/dev/inbox/mail_00000000000000000000000000", null)).Is(400);
    }

    [Fact]
    public async Task There_is_no_inbox_in_serve()
    {
        await using var server = await HoldfastServer.StartAsync();
        (await server.SendAsync("GET", "/dev/inbox", null)).Is(404);
    }

    /// <summary>What each step wants, with the settings as they are from the start.</summary>
    [Fact]
    public async Task By_itself_is_sent_what_nobody_else_would_send()
    {
        await using var server = await StartAsync();
        async Task<string[]> SubjectsAsync()
        {
            var all = (await InboxAsync(server)).Select(mail => Of(mail, "subject")).ToArray();
            server.Clock.Advance(TimeSpan.FromSeconds(1));
            return all;
        }
        await UserAsync(server, "ada@people.test");
        await UserAsync(server, "grace@people.test", verified: false);
        (await server.PostAsync("/user_management/magic_auth", new { email = "ada@people.test" })).Is(201);
        var reset = (await server.PostAsync("/user_management/password_reset", new { email = "ada@people.test" })).Is(201);
        Assert.Empty(await SubjectsAsync());   // the application has asked by API, and mails by itself

        (await SignedIn.AskAsync(server, "password", ("email", "grace@people.test"), ("password", Password))).Is(403);
        Assert.Equal("Confirm your e-mail address for A", (await SubjectsAsync())[0]);

        (await server.PostAsync("/user_management/password_reset/confirm", new { token = reset["password_reset_token"], new_password = Password + "!" })).Is(200);
        Assert.Equal("Your password for A was changed", (await SubjectsAsync())[0]);

        var invited = (await server.PostAsync("/user_management/invitations", new { email = "joan@people.test" })).Is(201)["id"];
        Assert.Equal("You are invited to A", (await SubjectsAsync())[0]);
        (await server.PostAsync($"/user_management/invitations/{invited}/resend", new { locale = "de-AT" })).Is(200);
        Assert.Equal("Sie sind zu A eingeladen", (await SubjectsAsync())[0]);

        (await server.PutAsync("/mail_settings", new { send = new { password_reset_by_api = true } })).Is(200);
        var again = (await server.PostAsync("/user_management/password_reset", new { email = "ada@people.test" })).Is(201);
        Assert.Equal("Choose a new password for A", (await SubjectsAsync())[0]);
        Assert.Contains(again["password_reset_url"]!, Of((await InboxAsync(server))[0], "text"), StringComparison.Ordinal);
        (await server.PostAsync("/user_management/password_reset", new { email = "nobody@people.test" })).Is(404);
        Assert.Equal(5, (await SubjectsAsync()).Length);
    }

    [Fact]
    public async Task Each_kind_can_be_switched_off_in_one_environment_and_stays_on_in_another()
    {
        await using var server = await StartAsync();
        var before = (await server.GetAsync("/mail_settings")).Is(200);
        Assert.Equal(["email_verification", "invitation", "magic_auth", "magic_auth_by_api", "password_changed", "password_reset", "password_reset_by_api", "sign_up_attempt"],
            before.Json.GetProperty("send").EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal));
        var after = (await server.PutAsync("/mail_settings", new { send = new { invitation = false } })).Is(200);
        Assert.False(after.Json.GetProperty("send").GetProperty("invitation").GetBoolean());
        Assert.Equal(after.Text, (await server.GetAsync("/mail_settings")).Text);

        (await server.PostAsync("/user_management/invitations", new { email = "ada@people.test" })).Is(201);
        (await server.SendAsync("POST", "/user_management/invitations", server.B.ApiKey, new { email = "grace@people.test" })).Is(201);

        Assert.Equal(["grace@people.test"], (await InboxAsync(server)).Select(mail => Of(mail, "to")));
        Assert.Equal(before.Text, (await server.PutAsync("/mail_settings", new { send = new Dictionary<string, bool?> { ["invitation"] = null } })).Is(200).Text);
    }

    [Fact]
    public async Task Settings_that_are_not_known_change_nothing()
    {
        await using var server = await StartAsync();
        foreach (var body in new[]
        {
            """{"send":{"newsletter":true}}""", """{"send":{"invitation":"no"}}""", """{"send":[]}""", """{"sender_name":""}""", """{"sender_name":"a\r\nBcc: eve@evil.test"}""",
        })
        {
            (await server.WithoutEffectAsync(() => server.SendAsync("PUT", "/mail_settings", server.A.ApiKey, body))).Is(422);
        }
    }

    [Fact]
    public async Task A_repeated_request_wants_one_mail()
    {
        await using var server = await StartAsync();
        (await server.PutAsync("/mail_settings", new { send = new { magic_auth_by_api = true } })).Is(200);
        for (var i = 0; i < 2; i++)
        {
            (await server.PostAsync("/user_management/magic_auth", new { email = "ada@people.test" }, ("Idempotency-Key", "one"))).Is(201);
            (await server.PostAsync("/user_management/invitations", new { email = "ada@people.test" }, ("Idempotency-Key", "one"))).Is(201);
        }
        Assert.Equal(2, (await InboxAsync(server)).Count);
    }

    [Fact] // OAUTH-056
    public async Task Names_that_people_choose_stand_in_a_mail_as_they_are_and_nothing_more()
    {
        await using var server = await StartAsync();
        var organization = (await server.PostAsync("/organizations", new { name = "<b>Evil</b> " + new string('x', 200) })).Is(201)["id"];
        var inviter = (await server.PostAsync("/user_management/users", new { email = "eve@people.test", first_name = "<img src=http://evil.test/>", locale = "de" })).Is(201)["id"];

        (await server.PostAsync("/user_management/invitations", new { email = "ada@people.test", organization_id = organization, inviter_user_id = inviter })).Is(201);

        var mail = (await InboxAsync(server))[0];
        Assert.DoesNotContain("<b>", Of(mail, "html"), StringComparison.Ordinal);
        Assert.DoesNotContain("<img", Of(mail, "html"), StringComparison.Ordinal);
        Assert.Contains("<b>Evil</b> " + new string('x', 68) + "…", Of(mail, "text"), StringComparison.Ordinal);
        Assert.Contains("8 January 2026", Of(mail, "text"), StringComparison.Ordinal);
    }

    [Fact]
    public void No_mail_fetches_anything_and_every_language_says_the_same()
    {
        Assert.Equal(["de", "en"], Letters.Languages.Order(StringComparer.Ordinal));
        var values = new Dictionary<string, string>
        {
            ["code"] = "123456", ["link"] = "https://id.holdfast.test/x?token=1", ["until"] = "1767225600000", ["organization"] = "Acme", ["inviter"] = "Grace", ["address"] = "ada@people.test",
        };
        foreach (var kind in MailKind.All)
        {
            foreach (var without in new[] { "", "inviter", "organization" })
            {
                var given = values.Where(v => v.Key != without).ToDictionary();
                var (en, de) = (Letters.Write(kind, null, "App", given, 1767225000000), Letters.Write(kind, "de-CH", "App", given, 1767225000000));
                Assert.NotEqual(en.Text, de.Text);
                foreach (var letter in new[] { en, de })
                {
                    Assert.DoesNotContain('{', letter.Subject + letter.Text);
                    Assert.DoesNotMatch("(?i)src=|url\\(|<link|<script|<img|background=", letter.Html);
                    Assert.All(Address().Matches(letter.Html), link => Assert.Equal("https://id.holdfast.test/x?token=1", link.Value));
                    Assert.Contains("<html lang=\"" + (letter == en ? "en" : "de"), letter.Html, StringComparison.Ordinal);
                    // Both bodies have the same words.
                    Assert.All(letter.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Contains(
                        System.Text.Encodings.Web.HtmlEncoder.Default.Encode(line.TrimEnd(':')), letter.Html, StringComparison.Ordinal));
                }
                Assert.Equal(Shape(en), Shape(de));
            }
        }
        static string Shape(Letter letter) => string.Join(' ', letter.Html.Split('<').Skip(1).Select(tag => tag[..tag.IndexOfAny([' ', '>'])]))
            + string.Concat(new[] { "App", "Acme", "Grace", "123456", "ada@people.test", "10" }.Where(v => letter.Text.Contains(v, StringComparison.Ordinal)));
    }

    [Fact] // PLAT-030
    public async Task No_secret_of_a_mail_is_at_rest_as_it_is()
    {
        await using var server = await StartAsync();
        (await server.PutAsync("/mail_settings", new { send = new { magic_auth_by_api = true, password_reset_by_api = true } })).Is(200);
        await UserAsync(server, "ada@people.test");
        var code = (await server.PostAsync("/user_management/magic_auth", new { email = "ada@people.test" })).Is(201)["code"]!;
        var token = (await server.PostAsync("/user_management/password_reset", new { email = "ada@people.test" })).Is(201)["password_reset_token"]!;
        Assert.Contains(token, (await InboxAsync(server)).Select(mail => Of(mail, "text")).First(text => text.Contains("reset-password", StringComparison.Ordinal)), StringComparison.Ordinal);

        Assert.DoesNotContain(token.Split('.')[1], server.Everything(), StringComparison.Ordinal);
        Assert.DoesNotContain($"\"{code}\"", server.Everything(), StringComparison.Ordinal);
    }

    [GeneratedRegex("(?m)^[0-9]{6}$")]
    private static partial Regex SixDigits();

    [GeneratedRegex("href=\"(/dev/inbox/mail_[^\"]+)\"")]
    private static partial Regex LinkInInbox();

    [GeneratedRegex("https?://[^\"<> ]+")]
    private static partial Regex Address();
}
