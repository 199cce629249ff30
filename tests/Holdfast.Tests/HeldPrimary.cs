using Microsoft.Data.Sqlite;

namespace Holdfast.Tests;

/// <summary>An outage: somebody else holds the primary's file, until this is disposed of. Before and after nobody is hurried; while it lasts nobody waits longer than people would.</summary>
internal sealed class HeldPrimary : IAsyncDisposable
{
    private readonly HoldfastServer _server;
    private readonly SqliteConnection _other;
    private readonly TimeSpan _stretchesFrom;

    private HeldPrimary(HoldfastServer server, SqliteConnection other) => (_server, _other, _stretchesFrom) = (server, other, server.Clock.StretchesFrom);

    public static async Task<HeldPrimary> BeginAsync(HoldfastServer server)
    {
        var held = new HeldPrimary(server, new SqliteConnection($"Data Source={Path.Combine(server.Data, "primary.db")};Pooling=False"));
        await held._other.OpenAsync();
        await using var hold = held._other.CreateCommand();
        hold.CommandText = "BEGIN EXCLUSIVE";
        await hold.ExecuteNonQueryAsync();
        server.Clock.StretchesFrom = TimeSpan.FromDays(1);   // what is away now is not a busy machine
        return held;
    }

    /// <summary>It is over once the node has read the log again, and so knows that.</summary>
    public async ValueTask DisposeAsync()
    {
        await _other.DisposeAsync();
        _server.Clock.StretchesFrom = _stretchesFrom;
        await _server.ShippedAsync();
        await _server.ToldAsync();
    }
}
