using System.Net;

namespace Holdfast.Tests.Sso;

/// <summary>How a SAML sign-in ends: bound to its browser, once, and only while its connection stands (SAML-035, 058, 064 to 070, 073).</summary>
public sealed class SamlSignInTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    [Fact] // OAUTH-053
    public async Task A_flow_belongs_to_the_browser_that_began_it()
    {
        var connection = await _server.SamlConnectionAsync();
        var begun = await connection.BeginAsync();
        var response = connection.Response(begun, "ada@acme.test");

        await _server.RefusedAsync(() => connection.PostAsync(new Browser(_server), response, begun.RelayState), "flow_not_found", "FlowNotFound");
        var other = (await connection.BeginAsync()).Browser;
        await _server.RefusedAsync(() => connection.PostAsync(other, response, begun.RelayState), "flow_not_found", "FlowNotFound");

        (await connection.PostAsync(begun.Browser, response, begun.RelayState)).Is(302);
    }

    [Fact] // OAUTH-053
    public async Task A_flow_s_cookie_that_was_touched_is_nothing()
    {
        var connection = await _server.SamlConnectionAsync();
        var begun = await connection.BeginAsync();
        var (name, (value, _)) = begun.Browser.Cookies.Single();
        var response = connection.Response(begun, "ada@acme.test");
        foreach (var touched in new[] { value[..^1] + (value[^1] == 'A' ? 'B' : 'A'), value[..^1], value + "A", value[9..], "x", value.Replace('.', '-') })
        {
            var browser = begun.Browser.Copy();
            browser.Set(name, touched);
            await _server.RefusedAsync(() => connection.PostAsync(browser, response, begun.RelayState), "flow_not_found", "FlowNotFound");
        }
        // Another flow's cookie under this one's name.
        var mixed = begun.Browser.Copy();
        mixed.Set(name, (await connection.BeginAsync()).Browser.Cookies.Single().Value.Value);
        await _server.RefusedAsync(() => connection.PostAsync(mixed, response, begun.RelayState), "flow_not_found", "FlowNotFound");

        (await connection.PostAsync(begun.Browser, response, begun.RelayState)).Is(302);
    }

    [Fact]
    public async Task A_flow_of_another_connection_does_not_end_here()
    {
        var (here, there) = (await _server.SamlConnectionAsync(), await _server.SamlConnectionAsync());
        var begun = await there.BeginAsync();

        await _server.RefusedAsync(
            () => here.PostAsync(begun.Browser, here.Response(begun, "ada@acme.test", i => i with { Audience = $"{_server.PublicUrl}/sso/saml/metadata/{here.Id}" }), begun.RelayState),
            "flow_not_found", "FlowNotFound");

        (await there.FinishAsync(begun)).Is(302);
    }

    [Fact]
    public async Task A_flow_lives_for_ten_minutes()
    {
        await using var server = await HoldfastServer.StartAsync();
        var connection = await server.SamlConnectionAsync();
        var (atLimit, after) = (await connection.BeginAsync(), await connection.BeginAsync());

        server.Clock.Advance(TimeSpan.FromMinutes(10) - TimeSpan.FromMilliseconds(1));
        (await connection.FinishAsync(atLimit)).Is(302);
        server.Clock.Advance(TimeSpan.FromMilliseconds(1));
        await server.RefusedAsync(() => connection.FinishAsync(after), "flow_not_found", "FlowNotFound");
    }

    [Fact]
    public async Task A_flow_ends_once_even_of_twenty_at_once()
    {
        var connection = await _server.SamlConnectionAsync();
        var begun = await connection.BeginAsync();
        // Twenty honest responses to one request: the flow is what must not be used again.
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ =>
            Task.Run(() => connection.PostAsync(begun.Browser.Copy(), connection.Response(begun, "ada@acme.test"), begun.RelayState))));

        Assert.Single(answers, a => a.Status == 302);
        Assert.Equal(Holdfast.Sso.FlowAttempts.MostPerFlow - 1, answers.Count(a => a.Status == 400 && a.Text.Contains("sign_in_refused", StringComparison.Ordinal)));
        Assert.Equal(20 - Holdfast.Sso.FlowAttempts.MostPerFlow, answers.Count(a => a.Status == 400 && a.Text.Contains("flow_not_found", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task An_assertion_is_taken_once_whoever_brings_it()
    {
        var connection = await _server.SamlConnectionAsync();
        var begun = await connection.BeginAsync();
        var kept = begun.Browser.Copy();
        var response = connection.Response(begun, "ada@acme.test");
        (await connection.PostAsync(begun.Browser, response, begun.RelayState)).Is(302);

        await _server.RefusedAsync(() => connection.PostAsync(kept, response, begun.RelayState), "sign_in_refused", "FlowUsed");
        await _server.RefusedAsync(() => connection.PostAsync(new Browser(_server), response, begun.RelayState), "flow_not_found", "FlowNotFound");
        // The same assertion in a flow of its own: it answers another request.
        var second = await connection.BeginAsync();
        await _server.RefusedAsync(() => connection.PostAsync(second.Browser, response, second.RelayState), "sign_in_refused", "WrongRequest");
        // And an assertion id that was used, in a response that is sound otherwise.
        var (third, fourth) = (await connection.BeginAsync(), await connection.BeginAsync());
        (await connection.FinishAsync(third, "ada@acme.test", i => i with { AssertionId = "_same" })).Is(302);
        await _server.RefusedAsync(() => connection.FinishAsync(fourth, "ada@acme.test", i => i with { AssertionId = "_same" }), "sign_in_refused", "Replayed");
    }

    [Fact]
    public async Task An_assertion_s_id_is_remembered_until_it_is_over_and_per_connection()
    {
        await using var server = await HoldfastServer.StartAsync();
        var (one, other) = (await server.SamlConnectionAsync(), await server.SamlConnectionAsync());
        (await one.FinishAsync(await one.BeginAsync(), "a@acme.test", i => i with { AssertionId = "_same" })).Is(302);
        (await other.FinishAsync(await other.BeginAsync(), "a@acme.test", i => i with { AssertionId = "_same" })).Is(302);

        server.Clock.Advance(TimeSpan.FromMinutes(6) - TimeSpan.FromMilliseconds(1));   // five, and a minute of skew
        await server.RefusedAsync(
            async () => await one.FinishAsync(await one.BeginAsync(), "a@acme.test", i => i with { AssertionId = "_same" }), "sign_in_refused", "Replayed");
    }

    [Fact]
    public async Task A_response_that_nobody_asked_for_is_refused()
    {
        var connection = await _server.SamlConnectionAsync();
        var browser = new Browser(_server);
        var unsolicited = connection.Response(null, "ada@acme.test");

        await _server.RefusedAsync(() => connection.PostAsync(browser, unsolicited, null), "idp_initiated_sso_disabled", "Unsolicited");
        await _server.RefusedAsync(() => connection.PostAsync(browser, unsolicited, ""), "idp_initiated_sso_disabled", "Unsolicited");
        // Slipped into somebody's flow, it still answers no request.
        var begun = await connection.BeginAsync();
        await _server.RefusedAsync(() => connection.PostAsync(begun.Browser, unsolicited, begun.RelayState), "sign_in_refused", "WrongRequest");
        (await connection.FinishAsync(await connection.BeginAsync())).Is(302);
    }

    [Theory] // OAUTH-055
    [InlineData("https://evil.test/")]
    [InlineData("//evil.test")]
    [InlineData("/\\evil.test")]
    [InlineData("javascript:alert(1)")]
    [InlineData("data:text/html,x")]
    [InlineData("x\r\nSet-Cookie: a=b")]
    [InlineData("\"><script>alert(1)</script>")]
    [InlineData(".")]
    [InlineData("{long}")]
    [InlineData("{relay}x")]
    public async Task RelayState_leads_nowhere(string relayState)
    {
        var connection = await _server.SamlConnectionAsync();
        var begun = await connection.BeginAsync();
        relayState = relayState.Replace("{long}", new string('x', 10_000), StringComparison.Ordinal).Replace("{relay}", begun.RelayState, StringComparison.Ordinal);

        var refused = await _server.RefusedAsync(
            () => connection.PostAsync(begun.Browser, connection.Response(begun, "ada@acme.test"), relayState), "flow_not_found", "FlowNotFound");

        Assert.DoesNotContain("evil", refused.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", refused.Text, StringComparison.Ordinal);
        Assert.Empty(begun.Browser.LastSetCookies);
        (await connection.FinishAsync(begun)).Is(302);
    }

    [Fact]
    public async Task A_connection_that_is_off_takes_nobody_and_one_that_is_on_again_does()
    {
        var connection = await _server.SamlConnectionAsync();
        var begun = await connection.BeginAsync();
        var token = (await connection.RedeemAsync(await connection.SignInAsync())).Is(200)["access_token"]!;
        var code = await connection.SignInAsync();

        var off = (await _server.PutAsync($"/connections/{connection.Id}", new { state = "inactive" })).Is(200);
        Assert.Equal(("inactive", "unlinked"), (off["state"], off["status"]));

        var ended = (await _server.WithoutEffectAsync(() => connection.FinishAsync(begun))).Is(302);
        Assert.StartsWith(HoldfastServer.Callback, ended.Location, StringComparison.Ordinal);
        Assert.Equal(("connection_unlinked", null), (ended.Sent("error"), ended.Sent("code")));
        var start = (await new Browser(_server).GetAsync(connection.AuthorizePath())).Is(302);
        Assert.Equal("connection_unlinked", start.Sent("error"));
        (await connection.ProfileAsync(token)).Is(401);
        (await connection.RedeemAsync(code)).IsOAuth("invalid_grant");

        var on = (await _server.PutAsync($"/connections/{connection.Id}", new { state = "active" })).Is(200);
        Assert.Equal(("active", "linked"), (on["state"], on["status"]));
        (await connection.RedeemAsync(await connection.SignInAsync())).Is(200);
        (await connection.ProfileAsync(token)).Is(200);
        Assert.Equal("active", (await _server.GetAsync($"/connections/{connection.Id}"))["state"]);
    }

    [Fact]
    public async Task A_draft_takes_nobody_until_it_is_active()
    {
        var connection = await _server.SamlConnectionAsync();
        (await _server.PutAsync($"/connections/{connection.Id}", new { state = "draft" })).Is(200);
        Assert.Equal("connection_unlinked", (await new Browser(_server).GetAsync(connection.AuthorizePath())).Is(302).Sent("error"));
        (await _server.PutAsync($"/connections/{connection.Id}", new { state = "active" })).Is(200);
        await connection.SignInAsync();
    }

    [Fact]
    public async Task With_its_connection_or_its_organization_everything_is_gone()
    {
        foreach (var delete in new Func<SamlConnection, Task<Answer>>[]
        {
            async c => (await _server.DeleteAsync($"/connections/{c.Id}")).Is(204),
            async c => (await _server.DeleteAsync($"/organizations/{c.OrganizationId}")).Is(202),
        })
        {
            var connection = await _server.SamlConnectionAsync();
            var begun = await connection.BeginAsync();
            var token = (await connection.RedeemAsync(await connection.SignInAsync())).Is(200)["access_token"]!;
            var code = await connection.SignInAsync();

            await delete(connection);

            (await _server.WithoutEffectAsync(() => connection.FinishAsync(begun))).Is(404, "connection_not_found");
            Assert.Equal("connection_invalid", (await new Browser(_server).GetAsync(connection.AuthorizePath())).Is(302).Sent("error"));
            (await connection.RedeemAsync(code)).IsOAuth("invalid_grant");
            (await connection.ProfileAsync(token)).Is(401);
            (await _server.GetAsync($"/connections/{connection.Id}")).Is(404, "entity_not_found");
            (await _server.PutAsync($"/connections/{connection.Id}", new { state = "active" })).Is(404);
            (await _server.DeleteAsync($"/connections/{connection.Id}")).Is(404);
            (await _server.SendAsync("GET", $"/sso/saml/metadata/{connection.Id}", null)).Is(404);
            Assert.Empty((await _server.GetAsync($"/connections?organization_id={connection.OrganizationId}")).Ids);
        }
    }

    [Fact]
    public async Task A_person_is_who_one_connection_says()
    {
        var organization = await _server.OrganizationAsync();
        var (one, other) = (await _server.SamlConnectionAsync(organization), await _server.SamlConnectionAsync(organization));
        async Task<string> ProfileAsync(SamlConnection connection, string nameId) =>
            (await connection.RedeemAsync(await connection.SignInAsync(nameId))).Is(200).Json.GetProperty("profile").GetProperty("id").GetString()!;

        var ada = await ProfileAsync(one, "ada@acme.test");
        Assert.Equal(ada, await ProfileAsync(one, "ada@acme.test"));
        Assert.NotEqual(ada, await ProfileAsync(one, "Ada@acme.test"));
        Assert.NotEqual(ada, await ProfileAsync(other, "ada@acme.test"));

        (await _server.DeleteAsync($"/connections/{one.Id}")).Is(204);
        var anew = await _server.SamlConnectionAsync(organization);
        Assert.NotEqual(ada, await ProfileAsync(anew, "ada@acme.test"));
    }

    [Fact]
    public async Task A_profile_follows_what_the_identity_provider_says()
    {
        var connection = await _server.SamlConnectionAsync();
        async Task<Answer> AsAsync(string first) => (await connection.RedeemAsync((await connection.FinishAsync(
            await connection.BeginAsync(), "ada@acme.test", i => i with { Attributes = new Dictionary<string, IReadOnlyList<string>> { ["firstName"] = [first] } })).Sent("code")!)).Is(200);

        Assert.Equal("Ada", (await AsAsync("Ada")).Json.GetProperty("profile").GetProperty("first_name").GetString());
        var after = (await AsAsync("Augusta")).Json.GetProperty("profile");
        Assert.Equal("Augusta", after.GetProperty("first_name").GetString());
        Assert.Equal("Augusta", after.GetProperty("name").GetString());
        Assert.Equal("Augusta", after.GetProperty("raw_attributes").GetProperty("firstName").GetString());
        Assert.Empty(after.GetProperty("groups").EnumerateArray());
    }

    [Theory]
    [InlineData("WrongAudience")]
    [InlineData("WrongRequest")]
    [InlineData("WrongIssuer")]
    [InlineData("WrongDestination")]
    [InlineData("Expired")]
    [InlineData("NotYetValid")]
    [InlineData("SignatureInvalid")]
    [InlineData("StableIdMissing")]
    [InlineData("EmailMissing")]
    public async Task A_refused_response_is_told_to_the_administrator_and_not_to_the_browser(string reason)
    {
        using var stranger = SamlProvider.MakeCertificate();
        var connection = await _server.SamlConnectionAsync();
        var begun = await connection.BeginAsync();
        var response = connection.Response(begun, reason == "EmailMissing" ? "no-address-4711" : "ada@acme.test", issue => reason switch
        {
            "WrongAudience" => issue with { Audience = "https://other.test" },
            "WrongRequest" => issue with { InResponseTo = "_other" },
            "WrongIssuer" => issue with { Issuer = "https://idp.test/other" },
            "WrongDestination" => issue with { AcsUrl = issue.AcsUrl + "x" },
            "Expired" => issue with { Now = issue.Now - TimeSpan.FromMinutes(6) },
            "NotYetValid" => issue with { Now = issue.Now + TimeSpan.FromSeconds(61) },
            "StableIdMissing" => issue with { NameIdFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient" },
            _ => issue,
        }, reason == "SignatureInvalid" ? stranger : null);

        var refused = await _server.RefusedAsync(() => connection.PostAsync(begun.Browser, response, begun.RelayState), "sign_in_refused", reason);

        foreach (var secret in new[] { "ada@acme.test", "4711", reason, "saml", "Assertion", "   at ", connection.Provider.EntityId })
        {
            Assert.DoesNotContain(secret, refused.Text, StringComparison.Ordinal);
        }
        (await connection.FinishAsync(await connection.BeginAsync())).Is(302);
    }

    [Fact]
    public async Task A_refusal_is_a_page_for_people()
    {
        var connection = await _server.SamlConnectionAsync();
        var page = (await new Browser(_server).PostAsync(connection.AcsUrl, [new("SAMLResponse", "<script>x"), new("RelayState", "<script>y")], ("Accept", "text/html,*/*"))).Is(400);

        Assert.StartsWith("text/html", page.ContentType, StringComparison.Ordinal);
        Assert.Contains(WebUtility.HtmlEncode(_server.LatestAttempt.Id), page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("<script>", page.Text, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal("DENY", page.Headers.GetValues("X-Frame-Options").Single());
    }

    [Fact]
    public async Task A_form_that_holds_a_field_twice_or_more_than_a_response_is_refused()
    {
        var connection = await _server.SamlConnectionAsync();
        var begun = await connection.BeginAsync();
        var response = connection.Response(begun, "ada@acme.test");
        foreach (var more in new[] { ("SAMLResponse", response), ("RelayState", begun.RelayState), ("SAMLRequest", "x"), ("SAMLart", "x") })
        {
            await _server.RefusedAsync(() => connection.PostAsync(begun.Browser, response, begun.RelayState, more), "sign_in_refused", "FormAmbiguous");
        }
        KeyValuePair<string, string>[] form = [new("SAMLResponse", response), new("RelayState", begun.RelayState)];
        await _server.RefusedAsync(() => begun.Browser.PostAsync(connection.AcsUrl + "?RelayState=x", form), "sign_in_refused", "FormAmbiguous");
        await _server.RefusedAsync(() => begun.Browser.PostAsync(connection.AcsUrl, [form[1]]), "sign_in_refused", "ResponseMissing");

        (await connection.PostAsync(begun.Browser, response, begun.RelayState)).Is(302);
    }

    [Fact]
    public async Task Whoever_takes_an_account_at_one_customer_does_not_get_in_at_another()
    {
        // Two customers with one identity provider's entity id, and a certificate each (SAML-072).
        var (a, b) = (await _server.SamlConnectionAsync(), await _server.SamlConnectionAsync());
        using var theirs = SamlProvider.MakeCertificate();
        (await _server.PutAsync($"/connections/{b.Id}", new { saml = new { idp_entity_id = a.Provider.EntityId, idp_certificates = new[] { theirs.ExportCertificatePem() } } })).Is(200);

        var begun = await b.BeginAsync();
        var forged = b.Response(begun, "ada@acme.test", i => i with { Issuer = a.Provider.EntityId });
        await _server.RefusedAsync(() => b.PostAsync(begun.Browser, forged, begun.RelayState), "sign_in_refused", "SignatureInvalid");

        begun = await b.BeginAsync();
        (await b.PostAsync(begun.Browser, b.Response(begun, "ada@acme.test", i => i with { Issuer = a.Provider.EntityId }, theirs), begun.RelayState)).Is(302);
    }

    [Fact]
    public async Task A_flow_of_a_life_that_is_over_begins_again_in_the_same_browser()
    {
        var data = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        var copy = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        try
        {
            Holdfast.Environments.NewEnvironment a, b;
            SamlConnection connection;
            Browser browser;
            SamlConnection.Begun begun;
            string code;
            await using (var server = await HoldfastServer.StartAsync(new Start(Data: data)))
            {
                (a, b) = (server.A, server.B);
                connection = await server.SamlConnectionAsync();
                begun = await connection.BeginAsync(null, ("state", "kept"));
                browser = begun.Browser;
                code = await connection.SignInAsync();
            }
            foreach (var file in Directory.GetFiles(data))
            {
                File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));   // restored on another disk: a new incarnation
            }
            await using var next = await HoldfastServer.StartAsync(new Start(Data: copy), a, b);
            var here = connection with { Server = next };
            var kept = new Browser(next);
            foreach (var (name, (value, _)) in browser.Cookies)
            {
                kept.Set(name, value);
            }

            (await next.WithoutEffectAsync(() => here.RedeemAsync(code))).IsOAuth("invalid_grant");
            var again = SamlConnection.Read(kept, (await next.WithoutEffectAsync(() => here.PostAsync(kept, here.Response(begun, "ada@acme.test"), begun.RelayState))).Is(302));

            Assert.NotEqual(begun.RequestId, again.RequestId);
            var ended = (await here.FinishAsync(again)).Is(302);
            Assert.Equal("kept", ended.Sent("state"));
            (await here.RedeemAsync(ended.Sent("code")!)).Is(200);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
            Directory.Delete(copy, recursive: true);
        }
    }

    [Fact]
    public async Task A_flow_survives_a_restart()
    {
        var data = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        try
        {
            Holdfast.Environments.NewEnvironment a, b;
            SamlConnection connection;
            SamlConnection.Begun begun;
            await using (var server = await HoldfastServer.StartAsync(new Start(Data: data)))
            {
                (a, b) = (server.A, server.B);
                connection = await server.SamlConnectionAsync();
                begun = await connection.BeginAsync();
            }
            await using var next = await HoldfastServer.StartAsync(new Start(Data: data), a, b);
            var here = connection with { Server = next };
            var browser = new Browser(next);
            foreach (var (name, (value, _)) in begun.Browser.Cookies)
            {
                browser.Set(name, value);
            }
            var response = here.Response(begun, "ada@acme.test");
            var kept = browser.Copy();
            (await here.PostAsync(browser, response, begun.RelayState)).Is(302);
            await next.RefusedAsync(() => here.PostAsync(kept, response, begun.RelayState), "sign_in_refused", "FlowUsed");
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task A_browser_keeps_five_flows_and_forgets_the_oldest()
    {
        await using var server = await HoldfastServer.StartAsync();
        var connection = await server.SamlConnectionAsync();
        var browser = new Browser(server);
        var flows = new List<SamlConnection.Begun>();
        for (var i = 0; i < 6; i++)
        {
            flows.Add(await connection.BeginAsync(browser));
            server.Clock.Advance(TimeSpan.FromSeconds(1));
        }
        await server.RefusedAsync(() => connection.FinishAsync(flows[0]), "flow_not_found", "FlowNotFound");
        foreach (var flow in flows.Skip(1))
        {
            (await connection.FinishAsync(flow)).Is(302);
        }
        Assert.Empty(browser.Cookies);
    }

    [Theory]
    [InlineData(0, 400)]
    [InlineData(1, 413)]
    public async Task A_post_has_a_largest_size(int beyond, int status)
    {
        var connection = await _server.SamlConnectionAsync();
        var body = "SAMLResponse=".PadRight(768 * 1024 + beyond, 'A');
        var form = new StringContent(body, System.Text.Encoding.ASCII, "application/x-www-form-urlencoded");

        (await _server.SendAsync("POST", connection.AcsUrl, null, form)).Is(status);
    }
}
