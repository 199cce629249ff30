using Holdfast.Keys;
using Holdfast.Resilience;
using Holdfast.Verbs;

namespace Holdfast;

/// <summary>The way to a PostgreSQL primary: its servers, and who keeps their credential.</summary>
internal sealed partial class DatabaseAccess : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly CredentialSource? _source;
    private Task _keeping = Task.CompletedTask;

    private DatabaseAccess(PostgresServers servers, CredentialSource? source) => (Servers, _source) = (servers, source);

    public PostgresServers Servers { get; }

    /// <summary>Where it is told what goes wrong; there is none before the server is built.</summary>
    public ILogger? Log { get; set; }

    /// <summary>Opens no connection yet. Waits for the issuer of credentials only on a node that never had one.</summary>
    public static async Task<DatabaseAccess> OpenAsync(
        PostgresSettings settings, string data, string node, ClusterKeys keys, Dependency primary, Dependencies dependencies, TimeProvider clock, CancellationToken ct)
    {
        var application = $"holdfast {node}";
        if (settings.Credentials is null)
        {
            return new DatabaseAccess(new PostgresServers(settings.ConnectionString, application, null, primary), null);
        }
        var source = CredentialSource.Of(settings.Credentials, clock);
        dependencies.Add(source.Dependency);
        var credentials = new DatabaseCredentials(source, Path.Combine(data, "database.credential"), keys, clock);
        await credentials.LoadAsync(ct);
        var access = new DatabaseAccess(new PostgresServers(settings.ConnectionString, application, credentials.Current, primary), source);
        access.Servers.LoginRefused = credentials.AskNow;
        access._keeping = credentials.RunAsync(access.Servers, access.Tell, access._stop.Token);
        return access;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _keeping;
        await Servers.DisposeAsync();
        _source?.Dispose();
        _stop.Dispose();
    }

    // In our words: those of an issuer or a server may hold what is secret.
    private void Tell(string who, Exception fault)
    {
        if (Log is not { } log)
        {
            return;
        }
        if (who == DatabaseCredentials.ItsDisk)
        {
            NotKept(log, fault);
        }
        else
        {
            NotRenewed(log, who, fault is DependencyUnavailableException { How: var how } ? how : PostgresServers.IsRefusedLogin(fault) ? "refuses it" : Trouble.Of(fault));
        }
    }

    [LoggerMessage(1170, LogLevel.Warning, "The database's credential was not renewed: {Who}: {How}. The last good one is used")]
    private static partial void NotRenewed(ILogger log, string who, string how);

    [LoggerMessage(1171, LogLevel.Warning, "The database's credential is in use, and could not be written down on this node's disk; that is tried again in 5 seconds")]
    private static partial void NotKept(ILogger log, Exception fault);
}
