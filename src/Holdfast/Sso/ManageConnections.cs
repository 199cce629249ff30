using System.Text.Json;
using Holdfast.Environments;
using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Organizations;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Sso;

/// <summary>Connections, for administrators: list, read, create, change, delete.</summary>
internal sealed class ManageConnections(
    Database database, Idempotency idempotency, Connections connections, ProviderDocuments documents, EnvironmentStore environments, OutboundHttp outbound,
    Dependencies dependencies, ClusterKeys keys, PublicAddress address, Ids ids, TimeProvider clock)
{
    public ApiAnswer List(HttpContext http)
    {
        var (page, refusal) = Page.Read(http);
        if (page is null)
        {
            return refusal!;
        }
        var query = http.Request.Query;
        string? Filter(string name) => query[name].ToString() is { Length: > 0 } value ? value : null;
        var type = Filter("connection_type");
        type = type == "GithubOAuth" ? "GitHubOAuth" : type;   // the filter's spelling is not the object's
        if (Filter("search") is { Length: > 256 } || Filter("domain") is { Length: > 253 } || type is { Length: > 64 })
        {
            return ApiError.Validation("search", "too_long");
        }
        var rows = database.Read(view => ConnectionStore.List(
            view, Caller.Of(http).EnvironmentId, page, type, Filter("organization_id"), Filter("domain")?.ToLowerInvariant(), Filter("search")));
        return ApiAnswer.Ok(page.Answer(rows, r => r.Id, r => connections.Ready(r).ToBody()));
    }

    public ApiAnswer Get(string id, HttpContext http) =>
        database.Read(view => ConnectionStore.Find(view, Caller.Of(http).EnvironmentId, id)) is { } connection
            ? ApiAnswer.Ok(connections.Ready(connection).ToBody())
            : ApiError.NotFound("Connection", id);

    public async Task<ApiAnswer> CreateAsync(HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<ConnectionInput>(http);
        if (input is null)
        {
            return refusal!;
        }
        var environmentId = Caller.Of(http).EnvironmentId;
        var fields = new Fields();
        var organizationId = fields.Required("organization_id", input.OrganizationId);
        var name = fields.Required("name", input.Name);
        var type = fields.Required("connection_type", input.ConnectionType);
        if (type.Length > 0 && !ConnectionInput.Types.Contains(type))
        {
            fields.Fault("connection_type", "invalid");
        }
        var state = CheckState(input, fields) ?? "active";
        var domains = input.CheckDomains(fields);
        var settings = await SettleAsync(input, type, null, fields, http.RequestAborted);
        if ((refusal = fields.Refusal) is not null)
        {
            return refusal;
        }
        if (database.Read(view => OrganizationStore.Find(view, environmentId, organizationId)) is null)
        {
            return ApiError.NotFound("Organization", organizationId);
        }
        var idKey = environments.IdKey(environmentId);
        var answer = await idempotency.WriteAsync(http, (view, operation) =>
        {
            if (OrganizationStore.Find(view, environmentId, organizationId) is null)
            {
                return Decide.Nothing(ApiError.NotFound("Organization", organizationId));
            }
            var now = clock.GetUtcNow();
            var id = operation.NewId(Ids.Connection);
            var made = new Connection(id, environmentId, organizationId, type, name, state, Seal(id, settings!), JsonSerializer.Serialize(domains ?? []),
                now.ToUnixTimeMilliseconds(), now.ToUnixTimeMilliseconds());
            var body = ConnectionBody.Of(made, settings!, address.Url);
            var changes = new List<Change>
            {
                Change.To(Schema.Connections, id,
                    ("environment_id", environmentId), ("organization_id", organizationId), ("connection_type", type), ("created_at", made.CreatedAt), ("name", name),
                    ("settings_sealed", made.SettingsSealed), ("domains", made.Domains), ("state", state), ("updated_at", made.UpdatedAt)),
            };
            if (made.IsActive)
            {
                changes.Add(EventRow.Of("connection.activated", body, environmentId, idKey, id, now));
            }
            return new(ApiAnswer.Created(body), changes);
        });
        if (answer.Body is ConnectionBody { Oidc: not null } created && connections.Find(created.Id) is { } ready)
        {
            _ = ReadDocumentsAsync(ready);   // so that the first sign-in need not wait for them
        }
        return answer;
    }

    public async Task<ApiAnswer> UpdateAsync(string id, HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<ConnectionInput>(http);
        if (input is null)
        {
            return refusal!;
        }
        var environmentId = Caller.Of(http).EnvironmentId;
        if (database.Read(view => ConnectionStore.Find(view, environmentId, id)) is not { } standing)
        {
            return ApiError.NotFound("Connection", id);
        }
        var fields = new Fields();
        var name = input.Name.Is ? fields.Required("name", input.Name) : standing.Name;
        if ((input.OrganizationId.Is && input.OrganizationId.Value != standing.OrganizationId) || (input.ConnectionType.Is && input.ConnectionType.Value != standing.ConnectionType))
        {
            fields.Fault(input.ConnectionType.Is && input.ConnectionType.Value != standing.ConnectionType ? "connection_type" : "organization_id", "immutable");
        }
        var state = CheckState(input, fields);
        var domains = input.CheckDomains(fields);
        var settings = input.Saml.Is || input.Oidc.Is ? await SettleAsync(input, standing.ConnectionType, standing.Open(keys), fields, http.RequestAborted) : null;
        if ((refusal = fields.Refusal) is not null)
        {
            return refusal;
        }
        var idKey = environments.IdKey(environmentId);
        if (state == "inactive" && standing.IsActive)
        {
            // A deny is always writable (law 4), whatever becomes of the rest.
            await DeactivateAsync(standing, idKey);
        }
        if (state == "inactive" && !input.Name.Is && domains is null && settings is null)
        {
            return Get(id, http);
        }
        var denies = database.Read(view => Denied.Standing(view, id));
        var answer = await idempotency.WriteAsync(http, (view, operation) =>
        {
            if (view.Find<string>("SELECT id FROM connections WHERE id = @id AND environment_id = @environmentId", new { id, environmentId }) is null)
            {
                return Decide.Nothing(ApiError.NotFound("Connection", id));
            }
            var now = clock.GetUtcNow();
            var updatedAt = Math.Max(now.ToUnixTimeMilliseconds(), standing.UpdatedAt + 1);
            var values = new Dictionary<string, object?>(StringComparer.Ordinal) { ["updated_at"] = updatedAt };
            if (input.Name.Is)
            {
                values["name"] = name;
            }
            if (domains is not null)
            {
                values["domains"] = JsonSerializer.Serialize(domains);
            }
            if (settings is not null)
            {
                values["settings_sealed"] = Seal(id, settings);
            }
            if (state is not null)
            {
                values["state"] = state;
            }
            var after = standing with
            {
                Name = name,
                State = state ?? standing.State,
                Domains = domains is null ? standing.Domains : JsonSerializer.Serialize(domains),
                UpdatedAt = updatedAt,
            };
            var body = ConnectionBody.Of(after, settings ?? standing.Open(keys), address.Url);
            var changes = new List<Change> { new(Schema.Connections, id, values) };
            if (state == "active" && !standing.IsActive)
            {
                // Lifting names the denies that were seen: one that was made elsewhere meanwhile stays.
                changes.AddRange(denies.Select(deny => Denied.Lifted(deny, environmentId, ids, now)));
                changes.Add(EventRow.Of("connection.activated", body, environmentId, idKey, $"{id}/{updatedAt}", now));
            }
            return new(ApiAnswer.Ok(body), changes);
        });
        if (answer.IsSuccess && settings?.Oidc is not null && connections.Find(id) is { } ready)
        {
            _ = ReadDocumentsAsync(ready);
        }
        return answer;
    }

    public Task<ApiAnswer> DeleteAsync(string id, HttpContext http)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        var idKey = environments.IdKey(environmentId);
        return database.RecordAsync(view =>
        {
            if (ConnectionStore.Find(view, environmentId, id) is not { } connection)
            {
                return Decide.Nothing(ApiError.NotFound("Connection", id));
            }
            var now = clock.GetUtcNow();
            return Decide.To(ApiAnswer.NoContent,
                Denied.Because("deleted", id, environmentId, ids, now),
                EventRow.Of("connection.deleted", connections.Ready(connection).ToBody(), environmentId, idKey, id, now));
        });
    }

    private Task<bool> DeactivateAsync(Connection connection, byte[] idKey) => database.RecordAsync(_ =>
    {
        var now = clock.GetUtcNow();
        var body = ConnectionBody.Of(connection with { State = "inactive" }, connection.Open(keys), address.Url);
        return Decide.To(true,
            Denied.Because("deactivated", connection.Id, connection.EnvironmentId, ids, now),
            EventRow.Of("connection.deactivated", body, connection.EnvironmentId, idKey, $"{connection.Id}/{now.ToUnixTimeMilliseconds()}", now));
    });

    private static string? CheckState(ConnectionInput input, Fields fields)
    {
        if (input.State.Value is not (null or "active" or "inactive" or "draft"))
        {
            fields.Fault("state", "invalid");
        }
        return input.State.Value;
    }

    private async Task<ConnectionSettings?> SettleAsync(ConnectionInput input, string type, ConnectionSettings? standing, Fields fields, CancellationToken ct)
    {
        var isSaml = ConnectionInput.IsSamlType(type);
        if (isSaml ? input.Oidc.Value is not null : input.Saml.Value is not null)
        {
            fields.Fault(isSaml ? "oidc" : "saml", "does_not_fit_connection_type");
        }
        if (isSaml)
        {
            var saml = input.Saml.Value;
            var metadata = saml?.MetadataUrl.Value is { } url ? await FetchMetadataAsync(url, fields, ct) : null;
            if (saml is null && standing?.Saml is null)
            {
                fields.Fault("saml", "required");
                return null;
            }
            return saml is null ? standing : ConnectionInput.Settle(saml, standing?.Saml, metadata, address.IsDev, fields) is { } settled ? new(settled, null) : null;
        }
        if (input.Oidc.Value is not { } oidc)
        {
            if (standing?.Oidc is null)
            {
                fields.Fault("oidc", "required");
            }
            return standing;
        }
        return ConnectionInput.Settle(oidc, standing?.Oidc, address.IsDev, fields) is { } read ? new(null, read) : null;
    }

    private async Task<byte[]?> FetchMetadataAsync(string url, Fields fields, CancellationToken ct)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || (uri.Scheme != Uri.UriSchemeHttps && !(address.IsDev && uri.IsLoopback)))
        {
            fields.Fault("saml.metadata_url", "invalid_url");
            return null;
        }
        var dependency = dependencies.GetOrAdd(
            new DependencyPolicy($"idp_metadata:{uri.Authority}", "identity provider metadata", TimeSpan.FromSeconds(5), 4,
                "None is needed: it is read when a connection is saved, never on the path of a sign-in.", []),
            clock);
        try
        {
            return (await outbound.GetAsync(dependency, uri, OutboundLimits.Document, ct)).Body;
        }
        catch (Exception fault) when (fault is DependencyUnavailableException or OutboundAnswerException)
        {
            fields.Fault("saml.metadata_url", "unreadable");   // refused and unreachable are told alike
            return null;
        }
    }

    private async Task ReadDocumentsAsync(ReadyConnection connection)
    {
        try
        {
            await documents.FetchAsync(connection, CancellationToken.None);
        }
        catch (StorageUnavailableException)
        {
            // The first sign-in tries again.
        }
    }

    private string Seal(string id, ConnectionSettings settings) =>
        keys.SealAtRest(Connection.PlaceOf(id), JsonSerializer.SerializeToUtf8Bytes(settings, JavaScriptJson.Options));
}
