using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Tests.Peers;

/// <summary>The rehearsal of docs/backup.md with the embedded primary: an earlier state in its place, while nodes live, and one that was down meanwhile.</summary>
public sealed class BackupTests
{
    [Fact]
    public async Task A_backup_taken_while_it_is_written_is_put_back_and_every_node_brings_what_it_has()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b", "c");
        await cluster.LevelAsync();
        await NameAsync(cluster, "org_before");
        var backup = Path.Combine(cluster.Folder, "backup.db");
        var writing = Task.Run(async () =>
        {
            for (var n = 0; n < 50; n++)
            {
                await PeersTests.RecordAsync(cluster[n % 2 == 0 ? "a" : "b"], $"event_meanwhile_{n}");
            }
        });
        using (var source = SqliteFile.Open(Path.Combine(cluster.Folder, "primary.db"), SqliteOpenMode.ReadWrite, TimeSpan.FromSeconds(30), null))
        {
            source.Execute($"VACUUM INTO '{backup}'");
        }
        await writing;

        await NameAsync(cluster, "org_lost");
        await PeersTests.RecordAsync(cluster["c"], "event_of_c");
        await cluster.LevelAsync();
        await Until.TrueAsync(() => cluster["c"].Node.CountUnshipped() == 0, () => "The primary has not got it.");
        await cluster.StopNodeAsync("c");
        var before = cluster["a"].Replicator.Position.Epoch;

        File.Move(backup, Path.Combine(cluster.Folder, "primary.db"), overwrite: true);
        await PeersTests.RecordAsync(cluster["b"], "event_after");
        await Until.TrueAsync(() => cluster["a"].Replicator.Position.Epoch > before && cluster["a"].Replicator.Health.IsAvailable, () => $"No new epoch: {cluster["a"].Replicator.Health}.");
        await cluster.StartNodeAsync("c", "a", "b");
        await PeersTests.RecordAsync(cluster["c"], "event_of_c_after");

        string[] expected = ["event_of_c", "event_after", "event_of_c_after", .. Enumerable.Range(0, 50).Select(n => $"event_meanwhile_{n}")];
        await Until.TrueAsync(
            async () =>
            {
                var log = string.Join('\n', (await cluster.Primary.Inner.ReadLogAsync(ChangeLog.LogPosition.Start, 10_000, CancellationToken.None)).Rows.Select(r => r.Version));
                return expected.Concat(["org_before", "org_lost"]).All(id => log.Contains($"\"{id}\"", StringComparison.Ordinal));
            },
            () => "Something is lost.");
        await cluster.LevelAsync();
        foreach (var name in new[] { "a", "b", "c" })
        {
            Assert.Equal(2, cluster[name].Database.Read(view => view.Find<long>("SELECT count(*) FROM organizations WHERE id IN ('org_before', 'org_lost')")));
            Assert.Equal(expected.Length, cluster[name].Database.Read(view => view.Query<string>("SELECT id FROM events")).Intersect(expected).Count());
        }
    }

    private static Task NameAsync(TestCluster cluster, string id) => Until.TrueAsync(
        async () =>
        {
            try
            {
                return await cluster["a"].Database.WriteAsync(_ => Decide.To(true, Change.To(Schema.Organizations, id, ("name", "Acme"))), CancellationToken.None);
            }
            catch (PrimaryUnavailableException)
            {
                return false;   // a busy machine: repeated, as who is answered with 503 repeats it
            }
        },
        () => "It cannot be written.");
}
