using System.Net;
using System.Text.Json;
using Holdfast.Claims;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Organizations;

/// <summary>Names of an environment's own, under which it is served once a record in DNS has proven them: list, add, prove, take away; and the map of all that are proven, for an edge. Any environment may
/// name any domain, and that is nothing; one that is proven is one environment's in the whole cluster (decision 0033).</summary>
internal sealed class CustomDomains(
    Database database, Idempotency idempotency, ClusterKeys keys, PublicAddress address, OwnHosts own, EnvironmentStore environments, DomainLookup lookup, Ids ids, TimeProvider clock)
{
    /// <summary>The most of one environment.</summary>
    public const int Most = 50;

    /// <summary>Claims on names are the cluster's, and no environment's.</summary>
    private const string Everybody = "";

    private const string Columns =
        "id AS Id, environment_id AS EnvironmentId, domain AS Domain, coalesce(state, 'pending') AS State, coalesce(pending_since, created_at) AS PendingSince, created_at AS CreatedAt, "
        + "coalesce(updated_at, created_at) AS UpdatedAt";

    private static readonly string s_effective = $"environment_id = @environmentId AND {Denied.Not("custom_domains.id")}";

    private static readonly string s_served = $"state = 'verified' AND {Denied.Not("custom_domains.id")} AND {Claim.IsHeld(Claim.CustomDomain, $"'{Everybody}'", "custom_domains.domain", "custom_domains.id")}";

    /// <summary>Where sign-ins begin.</summary>
    private static readonly string[] s_begins = ["/sso/authorize", "/user_management/authorize"];

    /// <summary>What is the node's, and no environment's, whatever the name: no disk is read for it.</summary>
    private static readonly string[] s_nodes = ["/health", "/metrics", "/peers", "/edge"];

    public sealed record Input(Given<string> Domain);

    /// <param name="State"><c>pending</c>, <c>verified</c> or <c>failed</c>, as with organizations' domains.</param>
    /// <param name="VerificationToken">What is to stand in a TXT record at <c>PREFIX.DOMAIN</c>.</param>
    public sealed record Body(
        string Object, string Id, string Domain, string State, string VerificationPrefix, string VerificationToken, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

    /// <param name="PendingSince">Since when its proof is looked for (Unix milliseconds).</param>
    internal sealed record Row(string Id, string EnvironmentId, string Domain, string State, long PendingSince, long CreatedAt, long UpdatedAt)
    {
        public bool IsVerified => State == "verified";

        /// <summary>Whether it was looked for as long as it is.</summary>
        public bool IsOver(DateTimeOffset now) => now - DateTimeOffset.FromUnixTimeMilliseconds(PendingSince) >= DomainProof.Period;
    }

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
        if (domain is null || !domain.Contains('.', StringComparison.Ordinal) || !DomainProof.HasRoom(domain) || own.Takes(domain) || IPAddress.TryParse(domain, out _))
        {
            return ApiError.Validation("domain", input.Domain.Value is null ? "required" : "invalid");
        }
        return await idempotency.WriteAsync(http, (view, operation) =>
        {
            var environmentId = operation.EnvironmentId;
            if (IsTaken(view, domain, "") || view.Query<Row>($"SELECT {Columns} FROM custom_domains WHERE {s_effective} AND domain = @domain", new { environmentId, domain }).Exists(r => !IsGone(r.Id)))
            {
                return Decide.Nothing(ApiError.Conflict("duplicate_custom_domain", "This domain is in use already."));
            }
            if (view.Find<long>($"SELECT count(*) FROM custom_domains WHERE {s_effective}", new { environmentId }) >= Most)
            {
                return Decide.Nothing(ApiError.Conflict("too_many_custom_domains", $"There are {Most} custom domains: delete those that are no longer used."));
            }
            var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
            var made = new Row(operation.NewId(Ids.CustomDomain), environmentId, domain, "pending", now, now, now);
            return Decide.To(ApiAnswer.Created(Write(made)), Change.To(Schema.CustomDomains, made.Id,
                ("environment_id", environmentId), ("domain", domain), ("created_at", now), ("state", made.State), ("pending_since", now), ("updated_at", now)));
        });
    }

    /// <summary>Looks for the proof now; and, where that was over, from now on.</summary>
    public async Task<ApiAnswer> VerifyAsync(string id, HttpContext http)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        if (database.Read(view => Find(view, environmentId, id)) is not { } standing)
        {
            return ApiError.NotFound("Custom domain", id);
        }
        // Before the transaction and not inside: the primary waits for no resolver.
        var finding = standing.IsVerified ? DomainFinding.Unknown : await AskAsync(standing, http.RequestAborted);
        return await idempotency.WriteAsync(http, (view, _) =>
        {
            if (IsGone(id) || Find(view, environmentId, id) is not { } row)
            {
                return Decide.Nothing(ApiError.NotFound("Custom domain", id));
            }
            if (row.IsVerified)
            {
                return Decide.Nothing(ApiError.BadRequest("custom_domain_already_verified", "The domain is verified already."));
            }
            var (after, changes) = Decided(view, row, finding, isAskedFor: true);
            return new Decision<ApiAnswer>(ApiAnswer.Created(Write(after)), changes);
        });
    }

    /// <summary>Those whose proof is looked for, of all environments, in the order of their ids.</summary>
    internal static List<Row> Awaited(View view, string afterId, int limit) => view.Query<Row>(
        $"SELECT {Columns} FROM custom_domains WHERE coalesce(state, 'pending') = 'pending' AND id > @afterId AND {Denied.Not("custom_domains.id")} ORDER BY id LIMIT @limit", new { afterId, limit });

    /// <summary>Looks for the proof of one that waits, and keeps what is found.</summary>
    /// <returns>False when nobody could ask.</returns>
    internal async Task<bool> CheckAsync(Row row, CancellationToken ct)
    {
        var isTaken = database.Read(view => IsTaken(view, row.Domain, row.Id));
        var finding = isTaken ? DomainFinding.Absent : await AskAsync(row, ct);
        // A proof that nobody could look for has not failed: its time goes on until somebody can.
        if (finding == DomainFinding.Proven || isTaken || (finding == DomainFinding.Absent && row.IsOver(clock.GetUtcNow())))
        {
            await database.WriteAsync(view => IsGone(row.Id) || Find(view, row.EnvironmentId, row.Id) is not { State: "pending" } now
                ? Decide.Nothing(false)
                : new Decision<bool>(true, Decided(view, now, finding, isAskedFor: false).Changes), ct);
        }
        return finding != DomainFinding.Unknown;
    }

    private Task<DomainFinding> AskAsync(Row row, CancellationToken ct) => lookup.AskAsync(ProofOf(row), row.Domain, ct);

    private DomainProof ProofOf(Row row) => DomainProof.Of(environments.IdKey(row.EnvironmentId), row.Id);

    /// <summary>The decision about one that is not verified.</summary>
    /// <param name="isAskedFor">By an administrator: what was over begins anew.</param>
    private (Row After, IReadOnlyList<Change> Changes) Decided(View view, Row row, DomainFinding finding, bool isAskedFor)
    {
        var now = clock.GetUtcNow();
        var isTaken = IsTaken(view, row.Domain, row.Id) || own.Takes(row.Domain);
        var state = isTaken ? "failed" : finding == DomainFinding.Proven ? "verified" : isAskedFor ? "pending" : finding == DomainFinding.Absent && row.IsOver(now) ? "failed" : row.State;
        var isAnew = state == "pending" && (row.State != "pending" || row.IsOver(now));
        if (state == row.State && !isAnew)
        {
            return (row, []);
        }
        var after = row with { State = state, PendingSince = isAnew ? now.ToUnixTimeMilliseconds() : row.PendingSince, UpdatedAt = Math.Max(now.ToUnixTimeMilliseconds(), row.UpdatedAt + 1) };
        var change = Change.To(Schema.CustomDomains, row.Id, ("state", after.State), ("pending_since", after.PendingSince), ("updated_at", after.UpdatedAt));
        return (after, after.IsVerified ? [change, Claim.Give(view, Everybody, keys.Derive("custom domains"), Claim.CustomDomain, row.Domain, row.Id, verified: true)] : [change]);
    }

    /// <summary>Whether a name is proven for another. What an elder release has given without a proof, or was deleted, is nobody's.</summary>
    private bool IsTaken(View view, string domain, string id) =>
        Claim.Find(view, Everybody, Claim.CustomDomain, domain) is { Verified: 1, Holder: { } holder } && holder != id && !Denied.Is(view, holder) && !IsGone(holder);

    /// <summary>The replica knows every deny that this node has taken, shipped or not; the primary may not yet.</summary>
    private bool IsGone(string id) => database.Read(local => Denied.Is(local, id));

    private static Row? Find(View view, string environmentId, string id) =>
        view.Find<Row>($"SELECT {Columns} FROM custom_domains WHERE {s_effective} AND id = @id", new { environmentId, id });

    /// <summary>Whether an environment is served under this name.</summary>
    /// <param name="host">As <see cref="OwnHosts.Normal"/> gives it.</param>
    public bool IsServed(string host) => host.Length is > 0 and <= 253 && !own.Takes(host) && database.Read(view => EnvironmentOf(view, host)) is not null;

    private static string? EnvironmentOf(View view, string host) => view.Find<string>($"SELECT environment_id FROM custom_domains WHERE domain = @host AND {s_served}", new { host });

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
            || database.Read(view => EnvironmentOf(view, host)) is not { } environmentId)
        {
            return null;
        }
        http.Features.Set(new ServedUnder(environmentId));
        var route = http.GetEndpoint()?.Metadata;
        if (route?.GetMetadata<ApiKeyRequired>() is null && route?.GetMetadata<UnderDomains>() is null)
        {
            return ApiError.OfStatus(StatusCodes.Status404NotFound);
        }
        // An identity provider sends people back to the public address, so their browser must begin there. The hosted pages begin here, and go there by themselves where they must.
        return HttpMethods.IsGet(http.Request.Method) && s_begins.Contains(path.Value?.TrimEnd('/'), StringComparer.OrdinalIgnoreCase)
            && http.Request.Query["provider"] is not ["authkit"]
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

    private Body Write(Row row)
    {
        var proof = ProofOf(row);
        return new Body("custom_domain", row.Id, row.Domain, row.State, proof.Prefix, proof.Token,
            DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(row.UpdatedAt));
    }
}
