using System.Data.Common;
using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Storage.Rows;

/// <summary>One hash over everything that a database holds, so that two can be compared.</summary>
public static class Digest
{
    /// <param name="now">Rows that have expired by now do not count, whether or not they are pruned yet.</param>
    /// <returns>SHA-256 in hex, over the canonical text of all rows of all tables.</returns>
    public static string Of(DbConnection connection, IEnumerable<Table> tables, DateTimeOffset now)
    {
        using var rows = new RowWriter(connection);
        return Of(tables.SelectMany(table => rows.ReadAll(table)), now);
    }

    /// <summary>The same, over rows that are read elsewhere.</summary>
    /// <param name="rows">Table by table in the order of <see cref="Schema.Tables"/>, each in the order of the bytes of its ids.</param>
    public static string Of(IEnumerable<RowVersion> rows, DateTimeOffset now)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var row in rows.Where(row => !HasExpired(row, now)))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(row.ToJson()));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Whether a row of a table that expires is past its time. A version that does not speak of its time is not.</summary>
    internal static bool HasExpired(RowVersion row, DateTimeOffset now) =>
        row.Table.Expires && row.Value("expires_at") is long at && at <= now.ToUnixTimeMilliseconds();
}
