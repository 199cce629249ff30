using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Holdfast.Protocols.Saml;
using Holdfast.Sso;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Events;

/// <summary>The list of what happened: what is in it, how it is narrowed, and that each thing is told once.</summary>
public sealed class EventTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    [Fact] // PLAT-014
    public async Task An_event_is_listed_as_it_was_and_pages_show_each_once_in_both_orders()
    {
        await using var server = await HoldfastServer.StartAsync();
        var made = new List<Answer>();
        for (var i = 0; i < 5; i++)
        {
            made.Add((await server.PostAsync("/organizations", new { name = $"Told <{i}> \u00e4&+" })).Is(201));
            server.Clock.Advance(TimeSpan.FromSeconds(1));
        }
        var first = (await server.GetAsync("/events?limit=1&order=asc")).Is(200).Json.GetProperty("data")[0];
        Assert.Equal(["object", "id", "event", "data", "created_at"], first.EnumerateObject().Select(p => p.Name));
        Assert.Equal(("event", "organization.created", made[0].Text.Replace("\"allow_profiles_outside_organization\":false,", "", StringComparison.Ordinal)), (first.GetProperty("object").GetString(), first.GetProperty("event").GetString(), first.GetProperty("data").GetRawText()));
        Assert.Matches("^event_[0-9A-Z]{26}$", first.GetProperty("id").GetString());

        foreach (var order in new[] { "asc", "desc" })
        {
            var (seen, after) = (new List<string>(), "");
            do
            {
                var page = (await server.GetAsync($"/events?limit=2&order={order}&after={after}")).Is(200);
                seen.AddRange(page.Json.GetProperty("data").EnumerateArray().Select(e => e.GetProperty("data").GetProperty("id").GetString()!));
                after = page.Json.GetProperty("list_metadata").GetProperty("after").GetString();
            }
            while (after is not null);
            var expected = made.Select(m => m["id"]!);
            Assert.Equal(order == "asc" ? expected : expected.Reverse(), seen);
        }
    }

    [Fact]
    public async Task Events_are_narrowed_by_name_by_time_and_by_organization()
    {
        var mine = await _server.SamlConnectionAsync();
        var other = await _server.SamlConnectionAsync();
        (await _server.PostAsync("/organization_domains", new { organization_id = mine.OrganizationId, domain = $"{SamlProvider.Unique()}.example" })).Is(201);
        await mine.SignInAsync();
        _server.Clock.Advance(TimeSpan.FromMinutes(1));
        var between = _server.Clock.GetUtcNow();
        _server.Clock.Advance(TimeSpan.FromMinutes(1));
        (await _server.PutAsync($"/organizations/{mine.OrganizationId}", new { name = "Later" })).Is(200);
        await _server.ToldAsync();

        async Task<List<string>> NamesAsync(string query) =>
            [.. (await _server.GetAsync($"/events?limit=100&order=asc&organization_id={mine.OrganizationId}{query}")).Is(200).Json.GetProperty("data").EnumerateArray()
                .Select(e => e.GetProperty("event").GetString()!).Order(StringComparer.Ordinal)];
        string[] before = ["authentication.sso_succeeded", "connection.activated", "organization.created", "organization_domain.created"];
        Assert.Equal(before.Append("organization.updated").Order(StringComparer.Ordinal), await NamesAsync(""));
        Assert.DoesNotContain(other.OrganizationId, (await _server.GetAsync($"/events?limit=100&organization_id={mine.OrganizationId}")).Text, StringComparison.Ordinal);
        foreach (var query in new[] { "&events=organization.created,connection.activated", "&events=organization.created&events=connection.activated", "&events[]=organization.created&events[]=connection.activated" })
        {
            Assert.Equal(["connection.activated", "organization.created"], await NamesAsync(query));
        }
        Assert.Equal(before, await NamesAsync($"&range_end={between:O}".Replace("+00:00", "Z", StringComparison.Ordinal)));
        Assert.Equal(["organization.updated"], await NamesAsync($"&range_start={between.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}"));
        Assert.Empty(await NamesAsync("&events=nothing.like_it"));
        Assert.Empty(await NamesAsync("&range_start=2100-01-01"));
    }

    [Theory]
    [InlineData("range_start=yesterday", "range_start invalid")]
    [InlineData("range_end=12", "range_end invalid")]
    [InlineData("range_end=%00", "range_end invalid")]
    [InlineData("limit=101", "limit out_of_range")]
    [InlineData("order=up", "order invalid")]
    public async Task A_question_that_cannot_be_read_is_refused(string query, string fault) => Assert.Equal([fault], (await _server.GetAsync($"/events?{query}")).Is(422).Faults);

    [Fact] // PLAT-014
    public async Task A_question_has_its_bounds()
    {
        (await _server.GetAsync("/events?events=" + string.Join(',', Enumerable.Range(0, 100).Select(i => $"e.{i}")))).Is(200);
        Assert.Equal(["events too_many"], (await _server.GetAsync("/events?events=" + string.Join(',', Enumerable.Range(0, 101).Select(i => $"e.{i}")))).Is(422).Faults);
        Assert.Equal(["events too_long"], (await _server.GetAsync("/events?events=" + new string('e', 129))).Is(422).Faults);
        Assert.Equal(["organization_id too_long"], (await _server.GetAsync("/events?organization_id=" + new string('o', 129))).Is(422).Faults);
    }

    [Fact]
    public async Task A_sign_in_that_succeeds_is_told_once_and_one_that_is_refused_is_not()
    {
        var connection = await _server.SamlConnectionAsync();
        var begun = await connection.BeginAsync();
        var response = connection.Response(begun, "ada@acme.test");
        (await connection.PostAsync(begun.Browser.Copy(), response, begun.RelayState)).Is(302);
        await _server.RefusedAsync(() => connection.PostAsync(begun.Browser, response, begun.RelayState), "sign_in_refused", "FlowUsed");
        await _server.RefusedAsync(() => connection.PostAsync(new Browser(_server), response, begun.RelayState), "flow_not_found", "FlowNotFound");

        Assert.Equal(
            [$$$"""{"type":"sso","status":"succeeded","ip_address":null,"user_agent":null,"user_id":null,"email":"ada@acme.test","sso":{"organization_id":"{{{connection.OrganizationId}}}","connection_id":"{{{connection.Id}}}","session_id":null}}"""],
            await DataAsync("authentication.sso_succeeded", connection.OrganizationId));
    }

    [Fact]
    public async Task A_sign_in_that_fails_is_told_where_the_identity_provider_has_proven_it_once_however_often_it_is_brought()
    {
        var connection = await _server.SamlConnectionAsync(null, "GenericSAML", ("attribute_map", new { email = "mail" }));
        async Task PostAsync(string id, Func<SamlIssue, SamlIssue> change, X509Certificate2? by, string reason, int times = 1)
        {
            var begun = await connection.BeginAsync();
            for (var i = 0; i < times; i++)
            {
                var browser = begun.Browser.Copy();
                await _server.RefusedAsync(() => connection.PostAsync(browser, connection.Response(begun, "somebody", issue => change(issue with { AssertionId = id }), by), begun.RelayState), "sign_in_refused", reason);
            }
        }
        // By the provider's own word, which lacks what is needed: three times the same one.
        await PostAsync("_one", i => i, null, "EmailMissing", times: 3);
        await PostAsync("_two", i => i with { Attributes = new Dictionary<string, IReadOnlyList<string>> { ["mail"] = [new string('x', 2000)] } }, null, "AttributeTooLong");
        // By anybody's: nothing of it is told.
        using var stranger = SamlProvider.MakeCertificate();
        await PostAsync("_three", i => i, stranger, "SignatureInvalid");
        var unasked = connection.Response(await connection.BeginAsync(), "somebody");
        await _server.RefusedAsync(() => connection.PostAsync(new Browser(_server), unasked, "unknown"), "flow_not_found", "FlowNotFound");

        var told = await DataAsync("authentication.sso_failed", connection.OrganizationId);
        string Told(string code) => $$$"""{"type":"sso","status":"failed","ip_address":null,"user_agent":null,"user_id":null,"email":null,"sso":{"organization_id":"{{{connection.OrganizationId}}}","connection_id":"{{{connection.Id}}}","session_id":null},"error":{"code":"{{{code}}}","message":"the assertion does not say who the person is"}}""";
        Assert.Equal([Told("attribute_too_long"), Told("email_missing")], told.Order(StringComparer.Ordinal));
        Assert.Equal((0, 0), (_server.Events("authentication.sso_started"), _server.Events("authentication.sso_timed_out")));
    }

    [Fact]
    public async Task What_becomes_of_a_connection_is_told_in_the_described_shape()
    {
        var connection = await _server.SamlConnectionAsync();
        (await _server.PutAsync($"/connections/{connection.Id}", new { state = "inactive" })).Is(200);
        (await _server.DeleteAsync($"/connections/{connection.Id}")).Is(204);

        async Task<JsonElement> OneAsync(string name) => JsonDocument.Parse(Assert.Single(await DataAsync(name, connection.OrganizationId))).RootElement;
        foreach (var (name, state, status) in new[] { ("connection.activated", "active", "linked"), ("connection.deactivated", "inactive", "unlinked") })
        {
            var told = await OneAsync(name);
            Assert.Equal(
                ["object", "id", "state", "name", "connection_type", "organization_id", "created_at", "updated_at", "external_key", "status", "domains"],
                told.EnumerateObject().Select(p => p.Name));
            Assert.Equal((connection.Id, state, status), (told.GetProperty("id").GetString(), told.GetProperty("state").GetString(), told.GetProperty("status").GetString()));
            Assert.Matches("^ext_[0-9A-Z]{26}$", told.GetProperty("external_key").GetString());
        }
        var gone = await OneAsync("connection.deleted");
        Assert.Equal(["object", "id", "state", "name", "connection_type", "organization_id", "created_at", "updated_at"], gone.EnumerateObject().Select(p => p.Name));
    }

    [Fact]
    public async Task Certificates_that_run_out_are_told_ahead_once_a_mark_until_longer_ones_are_trusted()
    {
        await using var server = await HoldfastServer.StartAsync();
        var end = server.Clock.GetUtcNow().AddDays(45);
        var connection = await server.SamlConnectionAsync();
        object Trusting(params DateTimeOffset[] ends) => new { saml = new { idp_certificates = ends.Select(Certificate) } };
        (await server.PutAsync($"/connections/{connection.Id}", Trusting(end))).Is(200);
        var checks = server.Services.GetRequiredService<CertificateChecks>();
        async Task<long> RoundsAsync(double days)
        {
            server.Clock.Advance(TimeSpan.FromDays(days));
            await checks.RoundAsync(CancellationToken.None);
            await checks.RoundAsync(CancellationToken.None);
            return server.Events("connection.saml_certificate_renewal_required");
        }
        Assert.Equal(0, await RoundsAsync(14));
        Assert.Equal(1, await RoundsAsync(1));
        Assert.Equal(1, await RoundsAsync(10));
        Assert.Equal(2, await RoundsAsync(6.5));
        Assert.Equal(
            $$"""{"connection":{"id":"{{connection.Id}}","organization_id":"{{connection.OrganizationId}}"},"certificate":{"certificate_type":"ResponseSigning","expiry_date":"{{end:yyyy-MM-dd'T'HH:mm:ss.fff'Z'}}","is_expired":false},"days_until_expiry":13}""",
            (await DataAsync("connection.saml_certificate_renewal_required", connection.OrganizationId, server))[0]);
        Assert.Equal(0, server.Events("connection.saml_certificate_renewed"));

        (await server.PutAsync($"/connections/{connection.Id}", Trusting(end, end.AddDays(365)))).Is(200);
        (await server.PutAsync($"/connections/{connection.Id}", new { name = "Renamed" })).Is(200);

        Assert.Equal(1, server.Events("connection.saml_certificate_renewed"));
        Assert.Equal(2, await RoundsAsync(30));   // the elder one is over, and nothing depends on it
        Assert.Equal(3, await RoundsAsync(365));
    }

    private async Task<List<string>> DataAsync(string name, string organizationId, HoldfastServer? server = null)
    {
        await (server ?? _server).ToldAsync();
        return
        [
            .. (await (server ?? _server).GetAsync($"/events?limit=100&events={name}&organization_id={organizationId}")).Is(200).Json.GetProperty("data").EnumerateArray()
                .Select(e => e.GetProperty("data").GetRawText()),
        ];
    }

    private static string Certificate(DateTimeOffset end)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=idp.test", key, HashAlgorithmName.SHA256).CreateSelfSigned(end.AddYears(-5), end);
        return certificate.ExportCertificatePem();
    }
}
