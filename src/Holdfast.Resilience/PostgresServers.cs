using System.Collections.Concurrent;
using System.Globalization;
using Npgsql;

namespace Holdfast.Resilience;

/// <summary>Who logs in to a database.</summary>
/// <param name="Username">Null: as the connection string has it.</param>
public sealed record DatabaseCredential(string? Username, string? Password)
{
    public override string ToString() => "(credential)";   // what is printed in passing holds no secret
}

/// <summary>The servers of a PostgreSQL cluster, of which one takes writes: the only place that opens connections to them (decision 0022).</summary>
/// <remarks>A call never outlasts its caller's patience, even when the server is frozen and the driver waits for it: it is abandoned, and counted until it truly ends.</remarks>
public sealed class PostgresServers : IAsyncDisposable
{
    /// <summary>How long a connection may take to open, one server.</summary>
    private const int OpenSeconds = 2;

    /// <summary>How long the driver itself waits for a statement; callers have shorter deadlines.</summary>
    private const int CommandSeconds = 5;

    private static readonly TimeSpan ListenFor = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan ListenAgain = TimeSpan.FromSeconds(5);

    /// <summary>Connections to each server.</summary>
    private const int MostConnections = 8;

    /// <summary>How often a server that takes no writes is asked again while others have not answered yet: the one that takes over is found by this, and not when the dead one is given up.</summary>
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(250);

    private readonly string _given;
    private readonly string _application;
    private readonly Dependency _dependency;
    private readonly Lock _lock = new();
    private Pools _pools;
    private bool _disposed;

    /// <param name="connectionString">As of Npgsql; several hosts by commas. What it leaves out gets our bounds.</param>
    /// <param name="application">What the server lists this node as.</param>
    /// <exception cref="FormatException">It is no connection string, or names no host. The message holds nothing of it.</exception>
    public PostgresServers(string connectionString, string application, DatabaseCredential? credential, Dependency dependency)
    {
        (_given, _application, _dependency) = (connectionString, application, dependency);
        _pools = new Pools(Parse(connectionString, application), credential);
    }

    /// <summary>Called when a server did not let the credential in.</summary>
    public Action? LoginRefused { get; set; }

    /// <summary>Host and port of each server, for people.</summary>
    public IReadOnlyList<string> Names => [.. _pools.All.Select(p => p.Name)];

    /// <summary>The server that was found to take writes; null while none was.</summary>
    public string? Leader => _pools.Leader?.Name;

    /// <summary>What is wrong with a connection string, without telling anything of it; null when nothing is.</summary>
    public static string? FaultOf(string connectionString)
    {
        try
        {
            _ = Parse(connectionString, "");
            return null;
        }
        catch (FormatException fault)
        {
            return fault.Message;
        }
    }

    /// <summary>Does work on a connection to the server that takes writes. When it throws, or nobody waits for it any more, the server is looked for anew the next time.</summary>
    /// <param name="work">Its token ends a little after the caller's: what it cancels may hold a thread.</param>
    /// <exception cref="DependencyUnavailableException">Too many calls are under way already.</exception>
    public async Task<T> UseAsync<T>(Func<NpgsqlConnection, CancellationToken, Task<T>> work, CancellationToken ct)
    {
        (Pools Of, Pool One)? used = null;
        try
        {
            return await _dependency.CallAsync(
                async token =>
                {
                    using var stop = new CancellationTokenSource();
                    await using var forward = token.UnsafeRegister(_ => CancelApart(stop), null);
                    try
                    {
                        var (opened, pools, server) = await OpenAsync(stop.Token);
                        used = (pools, server);
                        await using var connection = opened;
                        return await work(connection, stop.Token);
                    }
                    catch (Exception fault) when (IsRefusedLogin(fault))
                    {
                        LoginRefused?.Invoke();
                        throw;
                    }
                },
                ct);
        }
        catch (Exception fault) when (fault is NpgsqlException or AggregateException or OutageException or IOException or TimeoutException or OperationCanceledException or DependencyUnavailableException)
        {
            // Before anybody is told: the driver may hold on to this server for seconds more, and whoever comes next is not to wait for it, too. It alone: another may have been found since.
            used?.Of.Leave(used.Value.One);
            throw;
        }
    }

    /// <summary>Hears what is told on a channel, for as long as the connection lives, and then on another. A hint: nothing may rely on it.</summary>
    /// <returns>When it is told to stop.</returns>
    public async Task ListenAsync(string channel, Action heard, TimeProvider clock, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                var (opened, _, server) = await OpenAsync(ct);
                await using var connection = opened;
                if (server.IsBehindPooler)
                {
                    // What listens there is a session that is not ours alone; the poll finds all the same.
                    await connection.DisposeAsync();
                    await Task.Delay(ListenFor, clock, ct);
                    continue;
                }
                connection.Notification += (_, _) => heard();
                await using var listen = new NpgsqlCommand($"LISTEN {channel}", connection);
                await listen.ExecuteNonQueryAsync(ct);
                while (true)
                {
                    if (!await connection.WaitAsync(ListenFor, ct))
                    {
                        await listen.ExecuteNonQueryAsync(ct);   // is it still there?
                    }
                }
            }
            catch (Exception) when (!ct.IsCancellationRequested)
            {
                await Task.Delay(ListenAgain, clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception)
            {
                // Told to stop.
            }
        }
    }

    /// <summary>Whether something stands between that may give each transaction another session. Then nothing is prepared, and nothing is listened for.</summary>
    public bool IsBehindPooler => _pools.All.Any(p => p.IsBehindPooler);

    /// <summary>Whether a server refused the user name or password.</summary>
    public static bool IsRefusedLogin(Exception fault) =>
        fault is PostgresException { SqlState: ['2', '8', ..] }
        || (fault is AggregateException many ? many.InnerExceptions.Any(IsRefusedLogin) : fault.InnerException is { } inner && IsRefusedLogin(inner));

    /// <summary>Logs in with another credential, and if a server lets it in, uses it from now on. Connections that are open stay so until their work is done.</summary>
    /// <exception cref="NpgsqlException">No server let it in.</exception>
    public async Task ReplaceAsync(DatabaseCredential credential, CancellationToken ct)
    {
        var next = new Pools(Parse(_given, _application), credential);
        try
        {
            await _dependency.CallAsync(
                async token =>
                {
                    await using var connection = await next.OpenAnyAsync(token);
                },
                ct);
        }
        catch
        {
            await next.DisposeAsync();
            throw;
        }
        Pools old;
        lock (_lock)
        {
            (old, _pools) = _disposed ? (next, _pools) : (_pools, next);
        }
        await old.DisposeAsync();
    }

    private async Task<(NpgsqlConnection Connection, Pools From, Pool Server)> OpenAsync(CancellationToken ct)
    {
        while (true)
        {
            var pools = Volatile.Read(ref _pools);
            try
            {
                var (connection, server) = await pools.OpenAsync(ct);
                return (connection, pools, server);
            }
            catch (Exception fault) when (fault is ObjectDisposedException or AggregateException && pools != Volatile.Read(ref _pools))
            {
                // Another credential came in between.
            }
        }
    }

    /// <summary>Cancels on a thread of its own: the driver asks the server to give up, on the thread that cancels, and one that does not answer holds that for seconds.
    /// A few of them in the pool, and nothing else of the node goes on.</summary>
    private static void CancelApart(CancellationTokenSource stop) => new Thread(() =>
    {
        try
        {
            stop.Cancel();
        }
        catch (Exception fault) when (fault is ObjectDisposedException or AggregateException)
        {
            // It ended meanwhile.
        }
    }) { IsBackground = true, Name = "holdfast gives a call up" }.Start();

    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _disposed = true;
        }
        await _pools.DisposeAsync();
    }

    internal static List<NpgsqlConnectionStringBuilder> Parse(string text, string application)
    {
        NpgsqlConnectionStringBuilder given;
        try
        {
            given = new NpgsqlConnectionStringBuilder(text);
        }
        catch (Exception fault) when (fault is ArgumentException or FormatException or InvalidOperationException or OverflowException or KeyNotFoundException)
        {
            throw new FormatException("not a connection string that PostgreSQL's driver understands.");   // its message may hold the password
        }
        if (string.IsNullOrWhiteSpace(given.Host))
        {
            throw new FormatException("a connection string with a Host is needed.");
        }
        var hosts = new List<NpgsqlConnectionStringBuilder>();
        foreach (var host in given.Host.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, port) = Split(host, given.Port);
            var one = new NpgsqlConnectionStringBuilder(text)
            {
                Host = name, Port = port, Multiplexing = false, Enlist = false, Pooling = true, PersistSecurityInfo = false, IncludeErrorDetail = false,
                ConnectionLifetime = 0,   // a connection that lives outlives the issuer of its credential
            };
            one.Remove("Target Session Attributes");   // who leads is found out here
            Default(one, "Timeout", OpenSeconds);
            Default(one, "Command Timeout", CommandSeconds);
            Default(one, "Cancellation Timeout", -1);
            Default(one, "Maximum Pool Size", MostConnections);
            Default(one, "Minimum Pool Size", Math.Min(2, one.MaxPoolSize));
            Default(one, "Connection Idle Lifetime", 3600);
            Default(one, "Tcp Keepalive Time", 5);
            Default(one, "Tcp Keepalive Interval", 2);
            Default(one, "Max Auto Prepare", 0);   // a batch that is refused while the driver prepares it ends in the driver's own NullReferenceException
            Default(one, "GSS Encryption Mode", "Disable");
            Default(one, "Application Name", application);
            hosts.Add(one);
        }
        return hosts.Count > 0 ? hosts : throw new FormatException("a connection string with a Host is needed.");
    }

    private static void Default(NpgsqlConnectionStringBuilder one, string name, object value)
    {
        if (!one.ShouldSerialize(name))   // ContainsKey says yes to all that it knows, given or not
        {
            one[name] = value;
        }
    }

    private static (string Host, int Port) Split(string host, int port)
    {
        var at = host.LastIndexOf(':');
        return at > 0 && host[0] is not '/' and not '@' && (host.IndexOf(':', StringComparison.Ordinal) == at || host[at - 1] == ']')
            && int.TryParse(host.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var own)
                ? (host[..at].Trim('[', ']'), own)
                : (host, port);
    }

    /// <summary>A pool of connections to each server, all with one credential.</summary>
    private sealed class Pools(IReadOnlyList<NpgsqlConnectionStringBuilder> servers, DatabaseCredential? credential) : IAsyncDisposable
    {
        private readonly Lock _searching = new();
        private Pool? _leader;
        private Task<Pool>? _search;

        public IReadOnlyList<Pool> All { get; } = [.. servers.Select(s => new Pool(s, credential))];

        /// <summary>The server that was found to take writes; null while none is known.</summary>
        public Pool? Leader => Volatile.Read(ref _leader);

        /// <summary>Somebody was not served by it: it is looked for anew, unless another was found meanwhile.</summary>
        public void Leave(Pool server) => Interlocked.CompareExchange(ref _leader, null, server);

        public async Task<(NpgsqlConnection Connection, Pool Server)> OpenAsync(CancellationToken ct)
        {
            var server = Leader ?? (All.Count == 1 ? All[0] : await Search().WaitAsync(ct));
            try
            {
                var connection = await server.OpenAsync(ct);
                if (All.Count == 1)
                {
                    Volatile.Write(ref _leader, server);
                }
                return (connection, server);
            }
            catch
            {
                Leave(server);
                throw;
            }
        }

        /// <summary>One for all who wait: a server that hangs is asked once, and not by each of them.</summary>
        private Task<Pool> Search()
        {
            lock (_searching)
            {
                return _search is { IsCompleted: false } ? _search : _search = Task.Run(SearchAsync);
            }
        }

        /// <summary>Asks all at once, and who takes no writes again and again for as long as another has not answered: whoever is made the leader while a dead one is waited for, is found at once.</summary>
        private async Task<Pool> SearchAsync()
        {
            var round = new Round(All.Count);
            var asked = All.Select(server => AskAsync(server, round)).ToList();
            while (asked.Count > 0)
            {
                var answered = await Task.WhenAny(asked);
                asked.Remove(answered);
                if (await answered is { } leader)
                {
                    Volatile.Write(ref _leader, leader);
                    round.End();
                    return leader;
                }
            }
            throw new AggregateException("No server of the primary database takes writes.", round.Faults.Values);
        }

        /// <returns>Null when the round is over and it takes no writes.</returns>
        private static async Task<Pool?> AskAsync(Pool server, Round round)
        {
            for (var isFirst = true; ; isFirst = false)
            {
                try
                {
                    if (await server.TakesWritesAsync())
                    {
                        return server;
                    }
                    round.Faults[server] = new OutageException(Trouble.Refuses, "This server is a standby: it takes no writes.");
                }
                catch (Exception fault)
                {
                    round.Faults[server] = fault;
                }
                if (isFirst)
                {
                    round.Answered();
                }
                await Task.WhenAny(round.Over, Task.Delay(AskAgain));
                if (round.Over.IsCompleted)
                {
                    return null;
                }
            }
        }

        public Task<NpgsqlConnection> OpenAnyAsync(CancellationToken ct) => FirstAsync(static (pool, stop) => pool.OpenAsync(stop), ct);

        /// <summary>Asks all at once, and takes the first: one that hangs holds up nobody.</summary>
        private async Task<NpgsqlConnection> FirstAsync(Func<Pool, CancellationToken, Task<NpgsqlConnection>> open, CancellationToken ct)
        {
            var asked = All.Select(pool => open(pool, ct)).ToList();
            var faults = new List<Exception>();
            while (asked.Count > 0)
            {
                var answered = await Task.WhenAny(asked);
                asked.Remove(answered);
                try
                {
                    var connection = await answered;
                    foreach (var late in asked)
                    {
                        _ = LetGoAsync(late);
                    }
                    return connection;
                }
                catch (Exception fault)
                {
                    faults.Add(fault);
                }
            }
            throw new AggregateException("No server of the primary database lets anybody in.", faults);
        }

        private static async Task LetGoAsync(Task<NpgsqlConnection> late)
        {
            try
            {
                await (await late).DisposeAsync();
            }
            catch (Exception)
            {
                // It was not the one, and nobody waits for it.
            }
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var pool in All)
            {
                await pool.DisposeAsync();
            }
        }
    }

    /// <summary>One search: over once everybody has answered, or one takes writes.</summary>
    private sealed class Round(int servers)
    {
        private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _open = servers;

        /// <summary>What each said last.</summary>
        public ConcurrentDictionary<Pool, Exception> Faults { get; } = new();

        public Task Over => _over.Task;

        public void End() => _over.TrySetResult();

        /// <summary>A server answered, or was given up, for the first time.</summary>
        public void Answered()
        {
            if (Interlocked.Decrement(ref _open) == 0)
            {
                End();
            }
        }
    }

    private sealed class Pool : IAsyncDisposable
    {
        private readonly NpgsqlDataSource _source;
        private readonly NpgsqlDataSource _careful;
        private readonly TimeSpan _patience;
        private volatile bool _isBehindPooler;

        public Pool(NpgsqlConnectionStringBuilder server, DatabaseCredential? credential)
        {
            Name = string.Create(CultureInfo.InvariantCulture, $"{server.Host}:{server.Port}");
            _patience = TimeSpan.FromSeconds(server.Timeout > 0 ? server.Timeout : OpenSeconds);
            server.Username = credential?.Username ?? server.Username;
            server.Password = credential?.Password ?? server.Password;
            // Names of prepared statements are a session's; in another's, the same name is another statement.
            var careful = new NpgsqlConnectionStringBuilder(server.ConnectionString) { MaxAutoPrepare = 0, NoResetOnClose = true };
#pragma warning disable RS0030 // The one place that opens connections to a database server.
            var builder = new NpgsqlDataSourceBuilder(server.ConnectionString);
            builder.UsePhysicalConnectionInitializer(static _ => throw new NotSupportedException("Connections are opened asynchronously."), LookForPoolerAsync);
            (_source, _careful) = (builder.Build(), new NpgsqlDataSourceBuilder(careful.ConnectionString).Build());
#pragma warning restore RS0030
        }

        public string Name { get; }

        /// <summary>Something stands between that may give each transaction another session.</summary>
        public bool IsBehindPooler => _isBehindPooler;

        public async Task<NpgsqlConnection> OpenAsync(CancellationToken ct)
        {
            if (!_isBehindPooler)
            {
                try
                {
                    return await _source.OpenConnectionAsync(ct);
                }
                catch (Exception) when (_isBehindPooler)
                {
                    // Found out by this very connection: nothing has been done on it.
                }
            }
            return await _careful.OpenConnectionAsync(ct);
        }

        public async ValueTask DisposeAsync()
        {
            await _source.DisposeAsync();
            await _careful.DisposeAsync();
        }

        /// <summary>Whether it takes writes; as long as a connection may take to open, it may take to say so.</summary>
        public async Task<bool> TakesWritesAsync()
        {
            using var stop = new CancellationTokenSource();
            await using var patience = new Timer(_ => CancelApart(stop), null, _patience, Timeout.InfiniteTimeSpan);
            await using var connection = await OpenAsync(stop.Token);
            await using var command = connection.CreateCommand();
            command.CommandText = "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on'";
            return await command.ExecuteScalarAsync(stop.Token) is false;
        }

        /// <summary>A server says who it is when it lets somebody in, and again when it is asked; what stands between says the first for itself.</summary>
        private async Task LookForPoolerAsync(NpgsqlConnection connection)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = "SELECT pg_backend_pid()";
            if (await command.ExecuteScalarAsync() is int process && process != connection.ProcessID)
            {
                _isBehindPooler = true;
                throw new OutageException(Trouble.Refuses, "A pooler stands before this server.");
            }
        }
    }
}
