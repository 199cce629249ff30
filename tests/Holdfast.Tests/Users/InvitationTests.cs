using System.Text.Json;
using Holdfast.Claims;
using Holdfast.Storage;
using Holdfast.Users;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Users;

/// <summary>Invitations: sent, read, accepted once, revoked, sent again; and what they say when they are over.</summary>
public sealed class InvitationTests(Shared shared) : IClassFixture<Shared>
{
    private const string Invitations = "/user_management/invitations";

    private readonly HoldfastServer _server = shared.Server;

    [Fact]
    public async Task An_invitation_is_read_back_as_it_was_sent()
    {
        var (address, organization, inviter) = (Address(), await _server.OrganizationAsync(), await UserAsync(Address()));
        var events = _server.Events("invitation.created");
        var sent = (await _server.PostAsync(Invitations, new { email = address.ToUpperInvariant(), organization_id = organization, role_slug = "admin", expires_in_days = 3, inviter_user_id = inviter, locale = "de" })).Is(201);

        Assert.Equal(
            ["object", "id", "email", "state", "accepted_at", "revoked_at", "expires_at", "organization_id", "inviter_user_id", "accepted_user_id", "role_slug", "created_at", "updated_at", "token", "accept_invitation_url"],
            sent.Json.EnumerateObject().Select(p => p.Name));
        Assert.StartsWith("invitation_", sent["id"], StringComparison.Ordinal);
        Assert.Equal(("invitation", address, "pending", organization, inviter, "admin"), (sent["object"], sent["email"], sent["state"], sent["organization_id"], sent["inviter_user_id"], sent["role_slug"]));
        Assert.Equal((null, null, null), (sent["accepted_at"], sent["revoked_at"], sent["accepted_user_id"]));
        Assert.Equal(TimeSpan.FromDays(3), DateTimeOffset.Parse(sent["expires_at"]!, null) - DateTimeOffset.Parse(sent["created_at"]!, null));
        Assert.Equal(43, sent["token"]!.Length);
        Assert.Equal($"{_server.PublicUrl}/invite?invitation_token={sent["token"]}", sent["accept_invitation_url"]);
        Assert.Equal(sent.Text, (await _server.GetAsync($"{Invitations}/{sent["id"]}")).Is(200).Text);
        Assert.Equal(sent.Text, (await _server.GetAsync($"{Invitations}/by_token/{sent["token"]}")).Is(200).Text);
        Assert.Equal(events + 1, _server.Events("invitation.created"));
        Assert.Equal(
            sent.Json.EnumerateObject().Select(p => p.Name).Except(["token", "accept_invitation_url"]),
            JsonDocument.Parse(DataOf("invitation.created", sent["id"]!)!).RootElement.EnumerateObject().Select(p => p.Name));
        // The token stands nowhere as it is, and a mail of it is wanted.
        Assert.DoesNotContain(sent["token"]!, _server.Everything(), StringComparison.Ordinal);
        Assert.Equal(1, _server.Storage.Database.Read(v => v.Find<long>("SELECT count(*) FROM invitations WHERE id = @id AND mail_wanted_at = created_at AND locale = 'de'", new { id = sent["id"] })));
    }

    [Fact]
    public async Task It_is_to_the_application_alone_when_no_organization_is_named()
    {
        var sent = (await _server.PostAsync(Invitations, new { email = Address() })).Is(201);
        Assert.Equal((null, null, null), (sent["organization_id"], sent["role_slug"], sent["inviter_user_id"]));
        Assert.Equal(TimeSpan.FromDays(7), DateTimeOffset.Parse(sent["expires_at"]!, null) - DateTimeOffset.Parse(sent["created_at"]!, null));
        Assert.Equal("member", (await InviteAsync(Address()))["role_slug"]);
    }

    [Fact]
    public async Task Whoever_is_there_or_was_invited_is_not_invited_again()
    {
        var (address, organization) = (Address(), await _server.OrganizationAsync());
        async Task<Answer> SendAsync(string? to) => await _server.PostAsync(Invitations, new { email = address, organization_id = to });
        (await SendAsync(null)).Is(201);
        (await _server.WithoutEffectAsync(() => SendAsync(null))).Is(400, "email_already_invited");
        var first = (await SendAsync(organization)).Is(201);
        (await _server.WithoutEffectAsync(() => SendAsync(organization))).Is(400, "email_already_invited_to_organization");
        (await SendAsync(await _server.OrganizationAsync())).Is(201);

        (await _server.PostAsync($"{Invitations}/{first["id"]}/revoke", "")).Is(200);
        await _server.ShippedAsync();
        var second = (await SendAsync(organization)).Is(201);
        var user = await UserAsync(address);
        (await _server.WithoutEffectAsync(() => SendAsync(null))).Is(400, "user_already_exists");
        (await _server.PostAsync($"{Invitations}/{second["id"]}/accept", "")).Is(200);
        await _server.ShippedAsync();
        (await _server.WithoutEffectAsync(() => SendAsync(organization))).Is(400, "user_already_organization_member");
        Assert.Equal([user], (await _server.GetAsync($"/user_management/users?organization_id={organization}")).Ids);
    }

    [Theory]
    [InlineData(422, "invalid_request_parameters", """ "email":"nobody" """)]
    [InlineData(422, "invalid_request_parameters", """ "email":null """)]
    [InlineData(422, "invalid_request_parameters", """ "locale":"english" """)]
    [InlineData(422, "invalid_request_parameters", """ "role_slug":"admin" """)]
    [InlineData(422, "invalid_request_parameters", """ "expires_in_days":"7" """)]
    [InlineData(400, "expires_in_days_too_short", """ "expires_in_days":0 """)]
    [InlineData(400, "expires_in_days_too_long", """ "expires_in_days":31 """)]
    [InlineData(400, "invalid_role", """ "organization_id":"org_x","role_slug":"owner" """)]
    [InlineData(404, "entity_not_found", """ "organization_id":"org_nobody" """)]
    [InlineData(404, "entity_not_found", """ "inviter_user_id":"user_nobody" """)]
    public async Task What_is_wrong_with_it_is_said(int status, string code, string fields)
    {
        var body = fields.Contains("\"email\"", StringComparison.Ordinal) ? $$"""{{{fields}}}""" : $$"""{"email":"{{Address()}}",{{fields}}}""";
        (await _server.WithoutEffectAsync(() => _server.PostAsync(Invitations, body))).Is(status, code);
    }

    [Fact]
    public async Task Who_has_the_address_accepts_and_is_a_member()
    {
        var (address, organization) = (Address(), await _server.OrganizationAsync());
        var sent = await InviteAsync(address, organization, "admin");
        (await _server.WithoutEffectAsync(() => _server.PostAsync($"{Invitations}/{sent["id"]}/accept", ""))).Is(400, "invalid_invite");
        var user = await UserAsync(address);
        var (accepted, joined) = (_server.Events("invitation.accepted"), _server.Events("organization_membership.created"));
        var answer = (await _server.PostAsync($"{Invitations}/{sent["id"]}/accept", "", ("Idempotency-Key", "once"))).Is(200);

        Assert.Equal(("accepted", user, "admin", sent["token"]), (answer["state"], answer["accepted_user_id"], answer["role_slug"], answer["token"]));
        Assert.NotNull(answer["accepted_at"]);
        Assert.Equal(answer.Text, (await _server.GetAsync($"{Invitations}/{sent["id"]}")).Text);
        var membership = (await _server.GetAsync($"/user_management/organization_memberships?user_id={user}")).Is(200).Json.GetProperty("data")[0];
        Assert.Equal((organization, "active", "admin"), (membership.GetProperty("organization_id").GetString(), membership.GetProperty("status").GetString(), membership.GetProperty("role").GetProperty("slug").GetString()));
        Assert.Equal((accepted + 1, joined + 1), (_server.Events("invitation.accepted"), _server.Events("organization_membership.created")));
        Assert.DoesNotContain(sent["token"]!, DataOf("invitation.accepted", sent["id"]!)!, StringComparison.Ordinal);
        // Once: the same request again is the same, another one is another.
        Assert.Equal(answer.Text, (await _server.WithoutEffectAsync(() => _server.PostAsync($"{Invitations}/{sent["id"]}/accept", "", ("Idempotency-Key", "once")))).Is(200).Text);
        foreach (var what in new[] { "accept", "revoke" })
        {
            (await _server.WithoutEffectAsync(() => _server.PostAsync($"{Invitations}/{sent["id"]}/{what}", "{}"))).Is(400, "invite_not_pending");
        }
        (await _server.WithoutEffectAsync(() => _server.PostAsync($"{Invitations}/{sent["id"]}/resend", "{}"))).Is(400, "invite_accepted");
        // The role is the membership's from now on.
        (await _server.PutAsync($"/user_management/organization_memberships/{membership.GetProperty("id").GetString()}", new { role_slug = "member" })).Is(200);
        Assert.Equal("member", (await _server.GetAsync($"{Invitations}/{sent["id"]}"))["role_slug"]);
    }

    [Fact]
    public async Task Twenty_acceptances_at_once_are_one()
    {
        var (address, organization) = (Address(), await _server.OrganizationAsync());
        var sent = await InviteAsync(address, organization);
        await UserAsync(address);
        var (accepted, joined) = (_server.Events("invitation.accepted"), _server.Events("organization_membership.created"));
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _server.PostAsync($"{Invitations}/{sent["id"]}/accept", "")));

        Assert.Equal(1, answers.Count(a => a.Status == 200));
        Assert.All(answers.Where(a => a.Status != 200), a => a.Is(400, "invite_not_pending"));
        Assert.Equal((accepted + 1, joined + 1), (_server.Events("invitation.accepted"), _server.Events("organization_membership.created")));
    }

    [Fact]
    public async Task Of_two_that_accept_apart_one_has()
    {
        var sent = await InviteAsync(Address(), await _server.OrganizationAsync());
        var (early, late) = (Act(), Act());
        await _server.Storage.Database.RecordAsync(view => Record(view, early, "user_early"));
        await _server.Storage.Database.RecordAsync(view => Record(view, late, "user_late"));
        var found = (await _server.GetAsync($"{Invitations}/{sent["id"]}")).Is(200);
        Assert.Equal(("accepted", "user_early"), (found["state"], found["accepted_user_id"]));

        Holdfast.Storage.Rows.Decision<bool> Record(View view, Act act, string user) => Holdfast.Storage.Rows.Decide.To(true,
            Claim.Give(act.EnvironmentId, act.IdKey, Claim.Invitation, sent["id"]!, user, term: 1, verified: true));
    }

    [Fact]
    public async Task One_that_was_revoked_is_over()
    {
        var (address, organization) = (Address(), await _server.OrganizationAsync());
        var sent = await InviteAsync(address, organization);
        await UserAsync(address);
        var events = _server.Events("invitation.revoked");
        var revoked = (await _server.PostAsync($"{Invitations}/{sent["id"]}/revoke", "")).Is(200);

        Assert.Equal(("revoked", null), (revoked["state"], revoked["accepted_at"]));
        Assert.NotNull(revoked["revoked_at"]);
        Assert.Equal(revoked.Text, (await _server.GetAsync($"{Invitations}/by_token/{sent["token"]}")).Text);
        foreach (var what in new[] { "accept", "revoke" })
        {
            (await _server.WithoutEffectAsync(() => _server.PostAsync($"{Invitations}/{sent["id"]}/{what}", ""))).Is(400, "invite_not_pending");
        }
        (await _server.WithoutEffectAsync(() => _server.PostAsync($"{Invitations}/{sent["id"]}/resend", ""))).Is(400, "invite_revoked");
        Assert.Equal(events + 1, _server.Events("invitation.revoked"));
        Assert.Empty((await _server.GetAsync($"/user_management/users?organization_id={organization}")).Ids);
    }

    [Fact]
    public async Task One_expires_at_its_time()
    {
        await using var server = await HoldfastServer.StartAsync();
        var address = Address();
        (await server.PostAsync("/user_management/users", new { email = address, email_verified = true })).Is(201);
        var organization = await server.OrganizationAsync();
        var sent = (await server.PostAsync(Invitations, new { email = address, organization_id = organization, expires_in_days = 1 })).Is(201);
        server.Clock.Advance(TimeSpan.FromDays(1) - TimeSpan.FromMilliseconds(1));
        Assert.Equal("pending", (await server.GetAsync($"{Invitations}/{sent["id"]}"))["state"]);
        server.Clock.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal("expired", (await server.GetAsync($"{Invitations}/{sent["id"]}")).Is(200)["state"]);
        (await server.WithoutEffectAsync(() => server.PostAsync($"{Invitations}/{sent["id"]}/accept", ""))).Is(400, "invite_not_pending");
        (await server.WithoutEffectAsync(() => server.PostAsync($"{Invitations}/{sent["id"]}/resend", ""))).Is(400, "invite_expired");
        (await server.PostAsync(Invitations, new { email = address, organization_id = organization })).Is(201);
    }

    [Fact]
    public async Task One_that_is_sent_again_is_the_same_and_a_mail_is_wanted_anew()
    {
        var sent = await InviteAsync(Address(), await _server.OrganizationAsync());
        var events = _server.Events("invitation.resent");
        var again = (await _server.PostAsync($"{Invitations}/{sent["id"]}/resend", new { locale = "fr" })).Is(200);

        Assert.Equal((sent["token"], sent["expires_at"], "pending"), (again["token"], again["expires_at"], again["state"]));
        Assert.True(string.CompareOrdinal(again["updated_at"], sent["updated_at"]) > 0);
        Assert.Equal(events + 1, _server.Events("invitation.resent"));
        Assert.Equal(1, _server.Storage.Database.Read(v => v.Find<long>("SELECT count(*) FROM invitations WHERE id = @id AND mail_wanted_at > created_at AND locale = 'fr'", new { id = sent["id"] })));
        Assert.Equal(["locale invalid"], (await _server.PostAsync($"{Invitations}/{sent["id"]}/resend", new { locale = "x" })).Is(422).Faults);
    }

    [Fact]
    public async Task Who_was_taken_away_joins_again_by_an_invitation_and_who_is_stopped_stays_stopped()
    {
        var (address, organization) = (Address(), await _server.OrganizationAsync());
        var user = await UserAsync(address);
        var id = (await _server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = organization })).Is(201)["id"];
        (await _server.DeleteAsync($"/user_management/organization_memberships/{id}")).Is(200);
        await _server.ShippedAsync();
        var sent = await InviteAsync(address, organization, "admin");
        (await _server.PostAsync($"{Invitations}/{sent["id"]}/accept", "")).Is(200);
        var found = (await _server.GetAsync($"/user_management/organization_memberships/{id}")).Is(200);
        Assert.Equal(("active", """{"slug":"admin"}"""), (found["status"], found["role"]));

        // Who is taken away while an invitation waits does not come by it.
        (await _server.DeleteAsync($"/user_management/organization_memberships/{id}")).Is(200);
        await _server.ShippedAsync();
        var second = await InviteAsync(address, organization);
        var third = (await _server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = organization })).Is(201)["id"];
        (await _server.DeleteAsync($"/user_management/organization_memberships/{third}")).Is(200);
        (await _server.WithoutEffectAsync(() => _server.PostAsync($"{Invitations}/{second["id"]}/accept", ""))).Is(400, "invalid_invite");
        Assert.Empty((await _server.GetAsync($"/user_management/users?organization_id={organization}")).Ids);

        (await _server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = organization })).Is(201);
        (await _server.PutAsync($"/user_management/organization_memberships/{id}/deactivate", "")).Is(200);
        await _server.ShippedAsync();
        (await _server.PostAsync(Invitations, new { email = address, organization_id = organization })).Is(400, "user_already_organization_member");
    }

    [Fact]
    public async Task Lists_have_their_filters_and_an_organization_that_is_gone_takes_its_own_with_it()
    {
        var (address, organization, other) = (Address(), await _server.OrganizationAsync(), await _server.OrganizationAsync());
        var (a, b, c) = ((await InviteAsync(address, organization))["id"]!, (await InviteAsync(Address(), organization))["id"]!, (await InviteAsync(address, other))["id"]!);
        async Task<IEnumerable<string>> ListAsync(string query) => (await _server.GetAsync($"{Invitations}?{query}")).Is(200).Ids.Order();

        Assert.Equal(new[] { a, b }.Order(), await ListAsync($"organization_id={organization}"));
        Assert.Equal(new[] { a, c }.Order(), await ListAsync($"email={address.ToUpperInvariant()}"));
        Assert.Equal([a], await ListAsync($"email={address}&organization_id={organization}"));
        Assert.Empty(await ListAsync("organization_id=org_nobody"));
        (await _server.GetAsync($"{Invitations}?limit=0")).Is(422);
        (await _server.DeleteAsync($"/organizations/{other}")).Is(202);
        Assert.Equal([a], await ListAsync($"email={address}"));
        (await _server.PostAsync($"{Invitations}/{c}/accept", "")).Is(404, "entity_not_found");
    }

    [Fact]
    public async Task A_token_that_is_none_is_not_said_again()
    {
        var refused = (await _server.GetAsync($"{Invitations}/by_token/a-secret-of-somebody")).Is(404, "entity_not_found");
        Assert.DoesNotContain("a-secret", refused.Text, StringComparison.Ordinal);
    }

    private static string Address() => $"{SamlProvider.Unique().ToLowerInvariant()}@example.test";

    private async Task<string> UserAsync(string address) => (await _server.PostAsync("/user_management/users", new { email = address, email_verified = true })).Is(201)["id"]!;

    private async Task<Answer> InviteAsync(string address, string? organization = null, string? role = null) =>
        (await _server.PostAsync(Invitations, new { email = address, organization_id = organization ?? await _server.OrganizationAsync(), role_slug = role })).Is(201);

    private Act Act() => _server.Services.GetRequiredService<Acts>().Of(_server.A.Id);

    private string? DataOf(string name, string id) => _server.Storage.Database.Read(view => view.Find<string>(
        "SELECT data FROM events WHERE event = @name AND data LIKE @like", new { name, like = $"%\"id\":\"{id}\"%" }));
}
