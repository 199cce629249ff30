using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Holdfast.Bench;

namespace Holdfast.Storage.Tests.Postgres;

/// <summary>A PgBouncer of its own before a server of PostgreSQL, with credentials of its own for it.</summary>
internal sealed class PgBouncer : IAsyncDisposable
{
    private const string ClientPassword = "of-the-nodes";
    private const int Reload = 1;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-pgb-").FullName;
    private readonly int _port = FreePort();
    private Process _process = null!;

    private PgBouncer()
    {
    }

    /// <summary>Why it cannot be had on this machine; null when it can.</summary>
    public static string? Missing => File.Exists("/usr/sbin/pgbouncer") ? null : "pgbouncer is not installed (Debian: apt-get install pgbouncer).";

    public string ConnectionString() =>
        $"Host=127.0.0.1;Port={_port.ToString(CultureInfo.InvariantCulture)};Database=holdfast;Username=node;Password={ClientPassword};Timeout=15;Command Timeout=30";

    /// <param name="mode"><c>session</c> or <c>transaction</c>.</param>
    public static async Task<PgBouncer> StartAsync(PostgresProcess server, string mode)
    {
        var bouncer = new PgBouncer();
        try
        {
            await bouncer.TellAsync(server, mode, server.Password);
            await File.WriteAllTextAsync(bouncer.In("users"), $"\"node\" \"{ClientPassword}\"\n");
            if (Environment.UserName == "root")
            {
                using var owned = Process.Start("chown", ["-R", "postgres", bouncer._folder]);
                await owned.WaitForExitAsync();
            }
            var start = Environment.UserName == "root"
                ? new ProcessStartInfo("setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups", "--", "/usr/sbin/pgbouncer", bouncer.In("ini")])
                : new ProcessStartInfo("/usr/sbin/pgbouncer", [bouncer.In("ini")]);
            (start.RedirectStandardError, start.RedirectStandardOutput) = (true, true);
            bouncer._process = Process.Start(start)!;
            var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            bouncer._process.ErrorDataReceived += (_, line) =>
            {
                if (line.Data is null)
                {
                    ready.TrySetException(new InvalidOperationException("PgBouncer ended."));
                }
                else if (line.Data.Contains("process up", StringComparison.Ordinal))
                {
                    ready.TrySetResult();
                }
            };
            bouncer._process.BeginErrorReadLine();
            bouncer._process.BeginOutputReadLine();
            await ready.Task.WaitAsync(Patience);
            return bouncer;
        }
        catch
        {
            await bouncer.DisposeAsync();
            throw;
        }
    }

    /// <summary>Gives it another password for the server, and tells it to read it.</summary>
    public async Task LearnAsync(PostgresProcess server, string mode, string password)
    {
        await TellAsync(server, mode, password);
        using var told = Process.Start("kill", [$"-{Reload.ToString(CultureInfo.InvariantCulture)}", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await told.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }
        _process?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Few connections to the server, so that transactions of one client come to different ones.</summary>
    private Task TellAsync(PostgresProcess server, string mode, string password) => File.WriteAllTextAsync(In("ini"), $"""
        [databases]
        holdfast = host=127.0.0.1 port={server.Port.ToString(CultureInfo.InvariantCulture)} dbname=holdfast user={PostgresProcess.User} password={password}
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {_port.ToString(CultureInfo.InvariantCulture)}
        unix_socket_dir =
        auth_type = scram-sha-256
        auth_file = {In("users")}
        pool_mode = {mode}
        default_pool_size = 20
        server_login_retry = 1
        server_round_robin = 1

        """);

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private string In(string name) => Path.Combine(_folder, name);
}
