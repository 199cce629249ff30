using Holdfast.Storage.Primary.Sqlite;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Tests;

public class SpineTests
{
    [Fact]
    public async Task A_fact_reaches_the_primary_once_and_both_hold_the_same()
    {
        await using var storage = await TestStorage.StartAsync();
        await storage.RecordEventAsync("event_1");
        await storage.RecordEventAsync("event_1");
        await storage.LevelAsync();
        Assert.Equal(1, storage.QueryPrimary<long>("SELECT count(*) FROM events WHERE id = 'event_1'"));
        Assert.Equal(1, storage.QueryPrimary<long>("SELECT count(*) FROM change_log WHERE version LIKE '%event_1%'"));
        Assert.Equal(storage.PrimaryDigest(), storage.Host.Node.Digest());
    }

    [Fact]
    public async Task A_primary_write_is_read_here_when_it_is_answered()
    {
        await using var storage = await TestStorage.StartAsync();
        for (var i = 0; i < 20; i++)
        {
            await storage.Host.Database.WriteAsync(_ => Decide.To(true, Change.To(Schema.Organizations, "org_1", ("name", $"Acme {i}"))), CancellationToken.None);
            Assert.Equal($"Acme {i}", storage.Host.Database.Read(v => v.Find<string>("SELECT name FROM organizations WHERE id = 'org_1'")));
        }
    }

    [Fact]
    public async Task A_locked_primary_stops_administrators_and_nobody_else()
    {
        await using var storage = await TestStorage.StartAsync();
        await storage.LevelAsync();
        using (var other = SqliteFile.Open(storage.PrimaryFile, SqliteOpenMode.ReadWrite, TimeSpan.FromSeconds(5), null))
        {
            other.Execute("BEGIN EXCLUSIVE");
            await Assert.ThrowsAsync<PrimaryUnavailableException>(() => storage.Host.Database.WriteAsync(
                _ => Decide.To(true, Change.To(Schema.Organizations, "org_1", ("name", "Acme"))), CancellationToken.None));
            for (var i = 0; i < 500; i++)
            {
                await storage.RecordEventAsync($"event_{i}");
            }
            await storage.StopAsync();
            await storage.StartedAsync();   // cold, with the primary locked
            await storage.RecordEventAsync("event_after");
        }
        await storage.LevelAsync();
        Assert.Equal(501, storage.QueryPrimary<long>("SELECT count(*) FROM events"));
        Assert.Equal(storage.PrimaryDigest(), storage.Host.Node.Digest());
    }

    [Fact]
    public async Task A_truncated_primary_is_not_written_to_and_a_restore_loses_nothing()
    {
        await using var storage = await TestStorage.StartAsync();
        await storage.RecordEventAsync("event_before");
        await storage.LevelAsync();
        await using (var file = new FileStream(storage.PrimaryFile, FileMode.Truncate))
        {
        }
        await storage.RecordEventAsync("event_during");
        var refused = await Assert.ThrowsAsync<PrimaryUnavailableException>(() => storage.Host.Database.WriteAsync(
            _ => Decide.To(true, Change.To(Schema.Organizations, "org_1", ("name", "Acme"))), CancellationToken.None));
        Assert.Equal(PrimaryFault.Empty, refused.Fault);
        Assert.Equal(0, new FileInfo(storage.PrimaryFile).Length);

        var restored = PrimaryDoctor.Restore(storage.NodeFile, storage.PrimaryFile, storage.World);
        Assert.Equal(1, restored.Unshipped);
        await storage.LevelAsync();
        await storage.RecordEventAsync("event_after");
        await storage.LevelAsync();
        Assert.Equal(3, storage.QueryPrimary<long>("SELECT count(*) FROM events"));
        Assert.Equal(1, storage.QueryPrimary<long>("SELECT count(*) FROM change_log WHERE version LIKE '%event_during%'"));
        Assert.Equal(storage.PrimaryDigest(), storage.Host.Node.Digest());
    }
}
