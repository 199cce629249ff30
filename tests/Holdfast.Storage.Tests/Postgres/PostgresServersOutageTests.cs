#pragma warning disable RS0030 // Raw sockets of loopback: a port that does what no server of PostgreSQL does when it is well.
using System.Net;
using System.Net.Sockets;
using Holdfast.Bench;
using Holdfast.Resilience;
using Npgsql;

namespace Holdfast.Storage.Tests.Postgres;

/// <summary>Who leads, while servers do not answer: with the driver's own patience at minutes, so that what ends in time does so by us (decision 0036).</summary>
[Collection(nameof(KillTests))]
[Trait("Pace", "slow")]
public sealed class PostgresServersOutageTests : IAsyncLifetime
{
    private readonly Dependency _dependency = new(
        new DependencyPolicy("primary", "database", TimeSpan.FromMinutes(4), 16, "None.", []) { OpensAfter = int.MaxValue, IsAnswer = static _ => true }, TimeProvider.System);

    private PostgresProcess _leader = null!;
    private PostgresProcess _standby = null!;
    private PostgresServers _servers = null!;

    public async ValueTask InitializeAsync()
    {
        _leader = await PostgresProcess.StartAsync();
        _standby = await _leader.StartStandbyAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _leader.Thaw();
        await _servers.DisposeAsync();
        await _standby.DisposeAsync();
        await _leader.DisposeAsync();
    }

    [Fact]
    public async Task Whoever_takes_over_is_found_by_the_call_that_waits_for_a_server_that_hangs_and_one_that_nobody_reaches()
    {
        using var hole = new BlackHole();
        Open($"127.0.0.1:{hole.Port},127.0.0.1:{_leader.Port},127.0.0.1:{_standby.Port}");
        _leader.FreezeAll();

        var asked = _servers.UseAsync(PortAsync, CancellationToken.None);   // the standby says no, and two say nothing
        await Until.TrueAsync(async () => await _standby.SqlAsync("SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'holdfast-test'") == "t", () => "The standby is not asked.");
        await _standby.PromoteAsync();

        Assert.Equal(_standby.Port, await asked);
        Assert.Equal($"127.0.0.1:{_standby.Port}", _servers.Leader);
    }

    [Fact]
    public async Task A_leader_that_somebody_gave_up_is_left_at_once_and_its_late_end_takes_no_other_with_it()
    {
        Open($"127.0.0.1:{_leader.Port},127.0.0.1:{_standby.Port}");
        Assert.Equal(_leader.Port, await _servers.UseAsync(PortAsync, CancellationToken.None));
        _leader.FreezeAll();
        await _standby.PromoteAsync();

        using var patience = new CancellationTokenSource();
        var (begun, onPool) = (new TaskCompletionSource(), new TaskCompletionSource<bool>());
        var hanging = _servers.UseAsync(async (connection, stop) =>
        {
            using var told = stop.UnsafeRegister(_ => onPool.TrySetResult(Thread.CurrentThread.IsThreadPoolThread), null);
            begun.SetResult();
            return await PortAsync(connection, stop);
        }, patience.Token);
        await begun.Task;
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => hanging);
        Assert.True(_dependency.UnderWay > 0);   // the driver is not done with it

        Assert.Equal(_standby.Port, await _servers.UseAsync(PortAsync, CancellationToken.None));
        Assert.False(await onPool.Task);   // the driver holds the thread that cancels for as long as it waits for the frozen one

        await _leader.KillAsync();
        await Until.TrueAsync(() => Task.FromResult(_dependency.UnderWay == 0), () => "The abandoned call does not end.");
        Assert.Equal($"127.0.0.1:{_standby.Port}", _servers.Leader);
    }

    private static async Task<int> PortAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT inet_server_port()";
        return (int)(await command.ExecuteScalarAsync(ct))!;
    }

    private void Open(string hosts) => _servers = new PostgresServers(
        _leader.ConnectionString("postgres").Replace($"Host=127.0.0.1;Port={_leader.Port};", $"Host={hosts};", StringComparison.Ordinal)
            .Replace("Timeout=15;Command Timeout=30", "Timeout=150;Command Timeout=600", StringComparison.Ordinal),
        "holdfast-test", null, _dependency);

    /// <summary>A port where connections are neither made nor refused: its queue is full, and nobody takes from it.</summary>
    private sealed class BlackHole : IDisposable
    {
        private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly List<Socket> _queue = [];

        public BlackHole()
        {
            _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _listener.Listen(1);
            for (var n = 0; n < 4; n++)
            {
                var waiting = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
                _queue.Add(waiting);
                try
                {
                    waiting.Connect(_listener.LocalEndPoint!);
                }
                catch (SocketException)
                {
                    // Under way, and for good once the queue is full.
                }
            }
        }

        public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

        public void Dispose()
        {
            _queue.ForEach(q => q.Dispose());
            _listener.Dispose();
        }
    }
}
