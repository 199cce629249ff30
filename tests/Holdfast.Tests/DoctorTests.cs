using Holdfast.Verbs;
using Microsoft.Data.Sqlite;

namespace Holdfast.Tests;

/// <summary><c>holdfast doctor</c> as a person calls it.</summary>
public sealed class DoctorTests
{
    [Fact]
    public async Task A_younger_release_s_primary_is_not_replaced()
    {
        var data = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        await (await HoldfastServer.StartAsync(new Start(Data: data))).DisposeAsync();
        var primary = Path.Combine(data, "primary.db");
        using (var younger = new SqliteConnection($"Data Source={primary};Pooling=False"))
        {
            younger.Open();
            using var command = younger.CreateCommand();
            command.CommandText = "INSERT INTO schema_migrations VALUES ('9999_future', 'x', 1)";
            command.ExecuteNonQuery();
        }
        var before = await File.ReadAllBytesAsync(primary);

        Assert.Equal(1, await DoctorVerb.Create().Parse(["--data", data, "--restore"]).InvokeAsync());

        Assert.Equal(before, await File.ReadAllBytesAsync(primary));
        Assert.Empty(Directory.GetFiles(data, "*.lost-*"));
        Directory.Delete(data, recursive: true);
    }
}
