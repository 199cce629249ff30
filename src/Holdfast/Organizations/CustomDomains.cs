using System.Text.Json;
using Holdfast.Claims;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Organizations;

/// <summary>Names of an environment's own, under which it is served: list, add, take away; and the map of all of them, for an edge. A name is one environment's in the whole cluster.</summary>
internal sealed class CustomDomains(Database database, Idempotency idempotency, ClusterKeys keys, PublicAddress address, Ids ids, TimeProvider clock)
{
    /// <summary>The most of one environment.</summary>
    public const int Most = 50;

    /// <summary>Claims on names are the cluster's, and no environment's.</summary>
    private const string Everybody = "";

    private const string Columns = "id AS Id, domain AS Domain, created_at AS CreatedAt";

    private static readonly string s_effective = $"environment_id = @environmentId AND {Denied.Not("custom_domains.id")}";

    private static readonly string s_served = $"{Denied.Not("custom_domains.id")} AND {Claim.IsHeld(Claim.CustomDomain, $"'{Everybody}'", "custom_domains.domain", "custom_domains.id")}";

    /// <summary>Where sign-ins begin.</summary>
    private static readonly string[] s_begins = ["/sso/authorize", "/user_management/authorize"];

    private readonly string _own = new Uri(address.Url).IdnHost.ToLowerInvariant();

    public sealed record Input(Given<string> Domain);

    public sealed record Body(string Object, string Id, string Domain, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

    private sealed record Row(string Id, string Domain, long CreatedAt);

    private sealed record Served(string Domain, string EnvironmentId);

    public ApiAnswer List(HttpContext http)
    {
        var (page, refusal) = Page.Read(http);
        return page is null ? refusal! : database.Read(view => ApiAnswer.Ok(page.Answer(
            view.Query<Row>(page.Sql($"SELECT {Columns} FROM custom_domains WHERE {s_effective}"), page.Parameters(view, "custom_domains", Caller.Of(http).EnvironmentId)), row => row.Id, Write)));
    }

    public async Task<ApiAnswer> CreateAsync(HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        var domain = OrganizationInput.Normalize(input.Domain.Value);
        if (domain is null || !domain.Contains('.', StringComparison.Ordinal) || IsOurs(domain))
        {
            return ApiError.Validation("domain", input.Domain.Value is null ? "required" : "invalid");
        }
        return await idempotency.WriteAsync(http, (view, operation) =>
        {
            var environmentId = operation.EnvironmentId;
            // The replica knows every deny that this node has taken, shipped or not; the primary may not yet.
            if (Claim.Find(view, Everybody, Claim.CustomDomain, domain) is { Holder: { } holder } && !Denied.Is(view, holder) && !database.Read(local => Denied.Is(local, holder)))
            {
                return Decide.Nothing(ApiError.Conflict("duplicate_custom_domain", "This domain is in use already."));
            }
            if (view.Find<long>($"SELECT count(*) FROM custom_domains WHERE {s_effective}", new { environmentId }) >= Most)
            {
                return Decide.Nothing(ApiError.Conflict("too_many_custom_domains", $"There are {Most} custom domains: delete those that are no longer used."));
            }
            var made = new Row(operation.NewId(Ids.CustomDomain), domain, clock.GetUtcNow().ToUnixTimeMilliseconds());
            return Decide.To(ApiAnswer.Created(Write(made)),
                Change.To(Schema.CustomDomains, made.Id, ("environment_id", environmentId), ("domain", domain), ("created_at", made.CreatedAt)),
                Claim.Give(view, Everybody, keys.Derive("custom domains"), Claim.CustomDomain, domain, made.Id, verified: false));
        });
    }

    public Task<ApiAnswer> DeleteAsync(string id, HttpContext http)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.RecordAsync(http, view =>
            view.Find<long>($"SELECT count(*) FROM custom_domains WHERE {s_effective} AND id = @id", new { environmentId, id }) == 0
                ? Decide.Nothing(ApiError.NotFound("Custom domain", id))
                : Decide.To(ApiAnswer.NoContent, Denied.Because("deleted", id, environmentId, ids, clock.GetUtcNow())));
    }

    /// <summary>The map, for whoever has the edge key: names of every customer stand in it.</summary>
    public async Task TellEdgeAsync(HttpContext http)
    {
        var key = EdgeKey.Of(keys);
        if (key.Asks(http.Request.Headers[EdgeKey.Header].ToString(), clock.GetUtcNow()) is not { } nonce)
        {
            await ApiError.Unauthorized.ExecuteAsync(http);
            return;
        }
        var domains = database.Read(view => view.Query<Served>($"SELECT domain AS Domain, environment_id AS EnvironmentId FROM custom_domains WHERE {s_served}", new { }));
        var body = JsonSerializer.SerializeToUtf8Bytes(new { domains = domains.ToDictionary(d => d.Domain, d => d.EnvironmentId, StringComparer.Ordinal) }, JavaScriptJson.Options);
        http.Response.Headers[EdgeKey.Header] = key.Answer(nonce, body);
        await ApiAnswer.Ok(body).ExecuteAsync(http);
    }

    /// <summary>From here on a request knows whose name it came under, and what is another environment's is not served there.</summary>
    public void Use(WebApplication app) => app.Use((http, next) =>
    {
        if (http.Request.Host.Host.ToLowerInvariant() is { Length: > 0 and <= 253 } host && !host.Equals(_own, StringComparison.Ordinal) && host.Contains('.', StringComparison.Ordinal)
            && database.Read(view => view.Find<string>($"SELECT environment_id FROM custom_domains WHERE domain = @host AND {s_served}", new { host })) is { } environmentId)
        {
            http.Features.Set(new ServedUnder(environmentId));
            if (HttpMethods.IsGet(http.Request.Method) && s_begins.Contains(http.Request.Path.Value))
            {
                // An identity provider sends people back to the public address, so their browser must begin there.
                return OnAsync(http);
            }
        }
        return next(http);
    });

    private Task OnAsync(HttpContext http)
    {
        http.Response.StatusCode = StatusCodes.Status307TemporaryRedirect;
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers.Location = address.Url + http.Request.Path.ToUriComponent() + http.Request.QueryString.ToUriComponent();
        return Task.CompletedTask;
    }


    /// <summary>The server's own name, what is below or above it, and names that are none: an address of numbers.</summary>
    private bool IsOurs(string domain) => domain == _own || domain.EndsWith("." + _own, StringComparison.Ordinal) || _own.EndsWith("." + domain, StringComparison.Ordinal)
        || System.Net.IPAddress.TryParse(domain, out _);

    private static Body Write(Row row)
    {
        var made = DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedAt);
        return new Body("custom_domain", row.Id, row.Domain, made, made);
    }
}
