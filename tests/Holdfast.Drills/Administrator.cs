using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Holdfast.Bench;

namespace Holdfast.Drills;

/// <summary>Calls the API with the demo's key.</summary>
internal sealed class Administrator(DevServer server)
{
    /// <param name="Took">From the request to the whole answer.</param>
    internal sealed record Answer(int Status, JsonElement Body, TimeSpan? RetryAfter, string? Stale, TimeSpan Took)
    {
        public string Id => Body.GetProperty("id").GetString()!;

        public string? Code => Body.ValueKind == JsonValueKind.Object && Body.TryGetProperty("code", out var code) ? code.GetString() : null;
    }

    public async Task<Answer> SendAsync(string method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), server.Dev.BaseUrl + path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", server.Dev.ApiKey);
        request.Content = body is null ? null : JsonContent.Create(body);
        var start = Stopwatch.GetTimestamp();
        using var answer = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var bytes = await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        var took = Stopwatch.GetElapsedTime(start);
        return new Answer((int)answer.StatusCode, bytes.Length == 0 ? default : JsonDocument.Parse(bytes).RootElement,
            answer.Headers.RetryAfter?.Delta, answer.Headers.TryGetValues("Holdfast-Stale", out var stale) ? stale.Single() : null, took);
    }

    /// <summary>A new organization's id.</summary>
    public async Task<string> MakeOrganizationAsync(string name) => (await MadeAsync("/organizations", new { name })).Id;

    /// <summary>A new connection's id; it trusts the demo's test provider.</summary>
    public async Task<string> MakeConnectionAsync(string organizationId)
    {
        var certificate = Holdfast.Dev.TestIdentityProviderKeys.LoadOrCreate(server.Data, TimeProvider.System);
        using (certificate)
        {
            return (await MadeAsync("/connections", new
            {
                organization_id = organizationId, connection_type = "GenericSAML", name = "Drill",
                saml = new
                {
                    idp_entity_id = $"{server.Dev.BaseUrl}/dev/idp/saml/metadata", idp_sso_url = $"{server.Dev.BaseUrl}/dev/idp/saml/sso",
                    idp_certificates = new[] { certificate.SamlCertificate.ExportCertificatePem() },
                },
            })).Id;
        }
    }

    public async Task<string> MakeRedirectUriAsync(string uri) => (await MadeAsync("/user_management/redirect_uris", new { uri })).Id;

    private async Task<Answer> MadeAsync(string path, object body)
    {
        var answer = await SendAsync("POST", path, body);
        Assert.True(answer.Status == 201, $"POST {path} answered {answer.Status}: {answer.Body}");
        return answer;
    }
}
