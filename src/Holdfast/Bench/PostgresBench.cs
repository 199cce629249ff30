using System.Diagnostics;
using System.Globalization;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Node;
using Holdfast.Storage.Primary.Postgres;
using Holdfast.Storage.Rows;

namespace Holdfast.Bench;

/// <summary><c>postgres</c>: a PostgreSQL server of its own (fsync on) and two nodes' storage on it: facts offered, administrators' writes, and how long a fact of one node takes to the other.</summary>
internal static class PostgresBench
{
    public const string Name = "postgres";

    /// <summary>A node of its own, with an empty disk, on a primary of very many users.</summary>
    public const string CatchUp = "catch-up";

    /// <summary>How many users, where it is to be less than <see cref="Users"/>: a busy machine takes its time.</summary>
    private const string Fewer = "HOLDFAST_BENCH_USERS";

    private const int Users = 1_000_000;

    private const int Offered = 20_000;
    private const int AtOnce = 500;
    private const int WritesPerWriter = 50;
    private const int Writers = 8;
    private const int FactsPerSecond = 500;
    private const double GoalMilliseconds = 1000;

    private static readonly TimeSpan AgainAfter = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LagFor = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task<IReadOnlyList<Measured>> RunAsync(Action<string> progress, CancellationToken ct)
    {
        if (PostgresProcess.Missing is { } missing)
        {
            throw new InvalidOperationException(missing);
        }
        await using var server = await PostgresProcess.StartAsync();
        var connection = await server.MakeDatabaseAsync("holdfast");
        var folder = Directory.CreateTempSubdirectory("holdfast-bench-").FullName;
        try
        {
            await using var one = await Node.StartAsync(folder, "node-1", connection, ct);
            await using var two = await Node.StartAsync(folder, "node-2", connection, ct);
            progress("administrators' writes");
            var writes = await WriteAsync(one, ct);
            progress($"replication lag at {FactsPerSecond} facts a second");
            var lag = await LagAsync(one, two, ct);
            progress("facts offered");
            var offered = await OfferAsync(one, ct);
            return
            [
                Measured.Of("offer/postgres/per_second", offered, "1/s", $"{Offered} events in transactions of {AtOnce}, one after the other"),
                Measured.Of("write/postgres/per_second", writes.PerSecond, "1/s", $"{Writers} administrators' writes at once on one node, each read back by it; {writes.Again} were asked for again"),
                Measured.Of("write/postgres/p99_ms", writes.P99, "ms"),
                Measured.Of("replication/postgres/p50_ms", Percentile.Of(lag, 0.5), "ms", $"{lag.Count} facts at {FactsPerSecond} a second: from recorded at one node until read at the other"),
                Measured.AtMost(GoalMilliseconds, "replication/postgres/p99_ms", Percentile.Of(lag, 0.99), "ms"),
            ];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public static async Task<IReadOnlyList<Measured>> CatchUpAsync(Action<string> progress, CancellationToken ct)
    {
        if (PostgresProcess.Missing is { } missing)
        {
            throw new InvalidOperationException(missing);
        }
        var users = int.TryParse(Environment.GetEnvironmentVariable(Fewer), NumberStyles.None, CultureInfo.InvariantCulture, out var fewer) ? Math.Min(fewer, Users) : Users;
        await using var server = await PostgresProcess.StartAsync();
        var connection = await server.MakeDatabaseAsync("holdfast");
        var folder = Directory.CreateTempSubdirectory("holdfast-bench-").FullName;
        try
        {
            await using (var one = await Node.StartAsync(folder, "node-1", connection, ct))
            {
                var clock = new HybridClock(TimeProvider.System, "bbbbbbbbbbbb");
                for (var n = 0; n < users; n += AtOnce)
                {
                    await one.Primary.OfferAsync([.. Enumerable.Range(n, Math.Min(AtOnce, users - n)).Select(i => User(i, clock))], LogPosition.Start, ct);
                    if (n % (100 * AtOnce) == 0)
                    {
                        progress($"{n} of {users} users are there");
                    }
                }
            }
            progress("a node starts on an empty disk");
            var own = Process.GetCurrentProcess();
            GC.Collect();
            own.Refresh();
            var before = own.WorkingSet64;
            var most = before;
            using var over = new CancellationTokenSource();
            var watching = Task.Run(async () =>
            {
                while (!over.IsCancellationRequested)
                {
                    own.Refresh();
                    most = Math.Max(most, own.WorkingSet64);
                    await Task.Delay(50, CancellationToken.None);
                }
            }, CancellationToken.None);
            var since = Stopwatch.GetTimestamp();
            await using var empty = await Node.StartAsync(folder, "node-2", connection, ct);
            var took = Stopwatch.GetElapsedTime(since).TotalSeconds;
            await over.CancelAsync();
            await watching;
            var held = empty.Host.Database.Read(view => view.Find<long>("SELECT count(*) FROM users"));
            return held != users
                ? throw new InvalidOperationException($"The node was ready with {held} of {users} users.")
                :
                [
                    Measured.Of("catch_up/postgres/s", took, "s", $"from an empty disk until ready, {users} users"),
                    Measured.Of("catch_up/postgres/per_second", users / took, "1/s"),
                    Measured.Of("catch_up/postgres/memory_mb", (most - before) / 1048576.0, "MB", "the most that the process had more than before"),
                    Measured.Of("catch_up/postgres/disk_mb", Directory.GetFiles(Path.Combine(folder, "node-2")).Sum(f => new FileInfo(f).Length) / 1048576.0, "MB"),
                ];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<double> OfferAsync(Node node, CancellationToken ct)
    {
        var clock = new HybridClock(TimeProvider.System, "bbbbbbbbbbbb");
        var batches = Enumerable.Range(0, Offered).Select(n => Event($"event_offered_{n}", clock)).Chunk(AtOnce).ToList();
        var since = Stopwatch.GetTimestamp();
        foreach (var batch in batches)
        {
            await node.Primary.OfferAsync(batch, LogPosition.Start, ct);
        }
        return Offered / Stopwatch.GetElapsedTime(since).TotalSeconds;
    }

    private static async Task<(double PerSecond, double P99, int Again)> WriteAsync(Node node, CancellationToken ct)
    {
        while (!await node.TryNameAsync("org_warm", ct))
        {
            await Task.Delay(AgainAfter, ct);
        }
        var again = 0;
        var since = Stopwatch.GetTimestamp();
        var took = await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(
            async () =>
            {
                var all = new List<double>();
                for (var n = 0; n < WritesPerWriter; n++)
                {
                    var began = Stopwatch.GetTimestamp();
                    while (!await node.TryNameAsync($"org_{writer}_{n}", ct))
                    {
                        Interlocked.Increment(ref again);   // a busy machine: an administrator asks again, and it counts as the time it took
                        if (Stopwatch.GetElapsedTime(began) > Patience)
                        {
                            throw new TimeoutException("An administrator's write was not done within a minute.");
                        }
                        await Task.Delay(AgainAfter, ct);   // who is known to be away is refused at once
                    }
                    all.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                }
                return all;
            },
            ct)));
        return (Writers * WritesPerWriter / Stopwatch.GetElapsedTime(since).TotalSeconds, Percentile.Of([.. took.SelectMany(t => t)], 0.99), again);
    }

    private static async Task<List<double>> LagAsync(Node one, Node two, CancellationToken ct)
    {
        var born = new Dictionary<string, long>(StringComparer.Ordinal);
        var lag = new List<double>();
        using var over = new CancellationTokenSource(LagFor + Patience);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(over.Token, ct);
        var wanted = (int)(FactsPerSecond * LagFor.TotalSeconds);
        var recording = Task.Run(
            async () =>
            {
                using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
                var since = Stopwatch.GetTimestamp();
                for (var n = 0; n < wanted && await tick.WaitForNextTickAsync(either.Token);)
                {
                    var due = Math.Min(wanted, (int)(Stopwatch.GetElapsedTime(since).TotalSeconds * FactsPerSecond));
                    await Task.WhenAll(Enumerable.Range(n, Math.Max(0, due - n)).Select(i => one.RecordAsync($"event_lag_{i}", id =>
                    {
                        lock (born)
                        {
                            born[id] = Stopwatch.GetTimestamp();
                        }
                    })));
                    n = Math.Max(n, due);
                }
            },
            either.Token);
        var seen = 0L;
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(2));
        while (lag.Count < wanted && await NextAsync(look, over.Token, either.Token))
        {
            var from = seen;
            var rows = two.Host.Database.Read(view => view.Query<Told>("SELECT sequence AS Sequence, version AS Version FROM log_tail WHERE sequence > @from ORDER BY sequence LIMIT 2000", new { from }));
            var now = Stopwatch.GetTimestamp();
            foreach (var row in rows)
            {
                seen = row.Sequence;
                if (row.Version.Length > 0 && RowVersion.FromJson(row.Version, Schema.ByName) is { } version)
                {
                    lock (born)
                    {
                        if (born.TryGetValue(version.Id, out var at))
                        {
                            lag.Add(Stopwatch.GetElapsedTime(at, now).TotalMilliseconds);
                        }
                    }
                }
            }
        }
        await recording;
        return lag;
    }

    private static async Task<bool> NextAsync(PeriodicTimer look, CancellationToken over, CancellationToken either)
    {
        try
        {
            return await look.WaitForNextTickAsync(either);
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            throw new TimeoutException("The facts of one node are not all at the other after more than a minute.");
        }
    }

    private static string Event(string id, HybridClock clock) => new RowVersion(Schema.Events, id,
        [new GroupVersion(clock.Next(), ["environment_1", "test", """{"object":"event","data":{"id":"user_01","email":"ada@acme.test","first_name":"Ada"}}""", 1L]), null]).ToJson();

    private static string User(int number, HybridClock clock)
    {
        var stamp = clock.Next();
        var groups = new GroupVersion?[Schema.Users.Groups.Length];
        groups[0] = new GroupVersion(stamp, ["environment_1", 1L]);
        groups[1] = new GroupVersion(stamp, [string.Create(CultureInfo.InvariantCulture, $"person-{number}@acme.test")]);
        groups[2] = new GroupVersion(stamp, ["Ada", "Lovelace"]);
        return new RowVersion(Schema.Users, string.Create(CultureInfo.InvariantCulture, $"user_{number:0000000}"), groups).ToJson();
    }

    private sealed record Told(long Sequence, string Version);

    /// <summary>A node's storage.</summary>
    private sealed class Node(StorageHost host, PostgresPrimary primary) : IAsyncDisposable
    {
        public StorageHost Host { get; } = host;

        public PostgresPrimary Primary { get; } = primary;

        public static async Task<Node> StartAsync(string folder, string name, string connection, CancellationToken ct)
        {
            var data = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
            PostgresPrimary? primary = null;
            var host = await StorageHost.StartAsync(new StorageSettings(data, "", name, "local", name, new JournalLimits()), Surroundings.Real, ct, openPrimary: (node, cluster, _) =>
                primary = new PostgresPrimary(node, cluster, new PostgresServers(connection, name, null, new Dependency(Catalogue.PostgresPrimary, TimeProvider.System)), Surroundings.Real));
            return new Node(host, primary!);
        }

        private Task<bool> NameAsync(string id, CancellationToken ct) =>
            Host.Database.WriteAsync(_ => Decide.To(true, Change.To(Schema.Organizations, id, ("name", id.ToUpper(CultureInfo.InvariantCulture)))), ct);

        /// <returns>False when it was not done in time, or it is not known.</returns>
        public async Task<bool> TryNameAsync(string id, CancellationToken ct)
        {
            try
            {
                return await NameAsync(id, ct);
            }
            catch (PrimaryUnavailableException)
            {
                return false;
            }
        }

        public async Task RecordAsync(string id, Action<string> born)
        {
            born(id);
            await Host.Database.RecordAsync(_ => Decide.To(true, Change.To(Schema.Events, id, ("environment_id", "environment_1"), ("event", "test"), ("data", "{}"), ("created_at", 1L))));
        }

        public ValueTask DisposeAsync() => Host.DisposeAsync();
    }
}
