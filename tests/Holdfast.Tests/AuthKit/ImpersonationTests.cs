using System.Text.Json;

namespace Holdfast.Tests.AuthKit;

/// <summary>Somebody who runs the application acts as one of its users: seen by everybody, for an hour.</summary>
public sealed class ImpersonationTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    private static string Somebody() => $"{SamlProvider.Unique()}@people.test";

    private async Task<string> UserAsync() => (await _server.PostAsync("/user_management/users", new { email = Somebody(), email_verified = true })).Is(201)["id"]!;

    private Task<Answer> BeginAsync(string user, string? organizationId = null) =>
        _server.PostAsync($"/user_management/users/{user}/impersonations", new { impersonator_email = "boss@app.test", reason = "Ticket 7", organization_id = organizationId });

    [Fact]
    public async Task The_session_says_who_acts_and_why_wherever_it_is_shown()
    {
        var user = await UserAsync();
        var begun = (await BeginAsync(user)).Is(201);
        Assert.Equal(("impersonation", user, $"{HoldfastServer.Callback}?code={begun["code"]}"), (begun["object"], begun["user_id"], begun["url"]));

        var session = new SignedIn(_server, (await SignedIn.AskAsync(_server, "authorization_code", ("code", begun["code"]))).Is(200));

        Assert.Equal((user, "Impersonation"), (session.UserId, session.Answer["authentication_method"]));
        AssertImpersonator(session.Answer.Json);
        Assert.Equal("boss@app.test", JsonDocument.Parse(session.Claim("act")!).RootElement.GetProperty("sub").GetString());
        var shown = (await _server.GetAsync($"/user_management/users/{user}/sessions")).Is(200).Json.GetProperty("data")[0];
        AssertImpersonator(shown);
        Assert.Equal("impersonation", shown.GetProperty("auth_method").GetString());
        await _server.ToldAsync();
        var told = (await _server.GetAsync("/events?events=session.created&limit=100&order=desc")).Is(200).Json.GetProperty("data").EnumerateArray()
            .Single(e => e.GetProperty("data").GetProperty("id").GetString() == session.SessionId).GetProperty("data");
        AssertImpersonator(told);
        Assert.Equal(JsonValueKind.Null, (await _server.GetAsync($"/user_management/users/{user}")).Is(200).Json.GetProperty("last_sign_in_at").ValueKind);   // the user has not signed in
    }

    [Fact] // OAUTH-030
    public async Task It_ends_after_an_hour_and_no_refresh_nor_token_goes_beyond()
    {
        await using var server = await HoldfastServer.StartAsync();
        var user = (await server.PostAsync("/user_management/users", new { email = "ada@people.test", email_verified = true })).Is(201)["id"];
        var code = (await server.PostAsync($"/user_management/users/{user}/impersonations", new { impersonator_email = "boss@app.test", reason = "Ticket 7" })).Is(201)["code"];
        var session = new SignedIn(server, (await SignedIn.AskAsync(server, "authorization_code", ("code", code))).Is(200));

        server.Clock.Advance(TimeSpan.FromMinutes(58));
        var late = new SignedIn(server, (await session.RefreshAsync()).Is(200));
        Assert.Equal(session.Token.IssuedAt + TimeSpan.FromMinutes(60), late.Token.ValidTo);
        AssertImpersonator(late.Answer.Json);
        Assert.NotNull(late.Claim("act"));
        server.Clock.Advance(TimeSpan.FromMinutes(2));
        (await late.RefreshAsync()).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task A_code_is_exchanged_once_by_a_client_that_has_a_secret_within_five_minutes()
    {
        var user = await UserAsync();
        var code = (await BeginAsync(user)).Is(201)["code"]!;

        (await SignedIn.AskAsync(_server, "authorization_code", ("code", code), ("client_secret", ""), ("code_verifier", new string('v', 43)))).IsOAuth("invalid_client");
        (await SignedIn.AskAsync(_server, "authorization_code", ("code", code + "x"))).IsOAuth("invalid_grant");
        (await _server.SendAsync("POST", "/user_management/authenticate", null, new { grant_type = "authorization_code", client_id = _server.B.ClientId, client_secret = _server.B.ApiKey, code })).IsOAuth("invalid_grant");
        (await _server.SendAsync("POST", "/sso/token", null, new { grant_type = "authorization_code", client_id = _server.A.ClientId, client_secret = _server.A.ApiKey, code })).IsOAuth("invalid_grant");
        (await SignedIn.AskAsync(_server, "authorization_code", ("code", code))).Is(200);
        (await SignedIn.AskAsync(_server, "authorization_code", ("code", code))).IsOAuth("invalid_grant");

        var late = (await BeginAsync(user)).Is(201)["code"];
        _server.Clock.Advance(TimeSpan.FromMinutes(5));
        (await SignedIn.AskAsync(_server, "authorization_code", ("code", late))).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task It_is_in_an_organization_of_the_user_which_is_named_when_there_are_several()
    {
        var user = await UserAsync();
        var (one, other, foreign) = (await _server.OrganizationAsync(), await _server.OrganizationAsync(), await _server.OrganizationAsync());
        (await _server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = one })).Is(201);
        var only = new SignedIn(_server, (await SignedIn.AskAsync(_server, "authorization_code", ("code", (await BeginAsync(user)).Is(201)["code"]))).Is(200));
        (await _server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = other })).Is(201);

        Assert.Equal(one, only.Claim("org_id"));
        Assert.Equal(["organization_id required"], (await BeginAsync(user)).Is(422).Faults);
        Assert.Equal(["organization_id not_a_member"], (await BeginAsync(user, foreign)).Is(422).Faults);
        var named = (await BeginAsync(user, other)).Is(201);
        var session = new SignedIn(_server, (await SignedIn.AskAsync(_server, "authorization_code", ("code", named["code"]))).Is(200));
        Assert.Equal((other, other), (named["organization_id"], session.Claim("org_id")));
        (await session.RefreshAsync(organizationId: one)).IsOAuth("organization_membership_not_found");   // and in no other
        var stayed = new SignedIn(_server, (await session.RefreshAsync(organizationId: other)).Is(200));
        Assert.NotNull(stayed.Claim("act"));   // it goes along
    }

    [Fact]
    public async Task Whoever_may_not_sign_in_is_nobody_to_act_as_and_a_reason_is_needed()
    {
        var user = await UserAsync();
        var code = (await BeginAsync(user)).Is(201)["code"];
        (await _server.DeleteAsync($"/user_management/users/{user}")).Is(200);

        (await SignedIn.AskAsync(_server, "authorization_code", ("code", code))).IsOAuth("access_denied");
        (await BeginAsync(user)).Is(404, "entity_not_found");
        var path = $"/user_management/users/{await UserAsync()}/impersonations";
        Assert.Equal(["impersonator_email required", "reason required"], (await _server.PostAsync(path, new { })).Is(422).Faults);
        Assert.Equal(["impersonator_email invalid_email"], (await _server.PostAsync(path, new { impersonator_email = "boss", reason = "x" })).Is(422).Faults);
        Assert.Equal(["reason too_long"], (await _server.PostAsync(path, new { impersonator_email = "boss@app.test", reason = new string('x', 501) })).Is(422).Faults);
        Assert.Equal(["redirect_uri not_registered"], (await _server.PostAsync(path, new { impersonator_email = "boss@app.test", reason = "x", redirect_uri = "https://evil.test" })).Is(422).Faults);
    }

    private static void AssertImpersonator(JsonElement holder) =>
        Assert.Equal("""{"email":"boss@app.test","reason":"Ticket 7"}""", holder.GetProperty("impersonator").GetRawText().Replace(" ", "", StringComparison.Ordinal).Replace("Ticket7", "Ticket 7", StringComparison.Ordinal));
}
