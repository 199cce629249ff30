using System.Net;
using System.Text.Json;
using Holdfast.Claims;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Organizations;

/// <summary>Names of an environment's own, under which it is served: list, add, take away; and the map of all of them, for an edge. A name is one environment's in the whole cluster.</summary>
internal sealed class CustomDomains(Database database, Idempotency idempotency, ClusterKeys keys, PublicAddress address, OwnHosts own, EnvironmentStore environments, Ids ids, TimeProvider clock)
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

    /// <summary>What is the node's, and no environment's, whatever the name: no disk is read for it.</summary>
    private static readonly string[] s_nodes = ["/health", "/metrics", "/peers", "/edge"];

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
        if (domain is null || !domain.Contains('.', StringComparison.Ordinal) || own.Takes(domain) || IPAddress.TryParse(domain, out _))
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
        var body = JsonSerializer.SerializeToUtf8Bytes(new { domains = domains.Where(d => !own.Takes(d.Domain)).ToDictionary(d => d.Domain, d => d.EnvironmentId, StringComparer.Ordinal) }, JavaScriptJson.Options);
        http.Response.Headers[EdgeKey.Header] = key.Answer(nonce, body);
        await ApiAnswer.Ok(body).ExecuteAsync(http);
    }

    /// <summary>From here on a request knows whose name it came under, and what is another environment's is not served there: of the routes that need no API key those alone that look for themselves
    /// (<see cref="UnderDomains"/>). A name that has become the operator's is no environment's any more.</summary>
    /// <returns>The answer, where it is given here.</returns>
    /// <exception cref="StorageUnavailableException">The disk cannot be read.</exception>
    public IResult? Place(HttpContext http)
    {
        var (host, path) = (OwnHosts.Normal(http.Request.Host.Host), http.Request.Path);
        if (host.Length is 0 or > 253 || !host.Contains('.', StringComparison.Ordinal) || own.Takes(host) || s_nodes.Any(n => path.StartsWithSegments(n, StringComparison.OrdinalIgnoreCase))
            || database.Read(view => view.Find<string>($"SELECT environment_id FROM custom_domains WHERE domain = @host AND {s_served}", new { host })) is not { } environmentId)
        {
            return null;
        }
        http.Features.Set(new ServedUnder(environmentId));
        var route = http.GetEndpoint()?.Metadata;
        if (route?.GetMetadata<ApiKeyRequired>() is null && route?.GetMetadata<UnderDomains>() is null)
        {
            return ApiError.OfStatus(StatusCodes.Status404NotFound);
        }
        // An identity provider sends people back to the public address, so their browser must begin there.
        return HttpMethods.IsGet(http.Request.Method) && s_begins.Contains(path.Value?.TrimEnd('/'), StringComparer.OrdinalIgnoreCase)
            && http.Request.Query["client_id"] is [{ Length: > 0 } client] && environments.FindByClient(client) == environmentId
            ? new On(address.Url + path.ToUriComponent() + http.Request.QueryString.ToUriComponent())
            : null;
    }

    /// <summary>The same request, at another address.</summary>
    private sealed class On(string url) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.StatusCode = StatusCodes.Status307TemporaryRedirect;
            httpContext.Response.Headers.CacheControl = "no-store";
            httpContext.Response.Headers.Location = url;
            return Task.CompletedTask;
        }
    }

    private static Body Write(Row row)
    {
        var made = DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedAt);
        return new Body("custom_domain", row.Id, row.Domain, made, made);
    }
}
