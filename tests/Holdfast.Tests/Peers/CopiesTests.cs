using System.Diagnostics.Metrics;
using Holdfast.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Peers;

/// <summary>With how many copies something was answered is said, in the answer and in sum (law 3).</summary>
public sealed class CopiesTests
{
    [Fact]
    public async Task A_deletion_is_answered_with_two_copies_and_with_one_when_nobody_is_there_to_make_another()
    {
        await using var nodes = await Cluster.StartAsync(2);
        nodes.Clock.StretchesFrom = TimeSpan.FromMilliseconds(50);   // a busy machine is no absent peer
        var (first, second) = (await OrganizationAsync(nodes[0]), await OrganizationAsync(nodes[0]));
        await ConfirmedAsync(nodes);
        Assert.Equal((0, 0), await CountsAsync(nodes[0]));

        Assert.Equal("2", Label((await nodes[0].DeleteAsync(first)).Is(202)));
        Assert.Equal((0, 1), await CountsAsync(nodes[0]));

        await nodes.StopNodeAsync(1);
        Assert.Equal("1", Label((await nodes[0].DeleteAsync(second)).Is(202)));
        Assert.Equal((1, 1), await CountsAsync(nodes[0]));
        Assert.Equal((1, 1), Measured(nodes[0]));
    }

    [Fact]
    public async Task Every_operation_that_denies_says_its_copies_and_no_other_does()
    {
        await using var server = await HoldfastServer.StartAsync();
        var denying = server.Routes.Where(r => r.Metadata.GetMetadata<Writes>() is { } writes && (writes == Writes.Deny || writes == Writes.ToPrimaryOrDeny))
            .SelectMany(r => DescriptionTests.Methods(r).Select(m => $"{m} {DescriptionTests.Template(r)}")).Order(StringComparer.Ordinal);
        // Those of logout are shown by LogoutTests.
        Assert.Equal(
            ["DELETE /actions/{id}", "DELETE /auth/factors/{id}", "DELETE /connections/{id}", "DELETE /custom_domains/{id}", "DELETE /feature-flags/{slug}", "DELETE /organization_domains/{id}", "DELETE /organizations/{id}", "DELETE /saml_keys/{id}",
                "DELETE /signing_keys/{id}", "DELETE /user_management/cors_origins/{id}", "DELETE /user_management/organization_memberships/{id}", "DELETE /user_management/redirect_uris/{id}",
                "DELETE /user_management/users/{id}", "DELETE /user_management/users/{id}/auth_factors", "GET /sso/logout", "GET /sso/saml/slo/{connectionId}", "GET /user_management/sessions/logout",
                "POST /ops/nodes/{node}/end", "POST /ops/nodes/{node}/end_sessions", "POST /ops/nodes/{node}/quarantine", "POST /sso/saml/slo/{connectionId}",
                "POST /user_management/invitations/{id}/revoke", "POST /user_management/sessions/revoke", "PUT /connections/{id}", "PUT /user_management/organization_memberships/{id}/deactivate"], denying);

        var organization = await OrganizationAsync(server);
        var uri = (await server.PostAsync("/user_management/redirect_uris", new { uri = "https://other.test/callback" })).Is(201);
        Assert.Null(Label(uri));
        var connection = $"/connections/{(await server.SamlConnectionAsync()).Id}";
        Assert.Null(Label((await server.PutAsync(connection, new { name = "Named" })).Is(200)));
        Assert.Equal("1", Label((await server.PutAsync(connection, new { state = "inactive" })).Is(200)));
        Assert.Equal("1", Label((await server.DeleteAsync(connection)).Is(204)));
        Assert.Equal("1", Label((await server.DeleteAsync($"/user_management/redirect_uris/{uri["id"]}")).Is(204)));
        var user = $"/user_management/users/{(await server.PostAsync("/user_management/users", new { email = "ada@example.test" })).Is(201)["id"]}";
        var invitation = (await server.PostAsync("/user_management/invitations", new { email = "bob@example.test" })).Is(201);
        Assert.Equal("1", Label((await server.PostAsync($"/user_management/invitations/{invitation["id"]}/revoke", "")).Is(200)));
        var made = (await server.PostAsync("/user_management/organization_memberships", new { user_id = user.Split('/')[^1], organization_id = organization.Split('/')[^1] })).Is(201);
        var membership = $"/user_management/organization_memberships/{made["id"]}";
        Assert.Equal("1", Label((await server.PutAsync($"{membership}/deactivate", "")).Is(200)));
        Assert.Null(Label((await server.PutAsync($"{membership}/reactivate", "")).Is(200)));
        Assert.Equal("1", Label((await server.DeleteAsync(membership)).Is(200)));
        var factor = (await server.PostAsync("/auth/factors/enroll", new { type = "generic_otp" })).Is(201);
        Assert.Equal("1", Label(factor));   // a credential is to have a copy, too
        Assert.Equal("1", Label((await server.DeleteAsync($"/auth/factors/{factor["id"]}")).Is(204)));
        Assert.Equal("1", Label((await server.PostAsync($"{user}/auth_factors", new { type = "totp" })).Is(201)));
        Assert.Equal("1", Label((await server.DeleteAsync($"{user}/auth_factors")).Is(204)));
        Assert.Equal("1", Label((await server.DeleteAsync(user)).Is(200)));
        (await server.PostAsync("/feature-flags", new { slug = "flag" })).Is(201);
        Assert.Equal("1", Label((await server.DeleteAsync("/feature-flags/flag")).Is(204)));
        var key = (await server.PostAsync("/saml_keys", new { purpose = "signing" })).Is(201)["id"];
        Assert.Equal("1", Label((await server.DeleteAsync($"/saml_keys/{key}")).Is(204)));
        var domain = (await server.PostAsync("/organization_domains", new { organization_id = organization.Split('/')[^1], domain = "acme.example" })).Is(201)["id"];
        Assert.Equal("1", Label((await server.DeleteAsync($"/organization_domains/{domain}")).Is(204)));
        var (one, other) = (await AuthKit.SignedIn.ByMagicCodeAsync(server, "grace@example.test"), await AuthKit.SignedIn.ByMagicCodeAsync(server, "grace@example.test"));
        Assert.Equal("1", Label((await server.PostAsync("/user_management/sessions/revoke", new { session_id = one.SessionId })).Is(200)));
        Assert.Equal("1", Label((await server.SendAsync("GET", $"/user_management/sessions/logout?session_id={other.SessionId}", null)).Is(302)));
        Assert.Equal("1", Label((await server.DeleteAsync(organization)).Is(202)));
        Assert.Null(Label((await server.DeleteAsync(organization)).Is(404)));
        var origin = (await server.PostAsync("/user_management/cors_origins", new { origin = "https://app.test" })).Is(201);
        Assert.Null(Label(origin));
        Assert.Equal("1", Label((await server.DeleteAsync($"/user_management/cors_origins/{origin["id"]}")).Is(204)));
        var custom = (await server.PostAsync("/custom_domains", new { domain = "login.acme.test" })).Is(201);
        Assert.Equal("1", Label((await server.DeleteAsync($"/custom_domains/{custom["id"]}")).Is(204)));
        var action = (await server.PostAsync("/actions", new { type = "authentication", endpoint_url = "https://app.test/action" })).Is(201)["id"];
        Assert.Equal("1", Label((await server.DeleteAsync($"/actions/{action}")).Is(204)));
        Assert.Equal("1", Label((await server.DeleteAsync($"/signing_keys/{(await server.GetAsync("/signing_keys")).Is(200).Ids[0]}")).Is(204)));
        Assert.Equal((21, 0), await CountsAsync(server));
    }

    private static async Task<string> OrganizationAsync(HoldfastServer server) => $"/organizations/{(await server.PostAsync("/organizations", new { name = "Acme" })).Is(201)["id"]}";

    private static string? Label(Answer answer) => answer.Headers.TryGetValues(Copied.Header, out var said) ? said.Single() : null;

    /// <summary>Waits until the other node has shown that it reads this one.</summary>
    private static async Task ConfirmedAsync(Cluster nodes)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (nodes[0].Storage.Peers.Copies.Confirmed == 0)
        {
            await Task.Delay(10, deadline.Token);
        }
    }

    private static async Task<(long One, long More)> CountsAsync(HoldfastServer server)
    {
        var copies = (await server.GetAsync("/health")).Is(200).Json.GetProperty("copies");
        return (copies.GetProperty("answered_with_one").GetInt64(), copies.GetProperty("answered_with_more").GetInt64());
    }

    /// <summary>The same, as whoever collects metrics hears it.</summary>
    private static (long One, long More) Measured(HoldfastServer server)
    {
        var measured = new Dictionary<int, long>();
        using var listener = new MeterListener();
        var factory = server.Services.GetRequiredService<IMeterFactory>();
        listener.InstrumentPublished = (instrument, heard) =>
        {
            if (instrument.Meter.Scope == factory && instrument.Name == "holdfast.copies.answers")
            {
                heard.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, count, tags, _) => measured[(int)tags[0].Value!] = count);
        listener.Start();
        listener.RecordObservableInstruments();
        return (measured[1], measured[2]);
    }
}
