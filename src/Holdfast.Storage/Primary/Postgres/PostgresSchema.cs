using System.Text.RegularExpressions;
using Holdfast.Storage.Migrations;
using Npgsql;

namespace Holdfast.Storage.Primary.Postgres;

/// <summary>Whose the database is, and its tables. Ours are made in the schema that the connection's search path names first.</summary>
internal static partial class PostgresSchema
{
    /// <summary>The oldest release that is known to do (<c>server_version_num</c>).</summary>
    private const int Oldest = 15_00_00;

    /// <summary>How many migrations this release knows.</summary>
    public static readonly int Known = Migrator.FindMissing(new Dictionary<string, string>(), Migrator.Primary).Count;

    /// <summary>What the database is.</summary>
    /// <param name="Cluster">Null when it is nobody's yet.</param>
    /// <param name="IsEmpty">Whether there is no table at all.</param>
    /// <param name="Missing">Migrations to be applied.</param>
    public sealed record Found(string? Cluster, bool IsEmpty, IReadOnlyList<(string Name, string Checksum, string Sql)> Missing);

    /// <summary>Looks at the database, and writes nothing.</summary>
    /// <exception cref="PrimaryUnavailableException">It cannot be ours, or is of a younger release.</exception>
    public static async Task<Found> LookAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        var (version, encoding, schema) = await FindAsync(connection,
            "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), current_schema()", row => (row.GetInt32(0), row.GetString(1), row.IsDBNull(2) ? null : row.GetString(2)), ct);
        if (version < Oldest || encoding != "UTF8" || schema is null)
        {
            throw new PrimaryUnavailableException(PrimaryFault.Foreign,
                version < Oldest ? $"The primary database is PostgreSQL {version / 10000}; 15 or later is needed."
                : schema is null ? "The schema that the primary's connection names is not there."
                : $"The primary database's encoding is {encoding}; UTF8 is needed.");
        }
        // What an extension brought, a monitoring view say, is nobody's data.
        var tables = await QueryAsync(connection, """
            SELECT c.relname FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'f', 'm')
              AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
            """, row => row.GetString(0), ct);
        if (tables.Count == 0)
        {
            return new Found(null, true, Migrator.FindMissing(new Dictionary<string, string>(), Migrator.Primary));
        }
        if (((string[])["cluster", "change_log", "schema_migrations"]).Except(tables).Any())
        {
            throw new PrimaryUnavailableException(PrimaryFault.Foreign, "The database at the primary's place has tables, and not ours. Nothing is written into it.");
        }
        var applied = await QueryAsync(connection, "SELECT name, checksum FROM schema_migrations", row => KeyValuePair.Create(row.GetString(0), row.GetString(1)), ct);
        try
        {
            var missing = Migrator.FindMissing(new Dictionary<string, string>(applied), Migrator.Primary);
            return new Found((await QueryAsync(connection, "SELECT id FROM cluster", row => row.GetString(0), ct)).FirstOrDefault(), false, missing);
        }
        catch (SchemaException tooNew)
        {
            throw new PrimaryUnavailableException(PrimaryFault.TooNew, tooNew.Message, tooNew);
        }
    }

    /// <summary>Whether what was found is the cluster's to write.</summary>
    /// <param name="expected">The cluster that this node belongs to; null as long as it belongs to none.</param>
    public static PrimaryUnavailableException? FaultOf(Found found, string? expected) =>
        expected is null || found.Cluster == expected ? null
        : found.Cluster is null ? new PrimaryUnavailableException(PrimaryFault.Empty,
            "The primary database is empty, but this cluster has written to it. Nothing is written into it until 'holdfast doctor' has decided.")
        : new PrimaryUnavailableException(PrimaryFault.Foreign, "The database at the primary's place belongs to another cluster. Nothing is written into it.");

    /// <summary>Applies what is missing, in the transaction that the caller holds together with the writers' turn.</summary>
    public static async Task MoveForwardAsync(NpgsqlConnection connection, DateTimeOffset now, CancellationToken ct)
    {
        await ExecuteAsync(connection, "CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT NOT NULL PRIMARY KEY, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)", ct);
        foreach (var (name, checksum, sql) in (await LookAgainAsync(connection, ct)))
        {
            await ExecuteAsync(connection, Indexes().Replace(sql, ""), ct);
            await ExecuteAsync(connection, "INSERT INTO schema_migrations VALUES (@name, @checksum, @at)", ct, ("name", name), ("checksum", checksum), ("at", now.ToUnixTimeMilliseconds()));
        }
    }

    /// <summary>The columns that hold numbers; all others hold text.</summary>
    public static async Task<IReadOnlySet<(string Table, string Column)>> ReadNumericAsync(NpgsqlConnection connection, CancellationToken ct) =>
        (await QueryAsync(connection, "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() AND data_type = 'bigint'", row => (row.GetString(0), row.GetString(1)), ct)).ToHashSet();

    /// <summary>Runs statements that read nothing.</summary>
    public static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken ct, params (string Name, object Value)[] parameters)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in parameters)
        {
            command.Parameters.AddWithValue(name, value);
        }
        await command.ExecuteNonQueryAsync(ct);
    }

    public static async Task<List<T>> QueryAsync<T>(NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> read, CancellationToken ct)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(read(reader));
        }
        return rows;
    }

    private static async Task<T> FindAsync<T>(NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> read, CancellationToken ct) =>
        (await QueryAsync(connection, sql, read, ct))[0];

    /// <summary>What another node has applied while this one waited for its turn is not applied again.</summary>
    private static async Task<List<(string Name, string Checksum, string Sql)>> LookAgainAsync(NpgsqlConnection connection, CancellationToken ct) => Migrator.FindMissing(
        new Dictionary<string, string>(await QueryAsync(connection, "SELECT name, checksum FROM schema_migrations", row => KeyValuePair.Create(row.GetString(0), row.GetString(1)), ct)),
        Migrator.Primary);

    /// <summary>Indexes that serve a replica's readers. Nobody reads the primary by them, and PostgreSQL refuses a row whose entry is above 2.7 kB.</summary>
    [GeneratedRegex(@"^(CREATE (UNIQUE )?INDEX (?!.*\(expires_at\);)|DROP INDEX ).*;\r?$", RegexOptions.Multiline)]
    private static partial Regex Indexes();
}
