using Holdfast.Storage.Primary;
using Holdfast.Storage.Primary.Sqlite;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Tests;

/// <summary>A primary's promises, kept by a file.</summary>
public sealed class SqlitePrimaryTests : PrimaryContract
{
    private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-").FullName;
    private int _files;

    private string Current => Path.Combine(_folder, $"primary-{_files}.db");

    private protected override IPrimary OpenEmpty(Func<string?> cluster, HybridClock clock)
    {
        _files++;
        return new SqlitePrimary(Current, cluster, clock, World, Lane.OnThread("test primary"));
    }

    private protected override string Digest()
    {
        using var connection = SqliteFile.Open(Current, SqliteOpenMode.ReadOnly, TimeSpan.FromSeconds(5), null);
        return Rows.Digest.Of(connection, Schema.Tables, World.Clock.GetUtcNow());
    }

    [Fact]
    public async Task A_lock_of_another_is_no_reason_to_check_the_whole_file_again_and_another_file_is()
    {
        await using var primary = OpenEmpty(() => null, new HybridClock(World.Clock, "aaaaaaaaaaaa"));
        await primary.BootstrapAsync("cluster_1", CancellationToken.None);
        using (var other = SqliteFile.Open(Current, SqliteOpenMode.ReadWrite, TimeSpan.FromSeconds(5), null))
        {
            // Something that only a check of the whole file finds.
            other.Execute("CREATE TABLE marks (n INTEGER CHECK (n > 0)); PRAGMA ignore_check_constraints = ON; INSERT INTO marks VALUES (0); BEGIN EXCLUSIVE");
            var locked = await Assert.ThrowsAsync<PrimaryUnavailableException>(() => primary.FindClusterAsync(CancellationToken.None));
            Assert.Equal(PrimaryFault.Unreachable, locked.Fault);
        }
        Assert.Equal("cluster_1", await primary.FindClusterAsync(CancellationToken.None));
        File.Copy(Current, Current + ".copy");
        File.Move(Current + ".copy", Current, overwrite: true);
        var found = await Assert.ThrowsAsync<PrimaryUnavailableException>(() => primary.FindClusterAsync(CancellationToken.None));
        Assert.Equal(PrimaryFault.Damaged, found.Fault);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        foreach (var file in Directory.GetFiles(_folder))
        {
            File.Delete(file);
        }
    }
}
