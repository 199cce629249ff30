using Holdfast.Storage.ChangeLog;
using Npgsql;

namespace Holdfast.Storage.Primary.Postgres;

/// <summary>Where the log stood, and whether it has what was asked about, in one snapshot.</summary>
/// <param name="Cluster">Whose database it is.</param>
/// <param name="Has">Whether the log has the asker's row at its place.</param>
/// <param name="IsStandby">Whether what answers follows another server: it may be behind.</param>
/// <param name="Migrations">How many the database has had: a younger release may have been here since it was looked at.</param>
internal sealed record LogState(string? Cluster, LogPosition Head, bool Has, long Migrations, bool IsStandby, IReadOnlyList<LogRow> Rows);

/// <summary>Every statement on the change log.</summary>
internal static class PostgresLog
{
    /// <summary>How long a writer waits for its turn, when its caller does not give up before.</summary>
    public static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(3);

    /// <summary>How long the server works at one statement of ours.</summary>
    public static readonly TimeSpan StatementTimeout = TimeSpan.FromSeconds(4);

    /// <summary>How long a writer that says nothing keeps its turn.</summary>
    public static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(4);

    /// <summary>Told to whoever listens that the log has grown.</summary>
    public const string Channel = "holdfast_log";

    /// <summary>About the most bytes of one page; one row is given always.</summary>
    public const int MostBytes = 4 << 20;

    /// <summary>One number for all that lock a change log; the schema's name makes the other. Other programs lock other numbers.</summary>
    internal const int TurnKey = 0x686f6c64;

    private static readonly string Settings =
        $"SELECT set_config('lock_timeout', '{LockTimeout.TotalMilliseconds}', true), set_config('statement_timeout', '{StatementTimeout.TotalMilliseconds}', true), "
        + $"set_config('idle_in_transaction_session_timeout', '{IdleTimeout.TotalMilliseconds}', true), "
        + "set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true)";

    private const string State = """
        SELECT 0 AS part, coalesce(h.sequence, 0) AS sequence, coalesce(h.epoch, 0) AS epoch, coalesce(h.hash, '') AS hash, c.id AS version,
          @sequence = 0 OR EXISTS (SELECT FROM change_log WHERE sequence = @sequence AND hash = @hash) AS has, (SELECT count(*) FROM schema_migrations) AS migrations, pg_is_in_recovery() AS standby
        FROM (SELECT) AS one LEFT JOIN cluster c ON true LEFT JOIN LATERAL (SELECT * FROM change_log ORDER BY sequence DESC LIMIT 1) h ON true
        """;

    private const string Page = """
        UNION ALL SELECT 1, sequence, epoch, hash, version, true, 0, false FROM (
          SELECT *, sum(octet_length(version)) OVER (ORDER BY sequence) - octet_length(version) AS before
          FROM (SELECT * FROM change_log WHERE sequence > @after ORDER BY sequence LIMIT @limit) page) AS bounded
        WHERE before < @bytes ORDER BY part, sequence
        """;

    /// <summary>The results that stand before the state's in a batch that begins with <see cref="AddTurn"/>.</summary>
    private const int ResultsOfTurn = 2;

    /// <summary>Adds to a batch: begin, and wait for the writers' turn, which ends with the transaction.</summary>
    /// <remarks>Each statement that follows has a snapshot of its own, taken after the turn came.</remarks>
    public static void AddTurn(NpgsqlBatch batch)
    {
        batch.BatchCommands.Add(new NpgsqlBatchCommand("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Settings));
        var turn = new NpgsqlBatchCommand("SELECT pg_advisory_xact_lock(@key, hashtext(current_schema()))");
        turn.Parameters.AddWithValue("key", TurnKey);
        batch.BatchCommands.Add(turn);
    }

    /// <summary>Skips the results of <see cref="AddTurn"/>.</summary>
    public static async Task SkipTurnAsync(NpgsqlDataReader reader, CancellationToken ct)
    {
        for (var i = 0; i < ResultsOfTurn; i++)
        {
            await reader.NextResultAsync(ct);
        }
    }

    /// <summary>Adds to a batch: where the log stands, and a page of it.</summary>
    /// <param name="known">The row that must be there.</param>
    /// <param name="after">Where the page begins; null for no page.</param>
    public static void AddState(NpgsqlBatch batch, LogPosition known, LogPosition? after = null, int limit = 0)
    {
        var state = new NpgsqlBatchCommand(after is null ? State : State + "\n" + Page);
        state.Parameters.AddWithValue("sequence", known.Sequence);
        state.Parameters.AddWithValue("hash", known.Hash ?? "");
        if (after is { } from)
        {
            state.Parameters.AddWithValue("after", from.Sequence);
            state.Parameters.AddWithValue("limit", limit);
            state.Parameters.AddWithValue("bytes", (long)MostBytes);
        }
        batch.BatchCommands.Add(state);
    }

    /// <summary>Reads what <see cref="AddState"/> asked for; at the end the reader stands at the result that follows.</summary>
    public static async Task<LogState> ReadStateAsync(NpgsqlDataReader reader, CancellationToken ct)
    {
        await reader.ReadAsync(ct);
        var (head, cluster, has, migrations, standby) = (Position(reader), reader.IsDBNull(4) ? null : reader.GetString(4), reader.GetBoolean(5), reader.GetInt64(6), reader.GetBoolean(7));
        var rows = new List<LogRow>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(new LogRow(Position(reader), reader.GetString(4)));
        }
        await reader.NextResultAsync(ct);
        return new LogState(cluster, head, has, migrations, standby, rows);
    }

    /// <summary>Adds to a batch: these rows, and word of them.</summary>
    public static void AddRows(NpgsqlBatch batch, IReadOnlyList<LogRow> rows)
    {
        var write = new NpgsqlBatchCommand("INSERT INTO change_log (sequence, epoch, hash, version) SELECT * FROM unnest(@sequences, @epochs, @hashes, @versions)");
        write.Parameters.Add(PostgresRows.Numbers("sequences", [.. rows.Select(r => (long?)r.At.Sequence)]));
        write.Parameters.Add(PostgresRows.Numbers("epochs", [.. rows.Select(r => (long?)r.At.Epoch)]));
        write.Parameters.Add(PostgresRows.Texts("hashes", [.. rows.Select(r => r.At.Hash)]));
        write.Parameters.Add(PostgresRows.Texts("versions", [.. rows.Select(r => r.Version)]));
        batch.BatchCommands.Add(write);
        batch.BatchCommands.Add(new NpgsqlBatchCommand($"NOTIFY {Channel}"));
    }

    /// <summary>The latest of these positions that the log has; <see cref="LogPosition.Start"/> when it has none.</summary>
    public static async Task<LogPosition> FindCommonAsync(NpgsqlConnection connection, IReadOnlyList<LogPosition> positions, CancellationToken ct)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = """
            SELECT 0, c.sequence, c.epoch, c.hash FROM unnest(@sequences, @hashes) AS p (sequence, hash) JOIN change_log c ON c.sequence = p.sequence AND c.hash = p.hash
            ORDER BY c.sequence DESC LIMIT 1
            """;
        command.Parameters.Add(PostgresRows.Numbers("sequences", [.. positions.Select(p => (long?)p.Sequence)]));
        command.Parameters.Add(PostgresRows.Texts("hashes", [.. positions.Select(p => p.Hash)]));
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? Position(reader) : LogPosition.Start;
    }

    private static LogPosition Position(NpgsqlDataReader reader) => new(reader.GetInt64(2), reader.GetInt64(1), reader.GetString(3));
}
