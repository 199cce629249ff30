using Holdfast.Storage.Primary.Sqlite;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Tests;

/// <summary>A new primary from a node's disk.</summary>
public class PrimaryDoctorTests
{
    [Fact]
    public async Task A_journal_of_the_old_file_is_kept_with_it_and_never_rolled_back_into_the_new_one()
    {
        await using var storage = await TestStorage.StartAsync();
        await storage.RecordEventAsync("event_1");
        await storage.LevelAsync();
        await storage.StopAsync();
        // A restore that was killed between its two renames: the old file is aside already, its journal is not.
        File.Delete(storage.PrimaryFile);
        await File.WriteAllTextAsync(storage.PrimaryFile + "-journal", "of the old file");
        PrimaryDoctor.Restore(storage.NodeFile, storage.PrimaryFile, storage.World);
        Assert.False(File.Exists(storage.PrimaryFile + "-journal"));
        Assert.Equal("of the old file", await File.ReadAllTextAsync(Assert.Single(Directory.GetFiles(storage.Folder, "primary.db.lost-*-journal"))));
        await storage.StartedAsync();
        await storage.LevelAsync();
        Assert.Equal(storage.PrimaryDigest(), storage.Host.Node.Digest());
    }

    [Fact]
    public async Task Examining_changes_nothing_in_the_file()
    {
        await using var storage = await TestStorage.StartAsync();
        await storage.LevelAsync();
        await storage.StopAsync();
        using (var file = SqliteFile.Open(storage.PrimaryFile, SqliteOpenMode.ReadWrite, TimeSpan.FromSeconds(5), null))
        {
            file.Execute("DELETE FROM schema_migrations WHERE name LIKE '%primary_0001%'");   // as an older release left it
        }
        var before = await File.ReadAllBytesAsync(storage.PrimaryFile);
        Assert.Null(PrimaryDoctor.Examine(storage.NodeFile, storage.PrimaryFile, storage.World));
        Assert.Equal(before, await File.ReadAllBytesAsync(storage.PrimaryFile));
    }

    [Fact]
    public async Task Two_restores_within_a_second_keep_both_old_files()
    {
        await using var storage = await TestStorage.StartAsync();
        await storage.LevelAsync();
        await storage.StopAsync();
        var first = PrimaryDoctor.Restore(storage.NodeFile, storage.PrimaryFile, storage.World);
        var second = PrimaryDoctor.Restore(storage.NodeFile, storage.PrimaryFile, storage.World);
        Assert.NotEqual(first.KeptAside, second.KeptAside);
        Assert.All([first.KeptAside, second.KeptAside], kept => Assert.True(File.Exists(kept)));
    }

    [Fact]
    public async Task A_new_node_is_filled_from_a_restored_primary_even_if_the_nodes_log_was_pruned()
    {
        await using var storage = await TestStorage.StartAsync();
        for (var n = 0; n < 10; n++)
        {
            await storage.RecordEventAsync($"event_{n}");
        }
        await storage.LevelAsync();
        var digest = storage.Host.Node.Digest();
        await storage.Host.Node.Writer.EnqueueAsync(session => session.View.Query<long>("DELETE FROM log_tail WHERE sequence < 8"));
        await storage.StopAsync();
        PrimaryDoctor.Restore(storage.NodeFile, storage.PrimaryFile, storage.World);
        await AssertFillsANewNodeAsync(storage, digest);
    }

    [Fact]
    public async Task A_new_node_is_filled_from_a_restored_primary_even_if_facts_were_still_to_be_offered_again()
    {
        await using var storage = await TestStorage.StartAsync();
        await storage.LevelAsync();
        var early = storage.Host.Replicator.Position;
        await storage.RecordEventAsync("event_1");
        await storage.LevelAsync();
        await storage.StopAsync();
        using (var node = SqliteFile.Open(storage.NodeFile, SqliteOpenMode.ReadWrite, TimeSpan.FromSeconds(5), null))
        {
            // The primary had lost its tail, and the node was stopped before it offered it again; the journal has let go of it.
            node.Execute($"INSERT INTO offer_again (version) SELECT version FROM log_tail WHERE sequence > {early.Sequence}");
            node.Execute($"DELETE FROM log_tail WHERE sequence > {early.Sequence}; DELETE FROM journal");
            node.Execute($"UPDATE node_state SET value = '{early.Epoch}/{early.Sequence}/{early.Hash}' WHERE name = 'position'");
        }
        PrimaryDoctor.Restore(storage.NodeFile, storage.PrimaryFile, storage.World);
        await storage.StartedAsync();
        await storage.LevelAsync();
        var digest = storage.Host.Node.Digest();
        await storage.StopAsync();
        await AssertFillsANewNodeAsync(storage, digest);
    }

    private static async Task AssertFillsANewNodeAsync(TestStorage storage, string digest)
    {
        foreach (var file in Directory.GetFiles(storage.Folder, "node.db*"))
        {
            File.Delete(file);
        }
        await storage.StartedAsync();
        await storage.LevelAsync();
        await storage.Host.Node.Writer.EnqueueAsync(session => session.View.Query<long>("DELETE FROM nodes WHERE id = @Incarnation", new { storage.Host.Database.Incarnation }));
        Assert.Equal(digest, storage.Host.Node.Digest());
    }
}
