using System.Data.Common;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Dapper;

namespace Holdfast.Storage.Migrations;

/// <summary>Brings a database forward, and only forward, by the SQL files in this folder.</summary>
internal static class Migrator
{
    /// <summary>Whose own tables stand beside the shared ones: the prefix of their files.</summary>
    public const string Primary = "primary_";
    public const string Node = "node_";

    private static readonly (string Name, string Sql)[] All =
    [
        .. Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(n => n.Contains("_0", StringComparison.Ordinal) || char.IsAsciiDigit(n[0]))
            .Order(StringComparer.Ordinal)
            .Select(n => (n, Read(n))),
    ];

    /// <summary>Whether the database was never migrated: it has no tables at all.</summary>
    public static bool IsEmpty(DbConnection connection) =>
        connection.ExecuteScalar<long>("SELECT count(*) FROM sqlite_master") == 0;

    /// <summary>Applies what is missing, in one transaction: a database that was killed midway is what it was before.</summary>
    /// <exception cref="SchemaException">A younger release has been here, or an applied file has since been changed.</exception>
    public static void MoveForward(DbConnection connection, string role, DateTimeOffset now)
    {
        using var transaction = connection.BeginTransaction();
        connection.Execute("CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT NOT NULL PRIMARY KEY, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)",
            transaction: transaction);
        foreach (var (name, checksum, sql) in FindMissing(connection, role))
        {
            connection.Execute(sql, transaction: transaction);
            connection.Execute("INSERT INTO schema_migrations VALUES (@name, @checksum, @at)",
                new { name, checksum, at = now.ToUnixTimeMilliseconds() }, transaction);
        }
        transaction.Commit();
    }

    /// <summary>What would be applied. Writes nothing.</summary>
    /// <exception cref="SchemaException">A younger release has been here, or an applied file has since been changed.</exception>
    public static List<(string Name, string Checksum, string Sql)> FindMissing(DbConnection connection, string role) =>
        FindMissing(connection.Query<(string Name, string Checksum)>("SELECT name, checksum FROM schema_migrations").ToDictionary(r => r.Name, r => r.Checksum, StringComparer.Ordinal), role);

    /// <inheritdoc cref="FindMissing(DbConnection, string)"/>
    /// <param name="applied">Checksums of what was applied, by name.</param>
    public static List<(string Name, string Checksum, string Sql)> FindMissing(IReadOnlyDictionary<string, string> applied, string role)
    {
        var missing = new List<(string, string, string)>();
        var known = All.Where(m => char.IsAsciiDigit(m.Name[0]) || m.Name.StartsWith(role, StringComparison.Ordinal)).ToList();
        if (applied.Keys.FirstOrDefault(name => known.All(m => m.Name != name)) is { } unknown)
        {
            throw new SchemaException($"The database has the migration {unknown}, which this release does not know: a younger release has written to it.");
        }
        foreach (var (name, sql) in known)
        {
            var checksum = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql)));
            if (applied.TryGetValue(name, out var was))
            {
                if (was != checksum)
                {
                    throw new SchemaException($"The migration {name} was applied with another text. Migrations are never changed, only added.");
                }
                continue;
            }
            missing.Add((name, checksum, sql));
        }
        return missing;
    }

    private static string Read(string name)
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }
}

/// <summary>The database's schema is not one that this release can move forward from.</summary>
public sealed class SchemaException(string message) : Exception(message);
