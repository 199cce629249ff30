using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Holdfast.Storage;
using Npgsql;

namespace Holdfast.Drills.Regions;

/// <summary>A node of a region.</summary>
internal sealed class RegionNode(int region, int number, string folder) : NodeCaller(Path.Combine(folder, $"r{region}-{number}.socket"))
{
    public int Region { get; } = region;

    public string Part { get; } = $"node-{region}-{number}";

    public string Data { get; } = Path.Combine(folder, $"holdfast-{region}-{number}");

    /// <summary>The drill has not ended it.</summary>
    public bool IsUp { get; set; } = true;

    public override string ToString() => Part;
}

/// <summary>The edge of a region, as the people of that region call it.</summary>
internal sealed class RegionEdge(int region, string folder) : NodeCaller(Path.Combine(folder, $"edge-{region}.socket"))
{
    public int Region { get; } = region;
}

/// <summary>What <c>ops/three-regions/up</c> makes, each region in a network namespace of its own; and everything that is done to it.</summary>
internal sealed class ThreeRegions : IAsyncDisposable
{
    public const int Count = 3;
    public const string PublicUrl = "http://id.drill.test";

    private const int KillAtOnce = 9;
    private const int ContinueSignal = 18;
    private const int StopSignal = 19;

    private static readonly TimeSpan UpDeadline = TimeSpan.FromMinutes(6);

    private readonly HashSet<(int, int)> _cuts = [];
    private readonly string _scripts;
    private readonly bool _isOwn;
    private List<int> _frozen = [];

    private ThreeRegions(RegionsOptions options, Links links)
    {
        _isOwn = options.Folder is null;
        var folder = options.Folder is { } given ? Path.GetFullPath(given) : Path.Combine(Directory.CreateTempSubdirectory("holdfast-regions-").FullName, "cluster");
        if (_isOwn)
        {
            // PostgreSQL, which does not run as root, has to come to its own folder in it.
            File.SetUnixFileMode(Path.GetDirectoryName(folder)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        }
        (Folder, Links) = (folder, links);
        _scripts = Path.Combine(Root(), "ops", "three-regions");
        Edges = options.IsDirect ? [] : [.. Enumerable.Range(1, Count).Select(region => new RegionEdge(region, folder))];
        Nodes = [.. from region in Enumerable.Range(1, Count) from number in (int[])[1, 2] select new RegionNode(region, number, folder)];
    }

    public string Folder { get; }

    public Links Links { get; }

    public IReadOnlyList<RegionNode> Nodes { get; }

    /// <summary>One in each region; none when people call nodes themselves.</summary>
    public IReadOnlyList<RegionEdge> Edges { get; }

    public (string ApiKey, string ClientId) Environment { get; private set; }

    /// <summary>While it exists, the issuer of database credentials answers nothing.</summary>
    public string IssuerIsDead => Path.Combine(Folder, "issuer-is-dead");

    public static async Task<ThreeRegions> StartAsync(RegionsOptions options, CancellationToken ct)
    {
        if (Links.WhyNot is { } missing)
        {
            throw new InvalidOperationException(missing);
        }
        var regions = new ThreeRegions(options, new Links(Count));
        try
        {
            var dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
            Directory.CreateDirectory(regions.Folder);
            await File.WriteAllLinesAsync(Path.Combine(regions.Folder, "links"), Enumerable.Range(1, Count).Select(regions.Links.Namespace), ct);
            regions.Mind();
            var issuer = Path.Combine(regions.Folder, "issuer");
            await File.WriteAllTextAsync(issuer, $"#!/bin/sh\n[ ! -e {regions.IssuerIsDead} ] || exec sleep 600\nexec cat {regions.Folder}/secrets/database.json\n", ct);
            File.SetUnixFileMode(issuer, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            List<string> arguments =
            [
                regions.Folder, "--namespaces", regions.Links.Namespace(0)[..^1], "--addresses", Links.Address(0)[..^1], "--public-url", PublicUrl, "--credentials", $"command:{issuer}",
                "--ttl", Text(options.Ttl), "--loop", Text(options.Loop), "--retry", Text(options.Retry), "--program", $"{dotnet} {typeof(Server).Assembly.Location}",
                "--node-arguments", "--rate-limit-factor 1000",
            ];
            if (options.IsFailsafe)
            {
                arguments.Add("--failsafe");
            }
            if (options.IsTls)
            {
                arguments.Add("--tls");
            }
            if (!options.IsDirect)
            {
                arguments.Add("--edge");
            }
            await RunAsync(Path.Combine(regions._scripts, "up"), arguments, UpDeadline, ct: ct);
            using var json = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(regions.Nodes[0].Data, "bootstrap.json"), ct));
            regions.Environment = (json.RootElement.GetProperty("api_key").GetString()!, json.RootElement.GetProperty("client_id").GetString()!);
            return regions;
        }
        catch
        {
            await regions.DisposeAsync();
            throw;
        }
    }

    /// <summary>The region whose PostgreSQL takes writes; null while none does.</summary>
    public async Task<int?> LeaderAsync()
    {
        foreach (var region in Enumerable.Range(1, Count))
        {
            try
            {
                if (await SqlAsync(region, "SELECT NOT pg_is_in_recovery()") == "t")
                {
                    return region;
                }
            }
            catch (InvalidOperationException)
            {
                // Not there, or it does not answer.
            }
        }
        return null;
    }

    /// <summary>Waits until another region's PostgreSQL takes writes: how much of the time that administrators wait is not the nodes'.</summary>
    /// <returns>How long that took; null when it is told to stop before.</returns>
    public async Task<double?> AnotherLeadsAsync(int leader, CancellationToken ct)
    {
        var since = Stopwatch.GetTimestamp();
        while (!ct.IsCancellationRequested)
        {
            foreach (var region in Enumerable.Range(1, Count).Where(r => r != leader))
            {
                try
                {
#pragma warning disable RS0030 // A socket in the file system, of this machine alone.
                    await using var connection = new NpgsqlConnection($"Host={Home(region)};Username=postgres;Password={Secret("superuser")};Database=holdfast;Timeout=4;Command Timeout=4;Maximum Pool Size=1");
#pragma warning restore RS0030
                    await connection.OpenAsync(ct);
                    await using var command = connection.CreateCommand();
                    command.CommandText = "SELECT NOT pg_is_in_recovery()";
                    if (await command.ExecuteScalarAsync(ct) is true)
                    {
                        return Stopwatch.GetElapsedTime(since).TotalSeconds;
                    }
                }
                catch (Exception fault) when (fault is NpgsqlException or TimeoutException or OperationCanceledException or IOException)
                {
                    // Not there, or not now.
                }
            }
            await Task.Delay(250, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        return null;
    }

    /// <summary>The leader, once there is one and the two others follow it.</summary>
    public async Task<int> WholeLeaderAsync(TimeSpan deadline)
    {
        int? leader = null;
        await UntilAsync("one PostgreSQL leads and two follow", deadline, async () =>
            (leader = await LeaderAsync()) is { } region && await SqlAsync(region, "SELECT count(*) FILTER (WHERE state = 'streaming') >= 2 AND bool_or(sync_state = 'sync') FROM pg_stat_replication") == "t");
        return leader!.Value;
    }

    /// <summary>As an operator at the server's own socket.</summary>
    public Task<string> SqlAsync(int region, string sql) => RunAsync(
        "timeout", ["4", "psql", "-h", Home(region), "-U", "postgres", "-d", "holdfast", "-v", "ON_ERROR_STOP=1", "-qAtc", sql], TimeSpan.FromSeconds(30), Secret("superuser"));

    private async Task<string> DigestAsync(int leader, DateTimeOffset now)
    {
#pragma warning disable RS0030 // A socket in the file system, of this machine alone.
        await using var connection = new NpgsqlConnection($"Host={Home(leader)};Username=postgres;Password={Secret("superuser")};Database=holdfast;Timeout=15;Pooling=false");
#pragma warning restore RS0030
        await connection.OpenAsync();
        return Storage.Rows.Digest.Of(connection, Schema.Tables, now);
    }

    private static string Digest(RegionNode node, DateTimeOffset now)
    {
        using var connection = Stores.Open(Path.Combine(node.Data, "node.db"));
        return Storage.Rows.Digest.Of(connection, Schema.Tables, now);
    }

    /// <summary>Whether all nodes and the primary hold the same, and no node holds what the primary has not.</summary>
    public async Task<bool> IsLevelAsync()
    {
        foreach (var node in Nodes)
        {
            var health = await node.SendAsync("GET", "/health");
            if (health.Status != 200 || health.Json.GetProperty("journal").GetProperty("depth").GetInt64() != 0)
            {
                return false;
            }
        }
        var now = TimeProvider.System.GetUtcNow();   // of all alike: codes expire all the time
        return await LeaderAsync() is { } leader && (string[])[.. Nodes.Select(n => Digest(n, now)), await DigestAsync(leader, now)] is var digests && digests.Distinct().Count() == 1;
    }

    /// <summary>All that any fault may have broken is mended, whatever it was.</summary>
    public async Task MendAllAsync()
    {
        Thaw();
        Heal();
        File.Delete(IssuerIsDead);
        await StartPartsAsync([.. Enumerable.Range(1, Count).SelectMany(n => (string[])[$"etcd-{n}", $"patroni-{n}"]), .. Nodes.Select(n => n.Part), .. Edges.Select(e => $"edge-{e.Region}")]);
        foreach (var node in Nodes.Where(n => !n.IsUp))
        {
            await StartNodeAsync(node);
        }
    }

    /// <summary>Waits until it is so.</summary>
    /// <returns>How long that took.</returns>
    public static async Task<TimeSpan> UntilAsync(string what, TimeSpan deadline, Func<Task<bool>> isSo)
    {
        var since = Stopwatch.GetTimestamp();
        while (!await isSo())
        {
            if (Stopwatch.GetElapsedTime(since) > deadline)
            {
                throw new TimeoutException($"After {deadline.TotalSeconds} s it is not so that {what}.");
            }
            await Task.Delay(200);   // who asks takes from the machine, too
        }
        return Stopwatch.GetElapsedTime(since);
    }

    public void Cut(int a, int b)
    {
        Links.Break(Math.Min(a, b), Math.Max(a, b), Drills.Cut.Hangs);
        lock (_cuts)
        {
            _cuts.Add((Math.Min(a, b), Math.Max(a, b)));
        }
    }

    public void CutOff(int region) => Enumerable.Range(1, Count).Where(r => r != region).ToList().ForEach(r => Cut(region, r));

    public void Heal()
    {
        Links.Heal();
        lock (_cuts)
        {
            _cuts.Clear();
        }
    }

    /// <summary>Whether a deny that one node takes can come to another: both are up, and some way between their regions is.</summary>
    /// <remarks>Behind an edge nobody knows which node of the region it was, and any of them will do.</remarks>
    public bool IsReachable(RegionNode from, RegionNode to)
    {
        lock (_cuts)
        {
            bool Joined(int a, int b) => a == b || !_cuts.Contains((Math.Min(a, b), Math.Max(a, b)));
            return (Edges.Count > 0 || from.IsUp) && to.IsUp
                && (Joined(from.Region, to.Region) || Enumerable.Range(1, Count).Any(r => Joined(from.Region, r) && Joined(r, to.Region) && Nodes.Any(n => n.Region == r && n.IsUp)));
        }
    }

    public void Kill(string part) => _ = Signal(Pid(part), KillAtOnce);

    public Task StartPartsAsync(params string[] parts) => RunAsync(Path.Combine(_scripts, "start"), [Folder, .. parts], TimeSpan.FromSeconds(60));

    /// <summary>SIGKILL to a region's Patroni and to all of its PostgreSQL, as when the machine is gone.</summary>
    public void KillPostgres(int region)
    {
        Kill($"patroni-{region}");
        Postgres(region).ForEach(p => _ = Signal(p, KillAtOnce));
    }

    /// <summary>SIGSTOP to the same: connections stay, and nothing answers.</summary>
    public void FreezePostgres(int region)
    {
        _frozen = [Pid($"patroni-{region}"), .. Postgres(region)];
        _frozen.ForEach(p => _ = Signal(p, StopSignal));
    }

    public void Thaw()
    {
        _frozen.ForEach(p => _ = Signal(p, ContinueSignal));
        _frozen = [];
    }

    /// <summary>SIGKILL. It is started again by <see cref="StartNodeAsync"/>.</summary>
    public void KillNode(RegionNode node)
    {
        node.IsUp = false;
        Kill(node.Part);
    }

    /// <returns>From its start until it is ready.</returns>
    public async Task<TimeSpan> StartNodeAsync(RegionNode node)
    {
        node.HangUp();
        await StartPartsAsync(node.Part);
        var took = await UntilAsync($"{node} is ready", TimeSpan.FromMinutes(2), async () => (await node.SendAsync("GET", "/health/ready", within: TimeSpan.FromSeconds(2))).Status == 200);
        node.IsUp = true;
        return took;
    }

    public async ValueTask DisposeAsync()
    {
        Thaw();
        Heal();
        foreach (var caller in Nodes.Cast<NodeCaller>().Concat(Edges))
        {
            caller.Dispose();
        }
        try
        {
            await RunAsync(Path.Combine(_scripts, "down"), _isOwn ? [Folder, "--links", "--remove"] : [Folder, "--links"], TimeSpan.FromMinutes(3));
            if (_isOwn)
            {
                Directory.Delete(Path.GetDirectoryName(Folder)!, recursive: true);
            }
        }
        finally
        {
            Links.Dispose();
        }
    }

    /// <summary>Whatever becomes of this process, what it has started ends with it.</summary>
    private void Mind()
    {
        List<string> arguments = [Path.Combine(_scripts, "mind"), Folder, Text(System.Environment.ProcessId)];
        if (_isOwn)
        {
            arguments.Add("--remove");
        }
        using var minder = Process.Start(new ProcessStartInfo("setsid", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true });
    }

    private string Home(int region) => Path.Combine(Folder, $"r{region}");

    private string Secret(string who) => File.ReadAllText(Path.Combine(Folder, "secrets", who));

    private int Pid(string part) => int.Parse(File.ReadAllText(Path.Combine(Folder, "run", part + ".pid")).Split(' ')[0], CultureInfo.InvariantCulture);

    /// <summary>The postmaster of a region and all its processes; none when it is not running.</summary>
    private List<int> Postgres(int region)
    {
        try
        {
            var first = int.Parse(File.ReadLines(Path.Combine(Home(region), "data", "postmaster.pid")).First(), CultureInfo.InvariantCulture);
            return [first, .. File.ReadAllText($"/proc/{Text(first)}/task/{Text(first)}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(n => int.Parse(n, CultureInfo.InvariantCulture))];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static async Task<string> RunAsync(string program, IReadOnlyList<string> arguments, TimeSpan patience, string? password = null, CancellationToken ct = default)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (password is not null)
        {
            start.Environment["PGPASSWORD"] = password;
        }
        using var process = Process.Start(start)!;
        var (said, complaints) = (process.StandardOutput.ReadToEndAsync(CancellationToken.None), process.StandardError.ReadToEndAsync(CancellationToken.None));
        try
        {
            await process.WaitForExitAsync(ct).WaitAsync(patience, ct);
        }
        catch (Exception)
        {
            process.Kill();
            throw;
        }
        return process.ExitCode == 0 ? (await said).TrimEnd('\n') : throw new InvalidOperationException($"{Path.GetFileName(program)} ended with {process.ExitCode}: {await said} {await complaints}");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    public static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Holdfast.slnx")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The drills do not stand in a checkout.");
        }
        return folder;
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Signal(int process, int signal);
}
