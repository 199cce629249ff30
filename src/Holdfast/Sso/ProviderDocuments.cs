using System.Collections.Concurrent;
using System.Text;
using Holdfast.Http;
using Holdfast.Protocols.OpenIdConnect;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Sso;

/// <summary>What OpenID providers last said of themselves: kept in the replica, read anew in the background, and never evicted (law 6).</summary>
/// <remarks>A sign-in waits for it in two cases only, each inside the dependency's deadline and limited in rate: the provider was never read, or it signs with a key that nobody has seen.</remarks>
internal sealed class ProviderDocuments(
    Database database, OutboundHttp outbound, Dependencies dependencies, PublicAddress address, Connections connections, SsoOptions options, TimeProvider clock,
    ILogger<ProviderDocuments> log) : BackgroundService
{
    /// <summary>How often each provider is asked.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromMinutes(10);

    /// <summary>How often at most a sign-in may cause a fetch, per connection.</summary>
    public static readonly TimeSpan NotAgainBefore = TimeSpan.FromSeconds(5);

    private const int MostFetches = 10_000;

    private readonly ConcurrentDictionary<string, Provider> _parsed = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _faults = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (DateTimeOffset At, Task<Provider?> Fetch)> _fetches = new(StringComparer.Ordinal);

    /// <summary>A provider's documents; null when they were never read and cannot be now.</summary>
    /// <param name="budget">Ends with the time that the sign-in may wait for its provider, which this is a part of (law 1).</param>
    /// <exception cref="OperationCanceledException"><paramref name="aborted"/> was cancelled: nobody waits any more.</exception>
    public async Task<Provider?> FindAsync(ReadyConnection connection, CancellationToken budget, CancellationToken aborted)
    {
        if (Kept(connection) is { } kept)
        {
            _ = Dependency(connection);   // known from now on: should the provider fail, its document is what the node knocks at
            return kept;
        }
        using var either = CancellationTokenSource.CreateLinkedTokenSource(budget, aborted);
        try
        {
            return await FetchAsync(connection, either.Token);
        }
        catch (OperationCanceledException) when (!aborted.IsCancellationRequested)
        {
            return null;   // the fetch goes on, for whoever comes next
        }
    }

    /// <summary>Why a provider's documents are not here, for its administrator. An address that may not be asked and one that does not answer are told alike.</summary>
    public string WhyMissing(ReadyConnection connection) => _faults.GetValueOrDefault(connection.Connection.Id) ?? "the provider's documents were never read yet";

    /// <summary>Where a provider ends its sessions, as it last said; null when it does not, or was never read. Nobody waits for it: this is for signing out.</summary>
    public string? EndSessionEndpoint(ReadyConnection connection) => Kept(connection)?.Metadata.EndSessionEndpoint;

    /// <summary>Reads a provider's keys anew, because it signed with one that nobody has seen; unless that was just done.</summary>
    public Task<Provider?> FindKeyAsync(ReadyConnection connection, Provider known, CancellationToken ct) => FetchAsync(connection, ct, known.Row.Metadata);

    /// <summary>Reads them anew, unless that was just done.</summary>
    /// <param name="metadata">The discovery document, if only the keys are wanted: one call instead of two.</param>
    public async Task<Provider?> FetchAsync(ReadyConnection connection, CancellationToken ct, string? metadata = null)
    {
        var id = connection.Connection.Id;
        if (connection.Provider?.Plain is not null)
        {
            return Kept(connection);
        }
        try
        {
            var fetch = FetchOnce($"{id}/{SourceOf(connection)}", () => ReadAsync(connection, metadata));
            using var away = fetch.IsCompleted ? default : Errand.Outside();   // whoever waits for it, and not only who began it
            return await fetch.WaitAsync(ct);
        }
        catch (Exception fault) when (fault is DependencyUnavailableException or OutboundAnswerException or DocumentRefusedException)
        {
            SsoLog.DocumentsUnread(log, id, fault.Message);
            if (_faults.Count < MostFetches || _faults.ContainsKey(id))
            {
                _faults[id] = fault is DocumentRefusedException ? (fault.Message.Length > 500 ? fault.Message[..500] + "…" : fault.Message) : $"{connection.Settings.Oidc!.DiscoveryUrl} or the keys that it names could not be read";
            }
            return Kept(connection);
        }
    }

    /// <summary>One fetch at a time and connection, and none for a while after it: everybody who waits shares it.</summary>
    private Task<Provider?> FetchOnce(string key, Func<Task<Provider?>> read)
    {
        lock (_fetches)
        {
            var now = clock.GetUtcNow();
            if (_fetches.TryGetValue(key, out var last) && (!last.Fetch.IsCompleted || now - last.At < NotAgainBefore))
            {
                return last.Fetch;
            }
            if (_fetches.Count >= MostFetches)
            {
                foreach (var (old, _) in _fetches.Where(f => f.Value.Fetch.IsCompleted).ToList())
                {
                    _fetches.Remove(old);
                }
            }
            var fetch = read();
            _fetches[key] = (now, fetch);
            return fetch;
        }
    }

    /// <summary>How many providers are kept parsed.</summary>
    internal int Parsed => _parsed.Count;

    private Provider? Kept(ReadyConnection connection)
    {
        if (connection.Provider?.Metadata(connection.Settings.Oidc!.BaseUrl) is { } table)
        {
            return new Provider(table, SigningKeys.None, new Row("", "", 0));   // it has no documents: what they would say stands in our table
        }
        var row = database.Read(view => view.Find<Row>(
            "SELECT metadata AS Metadata, keys AS Keys, read_at AS ReadAt FROM provider_documents WHERE id = @Id AND source = @source",
            new { connection.Connection.Id, source = SourceOf(connection) }));
        if (row is null)
        {
            return null;
        }
        if (_parsed.TryGetValue(connection.Connection.Id, out var parsed) && parsed.Row == row)
        {
            return parsed;
        }
        if (Parse(row, connection) is not { } provider)
        {
            return null;
        }
        if (_parsed.Count >= options.MostProvidersParsed)
        {
            _parsed.Clear();
        }
        return _parsed[connection.Connection.Id] = provider;
    }

    /// <summary>What documents are read for: those of other settings are another provider's.</summary>
    private static string SourceOf(ReadyConnection connection) => Caller.Hash($"{connection.Settings.Oidc!.DiscoveryUrl}\n{connection.Settings.Oidc.Issuer}");

    private Provider? Parse(Row row, ReadyConnection connection) =>
        ReadMetadata(Encoding.UTF8.GetBytes(row.Metadata), connection) is ProviderMetadataVerdict.Accepted { Metadata: var metadata }
        && SigningKeys.Read(Encoding.UTF8.GetBytes(row.Keys)) is { } keys
            ? new Provider(metadata, keys, row)
            : null;   // written for other settings than these

    private ProviderMetadataVerdict ReadMetadata(byte[] json, ReadyConnection connection)
    {
        var settings = connection.Settings.Oidc!;
        return ProviderMetadata.Read(json, settings.Issuer ?? IssuerOf(settings.DiscoveryUrl, json), address.IsDev, allowTenants: connection.Provider is { HasTenants: true });
    }

    /// <summary>An issuer may end in a slash or not; its document says which, and both belong to this discovery URL.</summary>
    private static string? IssuerOf(string discoveryUrl, byte[] json) => ProviderMetadata.IssuerOf(discoveryUrl) is not { } issuer
        ? null
        : Encoding.UTF8.GetString(json).Contains($"\"{issuer}/\"", StringComparison.Ordinal) ? issuer + "/" : issuer;

    private async Task<Provider?> ReadAsync(ReadyConnection connection, string? known)
    {
        Errand.Current = null;   // many share it, and it goes on when who began it has gone
        var settings = connection.Settings.Oidc!;
        var document = known is null
            ? (await outbound.GetAsync(Dependency(connection), new Uri(settings.DiscoveryUrl), OutboundLimits.Document, CancellationToken.None)).Body
            : Encoding.UTF8.GetBytes(known);
        var verdict = ReadMetadata(document, connection);
        if (verdict is not ProviderMetadataVerdict.Accepted { Metadata: var metadata })
        {
            var refused = (ProviderMetadataVerdict.Refused)verdict;
            Dependency(connection).Note(Trouble.Wrong);
            throw new DocumentRefusedException($"the discovery document was refused ({refused.Why}): {refused.Detail}");
        }
        var jwks = await outbound.GetAsync(Dependency(connection), new Uri(metadata.JwksUri), OutboundLimits.Document, CancellationToken.None);
        if (SigningKeys.Read(jwks.Body) is not { Usable: > 0 } keys)
        {
            Dependency(connection).Note(Trouble.Wrong);
            throw new DocumentRefusedException("the key set holds no key that can be used");
        }
        var source = SourceOf(connection);
        var row = new Row(Encoding.UTF8.GetString(document), Encoding.UTF8.GetString(jwks.Body), clock.GetUtcNow().ToUnixTimeMilliseconds());
        await database.RecordAsync(view =>
            view.Find<Row>("SELECT metadata AS Metadata, keys AS Keys, read_at AS ReadAt FROM provider_documents WHERE id = @Id AND source = @source",
                new { connection.Connection.Id, source }) is { } held
            && (held == row || (Parse(held, connection) is { } before && before.Metadata.SaysTheSameAs(metadata) && before.Keys.SaysTheSameAs(keys)))
                ? Decide.Nothing(true)   // nothing new, in whatever order or with whatever date it is written: not worth a fact
                : Decide.To(true, Change.To(Schema.ProviderDocuments, connection.Connection.Id,
                    ("environment_id", connection.Connection.EnvironmentId), ("source", source), ("metadata", row.Metadata), ("keys", row.Keys), ("read_at", row.ReadAt))));
        return Kept(connection);
    }

    private Dependency Dependency(ReadyConnection connection)
    {
        var dependency = dependencies.GetOrAdd(Catalogue.IdpDocuments.Of(connection.Connection.Id, connection.Connection.OrganizationId), clock);
        var discovery = connection.Settings.Oidc!.DiscoveryUrl;
        if (connection.Provider?.Plain is null && dependency.Document?.OriginalString != discovery && Uri.TryCreate(discovery, UriKind.Absolute, out var at))
        {
            dependency.Document = at;
        }
        return dependency;
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Rounds.RunAsync(Every, clock, ReadAllAsync, fault => SsoLog.RoundCutOff(log, fault), stoppingToken);   // what this feeds stands without it

    /// <summary>Documents of connections that were deleted, or are not in force: nobody needs them, so nobody knocks at them.</summary>
    internal void LetGo()
    {
        foreach (var left in dependencies.Tenants.Where(d => d.Document is not null && d.Policy.Instance is { } id && database.Read(view => ConnectionStore.Find(view, id)) is not { IsActive: true }))
        {
            left.Document = null;
        }
    }

    private async Task ReadAllAsync(CancellationToken stoppingToken)
    {
        LetGo();
        var after = "";
        while (database.Read(view => ConnectionStore.OfOpenIdConnect(view, after, 100)) is { Count: > 0 } page && !stoppingToken.IsCancellationRequested)
        {
            // Some at once: a provider that hangs must not hold up the others.
            await Parallel.ForEachAsync(page.Where(c => c.IsActive && OAuthProvider.Of(c.ConnectionType)?.Plain is null), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (connection, _) =>
            {
                try
                {
                    await FetchAsync(connections.Ready(connection), stoppingToken);
                }
                catch (Exception fault)
                {
                    SsoLog.DocumentsUnread(log, connection.Id, fault.Message);
                }
            });
            after = page[^1].Id;
        }
    }

    internal sealed record Row(string Metadata, string Keys, long ReadAt);

    /// <summary>A provider, read.</summary>
    internal sealed record Provider(ProviderMetadata Metadata, SigningKeys Keys, Row Row);
}

/// <summary>A provider's document says something that must not be believed.</summary>
internal sealed class DocumentRefusedException(string message) : Exception(message);
