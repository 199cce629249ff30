using System.Collections.Concurrent;
using System.Diagnostics;
using Holdfast.Bench;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests.Postgres;

/// <summary>A real server that is killed, stopped, frozen, cut off, or replaced by a standby that lost the tail.</summary>
[Collection(nameof(KillTests))]
[Trait("Pace", "slow")]
public sealed class PostgresOutageTests(ITestOutputHelper output) : IAsyncLifetime
{
    /// <summary>A write has 0.8 s; the rest is what a busy machine takes to schedule it.</summary>
    private static readonly TimeSpan WriteAnswered = TimeSpan.FromSeconds(2.5);

    private PostgresProcess _server = null!;
    private string _database = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await PostgresProcess.StartAsync();
        _database = await _server.MakeDatabaseAsync("holdfast");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Killed_with_facts_and_writes_under_way_it_has_lost_nothing_and_has_nothing_twice()
    {
        await using var node = await PostgresNode.StartAsync(_database);
        var acknowledged = new ConcurrentQueue<string>();
        using var enough = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 4).Select(writer => Task.Run(async () =>
        {
            for (var n = 0; !enough.IsCancellationRequested; n++)
            {
                acknowledged.Enqueue(await node.RecordEventAsync($"event_{writer}_{n}"));
            }
        })).Append(Task.Run(async () =>
        {
            for (var n = 0; !enough.IsCancellationRequested; n++)
            {
                try
                {
                    acknowledged.Enqueue(await node.NameOrganizationAsync($"org_{n}"));
                }
                catch (PrimaryUnavailableException)
                {
                    await Task.Yield();   // not done or unknown: nothing is said of it
                }
            }
        })).ToList();
        for (var time = 0; time < 5; time++)
        {
            var had = acknowledged.Count;
            await Until.TrueAsync(() => acknowledged.Count > had + 500, () => "Nothing is acknowledged.");
            await _server.KillAsync();
            had = acknowledged.Count;
            await Until.TrueAsync(() => acknowledged.Count > had + 500, () => "With the primary killed, nothing is acknowledged.");
            await _server.StartAgainAsync();
            await node.SaysAsync(null);
        }
        await enough.CancelAsync();
        await Task.WhenAll(writers);
        output.WriteLine($"{acknowledged.Count} acknowledged, {acknowledged.Count(id => id.StartsWith("org_", StringComparison.Ordinal))} of them administrators'");
        Assert.Contains(acknowledged, id => id.StartsWith("org_", StringComparison.Ordinal));
        await node.AssertThereOnceAsync(acknowledged);
    }

    public enum Outage
    {
        Stopped,
        Frozen,
        Refused,
    }

    [Theory]
    [InlineData(Outage.Stopped, PrimaryFault.Unreachable), InlineData(Outage.Frozen, PrimaryFault.Unreachable), InlineData(Outage.Refused, PrimaryFault.Unreadable)]
    public async Task Gone_it_stops_administrators_at_once_and_nobody_else(Outage outage, PrimaryFault fault)
    {
        await using var node = await PostgresNode.StartAsync(_database, patience: 1);
        List<string> acknowledged = [await node.RecordEventAsync("event_before")];
        await node.LevelAsync();
        await BreakAsync(outage);

        // The first finds it out; whoever comes later is told.
        for (var n = 0; n < 3; n++)
        {
            var since = Stopwatch.GetTimestamp();
            await Assert.ThrowsAsync<PrimaryUnavailableException>(() => node.NameOrganizationAsync($"org_never_{n}"));
            Assert.True(Stopwatch.GetElapsedTime(since) < WriteAnswered, $"A write was answered after {Stopwatch.GetElapsedTime(since)}.");
        }
        await node.SaysAsync(fault);
        for (var n = 0; n < 200; n++)
        {
            acknowledged.Add(await node.RecordEventAsync($"event_{n}"));
        }
        var stopping = Stopwatch.GetTimestamp();
        await node.StopAsync();
        await node.StartAgainAsync();   // cold
        output.WriteLine($"{outage}: stopped and started again in {Stopwatch.GetElapsedTime(stopping).TotalSeconds:0.0} s");
        acknowledged.Add(await node.RecordEventAsync("event_cold"));
        await node.SaysAsync(fault);

        await MendAsync(outage);
        await node.SaysAsync(null);
        await node.Primary.WriteAsync(_ => Decide.To(true, Change.To(Schema.Organizations, "org_after", ("name", "Acme"))), node.Host.Replicator.Position, CancellationToken.None);
        acknowledged.Add("org_after");
        await node.AssertThereOnceAsync(acknowledged);
    }

    [Fact]
    public async Task A_standby_that_lost_the_tail_is_made_the_leader_and_every_node_brings_it_back()
    {
        await using var standby = await _server.StartStandbyAsync();
        var both = $"{_database.Replace($"Host=127.0.0.1;Port={_server.Port}", $"Host=127.0.0.1:{standby.Port},127.0.0.1:{_server.Port}", StringComparison.Ordinal)}";
        await using var one = await PostgresNode.StartAsync(both, "node-1");
        await using var two = await PostgresNode.StartAsync(both, "node-2");
        List<string> acknowledged = [await one.NameOrganizationAsync("org_kept"), await two.RecordEventAsync("event_kept")];
        await one.LevelAsync();
        await two.LevelAsync();
        await Until.TrueAsync(async () => await standby.SqlAsync("SELECT count(*) FROM organizations", "holdfast") == "1", () => "The standby does not follow.");
        await standby.SqlAsync("ALTER SYSTEM SET primary_conninfo = ''");
        await standby.SqlAsync("SELECT pg_reload_conf()");
        await Until.TrueAsync(async () => await standby.SqlAsync("SELECT count(*) FROM pg_stat_wal_receiver") == "0", () => "The standby follows still.");

        acknowledged.Add(await one.NameOrganizationAsync("org_lost"));
        for (var n = 0; n < 50; n++)
        {
            acknowledged.Add(await (n % 2 == 0 ? one : two).RecordEventAsync($"event_lost_{n}"));
        }
        await one.LevelAsync();
        await two.LevelAsync();
        var before = one.Host.Replicator.Position;
        await _server.KillAsync();
        var since = Stopwatch.GetTimestamp();
        await standby.PromoteAsync();
        await one.SaysAsync(null);
        acknowledged.Add(await one.NameOrganizationOnceBackAsync("org_after"));
        output.WriteLine($"written again {Stopwatch.GetElapsedTime(since).TotalSeconds:0.0} s after the promotion");

        await one.AssertThereOnceAsync(acknowledged);
        await two.AssertThereOnceAsync(acknowledged);
        await one.LevelAsync();
        Assert.Equal(one.Host.Node.Digest(), two.Host.Node.Digest());
        Assert.True(one.Host.Replicator.Position.Epoch > before.Epoch);
    }

    [Fact]
    public async Task A_standby_behind_the_one_address_is_neither_written_nor_taken_for_the_log()
    {
        await using var standby = await _server.StartStandbyAsync();
        await using var node = await PostgresNode.StartAsync(_database);
        await node.NameOrganizationAsync("org_1");
        await node.LevelAsync();
        var head = node.Host.Replicator.Position;
        await Until.TrueAsync(
            async () => await standby.SqlAsync("SELECT to_regclass('change_log') IS NOT NULL", "holdfast") == "t"   // the table itself comes over, too
                && await standby.SqlAsync("SELECT count(*) FROM change_log WHERE sequence = " + head.Sequence, "holdfast") == "1",
            () => "The standby does not follow.");

        await using var primary = Postgres.Open(node.Host.Node, () => node.Host.ClusterId, _database.Replace($"Port={_server.Port}", $"Port={standby.Port}", StringComparison.Ordinal));
        foreach (var call in new Func<Task>[]
        {
            () => primary.ReadLogAsync(head, 1, CancellationToken.None),
            () => primary.OfferAsync([Change.To(Schema.Organizations, "org_2", ("name", "Acme")).Stamped(node.Host.Node.Clock.Next()).ToJson()], head, CancellationToken.None),
            () => primary.WriteAsync(_ => Decide.To(true, Change.To(Schema.Organizations, "org_2", ("name", "Acme"))), head, CancellationToken.None),
        })
        {
            var fault = await Assert.ThrowsAsync<PrimaryUnavailableException>(call);
            Assert.Equal((PrimaryFault.Unreachable, true), (fault.Fault, fault.Message.Contains("standby", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task A_frozen_server_that_stands_first_holds_nobody_up()
    {
        await using var other = await PostgresProcess.StartAsync();
        other.FreezeAll();
        var both = _database.Replace($"Host=127.0.0.1;Port={_server.Port}", $"Host=127.0.0.1:{other.Port},127.0.0.1:{_server.Port}", StringComparison.Ordinal);
        await using var node = await PostgresNode.StartAsync(both);
        for (var n = 0; n < 10; n++)
        {
            await node.NameOrganizationOnceBackAsync($"org_{n}");
            await _server.CutConnectionsAsync();
            await node.SaysAsync(null);
            await node.LevelAsync();
        }
        await node.AssertThereOnceAsync([.. Enumerable.Range(0, 10).Select(n => $"org_{n}")]);
    }

    private async Task BreakAsync(Outage outage)
    {
        switch (outage)
        {
            case Outage.Stopped:
                await _server.StopAsync();
                break;
            case Outage.Frozen:
                _server.FreezeAll();
                break;
            default:
                await _server.ChangePasswordAsync("another");
                await _server.CutConnectionsAsync();
                break;
        }
    }

    private async Task MendAsync(Outage outage)
    {
        switch (outage)
        {
            case Outage.Stopped:
                await _server.StartAgainAsync();
                break;
            case Outage.Frozen:
                _server.Thaw();
                break;
            default:
                await _server.ChangePasswordAsync(_database[(_database.LastIndexOf('=') + 1)..]);
                break;
        }
    }
}
