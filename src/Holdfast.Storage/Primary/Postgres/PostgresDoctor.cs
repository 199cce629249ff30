using System.Globalization;
using Holdfast.Resilience;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Primary.Sqlite;
using Npgsql;

namespace Holdfast.Storage.Primary.Postgres;

/// <summary>Looks at a PostgreSQL primary for a person, and makes an empty one this cluster's when a person says so.</summary>
public static class PostgresDoctor
{
    /// <summary>What was found.</summary>
    /// <param name="Fault">What is the matter; null when it is sound and ours.</param>
    /// <param name="Lines">What else a person wants to know.</param>
    public sealed record Report(PrimaryUnavailableException? Fault, IReadOnlyList<string> Lines);

    /// <summary>How long all of it may take.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    /// <summary>Writes nothing.</summary>
    public static async Task<Report> ExamineAsync(string nodeFile, PostgresServers servers, Surroundings world)
    {
        var (cluster, position) = ReadNode(nodeFile, world);
        var lines = new List<string>();
        try
        {
            using var deadline = new CancellationTokenSource(Deadline, world.Clock);
            var fault = await servers.UseAsync((connection, ct) => LookAsync(connection, cluster, position, lines, ct), deadline.Token);
            lines.Insert(0, $"{servers.Leader} takes writes.");
            return new Report(fault, lines);
        }
        catch (Exception fault) when (Outage(fault) is { } outage)
        {
            lines.Add($"Asked: {string.Join(", ", servers.Names)}.");
            return new Report(outage, lines);
        }
    }

    /// <summary>Makes an empty database this cluster's. Its log begins with a new epoch, so every node offers all that it holds, by itself.</summary>
    /// <exception cref="PrimaryUnavailableException">It is not empty, or not there.</exception>
    public static async Task AdoptAsync(string nodeFile, PostgresServers servers, Surroundings world)
    {
        var (known, position) = ReadNode(nodeFile, world);
        var cluster = known ?? throw new InvalidOperationException("This node's disk belongs to no cluster: there is nothing to restore from.");
        try
        {
            using var deadline = new CancellationTokenSource(Deadline, world.Clock);
            await servers.UseAsync(
                async (connection, ct) =>
                {
                    if ((await PostgresSchema.LookAsync(connection, ct)).Cluster is not null)
                    {
                        throw new PrimaryUnavailableException(PrimaryFault.Foreign, "The database is a cluster's already.");
                    }
                    await using (var turn = connection.CreateBatch())
                    {
                        PostgresLog.AddTurn(turn);
                        await turn.ExecuteNonQueryAsync(ct);
                    }
                    await PostgresSchema.MoveForwardAsync(connection, world.Clock.GetUtcNow(), ct);
                    if (await PostgresSchema.QueryAsync(connection, "SELECT id FROM cluster UNION ALL SELECT hash FROM change_log LIMIT 1", row => row.GetString(0), ct) is { Count: > 0 })
                    {
                        throw new PrimaryUnavailableException(PrimaryFault.Foreign, "The database has been taken by somebody meanwhile.");
                    }
                    await PostgresSchema.ExecuteAsync(connection, "INSERT INTO cluster VALUES (@id, @at)", ct, ("id", cluster), ("at", world.Clock.GetUtcNow().ToUnixTimeMilliseconds()));
                    await using var log = connection.CreateBatch();
                    PostgresLog.AddRows(log, [new LogRow(LogPosition.Start.Next(position.Epoch + 1, ""), "")]);
                    log.BatchCommands.Add(new NpgsqlBatchCommand("COMMIT"));
                    await log.ExecuteNonQueryAsync(ct);
                    return true;
                },
                deadline.Token);
        }
        catch (Exception fault) when (fault is not PrimaryUnavailableException && Outage(fault) is { } outage)
        {
            throw outage;
        }
    }

    private static (string? Cluster, LogPosition Position) ReadNode(string nodeFile, Surroundings world)
    {
        using var node = PrimaryDoctor.OpenNode(nodeFile, world);
        using var view = new View(node);
        return (view.NodeState.Cluster, view.NodeState.Position);
    }

    private static PrimaryUnavailableException? Outage(Exception fault) => fault as PrimaryUnavailableException ?? PostgresFaults.Of(fault, mayBeKept: false);

    private static async Task<PrimaryUnavailableException?> LookAsync(NpgsqlConnection connection, string? cluster, LogPosition position, List<string> lines, CancellationToken ct)
    {
        lines.AddRange(await PostgresSchema.QueryAsync(connection,
            "SELECT 'PostgreSQL ' || current_setting('server_version') || '; synchronous_commit = ' || current_setting('synchronous_commit') || ', '"
            + " || CASE current_setting('synchronous_standby_names') WHEN '' THEN 'no standby is waited for: a failover may lose what only the leader had, and nodes bring it back'"
            + " ELSE 'waits for ' || current_setting('synchronous_standby_names') END || '.'", row => row.GetString(0), ct));
        lines.AddRange(await PostgresSchema.QueryAsync(connection,
            "SELECT 'The oldest transaction of another is open for ' || to_char(now() - xact_start, 'HH24:MI:SS') || ' (process ' || pid || ', ' || coalesce(nullif(application_name, ''), 'no name') || ').'"
            + " FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < now() - interval '10 seconds' ORDER BY xact_start LIMIT 1", row => row.GetString(0), ct));
        var found = await PostgresSchema.LookAsync(connection, ct);
        if (cluster is not null && PostgresSchema.FaultOf(found, cluster) is { } fault)
        {
            return fault;
        }
        if (found.IsEmpty)
        {
            return null;
        }
        await using var batch = connection.CreateBatch();
        PostgresLog.AddState(batch, position);
        await using var reader = await batch.ExecuteReaderAsync(ct);
        var state = await PostgresLog.ReadStateAsync(reader, ct);
        lines.Add(string.Create(CultureInfo.InvariantCulture, $"Its log ends at {state.Head}; this node has read up to {position}."));
        if (!state.Has)
        {
            lines.Add("It does not have that row: it lost its tail. A node that runs notices by itself, and offers again what it holds above it.");
        }
        return null;
    }
}
