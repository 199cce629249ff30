using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Holdfast.Bench;

/// <summary>A PostgreSQL server of its own, in a folder of its own, on a port of loopback: what benchmarks measure, and what drills stop, freeze and kill.</summary>
/// <remarks>The machine's own clusters are not touched. PostgreSQL refuses to run as root, so root becomes the user <c>postgres</c> for it.</remarks>
internal sealed class PostgresProcess : IAsyncDisposable
{
    public const string User = "holdfast";

    private const int Interrupt = 2;
    private const int KillAtOnce = 9;
    private const int Continue = 18;
    private const int Freeze = 19;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly string[] Pace = ["-c", "fsync=on", "-c", "max_connections=50", "-c", "shared_buffers=32MB", "-c", "wal_level=replica", "-c", "unix_socket_directories="];

    private readonly string _folder;
    private Process? _process;
    private List<int> _frozen = [];

    private PostgresProcess(string folder, int port, string password) => (_folder, Port, Password) = (folder, port, password);

    public int Port { get; }

    public string Password { get; private set; }

    /// <summary>Why it cannot be had on this machine; null when it can.</summary>
    public static string? Missing => Binaries() is null ? "PostgreSQL 15 or later is not installed (Debian: apt-get install postgresql)." : null;

    /// <summary>Makes an empty server and starts it.</summary>
    public static async Task<PostgresProcess> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("holdfast-pg-").FullName;
        var server = new PostgresProcess(folder, FreePort(), "first-" + Path.GetFileName(folder));
        try
        {
            var secret = Path.Combine(folder, "password");
            await File.WriteAllTextAsync(secret, server.Password);
            await RunAsync("chown", ["-R", "postgres", folder], isNeeded: IsRoot);
            await RunAsync(Program("initdb"), ["-D", server.Data, "-U", User, "--auth=scram-sha-256", $"--pwfile={secret}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]);
            await server.StartAgainAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>A standby that follows this server by streaming, and does not keep it waiting.</summary>
    public async Task<PostgresProcess> StartStandbyAsync()
    {
        var folder = Directory.CreateTempSubdirectory("holdfast-pg-").FullName;
        var standby = new PostgresProcess(folder, FreePort(), Password);
        await RunAsync("chown", ["-R", "postgres", folder], isNeeded: IsRoot);
        await RunAsync(Program("pg_basebackup"), ["-D", standby.Data, "-h", "127.0.0.1", "-p", Text(Port), "-U", User, "-R", "-X", "stream", "-c", "fast", "--no-sync"], Password);
        await standby.StartAgainAsync();
        return standby;
    }

    /// <summary>With the driver's patience for a busy machine: what must end in time ends by our own deadlines.</summary>
    public string ConnectionString(string database, string? user = null, string? password = null) =>
        $"Host=127.0.0.1;Port={Text(Port)};Database={database};Timeout=15;Command Timeout=30;Username={user ?? User};Password={password ?? Password}";

    /// <summary>Makes an empty database.</summary>
    public async Task<string> MakeDatabaseAsync(string name)
    {
        await SqlAsync($"CREATE DATABASE {name}");
        return ConnectionString(name);
    }

    /// <summary>Runs statements as a person at a terminal would.</summary>
    /// <returns>What was printed, unaligned.</returns>
    public Task<string> SqlAsync(string sql, string database = "postgres") =>
        RunAsync(Program("psql"), ["-h", "127.0.0.1", "-p", Text(Port), "-U", User, "-d", database, "-v", "ON_ERROR_STOP=1", "-qAtc", sql], Password);

    /// <summary>Backs a database up into a file, while it is used.</summary>
    public Task DumpAsync(string database, string file) =>
        RunAsync(Program("pg_dump"), ["-h", "127.0.0.1", "-p", Text(Port), "-U", User, "-Fc", "-f", file, database], Password);

    /// <summary>Makes a database of such a file, whole or not at all.</summary>
    public async Task RestoreAsync(string file, string database)
    {
        await MakeDatabaseAsync(database);
        await RunAsync(Program("pg_restore"), ["-h", "127.0.0.1", "-p", Text(Port), "-U", User, "--single-transaction", "-d", database, file], Password);
    }

    /// <summary>A person's session that stays open: statements go in one by one, and what they print comes back.</summary>
    public OpenSession OpenSession(string database) => new(Command("stdbuf", ["-oL", Program("psql"), "-h", "127.0.0.1", "-p", Text(Port), "-U", User, "-d", database, "-qAt"], Password));

    /// <summary>Starts the server on what it has.</summary>
    public async Task StartAgainAsync()
    {
        List<string> all = ["-D", Data, "-p", Text(Port), "-c", "listen_addresses=127.0.0.1", .. Pace];
        var start = Command(Program("postgres"), all);
        _process = Process.Start(start)!;
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var said = new List<string>();
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (said)
            {
                said.Add(line.Data ?? "");
            }
            if (line.Data is null)
            {
                ready.TrySetException(new InvalidOperationException("PostgreSQL ended: " + string.Join('\n', said)));
            }
            else if (line.Data.Contains("is ready to accept", StringComparison.Ordinal))
            {
                ready.TrySetResult();
            }
        };
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        await ready.Task.WaitAsync(Patience);
    }

    /// <summary>Ends it politely: connections are closed, nothing is lost.</summary>
    public async Task StopAsync()
    {
        if (_process is { HasExited: false } running)
        {
            Thaw();
            _ = Signal(running.Id, Interrupt);
            await running.WaitForExitAsync().WaitAsync(Patience);
        }
    }

    /// <summary>SIGKILL to it and to all its processes.</summary>
    public async Task KillAsync()
    {
        if (_process is { HasExited: false } running)
        {
            foreach (var process in (int[])[running.Id, .. Children(running.Id)])
            {
                _ = Signal(process, KillAtOnce);
            }
            await running.WaitForExitAsync().WaitAsync(Patience);
        }
    }

    /// <summary>SIGSTOP to it and to all its processes: it takes connections, and never answers.</summary>
    public void FreezeAll()
    {
        _frozen = [_process!.Id, .. Children(_process.Id)];
        _frozen.ForEach(process => _ = Signal(process, Freeze));
    }

    public void Thaw()
    {
        _frozen.ForEach(process => _ = Signal(process, Continue));
        _frozen = [];
    }

    /// <summary>Makes a standby the leader.</summary>
    public Task PromoteAsync() => SqlAsync("SELECT pg_promote()");

    public async Task ChangePasswordAsync(string password, string user = User)
    {
        await SqlAsync($"ALTER ROLE {user} PASSWORD '{password}'");
        Password = user == User ? password : Password;
    }

    /// <summary>Ends every connection but its own.</summary>
    public Task CutConnectionsAsync() => SqlAsync("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'");

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Data => Path.Combine(_folder, "data");

    private static bool IsRoot => Environment.UserName == "root";

    private static string Program(string name) => Path.Combine(Binaries() ?? throw new InvalidOperationException(Missing), name);

    private static string? Binaries() => !Directory.Exists("/usr/lib/postgresql")
        ? null
        : Directory.GetDirectories("/usr/lib/postgresql")
            .Select(d => (Version: int.TryParse(Path.GetFileName(d), NumberStyles.None, CultureInfo.InvariantCulture, out var v) ? v : 0, Folder: Path.Combine(d, "bin")))
            .Where(d => d.Version >= 15 && File.Exists(Path.Combine(d.Folder, "postgres"))).OrderBy(d => d.Version).Select(d => d.Folder).FirstOrDefault();

    private static ProcessStartInfo Command(string program, IReadOnlyList<string> arguments, string? password = null)
    {
        // The clients may run as root, and would not read a password from root's environment as another user.
        var becomes = IsRoot && Path.GetFileName(program) is ("initdb" or "postgres" or "pg_basebackup");
        var start = becomes
            ? new ProcessStartInfo("setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups", "--", program, .. arguments])
            : new ProcessStartInfo(program, arguments);
        start.WorkingDirectory = "/";
        (start.RedirectStandardOutput, start.RedirectStandardError, start.RedirectStandardInput) = (true, true, true);
        if (password is not null)
        {
            start.Environment["PGPASSWORD"] = password;
        }
        return start;
    }

    private static async Task<string> RunAsync(string program, IReadOnlyList<string> arguments, string? password = null, bool isNeeded = true)
    {
        if (!isNeeded)
        {
            return "";
        }
        using var process = Process.Start(Command(program, arguments, password))!;
        var (said, complaints) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync().WaitAsync(Patience);
        return process.ExitCode == 0 ? (await said).TrimEnd('\n') : throw new InvalidOperationException($"{Path.GetFileName(program)} ended with {process.ExitCode}: {await complaints}");
    }

    private static int[] Children(int process)
    {
        try
        {
            return [.. File.ReadAllText($"/proc/{Text(process)}/task/{Text(process)}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(n => int.Parse(n, CultureInfo.InvariantCulture))];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Signal(int process, int signal);
}

/// <summary>A session of psql that stays open until it is disposed of.</summary>
internal sealed class OpenSession(ProcessStartInfo start) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process _process = Process.Start(start)!;

    /// <summary>Sends a statement that prints one line, and waits for it.</summary>
    public async Task<string?> SayAsync(string sql)
    {
        await _process.StandardInput.WriteLineAsync(sql);
        await _process.StandardInput.FlushAsync();
        return await _process.StandardOutput.ReadLineAsync().WaitAsync(Patience);
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
