using System.Text.Json;
using Holdfast.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests;

/// <summary>What belongs to one environment does not exist for the other (PLAT-024, PLAT-025), for every route that asks for an API key.</summary>
public sealed class IsolationTests(IsolationTests.Made made) : IClassFixture<IsolationTests.Made>
{
    /// <summary>A word that stands in everything of the first environment, and so must never reach the second.</summary>
    private const string Mark = "kestrelmark";

    private const int Lifetime = 77_777;

    /// <summary>What each route is called with: the object of the first environment that its path or body names. A route that is not here fails a test.</summary>
    private static readonly Dictionary<string, Case> Cases = new(StringComparer.Ordinal)
    {
        ["GET /organizations"] = new(_ => "/organizations?limit=100", Own: true),
        ["POST /organizations"] = new(_ => "/organizations", m => new { name = "Theirs", external_id = m.ExternalId, domains = new[] { m.Domain } }, Own: true),
        ["GET /organizations/external_id/{externalId}"] = new(m => $"/organizations/external_id/{m.ExternalId}"),
        ["GET /organizations/{id}"] = new(m => $"/organizations/{m.Organization}"),
        ["PUT /organizations/{id}"] = new(m => $"/organizations/{m.Organization}", _ => new { name = "Taken" }),
        ["DELETE /organizations/{id}"] = new(m => $"/organizations/{m.Organization}"),
        ["GET /organizations/{id}/audit_log_configuration"] = new(m => $"/organizations/{m.Organization}/audit_log_configuration"),
        ["GET /branding"] = new(_ => "/branding?x=1", Own: true),
        ["PUT /branding"] = new(_ => "/branding", _ => new { name = "Theirs" }, Own: true),
        ["GET /organizations/{id}/branding"] = new(m => $"/organizations/{m.Organization}/branding"),
        ["PUT /organizations/{id}/branding"] = new(m => $"/organizations/{m.Organization}/branding", _ => new { name = "Taken" }),
        ["POST /organization_domains"] = new(_ => "/organization_domains", m => new { organization_id = m.Organization, domain = "theirs.example" }),
        ["GET /organization_domains/{id}"] = new(m => $"/organization_domains/{m.OrganizationDomain}"),
        ["DELETE /organization_domains/{id}"] = new(m => $"/organization_domains/{m.OrganizationDomain}"),
        ["POST /organization_domains/{id}/verify"] = new(m => $"/organization_domains/{m.OrganizationDomain}/verify", _ => new { }),
        ["GET /events"] = new(_ => "/events?limit=100", Own: true),
        ["GET /user_management/redirect_uris"] = new(_ => "/user_management/redirect_uris?limit=100", Own: true),
        ["POST /user_management/redirect_uris"] = new(_ => "/user_management/redirect_uris", _ => new { uri = "https://app.test/theirs" }, Own: true),
        ["DELETE /user_management/redirect_uris/{id}"] = new(m => $"/user_management/redirect_uris/{m.RedirectUri}"),
        ["POST /user_management/magic_auth"] = new(_ => "/user_management/magic_auth", m => new { email = m.Email }, Own: true),
        ["GET /user_management/magic_auth/{id}"] = new(m => $"/user_management/magic_auth/{m.MagicAuth}"),
        ["GET /user_management/email_verification/{id}"] = new(m => $"/user_management/email_verification/{m.Verification}"),
        ["POST /user_management/password_reset"] = new(_ => "/user_management/password_reset", m => new { email = m.Email }),
        ["GET /user_management/password_reset/{id}"] = new(m => $"/user_management/password_reset/{m.Reset}"),
        ["POST /user_management/password_reset/confirm"] = new(_ => "/user_management/password_reset/confirm", m => new { token = m.ResetToken, new_password = "a password of theirs" }),
        ["GET /user_management/users/{id}/sessions"] = new(m => $"/user_management/users/{m.User}/sessions"),
        // One that has not come to this node yet may be ended here: so it is answered alike, whoever has it or nobody.
        ["POST /user_management/sessions/revoke"] = new(_ => "/user_management/sessions/revoke", m => new { session_id = m.Session }, Own: true),
        ["POST /user_management/organization_switches"] = new(_ => "/user_management/organization_switches", m => new { session_id = m.Session }),
        ["GET /user_management/users"] = new(_ => "/user_management/users?limit=100", Own: true),
        ["POST /user_management/users"] = new(_ => "/user_management/users", m => new { email = m.Email, external_id = m.ExternalId }, Own: true),
        ["GET /user_management/users/external_id/{externalId}"] = new(m => $"/user_management/users/external_id/{m.ExternalId}"),
        ["GET /user_management/users/{id}"] = new(m => $"/user_management/users/{m.User}"),
        ["PUT /user_management/users/{id}"] = new(m => $"/user_management/users/{m.User}", _ => new { first_name = "Taken" }),
        ["DELETE /user_management/users/{id}"] = new(m => $"/user_management/users/{m.User}"),
        ["GET /user_management/users/{id}/identities"] = new(m => $"/user_management/users/{m.User}/identities"),
        ["GET /user_management/organization_memberships"] = new(m => $"/user_management/organization_memberships?organization_id={m.Organization}"),
        ["POST /user_management/organization_memberships"] = new(_ => "/user_management/organization_memberships", m => new { user_id = m.User, organization_id = m.Organization }),
        ["GET /user_management/organization_memberships/{id}"] = new(m => $"/user_management/organization_memberships/{m.Membership}"),
        ["PUT /user_management/organization_memberships/{id}"] = new(m => $"/user_management/organization_memberships/{m.Membership}", _ => new { role_slug = "admin" }),
        ["DELETE /user_management/organization_memberships/{id}"] = new(m => $"/user_management/organization_memberships/{m.Membership}"),
        ["PUT /user_management/organization_memberships/{id}/deactivate"] = new(m => $"/user_management/organization_memberships/{m.Membership}/deactivate", _ => new { }),
        ["PUT /user_management/organization_memberships/{id}/reactivate"] = new(m => $"/user_management/organization_memberships/{m.Membership}/reactivate", _ => new { }),
        ["GET /user_management/organization_memberships/{omId}/groups"] = new(m => $"/user_management/organization_memberships/{m.Membership}/groups"),
        ["GET /user_management/invitations"] = new(_ => "/user_management/invitations?limit=100", Own: true),
        ["POST /user_management/invitations"] = new(_ => "/user_management/invitations", m => new { email = m.Email, organization_id = m.Organization }),
        ["GET /user_management/invitations/by_token/{token}"] = new(m => $"/user_management/invitations/by_token/{m.InvitationToken}"),
        ["GET /user_management/invitations/{id}"] = new(m => $"/user_management/invitations/{m.Invitation}"),
        ["POST /user_management/invitations/{id}/accept"] = new(m => $"/user_management/invitations/{m.Invitation}/accept", _ => new { }),
        ["POST /user_management/invitations/{id}/revoke"] = new(m => $"/user_management/invitations/{m.Invitation}/revoke", _ => new { }),
        ["POST /user_management/invitations/{id}/resend"] = new(m => $"/user_management/invitations/{m.Invitation}/resend", _ => new { }),
        ["GET /mail_settings"] = new(_ => "/mail_settings?limit=100", Own: true),
        ["PUT /mail_settings"] = new(_ => "/mail_settings", _ => new { sender_name = "Theirs" }, Own: true),
        ["POST /auth/factors/enroll"] = new(_ => "/auth/factors/enroll", m => new { type = "totp", totp_issuer = "Theirs", totp_user = "them", user_id = m.User }),
        ["GET /auth/factors/{id}"] = new(m => $"/auth/factors/{m.Factor}"),
        ["DELETE /auth/factors/{id}"] = new(m => $"/auth/factors/{m.Factor}"),
        ["POST /auth/factors/{id}/challenge"] = new(m => $"/auth/factors/{m.Factor}/challenge", _ => new { }),
        ["POST /auth/challenges/{id}/verify"] = new(m => $"/auth/challenges/{m.Challenge}/verify", _ => new { code = "000000" }),
        ["GET /user_management/users/{id}/auth_factors"] = new(m => $"/user_management/users/{m.User}/auth_factors"),
        ["POST /user_management/users/{id}/auth_factors"] = new(m => $"/user_management/users/{m.User}/auth_factors", _ => new { type = "totp" }),
        ["DELETE /user_management/users/{id}/auth_factors"] = new(m => $"/user_management/users/{m.User}/auth_factors"),
        ["POST /user_management/users/{id}/recovery_codes"] = new(m => $"/user_management/users/{m.User}/recovery_codes", _ => new { }),
        ["GET /sign_in_policy"] = new(_ => "/sign_in_policy?limit=100", Own: true, Shows: _ => "required"),
        ["PUT /sign_in_policy"] = new(_ => "/sign_in_policy", _ => new { mfa = "off" }, Own: true),
        ["GET /organizations/{id}/sign_in_policy"] = new(m => $"/organizations/{m.Organization}/sign_in_policy"),
        ["PUT /organizations/{id}/sign_in_policy"] = new(m => $"/organizations/{m.Organization}/sign_in_policy", _ => new { mfa = "off" }),
        ["GET /connections"] = new(_ => "/connections?limit=100", Own: true),
        ["POST /connections"] = new(_ => "/connections", m => new { organization_id = m.Organization, connection_type = "GenericSAML", name = "Theirs", saml = m.Saml }),
        ["GET /connections/{id}"] = new(m => $"/connections/{m.Connection}"),
        ["PUT /connections/{id}"] = new(m => $"/connections/{m.Connection}", _ => new { state = "inactive" }),
        ["GET /connections/{id}/attempts"] = new(m => $"/connections/{m.Connection}/attempts"),
        ["GET /connections/{id}/attempts/{attemptId}"] = new(m => $"/connections/{m.Connection}/attempts/{m.Attempt}"),
        ["POST /connections/{id}/attempts/{attemptId}/replay"] = new(m => $"/connections/{m.Connection}/attempts/{m.Attempt}/replay", _ => new { }),
        ["POST /sso/logout/authorize"] = new(_ => "/sso/logout/authorize", m => new { profile_id = m.Profile }),
        ["GET /saml_keys"] = new(_ => "/saml_keys?limit=100", Own: true, Shows: m => m.SamlKey),
        ["POST /saml_keys"] = new(_ => "/saml_keys", _ => new { purpose = "encryption" }, Own: true),
        ["POST /saml_keys/{id}/activate"] = new(m => $"/saml_keys/{m.SamlKey}/activate", _ => new { }),
        ["DELETE /saml_keys/{id}"] = new(m => $"/saml_keys/{m.SamlKey}"),
        ["GET /user_management/cors_origins"] = new(_ => "/user_management/cors_origins?limit=100", Own: true),
        ["POST /user_management/cors_origins"] = new(_ => "/user_management/cors_origins", _ => new { origin = "https://theirs.test" }, Own: true),
        ["DELETE /user_management/cors_origins/{id}"] = new(m => $"/user_management/cors_origins/{m.CorsOrigin}"),
        ["GET /custom_domains"] = new(_ => "/custom_domains?limit=100", Own: true),
        ["POST /custom_domains"] = new(_ => "/custom_domains", _ => new { domain = "login.theirs.test" }, Own: true),
        ["POST /custom_domains/{id}/verify"] = new(m => $"/custom_domains/{m.CustomDomain}/verify", _ => new { }),
        ["DELETE /custom_domains/{id}"] = new(m => $"/custom_domains/{m.CustomDomain}"),
        ["GET /user_management/jwt_template"] = new(_ => "/user_management/jwt_template?", Own: true),
        ["PUT /user_management/jwt_template"] = new(_ => "/user_management/jwt_template", _ => new { content = """{"theirs":1}""" }, Own: true),
        ["GET /sign_in_settings"] = new(_ => "/sign_in_settings?", Own: true, Shows: _ => $"{Lifetime}"),
        ["PUT /sign_in_settings"] = new(_ => "/sign_in_settings", _ => new { session_lifetime = 1000 }, Own: true),
        ["GET /organizations/{id}/sign_in_settings"] = new(m => $"/organizations/{m.Organization}/sign_in_settings"),
        ["PUT /organizations/{id}/sign_in_settings"] = new(m => $"/organizations/{m.Organization}/sign_in_settings", _ => new { session_lifetime = 1000 }),
        ["GET /signing_keys"] = new(_ => "/signing_keys?", Own: true, Shows: m => m.SigningKey),
        ["POST /signing_keys/rotate"] = new(_ => "/signing_keys/rotate", _ => new { }, Own: true),
        ["DELETE /signing_keys/{id}"] = new(m => $"/signing_keys/{m.SigningKey}"),
        ["GET /actions"] = new(_ => "/actions?", Own: true),
        ["POST /actions"] = new(_ => "/actions", _ => new { type = "authentication", endpoint_url = "https://theirs.test/action" }, Own: true),
        ["PUT /actions/{id}"] = new(m => $"/actions/{m.Action}", _ => new { status = "disabled" }),
        ["DELETE /actions/{id}"] = new(m => $"/actions/{m.Action}"),
        ["POST /user_management/users/{id}/email_verification/send"] = new(m => $"/user_management/users/{m.User}/email_verification/send", _ => new { }),
        ["POST /user_management/users/{id}/email_verification/confirm"] = new(m => $"/user_management/users/{m.User}/email_verification/confirm", _ => new { code = "123456" }),
        ["POST /user_management/users/{id}/email_change/send"] = new(m => $"/user_management/users/{m.User}/email_change/send", _ => new { new_email = "theirs@people.test" }),
        ["POST /user_management/users/{id}/email_change/confirm"] = new(m => $"/user_management/users/{m.User}/email_change/confirm", _ => new { code = "123456" }),
        ["POST /user_management/users/{id}/impersonations"] = new(m => $"/user_management/users/{m.User}/impersonations", _ => new { impersonator_email = "they@theirs.test", reason = "theirs" }),
        ["POST /user_management/radar_challenges"] = new(
            _ => "/user_management/radar_challenges", m => new { user_id = m.User, pending_authentication_token = "theirs", phone_number = "+15555550123" }),
        ["GET /user_management/radar_challenges/{id}"] = new(m => $"/user_management/radar_challenges/{m.User}"),
        ["DELETE /connections/{id}"] = new(m => $"/connections/{m.Connection}"),
        ["GET /feature-flags"] = new(_ => "/feature-flags?limit=100", Own: true),
        ["POST /feature-flags"] = new(_ => "/feature-flags", m => new { slug = m.Flag }, Own: true),
        ["GET /feature-flags/{slug}"] = new(m => $"/feature-flags/{m.Flag}"),
        ["PUT /feature-flags/{slug}"] = new(m => $"/feature-flags/{m.Flag}", _ => new { name = "Taken" }),
        ["DELETE /feature-flags/{slug}"] = new(m => $"/feature-flags/{m.Flag}"),
        ["PUT /feature-flags/{slug}/enable"] = new(m => $"/feature-flags/{m.Flag}/enable", _ => new { }),
        ["PUT /feature-flags/{slug}/disable"] = new(m => $"/feature-flags/{m.Flag}/disable", _ => new { }),
        ["POST /feature-flags/{slug}/targets/{resourceId}"] = new(m => $"/feature-flags/{m.Flag}/targets/{m.User}", _ => new { }),
        ["PUT /feature-flags/{slug}/targets/{resourceId}"] = new(m => $"/feature-flags/{m.Flag}/targets/{m.User}", _ => new { enabled = false }),
        ["DELETE /feature-flags/{slug}/targets/{resourceId}"] = new(m => $"/feature-flags/{m.Flag}/targets/{m.User}"),
        ["GET /organizations/{organizationId}/feature-flags"] = new(m => $"/organizations/{m.Organization}/feature-flags"),
        ["GET /user_management/users/{userId}/feature-flags"] = new(m => $"/user_management/users/{m.User}/feature-flags"),
        ["GET /sdk/feature-flags"] = new(_ => "/sdk/feature-flags?limit=100", Own: true, Shows: m => m.Flag),
    };

    private readonly HoldfastServer _server = made.Server;

    /// <param name="Own">It names nothing of the other environment, so with a key of that environment it succeeds, with that environment's data alone.</param>
    /// <param name="Shows">What a list shows its own environment, where that is not the mark.</param>
    private sealed record Case(Func<Made, string> Path, Func<Made, object>? Body = null, bool Own = false, Func<Made, string>? Shows = null);

    public sealed class Made : IAsyncLifetime
    {
        internal HoldfastServer Server { get; private set; } = null!;

        internal string Organization { get; private set; } = null!;

        internal string OrganizationDomain { get; private set; } = null!;

        internal string Connection { get; private set; } = null!;

        internal string User { get; private set; } = null!;

        internal string Membership { get; private set; } = null!;

        internal string Invitation { get; private set; } = null!;

        internal string InvitationToken { get; private set; } = null!;

        internal string Email { get; } = Mark + "@people.test";

        internal string RedirectUri { get; private set; } = null!;

        internal string Attempt { get; private set; } = null!;

        internal string Profile { get; private set; } = null!;

        internal string Token { get; private set; } = null!;

        internal string Session { get; private set; } = null!;

        internal string MagicAuth { get; private set; } = null!;

        internal string Verification { get; private set; } = null!;

        internal string Reset { get; private set; } = null!;

        internal string ResetToken { get; private set; } = null!;

        internal string SamlKey { get; private set; } = null!;

        internal string Factor { get; private set; } = null!;

        internal string Challenge { get; private set; } = null!;

        internal string SigningKey { get; private set; } = null!;

        internal string CorsOrigin { get; private set; } = null!;
        internal string CustomDomain { get; private set; } = null!;

        internal string Action { get; private set; } = null!;

        internal string Flag { get; } = "flag-of-ours";

        internal string ExternalId { get; } = Mark + "-external";

        internal string Domain { get; } = Mark + ".example";

        internal object Saml { get; } = new
        {
            idp_entity_id = $"https://{Mark}.test", idp_sso_url = "https://idp.test/sso", idp_certificates = new[] { SamlProvider.Certificate.ExportCertificatePem() },
        };

        public async ValueTask InitializeAsync()
        {
            Server = await HoldfastServer.StartAsync();
            await MakeAsync();
        }

        internal async Task MakeAsync()
        {
            var organization = (await Server.PostAsync("/organizations", new { name = Mark, external_id = ExternalId, domains = new[] { Domain } })).Is(201);
            (Organization, OrganizationDomain) = (organization["id"]!, organization.Json.GetProperty("domains")[0].GetProperty("id").GetString()!);
            Connection = (await Server.PostAsync("/connections", new { organization_id = Organization, connection_type = "GenericSAML", name = Mark, saml = Saml, domains = new[] { Domain } })).Is(201)["id"]!;
            var acs = $"{Server.PublicUrl}/sso/saml/acs/{Connection}";
            var code = await new SamlConnection(Server, Connection, Organization, new SamlProvider { EntityId = $"https://{Mark}.test" }, acs).SignInAsync();
            Profile = (await SamlConnection.RedeemAsync(Server, Server.A, code, null)).Is(200).Json.GetProperty("profile").GetProperty("id").GetString()!;
            Attempt = Server.Services.GetRequiredService<Holdfast.Sso.AttemptRing>().Remember(Connection, "FlowNotFound", Mark);
            User = (await Server.PostAsync("/user_management/users", new { email = Email, external_id = ExternalId })).Is(201)["id"]!;
            MagicAuth = (await Server.PostAsync("/user_management/magic_auth", new { email = Email })).Is(201)["id"]!;
            Session = (await AuthKit.SignedIn.ByMagicCodeAsync(Server, Email)).SessionId;
            (await Server.PostAsync("/user_management/users", new { email = "unproven." + Email, password = "a password of ours" })).Is(201);
            Verification = (await AuthKit.SignedIn.AskAsync(Server, "password", ("email", "unproven." + Email), ("password", "a password of ours"))).Is(403)["email_verification_id"]!;
            var reset = (await Server.PostAsync("/user_management/password_reset", new { email = Email })).Is(201);
            (Reset, ResetToken) = (reset["id"]!, reset["password_reset_token"]!);
            Membership = (await Server.PostAsync("/user_management/organization_memberships", new { user_id = User, organization_id = Organization })).Is(201)["id"]!;
            var invited = (await Server.PostAsync("/user_management/invitations", new { email = "invited." + Email, organization_id = Organization })).Is(201);
            (Invitation, InvitationToken) = (invited["id"]!, invited["token"]!);
            (await Server.PutAsync("/branding", new { name = Mark })).Is(200);
            Factor = (await Server.PostAsync("/auth/factors/enroll", new { type = "totp", totp_issuer = Mark, totp_user = Email, user_id = User })).Is(201)["id"]!;
            Challenge = (await Server.PostAsync($"/auth/factors/{Factor}/challenge", new { })).Is(201)["id"]!;
            (await Server.PutAsync("/sign_in_policy", new { mfa = "required" })).Is(200);
            (await Server.PostAsync("/feature-flags", new { slug = Flag, name = Mark })).Is(201);
            SamlKey = (await Server.PostAsync("/saml_keys", new { purpose = "signing" })).Is(201)["id"]!;
            (await Server.PutAsync("/mail_settings", new { sender_name = Mark })).Is(200);
            SigningKey = (await Server.GetAsync("/signing_keys")).Is(200).Ids[0];
            CorsOrigin = (await Server.PostAsync("/user_management/cors_origins", new { origin = $"https://{Mark}.test" })).Is(201)["id"]!;
            CustomDomain = (await Server.PostAsync("/custom_domains", new { domain = $"login.{Mark}.test" })).Is(201)["id"]!;
            Action = (await Server.PostAsync("/actions", new { type = "authentication", endpoint_url = $"https://{Mark}.test/action", status = "disabled" })).Is(201)["id"]!;
            (await Server.PutAsync("/sign_in_settings", new { session_lifetime = Lifetime })).Is(200);
            (await Server.PutAsync("/user_management/jwt_template", new { content = $$"""{"{{Mark}}":1}""" })).Is(200);
            (await Server.SendAsync("PUT", "/user_management/jwt_template", Server.B.ApiKey, new { content = """{"theirs":1}""" })).Is(200);
            RedirectUri = (await Server.PostAsync("/user_management/redirect_uris", new { uri = $"https://{Mark}.test/callback" })).Is(201)["id"]!;
        }

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }

    [Fact]
    public void Every_route_that_asks_for_a_key_has_its_case() =>
        Assert.Equal(Routes().Select(r => r.Name).Order(StringComparer.Ordinal), Cases.Keys.Order(StringComparer.Ordinal));

    [Fact] // OAUTH-034, PLAT-007
    public async Task Without_a_valid_key_there_is_nothing()
    {
        foreach (var (name, method) in Routes())
        {
            var path = Cases[name].Path(made);
            var key = _server.A.ApiKey;
            foreach (var (how, header) in new (string, string?)[]
            {
                ("no key", null), ("an unknown key", "Bearer sk_live_unknown"), ("an empty key", "Bearer "), ("no scheme", key), ("another scheme", $"Basic {key}"),
                ("a longer key", $"Bearer {key}x"), ("a shorter key", $"Bearer {key[..^1]}"), ("a client id", $"Bearer {_server.A.ClientId}"),
                ("two keys", $"Bearer {key}, Bearer {key}"), ("a long key", "Bearer " + new string('k', 5000)), ("another case", $"Bearer {key.ToUpperInvariant()}"),
            })
            {
                var answer = await _server.WithoutEffectAsync(() => header is null
                    ? _server.SendAsync(method, path, null, Body(name))
                    : _server.SendAsync(method, path, null, Body(name), ("Authorization", header)));
                Assert.True(answer.Status == 401, $"{name} with {how}: {answer.Status}");
                Assert.Equal("""{"message":"Unauthorized"}""", answer.Text);
            }
            var inAddress = path + (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + $"api_key={key}&access_token={key}&client_secret={key}";
            (await _server.WithoutEffectAsync(() => _server.SendAsync(method, inAddress, null, Body(name)))).Is(401);
        }
    }

    [Fact]
    public async Task Another_environment_s_objects_are_answered_like_those_of_nobody()
    {
        foreach (var (name, method) in Routes().Where(r => !Cases[r.Name].Own))
        {
            var answer = await _server.WithoutEffectAsync(() => _server.SendAsync(method, Cases[name].Path(made), _server.B.ApiKey, Body(name)));
            answer.Is(404, "entity_not_found");
            Assert.DoesNotContain(Mark, answer.Text.Replace(made.ExternalId, "", StringComparison.Ordinal).Replace(made.Email, "", StringComparison.Ordinal), StringComparison.Ordinal);
            // What exists nowhere is answered in the same words.
            var (theirs, given) = (Cases[name].Path(made), Body(name) is { } sent ? JsonSerializer.Serialize(sent) : null);
            var id = new[] { made.Flag, made.Factor, made.Challenge, made.ExternalId, made.OrganizationDomain, made.Connection, made.RedirectUri, made.Profile, made.Membership, made.Invitation, made.InvitationToken, made.Verification, made.ResetToken, made.Reset, made.MagicAuth, made.User, made.Organization, made.SamlKey, made.SigningKey, made.CorsOrigin, made.Action, made.CustomDomain, made.Session, made.Email }.First(i => theirs.Contains(i, StringComparison.Ordinal) || given?.Contains(i, StringComparison.Ordinal) == true);
            var nobody = id == made.Email ? "nobody@people.test" : name.Contains("externalId", StringComparison.Ordinal) ? "nobody" : "org_01J00000000000000000000000";
            var (path, body) = (theirs.Replace(id, nobody, StringComparison.Ordinal), given?.Replace(id, nobody, StringComparison.Ordinal));
            var unknown = await _server.SendAsync(method, path, _server.B.ApiKey, body);
            Assert.Equal(answer.Text.Replace(id, nobody, StringComparison.Ordinal), unknown.Text);
        }
    }

    [Fact]
    public async Task Lists_and_searches_and_filters_show_an_environment_its_own()
    {
        foreach (var (name, method) in Routes().Where(r => Cases[r.Name].Own && r.Name.StartsWith("GET", StringComparison.Ordinal)))
        {
            var (list, shown) = (Cases[name].Path(made), Cases[name].Shows?.Invoke(made) ?? Mark);
            Assert.Contains(shown, (await _server.SendAsync(method, list, _server.A.ApiKey)).Is(200).Text, StringComparison.Ordinal);
            foreach (var query in new[]
            {
                "", $"&search={Mark}", $"&search={made.Organization}", $"&search={made.ExternalId}", $"&search={made.Connection}", $"&domains={made.Domain}", $"&domain={made.Domain}",
                $"&organization_id={made.Organization}", "&connection_type=GenericSAML", $"&after={made.Organization}", $"&before={made.Connection}", $"&after={made.RedirectUri}&order=asc",
                $"&environment_id={_server.A.Id}", $"&email={made.Email}", $"&organization={made.Organization}", $"&after={made.User}",
            })
            {
                var answer = await _server.WithoutEffectAsync(() => _server.SendAsync(method, list + query, _server.B.ApiKey));
                answer.Is(200);
                Assert.DoesNotContain(Mark, answer.Text, StringComparison.Ordinal);
                Assert.DoesNotContain(shown, answer.Text, StringComparison.Ordinal);
                Assert.DoesNotContain(made.Organization, answer.Text, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task Unique_values_are_unique_in_one_environment()
    {
        var theirs = (await _server.SendAsync("POST", "/organizations", _server.B.ApiKey, new
        {
            name = "Theirs",
            external_id = "unique",
            domain_data = new[] { new { domain = "unique.example", state = "verified" } },
        })).Is(201);
        var ours = (await _server.PostAsync("/organizations", new
        {
            name = "Ours",
            external_id = "unique",
            domain_data = new[] { new { domain = "unique.example", state = "verified" } },
        })).Is(201);

        Assert.Equal(theirs["id"], (await _server.SendAsync("GET", $"/organizations/external_id/unique", _server.B.ApiKey)).Is(200)["id"]);
        Assert.Equal(ours["id"], (await _server.GetAsync($"/organizations/external_id/unique")).Is(200)["id"]);
    }

    [Fact] // PLAT-009
    public async Task A_key_and_a_token_say_whose_they_are_and_no_body_does()
    {
        var made1 = (await _server.SendAsync("POST", "/organizations", _server.B.ApiKey, new
        {
            name = "Theirs", id = made.Organization, environment_id = _server.A.Id, created_at = "2000-01-01T00:00:00.000Z", @object = "user", updated_at = "x",
        })).Is(201);

        Assert.NotEqual(made.Organization, made1["id"]);
        Assert.Equal("organization", made1["object"]);
        Assert.StartsWith("2026", made1["created_at"], StringComparison.Ordinal);
        (await _server.GetAsync($"/organizations/{made1["id"]}")).Is(404);
        (await _server.SendAsync("GET", $"/organizations/{made1["id"]}", _server.B.ApiKey)).Is(200);
    }

    [Fact] // OAUTH-031, PLAT-026
    public async Task Keys_that_sign_are_an_environment_s_own()
    {
        List<string?> Kids(Answer answer) => [.. answer.Is(200).Json.GetProperty("keys").EnumerateArray().Select(k => k.GetProperty("kid").GetString())];
        var (a, b) = (await _server.SendAsync("GET", $"/sso/jwks/{_server.A.ClientId}", null), await _server.SendAsync("GET", $"/sso/jwks/{_server.B.ClientId}", null));

        Assert.Equal(2, Kids(a).Count);
        Assert.Empty(Kids(a).Intersect(Kids(b)));
        foreach (var secret in new[] { "\"d\"", "\"p\"", "\"q\"", "\"dp\"", "\"dq\"", "\"qi\"" })
        {
            Assert.DoesNotContain(secret, a.Text, StringComparison.Ordinal);
        }
        Assert.Equal("*", a.Headers.GetValues("Access-Control-Allow-Origin").Single());
        Assert.Equal(TimeSpan.FromSeconds(300), a.Headers.CacheControl!.MaxAge);
    }

    private object? Body(string name) => Cases[name].Body?.Invoke(made);

    private IEnumerable<(string Name, string Method)> Routes() =>
        from route in _server.Routes
        where route.Metadata.GetMetadata<ApiKeyRequired>() is not null
        from method in DescriptionTests.Methods(route)
        select ($"{method} {DescriptionTests.Template(route)}", method);
}
