using System.Text.Json;
using Holdfast.Environments;
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
    Dependencies dependencies, ClusterKeys keys, SpKeys spKeys, PublicAddress address, Ids ids, TimeProvider clock)
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
        var name = fields.Required("name", input.Name);
        var type = fields.Required("connection_type", input.ConnectionType);
        // A provider whose accounts are anybody's may be the whole environment's.
        var organizationId = OAuthProvider.Of(type) is null ? fields.Required("organization_id", input.OrganizationId) : fields.Optional("organization_id", input.OrganizationId);
        if (type.Length > 0 && !ConnectionInput.Types.Contains(type))
        {
            fields.Fault("connection_type", "invalid");
        }
        var state = CheckState(input, fields) ?? "active";
        var domains = input.CheckDomains(fields);
        if (fields.Refusal is null && organizationId is not null && database.Read(view => OrganizationStore.Find(view, environmentId, organizationId)) is null)
        {
            return ApiError.NotFound("Organization", organizationId);
        }
        var settings = Settle(
            input, type, null, null, await FetchMetadataAsync(input, fields, http), fields.Refusal is null ? OidcInput.MakeKey(input.Oidc.Value, null) : null, fields);
        if ((refusal = fields.Refusal) is not null)
        {
            return refusal;
        }
        var idKey = environments.IdKey(environmentId);
        var ours = settings!.Saml is null ? [] : spKeys.MakeMissing(environmentId);
        var answer = await idempotency.WriteAsync(http, (view, operation) =>
        {
            if (organizationId is not null && OrganizationStore.Find(view, environmentId, organizationId) is null)
            {
                return Decide.Nothing(ApiError.NotFound("Organization", organizationId));
            }
            var now = clock.GetUtcNow();
            var id = operation.NewId(Ids.Connection);
            var made = new Connection(id, environmentId, organizationId, type, name, state, Seal(id, settings), JsonSerializer.Serialize(domains ?? []),
                now.ToUnixTimeMilliseconds(), now.ToUnixTimeMilliseconds());
            var body = ConnectionBody.Of(made, settings, address.Url);
            var changes = new List<Change>
            {
                Change.To(Schema.Connections, id,
                    ("environment_id", environmentId), ("organization_id", organizationId), ("connection_type", type), ("created_at", made.CreatedAt), ("name", name),
                    ("settings_sealed", made.SettingsSealed), ("domains", made.Domains), ("state", state), ("updated_at", made.UpdatedAt)),
            };
            changes.AddRange(SpKeys.StillMissing(view, environmentId, ours));
            if (made.IsActive)
            {
                changes.Add(ConnectionEvents.Activated(body, environmentId, idKey, id, now));
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
        var idKey = environments.IdKey(environmentId);
        if (input.State.Value == "inactive")
        {
            // A deny is always writable (law 4), whatever becomes of the rest; and always a new one, which no lift has seen.
            await DeactivateAsync(standing, idKey, http);
        }
        var fields = new Fields();
        CheckUnchanged(input, standing, fields);
        var state = CheckState(input, fields);
        var domains = input.CheckDomains(fields);
        var metadata = await FetchMetadataAsync(input, fields, http);
        var clientKey = OidcInput.MakeKey(input.Oidc.Value, standing.Open(keys).Oidc);
        _ = Alter(standing, input, domains, metadata, clientKey, fields);
        if ((refusal = fields.Refusal) is not null)
        {
            return refusal;
        }
        if (state == "inactive" && !input.Name.Is && domains is null && !input.Saml.Is && !input.Oidc.Is && !input.RoleMap.Is)
        {
            return Get(id, http);
        }
        var denies = database.Read(view => Denied.Standing(view, id, "deactivated"));   // a deletion is never lifted
        var ours = ConnectionInput.IsSamlType(standing.ConnectionType) ? spKeys.MakeMissing(environmentId) : [];   // a connection of an elder release had none
        var answer = await idempotency.WriteAsync(http, (view, operation) =>
        {
            // As it is now, in the primary and here: what was read before may have been changed, deactivated or deleted meanwhile.
            if (ConnectionStore.Find(view, environmentId, id) is not { } current || database.Read(local => ConnectionStore.Find(local, environmentId, id)) is not { } here)
            {
                return Decide.Nothing(ApiError.NotFound("Connection", id));
            }
            var anew = new Fields();
            var (after, values) = Alter(current, input, domains, metadata, clientKey, anew);
            if (anew.Refusal is { } refused)
            {
                return Decide.Nothing(refused);
            }
            var now = clock.GetUtcNow();
            after = after with { UpdatedAt = Math.Max(now.ToUnixTimeMilliseconds(), current.UpdatedAt + 1) };
            values["updated_at"] = after.UpdatedAt;
            var changes = new List<Change> { new(Schema.Connections, id, values) };
            changes.AddRange(SpKeys.StillMissing(view, environmentId, ours));
            var lifts = state == "active" ? denies : [];
            // Lifting names the denies that were seen: one that was made elsewhere meanwhile stays.
            changes.AddRange(lifts.Select(deny => Denied.Lifted(deny, environmentId, ids, now)));
            var isDenied = database.Read(local => Denied.Standing(local, id)).Except(lifts).Any();
            after = after with { State = isDenied ? "inactive" : state ?? (here.IsActive ? "active" : current.State) };
            var body = connections.Ready(after).ToBody();
            if (after.IsActive && !here.IsActive)
            {
                changes.Add(ConnectionEvents.Activated(body, environmentId, idKey, $"{id}/{after.UpdatedAt}", now));
            }
            if (values.ContainsKey("settings_sealed") && ConnectionEvents.Renewed(after, current.Open(keys).Saml, after.Open(keys).Saml, idKey, now) is { } renewed)
            {
                changes.Add(renewed);
            }
            return new(ApiAnswer.Ok(body), changes);
        });
        if (answer.IsSuccess && input.Oidc.Is && connections.Find(id) is { Settings.Oidc: not null } ready)
        {
            _ = ReadDocumentsAsync(ready);
        }
        return answer;
    }

    /// <summary>What a connection becomes by a body, and the columns that change. What is wrong with it goes to <paramref name="fields"/>.</summary>
    private (Connection After, Dictionary<string, object?> Values) Alter(
        Connection current, ConnectionInput input, IReadOnlyList<string>? domains, byte[]? metadata, OidcClientKey? clientKey, Fields fields)
    {
        var (after, values) = (current, new Dictionary<string, object?>(StringComparer.Ordinal));
        if (input.Name.Is)
        {
            values["name"] = (after = after with { Name = fields.Required("name", input.Name) }).Name;
        }
        if (domains is not null)
        {
            values["domains"] = (after = after with { Domains = JsonSerializer.Serialize(domains) }).Domains;
        }
        if (input.State.Value is { } state)
        {
            values["state"] = state;
        }
        var ready = input.Saml.Value?.IsOfProvider == true ? connections.Ready(current) : null;
        if ((input.Saml.Is || input.Oidc.Is || input.RoleMap.Is)
            && Settle(input, current.ConnectionType, ready?.Settings ?? current.Open(keys), ready?.Metadata?.Pending?.Document, metadata, clientKey, fields) is { } settings)
        {
            values["settings_sealed"] = (after = after with { SettingsSealed = Seal(current.Id, settings) }).SettingsSealed;
        }
        return (after, values);
    }

    private static void CheckUnchanged(ConnectionInput input, Connection standing, Fields fields)
    {
        if (input.OrganizationId.Is && input.OrganizationId.Value != standing.OrganizationId)
        {
            fields.Fault("organization_id", "immutable");
        }
        if (input.ConnectionType.Is && input.ConnectionType.Value != standing.ConnectionType)
        {
            fields.Fault("connection_type", "immutable");
        }
    }

    public Task<ApiAnswer> DeleteAsync(string id, HttpContext http)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        var idKey = environments.IdKey(environmentId);
        return database.RecordAsync(http, view =>
        {
            if (ConnectionStore.Find(view, environmentId, id) is not { } connection)
            {
                return Decide.Nothing(ApiError.NotFound("Connection", id));
            }
            var now = clock.GetUtcNow();
            return Decide.To(ApiAnswer.NoContent,
                Denied.Because("deleted", id, environmentId, ids, now),
                ConnectionEvents.Deleted(connections.Ready(connection).ToBody(), environmentId, idKey, now));
        });
    }

    private Task<bool> DeactivateAsync(Connection connection, byte[] idKey, HttpContext http) => database.RecordAsync(http, view =>
    {
        var now = clock.GetUtcNow();
        var body = connections.Ready(connection with { State = "inactive" }).ToBody();
        var deny = Denied.Because("deactivated", connection.Id, connection.EnvironmentId, ids, now);
        return ConnectionStore.Find(view, connection.EnvironmentId, connection.Id) is { IsActive: true }
            ? Decide.To(true, deny, ConnectionEvents.Deactivated(body, connection.EnvironmentId, idKey, $"{connection.Id}/{now.ToUnixTimeMilliseconds()}", now))
            : Decide.To(true, deny);   // it was off already: nothing has happened that anybody would want to hear of
    });

    private static string? CheckState(ConnectionInput input, Fields fields)
    {
        if (input.State.Value is not (null or "active" or "inactive" or "draft"))
        {
            fields.Fault("state", "invalid");
        }
        return input.State.Value;
    }

    private ConnectionSettings? Settle(
        ConnectionInput input, string type, ConnectionSettings? standing, MetadataDocument? pending, byte[]? metadata, OidcClientKey? clientKey, Fields fields)
    {
        var isSaml = ConnectionInput.IsSamlType(type);
        if (isSaml ? input.Oidc.Value is not null : input.Saml.Value is not null)
        {
            fields.Fault(isSaml ? "oidc" : "saml", "does_not_fit_connection_type");
        }
        if (isSaml ? input.Saml.Value is null && standing?.Saml is null : input.Oidc.Value is null && standing?.Oidc is null)
        {
            fields.Fault(isSaml ? "saml" : "oidc", "required");
            return null;
        }
        var settled = (input.Saml.Value, input.Oidc.Value) switch
        {
            ({ } saml, _) when isSaml => ConnectionInput.Settle(saml, standing?.Saml, metadata, pending, address.IsDev, fields) is { } spoken ? new ConnectionSettings(spoken, null) : null,
            (_, { } oidc) when !isSaml => OidcInput.Settle(oidc, type, standing?.Oidc, clientKey, address.IsDev, fields) is { } spoken ? new ConnectionSettings(null, spoken) : null,
            _ => standing,
        };
        return settled is null ? null : settled with { Roles = input.RoleMap.Is ? input.CheckRoles(fields) : standing?.Roles };
    }

    /// <summary>The document at <c>saml.metadata_url</c>; null when none was asked for, or it could not be read. Nothing is fetched for a body that is wrong anyway.</summary>
    private async Task<byte[]?> FetchMetadataAsync(ConnectionInput input, Fields fields, HttpContext http)
    {
        if (input.Saml.Value?.MetadataUrl.Value is not { } url || fields.Refusal is not null)
        {
            return null;
        }
        if (!ConnectionInput.IsSound(url, address.IsDev))
        {
            fields.Fault("saml.metadata_url", "invalid_url");
            return null;
        }
        var environmentId = Caller.Of(http).EnvironmentId;
        var dependency = dependencies.GetOrAdd(Catalogue.IdpMetadata.Of(environmentId), clock);
        try
        {
            return (await outbound.GetAsync(dependency, new Uri(url), OutboundLimits.Document, http.RequestAborted)).Body;
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
