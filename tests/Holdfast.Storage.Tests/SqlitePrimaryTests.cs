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

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        foreach (var file in Directory.GetFiles(_folder))
        {
            File.Delete(file);
        }
    }
}
