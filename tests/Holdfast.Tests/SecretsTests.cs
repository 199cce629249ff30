using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Holdfast.Keys;
using Holdfast.Storage.Rows;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Holdfast.Tests;

/// <summary>What is secret stands nowhere: not in the databases (PLAT-007, PLAT-030), not in the log (OAUTH-017).</summary>
public sealed class SecretsTests
{
    [Fact] // OAUTH-030
    public async Task Neither_the_databases_nor_the_log_hold_a_secret()
    {
        var log = new Heard();
        var data = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        try
        {
            var secrets = new Dictionary<string, string>();
            string marker;
            await using (var server = await HoldfastServer.StartAsync(new Start(Data: data, Configure: builder => builder.Logging.AddProvider(log).SetMinimumLevel(LogLevel.Trace).AddFilter("", LogLevel.Trace))))
            {
                var connection = await server.SamlConnectionAsync(null, "GenericSAML", ("idp_slo_url", "https://idp.test/slo"));
                marker = connection.OrganizationId;
                secrets["client secret"] = "idp-client-secret-" + SamlProvider.Unique();
                (await server.PostAsync("/connections", new
                {
                    organization_id = connection.OrganizationId,
                    connection_type = "GenericOIDC",
                    name = "Acme",
                    oidc = new { discovery_url = "https://127.0.0.1:9/.well-known/openid-configuration", client_id = "c", client_secret = secrets["client secret"] },
                }, ("Idempotency-Key", "kept"))).Is(201);
                var keyed = (await server.PostAsync("/connections", new
                {
                    organization_id = connection.OrganizationId,
                    connection_type = "GenericOIDC",
                    name = "Acme",
                    oidc = new { discovery_url = "https://127.0.0.1:9/.well-known/openid-configuration", client_id = "c", token_endpoint_auth_method = "private_key_jwt" },
                }, ("Idempotency-Key", "kept too"))).Is(201)["id"]!;
                secrets["client key"] = server.Services.GetRequiredService<Holdfast.Sso.Connections>().Find(keyed)!.Settings.Oidc!.ClientKey!.PrivateKey;
                secrets["idempotency key"] = "sealed-" + SamlProvider.Unique();
                (await server.PostAsync("/organizations", new { name = "x" }, ("Idempotency-Key", secrets["idempotency key"]))).Is(201);
                var verifier = secrets["verifier"] = SamlProvider.Unique().PadRight(43, 'v');
                secrets["state"] = "state-" + SamlProvider.Unique();
                var begun = await connection.BeginAsync(null, ("state", secrets["state"]),
                    ("code_challenge", Holdfast.Protocols.OpenIdConnect.Pkce.Challenge(verifier)), ("code_challenge_method", "S256"));
                secrets["cookie"] = begun.Browser.Cookies.Single().Value.Value;
                secrets["session index"] = "_" + SamlProvider.Unique();
                var response = secrets["response"] = connection.Response(begun, "ada@acme.test", i => i with { SessionIndex = secrets["session index"] });
                secrets["code"] = (await connection.PostAsync(begun.Browser, response, begun.RelayState)).Is(302).Sent("code")!;
                secrets["token"] = (await connection.RedeemAsync(secrets["code"], ("code_verifier", verifier))).Is(200)["access_token"]!;
                var profile = (await connection.ProfileAsync(secrets["token"])).Is(200)["id"]!;
                secrets["logout token"] = (await server.PostAsync("/sso/logout/authorize", new { profile_id = profile })).Is(200)["logout_token"]!;
                var logout = (await server.SendAsync("GET", $"/sso/logout?token={secrets["logout token"]}", null)).Is(302).Location!;
                secrets["logout request"] = logout[logout.IndexOf("SAMLRequest=", StringComparison.Ordinal)..];
                var session = await AuthKit.SignedIn.ByMagicCodeAsync(server, "grace@acme.test");
                (secrets["access token"], secrets["refresh token"]) = (session.AccessToken, session.RefreshToken);
                secrets["next refresh token"] = (await session.RefreshAsync()).Is(200)["refresh_token"]!;
                // What is refused must not be told either.
                (await connection.RedeemAsync(secrets["code"], ("code_verifier", verifier))).IsOAuth("invalid_grant");
                (await connection.PostAsync(begun.Browser, response, begun.RelayState)).Is(400);
                secrets["password"] = "a fine password " + SamlProvider.Unique();
                (await server.PostAsync("/user_management/users", new { email = "secret@example.test", password = secrets["password"] }, ("Idempotency-Key", "user"))).Is(201);
                (await server.PostAsync("/user_management/users", new { email = "secret@example.test", password = secrets["password"] })).Is(400);
                secrets["invitation token"] = (await server.PostAsync("/user_management/invitations", new { email = "invited@example.test" }, ("Idempotency-Key", "invitation"))).Is(201)["token"]!;
                (await server.GetAsync($"/user_management/invitations/by_token/{secrets["invitation token"]}")).Is(200);
                var owner = (await server.PostAsync("/user_management/users", new { email = "factor@example.test" })).Is(201)["id"];
                var enrolled = (await server.PostAsync($"/user_management/users/{owner}/auth_factors", new { type = "totp" }, ("Idempotency-Key", "factor"))).Is(201);
                secrets["TOTP secret"] = enrolled.Json.GetProperty("authentication_factor").GetProperty("totp").GetProperty("secret").GetString()!;
                secrets["TOTP secret's bytes"] = Encoding.Latin1.GetString(Holdfast.Protocols.OneTimePasswords.Base32.Decode(secrets["TOTP secret"])!);
                secrets["recovery code"] = (await server.PostAsync($"/user_management/users/{owner}/recovery_codes", new { }, ("Idempotency-Key", "codes"))).Is(201).Json.GetProperty("codes")[0].GetString()!;
                secrets["unused code"] = await connection.SignInAsync();
                secrets["wrong key"] = "sk_live_" + SamlProvider.Unique();
                (await server.SendAsync("GET", "/organizations", secrets["wrong key"])).Is(401);
                secrets["key of A"] = server.A.ApiKey;
                secrets["key of B"] = server.B.ApiKey;
                var keys = server.Services.GetRequiredService<ClusterKeys>();
                var n = 0;
                foreach (var row in server.Storage.Database.Read(v => v.Query<Sealed>("SELECT id AS Id, private_key_sealed AS Item FROM signing_keys")))
                {
                    using var rsa = RSA.Create();
                    rsa.ImportPkcs8PrivateKey(keys.OpenAtRest($"signing_keys/{row.Id}/private_key", row.Item), out _);
                    secrets[$"private key {n++}"] = Encoding.Latin1.GetString(rsa.ExportParameters(true).P!);
                }
                foreach (var row in server.Storage.Database.Read(v => v.Query<Sealed>("SELECT id AS Id, private_key_sealed AS Item FROM saml_keys")))
                {
                    using var rsa = RSA.Create();
                    rsa.ImportPkcs8PrivateKey(keys.OpenAtRest($"saml_keys/{row.Id}/private_key", row.Item), out _);
                    secrets[$"private key {n++}"] = Encoding.Latin1.GetString(rsa.ExportParameters(true).P!);
                }
                Assert.Equal(6, n);   // two that sign tokens in each of two environments, and two towards identity providers
                await server.ShippedAsync();
            }
            var files = Directory.GetFiles(data).Where(f => Path.GetFileName(f) != "cluster.key").ToDictionary(f => Path.GetFileName(f), f => Encoding.Latin1.GetString(File.ReadAllBytes(f)));
            Assert.Contains("node.db", files.Keys);
            Assert.Contains("primary.db", files.Keys);
            Assert.All(new[] { "node.db", "primary.db" }, f => Assert.Contains(marker, string.Concat(files.Where(x => x.Key.StartsWith(f, StringComparison.Ordinal)).Select(x => x.Value)), StringComparison.Ordinal));
            foreach (var (what, secret) in secrets)
            {
                foreach (var (file, text) in files)
                {
                    Assert.False(text.Contains(secret, StringComparison.Ordinal), $"{file} holds the {what}");
                    Assert.False(text.Contains(Convert.ToBase64String(Encoding.Latin1.GetBytes(secret))[..Math.Min(20, secret.Length * 4 / 3)], StringComparison.Ordinal), $"{file} holds the {what} in base64");
                }
                Assert.False(log.Lines.Any(l => l.Contains(secret, StringComparison.Ordinal)), $"the log holds the {what}: {log.Lines.FirstOrDefault(l => l.Contains(secret, StringComparison.Ordinal))}");
            }
            Assert.Contains(log.Lines, l => l.Contains("FlowNotFound", StringComparison.Ordinal) || l.Contains("FlowUsed", StringComparison.Ordinal));
            Assert.DoesNotContain(log.Lines, l => l.Contains("ada@acme.test", StringComparison.Ordinal));
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task What_is_sealed_opens_in_its_own_row_only()
    {
        await using var server = await HoldfastServer.StartAsync();
        var keys = server.Services.GetRequiredService<ClusterKeys>();
        var rows = server.Storage.Database.Read(v => v.Query<Sealed>("SELECT id AS Id, private_key_sealed AS Item FROM signing_keys ORDER BY id"));

        Assert.NotEmpty(keys.OpenAtRest($"signing_keys/{rows[0].Id}/private_key", rows[0].Item));
        Assert.Throws<CryptographicException>(() => keys.OpenAtRest($"signing_keys/{rows[1].Id}/private_key", rows[0].Item));
        Assert.Throws<CryptographicException>(() => keys.OpenAtRest($"signing_keys/{rows[0].Id}/other", rows[0].Item));
    }

    [Fact]
    public async Task A_key_is_stored_as_its_hash_and_a_denied_one_ends_at_once()
    {
        await using var server = await HoldfastServer.StartAsync();
        var (id, hash, shown) = server.Storage.Database.Read(v => v.Find<ApiKeyRow>("SELECT id AS Id, hash AS Hash, obfuscated_value AS Shown FROM api_keys WHERE environment_id = @Id", new { server.A.Id }))!;
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(server.A.ApiKey))), hash);
        Assert.Equal($"sk_live_\u2026{server.A.ApiKey[^4..]}", shown);
        (await server.GetAsync("/organizations")).Is(200);

        await server.Storage.Database.RecordAsync(_ => Decide.To(true, Holdfast.Http.Denied.Because(
            "revoked", id, server.A.Id, server.Services.GetRequiredService<Holdfast.Http.Ids>(), server.Clock.GetUtcNow())));

        (await server.GetAsync("/organizations")).Is(401);
        (await server.SendAsync("GET", "/organizations", server.B.ApiKey)).Is(200);
    }

    [Fact]
    public async Task Nothing_secret_is_shown_twice()
    {
        await using var server = await HoldfastServer.StartAsync();
        var organization = await server.OrganizationAsync();
        var made = (await server.PostAsync("/connections", new
        {
            organization_id = organization,
            connection_type = "GenericOIDC",
            name = "Acme",
            oidc = new { discovery_url = "https://127.0.0.1:9/.well-known/openid-configuration", client_id = "c", client_secret = "very-secret" },
        })).Is(201);

        Assert.DoesNotContain("very-secret", made.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("very-secret", (await server.GetAsync($"/connections/{made["id"]}")).Is(200).Text, StringComparison.Ordinal);
        Assert.DoesNotContain("very-secret", server.Everything(), StringComparison.Ordinal);
    }

    private sealed record Sealed(string Id, string Item);

    private sealed record ApiKeyRow(string Id, string Hash, string Shown);

    /// <summary>Every line of the log, at every level.</summary>
    private sealed class Heard : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull
        {
            // A scope's text stands in many a sink's line.
            Lines.Enqueue($"{state}");
            return null;
        }

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                Lines.Enqueue($"{formatter(state, exception)} {exception}");
            }
        }

        public void Dispose()
        {
        }
    }
}
