using Microsoft.Data.Sqlite;

namespace Holdfast.Bench;

/// <summary>The embedded primary is gone: another process (this one) holds its file under an exclusive lock, until disposed of.</summary>
internal sealed class PrimaryLock : IDisposable
{
    private readonly SqliteConnection _connection;

    /// <param name="file">The primary's file. Do not open and close it otherwise meanwhile: that would drop the lock.</param>
    public PrimaryLock(string file)
    {
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Mode = SqliteOpenMode.ReadWrite, Pooling = false }.ToString());
        try
        {
            _connection.Open();
            using var take = _connection.CreateCommand();
            take.CommandText = "BEGIN EXCLUSIVE";
            take.ExecuteNonQuery();
        }
        catch
        {
            _connection.Dispose();
            throw;
        }
    }

    public void Dispose() => _connection.Dispose();
}
