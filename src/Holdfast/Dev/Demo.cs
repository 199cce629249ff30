using System.Text.Json;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Organizations;
using Holdfast.Sso;
using Holdfast.Verbs;

namespace Holdfast.Dev;

/// <summary>The demo environment of <c>holdfast dev</c>, made by the same operations that callers use, and <c>dev.json</c>, which tells scripts where everything is.</summary>
internal static class Demo
{
    /// <summary>Where the sample application waits for its callback.</summary>
    public const string RedirectUri = "http://127.0.0.1:4199/callback";

    /// <summary>Makes what is missing, follows a changed port, and writes <c>dev.json</c>.</summary>
    public static async Task<DevFile> PrepareAsync(WebApplication app, Settings settings, CancellationToken ct)
    {
        var services = app.Services;
        var environments = services.GetRequiredService<EnvironmentStore>();
        var path = Path.Combine(settings.Data, "dev.json");
        var before = Read(path);
        if (before is { InboxUrl: not null } && before.BaseUrl == settings.PublicUrl && environments.FindFirst() == before.EnvironmentId)
        {
            return before;   // a second start needs nothing, the primary least of all
        }
        var made = environments.FindFirst() is not { } existing
            ? await environments.CreateAsync("Dev", "sk_test_", ct)
            : new NewEnvironment(existing, environments.FindClient(existing)!, before?.ApiKey ?? await environments.CreateApiKeyAsync(existing, "sk_test_", ct));
        var call = new InProcess(services, made);
        await call.PostAsync("/user_management/redirect_uris", new { uri = RedirectUri },
            http => RedirectUris.CreateAsync(http, services.GetRequiredService<Idempotency>(), services.GetRequiredService<TimeProvider>()));
        var organization = before?.OrganizationId ?? await call.PostAsync(
            "/organizations", new { name = "Acme", allow_profiles_outside_organization = true, domain_data = new[] { new { domain = "acme.test", state = "verified" } } },
            http => CreateOrganization.HandleAsync(http, services.GetRequiredService<Idempotency>(), environments, services.GetRequiredService<TimeProvider>()));
        var manage = services.GetRequiredService<ManageConnections>();
        var keys = services.GetRequiredService<TestIdentityProviderKeys>();
        var saml = new
        {
            idp_entity_id = $"{settings.PublicUrl}/dev/idp/saml/metadata",
            idp_sso_url = $"{settings.PublicUrl}/dev/idp/saml/sso",
            idp_certificates = new[] { keys.SamlCertificate.ExportCertificatePem() },
        };
        var oidc = new
        {
            discovery_url = $"{settings.PublicUrl}/dev/idp/oidc/.well-known/openid-configuration",
            client_id = TestIdentityProviderKeys.ClientId,
            client_secret = keys.ClientSecret,
        };
        var file = new DevFile(
            settings.PublicUrl, made.ApiKey, made.ClientId, made.Id, RedirectUri, organization,
            new DevConnections(
                before is null
                    ? await call.PostAsync("/connections", new { organization_id = organization, connection_type = "GenericSAML", name = "Acme (SAML test provider)", saml }, manage.CreateAsync)
                    : await call.PutAsync(before.Connections.Saml, new { saml }, manage.UpdateAsync),
                before is null
                    ? await call.PostAsync("/connections", new { organization_id = organization, connection_type = "GenericOIDC", name = "Acme (OpenID test provider)", oidc }, manage.CreateAsync)
                    : await call.PutAsync(before.Connections.Oidc, new { oidc }, manage.UpdateAsync)),
            $"{settings.PublicUrl}/dev/inbox",
            settings.PrimaryFile);
        OwnFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(file, JavaScriptJson.Indented));
        return file;
    }

    private static DevFile? Read(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<DevFile>(File.ReadAllBytes(path), JavaScriptJson.Options) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Calls an operation as a caller would, without the way through the network.</summary>
    private sealed class InProcess(IServiceProvider services, NewEnvironment environment)
    {
        public Task<string> PostAsync(string path, object body, Func<HttpContext, Task<ApiAnswer>> operation) => CallAsync("POST", path, body, operation);

        public Task<string> PutAsync(string id, object body, Func<string, HttpContext, Task<ApiAnswer>> operation) =>
            CallAsync("PUT", $"/connections/{id}", body, http => operation(id, http));

        private async Task<string> CallAsync(string method, string path, object body, Func<HttpContext, Task<ApiAnswer>> operation)
        {
            var (bytes, key) = (JsonSerializer.SerializeToUtf8Bytes(body), services.GetRequiredService<Ids>().New("dev_"));
            var answer = await FirstStart.WriteAsync(
                () =>
                {
                    var http = new DefaultHttpContext { RequestServices = services };
                    http.Request.Method = method;
                    http.Request.Path = path;
                    http.Request.Headers["Idempotency-Key"] = key;
                    http.Request.Body = new MemoryStream(bytes);
                    http.Features.Set(new Caller(environment.Id, "holdfast dev"));
                    return operation(http);
                },
                services.GetRequiredService<TimeProvider>(), CancellationToken.None);
            using var json = JsonDocument.Parse(answer.Bytes!);
            return answer.IsSuccess ? json.RootElement.GetProperty("id").GetString()! : throw new InvalidOperationException($"The demo could not be made: {json.RootElement}");
        }
    }
}

/// <summary>What <c>dev.json</c> holds (contract §2). Fields of products that do not exist yet are left out.</summary>
internal sealed record DevFile(
    string BaseUrl, string ApiKey, string ClientId, string EnvironmentId, string RedirectUri, string OrganizationId, DevConnections Connections, string InboxUrl,
    string PrimaryFile);

/// <summary>The connections that lead to the built-in test identity providers.</summary>
internal sealed record DevConnections(string Saml, string Oidc);
