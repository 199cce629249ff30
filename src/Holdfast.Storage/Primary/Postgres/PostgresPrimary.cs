using System.Text;
using Holdfast.Resilience;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Node;
using Holdfast.Storage.Primary.Remote;
using Holdfast.Storage.Rows;
using Npgsql;

namespace Holdfast.Storage.Primary.Postgres;

/// <summary>PostgreSQL as the primary (decision 0022). A decision is made in this node's writer, on its replica, which is read up to the log's head while the turn is held.</summary>
/// <param name="cluster">The cluster that this node belongs to; null as long as it belongs to none.</param>
public sealed class PostgresPrimary(NodeStore node, Func<string?> cluster, PostgresServers servers, Surroundings world) : IPrimary
{
    /// <summary>Rows of the log that are read at once.</summary>
    private const int PageSize = 500;

    /// <summary>Rows that a decision may have to read while others wait for their turn. Of more than that the replica is behind, and it catches up first.</summary>
    private const int MostReadInTurn = 5_000;

    /// <summary>Of connections in the pool that are found to be cut, one after another, in one write.</summary>
    private const int MostCuts = 8;

    private const int MostRowsPrunedAtOnce = 1000;

    /// <summary>About the most bytes of versions of one transaction: others wait for its end.</summary>
    private const int MostBytesAtOnce = 4 << 20;

    private readonly ClockJumps _jumps = new(world.Clock);
    private readonly CancellationTokenSource _stop = new();
    private Task _listening = Task.CompletedTask;
    private volatile PostgresRows? _rows;   // null until the database was looked at, and after anything about it looked wrong

    public Task<string?> FindClusterAsync(CancellationToken ct) => UseAnyAsync(async call => (await LookAsync(call)).Cluster, ct);

    public Task<string> BootstrapAsync(string newClusterId, CancellationToken ct) => UseAnyAsync(
        async call =>
        {
            await LookAsync(call);
            await using (var turn = call.Connection.CreateBatch())
            {
                PostgresLog.AddTurn(turn);
                await turn.ExecuteNonQueryAsync(call.Stop);
            }
            await PostgresSchema.MoveForwardAsync(call.Connection, world.Clock.GetUtcNow(), call.Stop);
            await PostgresSchema.ExecuteAsync(call.Connection, "INSERT INTO cluster SELECT @id, @at WHERE NOT EXISTS (SELECT FROM cluster)", call.Stop,
                ("id", newClusterId), ("at", world.Clock.GetUtcNow().ToUnixTimeMilliseconds()));
            var id = (await PostgresSchema.QueryAsync(call.Connection, "SELECT id FROM cluster", row => row.GetString(0), call.Stop))[0];
            call.IsCommitting = true;
            await PostgresSchema.ExecuteAsync(call.Connection, "COMMIT", call.Stop);
            return id;
        },
        ct);

    public async Task<(T Answer, LogPosition Head)> WriteAsync<T>(Func<View, Decision<T>> decide, LogPosition seen, CancellationToken ct)
    {
        for (var cuts = 0; ;)
        {
            Call? used = null;
            try
            {
                // The turn is let go of before anything is tried again: without it, a replica that is far behind catches up.
                if (await UseAsync(call => TryWriteAsync(used = call, decide, seen), ct) is { } done)
                {
                    return done;
                }
            }
            catch (PrimaryUnavailableException) when (used is { HasTurn: false } && cuts++ < MostCuts && !ct.IsCancellationRequested)
            {
                continue;   // one of the pool that was cut while nobody used it: nothing was decided on it
            }
            await CatchUpAsync(ct);
        }
    }

    public async Task<LogPosition> OfferAsync(IReadOnlyList<string> versions, LogPosition seen, CancellationToken ct)
    {
        var (at, head) = (0, LogPosition.Start);
        do
        {
            var (part, bytes) = (new List<RowVersion>(), 0);
            while (at < versions.Count && (part.Count == 0 || bytes + Encoding.UTF8.GetByteCount(versions[at]) <= MostBytesAtOnce))
            {
                bytes += Encoding.UTF8.GetByteCount(versions[at]);
                part.Add(RowVersion.FromJson(versions[at++], Schema.ByName) ?? throw new PrimaryUnavailableException(PrimaryFault.TooNew,
                    "This node holds facts of a younger release, which it cannot bring to the primary. A node of that release does."));
            }
            var now = world.Clock.GetUtcNow();
            var hasJumped = _jumps.HasJumped();
            part.RemoveAll(version => !hasJumped && Digest.HasExpired(version, now - Expiry.Kept));
            head = await UseAsync(
                async call =>
                {
                    var (state, held) = await TakeTurnAsync(call, seen, part);
                    return await KeepAsync(call, state.Head, part, held);
                },
                ct);
        }
        while (at < versions.Count);
        return head;
    }

    public Task<LogPage> ReadLogAsync(LogPosition after, int limit, CancellationToken ct) => UseAsync(
        async call =>
        {
            await using var batch = call.Connection.CreateBatch();
            PostgresLog.AddState(batch, after, after, limit);
            await using var reader = await batch.ExecuteReaderAsync(call.Stop);
            var state = Checked(await PostgresLog.ReadStateAsync(reader, call.Stop));
            return new LogPage(state.Rows, state.Head, state.Has);
        },
        ct);

    public Task<LogPosition> FindCommonAsync(IReadOnlyList<LogPosition> positions, CancellationToken ct) =>
        UseAsync(call => PostgresLog.FindCommonAsync(call.Connection, positions, call.Stop), ct);

    public Task PruneAsync(DateTimeOffset expiredBefore, CancellationToken ct) => UseAsync(
        async call =>
        {
            // By this clock too: one node's wrong one must not make all forget.
            var here = world.Clock.GetUtcNow() - Expiry.Kept;
            var before = (expiredBefore < here ? expiredBefore : here).ToUnixTimeMilliseconds();
            foreach (var table in Schema.Tables.Where(t => t.Expires))
            {
                // Rows that a writer has in hand are left for the next time, so that neither waits for the other.
                await PostgresSchema.ExecuteAsync(call.Connection,
                    $"DELETE FROM {table.Name} WHERE id IN (SELECT id FROM {table.Name} WHERE expires_at < @before LIMIT {MostRowsPrunedAtOnce} FOR UPDATE SKIP LOCKED) "
                    + "AND EXISTS (SELECT FROM cluster WHERE cluster.id = @cluster)",
                    call.Stop, ("before", before), ("cluster", cluster() ?? ""));
            }
            return true;
        },
        ct);

    public Task BeginEpochAsync(LogPosition head, CancellationToken ct) => UseAsync(
        async call =>
        {
            var (state, _) = await TakeTurnAsync(call, LogPosition.Start, []);
            if (state.Head == head)
            {
                await CommitAsync(call, [], [new LogRow(head.Next(head.Epoch + 1, ""), "")]);
            }
            else
            {
                await PostgresSchema.ExecuteAsync(call.Connection, "ROLLBACK", call.Stop);
            }
            return true;
        },
        ct);

    /// <summary>The digest of its tables, in one snapshot.</summary>
    public Task<string> DigestAsync(CancellationToken ct) => UseAsync(
        async call =>
        {
            await PostgresSchema.ExecuteAsync(call.Connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", call.Stop);
            var rows = new List<RowVersion>();
            await foreach (var row in PostgresRows.ReadAllAsync(call.Connection, call.Stop))
            {
                rows.Add(row);
            }
            await PostgresSchema.ExecuteAsync(call.Connection, "COMMIT", call.Stop);
            return Digest.Of(rows, world.Clock.GetUtcNow());
        },
        ct);

    /// <summary>Calls when the log may have grown, wherever that came from. A hint.</summary>
    public void Listen(Action heard) => _listening = servers.ListenAsync(PostgresLog.Channel, heard, world.Clock, _stop.Token);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _listening;
        await servers.DisposeAsync();
        _stop.Dispose();
    }

    /// <summary>Decides in this node's writer while the turn is held.</summary>
    /// <returns>Null when the replica is too far behind, or went elsewhere meanwhile.</returns>
    private async Task<(T Answer, LogPosition Head)?> TryWriteAsync<T>(Call call, Func<View, Decision<T>> decide, LogPosition seen)
    {
        var from = node.Read(view => view.NodeState.Position);
        LogState state;
        await using (var batch = call.Connection.CreateBatch())
        {
            PostgresLog.AddTurn(batch);
            PostgresLog.AddState(batch, seen);
            PostgresLog.AddState(batch, from, from, PageSize);
            await using var reader = await batch.ExecuteReaderAsync(call.Stop);
            await PostgresLog.SkipTurnAsync(reader, call.Stop);
            call.HasTurn = true;
            RefuseLostTail(await PostgresLog.ReadStateAsync(reader, call.Stop));
            state = RefuseLostTail(await PostgresLog.ReadStateAsync(reader, call.Stop));
        }
        var (rows, proposal) = (state.Rows, (Proposal<T>?)null);
        if (state.Head.Sequence - from.Sequence <= MostReadInTurn)
        {
            while (rows.Count > 0 && rows[^1].At != state.Head)
            {
                var page = (from, rows);
                from = await node.Writer.EnqueueAsync(session => session.Absorb(page.from, page.rows)).Within(call.Stop);
                rows = await ReadPageAsync(call, from);
            }
            proposal = await DecideAsync(call, from, rows, state.Head, decide);
        }
        if (proposal is null or { Versions.Count: 0 })
        {
            await PostgresSchema.ExecuteAsync(call.Connection, "ROLLBACK", call.Stop);
            return proposal is null ? null : (proposal.Answer, state.Head);
        }
        List<RowVersion> versions = [.. proposal.Versions.Select(text => RowVersion.FromJson(text, Schema.ByName)!)];
        Dictionary<(Table, string), RowVersion> held;
        await using (var batch = call.Connection.CreateBatch())
        {
            PostgresRows.AddReads(batch, versions);
            await using var reader = await batch.ExecuteReaderAsync(call.Stop);
            held = await PostgresRows.ReadAsync(reader, versions, call.Stop);
        }
        return (proposal.Answer, await KeepAsync(call, state.Head, versions, held));
    }

    private static async Task<IReadOnlyList<LogRow>> ReadPageAsync(Call call, LogPosition from)
    {
        await using var batch = call.Connection.CreateBatch();
        PostgresLog.AddState(batch, from, from, PageSize);
        await using var reader = await batch.ExecuteReaderAsync(call.Stop);
        return (await PostgresLog.ReadStateAsync(reader, call.Stop)).Rows;
    }

    private async Task<Proposal<T>?> DecideAsync<T>(Call call, LogPosition from, IReadOnlyList<LogRow> rows, LogPosition head, Func<View, Decision<T>> decide)
    {
        try
        {
            return await node.Writer.EnqueueAsync(session => session.Absorb(from, rows) == head ? session.Propose(head, decide) : null).Within(call.Stop);
        }
        catch (Exception own) when (own is not OperationCanceledException)
        {
            call.Own = own;
            throw;
        }
    }

    /// <summary>Waits for the writers' turn, and reads where the log stands and the rows of these versions.</summary>
    private async Task<(LogState State, Dictionary<(Table, string), RowVersion> Held)> TakeTurnAsync(Call call, LogPosition seen, IReadOnlyList<RowVersion> versions)
    {
        await using var batch = call.Connection.CreateBatch();
        PostgresLog.AddTurn(batch);
        PostgresLog.AddState(batch, seen);
        PostgresRows.AddReads(batch, versions);
        await using var reader = await batch.ExecuteReaderAsync(call.Stop);
        await PostgresLog.SkipTurnAsync(reader, call.Stop);
        var state = RefuseLostTail(await PostgresLog.ReadStateAsync(reader, call.Stop));
        return (state, await PostgresRows.ReadAsync(reader, versions, call.Stop));
    }

    /// <summary>Joins versions into the rows that were read, and keeps what differs. Ends the transaction.</summary>
    private async Task<LogPosition> KeepAsync(Call call, LogPosition head, IReadOnlyList<RowVersion> versions, Dictionary<(Table Table, string Id), RowVersion> held)
    {
        var changed = new Dictionary<(Table, string), RowVersion>();
        var log = new List<LogRow>();
        var voids = node.Read(Voids.Of);   // whoever offers or writes has what it offers, and the log up to here
        foreach (var came in versions)
        {
            // What is void is no part of it, whether it comes or is there (decision 0034).
            if (voids.Without(came) is not { } version)
            {
                continue;
            }
            var before = held.GetValueOrDefault((version.Table, version.Id));
            var (joined, differs) = world.Join(before is null ? null : voids.Without(before), version);
            if (differs)
            {
                held[(version.Table, version.Id)] = changed[(version.Table, version.Id)] = joined;
                var text = version.ToJson();
                head = head.Next(Math.Max(1, head.Epoch), text);
                log.Add(new LogRow(head, text));
            }
        }
        if (log.Count == 0)
        {
            await PostgresSchema.ExecuteAsync(call.Connection, "ROLLBACK", call.Stop);
            return head;
        }
        await CommitAsync(call, [.. changed.Values], log, changed.Keys.Any(k => k.Item1 == Schema.Quarantines || k.Item1 == Schema.QuarantineVoids) ? voids : null);
        return head;
    }

    /// <param name="voids">What leaves all rows with it; null when nothing does.</param>
    private static async Task CommitAsync(Call call, IReadOnlyList<RowVersion> rows, IReadOnlyList<LogRow> log, Voids? voids = null)
    {
        await using var batch = call.Connection.CreateBatch();
        PostgresRows.AddTakingBack(batch, voids);   // first: what stands again is written over it
        call.Rows.AddWrites(batch, rows);
        PostgresLog.AddRows(batch, log);
        batch.BatchCommands.Add(new NpgsqlBatchCommand("COMMIT"));
        call.IsCommitting = true;
        await batch.ExecuteNonQueryAsync(call.Stop);
    }

    /// <summary>Reads the log to its head and applies it, without the turn.</summary>
    private async Task CatchUpAsync(CancellationToken ct)
    {
        while (true)
        {
            var from = node.Read(view => view.NodeState.Position);
            var page = await ReadLogAsync(from, PageSize, ct);
            if (!page.Matches)
            {
                throw LostTail();
            }
            if (await node.Writer.EnqueueAsync(session => session.Absorb(from, page.Rows)).Within(ct) == page.Head)
            {
                return;
            }
        }
    }

    private LogState RefuseLostTail(LogState state) => Checked(state).Has ? state : throw LostTail();

    /// <summary>What is written on top of a lost tail takes the places of the rows that were lost, and a reader that has those would not notice.</summary>
    private static PrimaryUnavailableException LostTail() =>
        new(PrimaryFault.Unreachable, "The primary database lost its tail. Nothing is written until this node has offered it again.");

    private LogState Checked(LogState state)
    {
        if (state.IsStandby)
        {
            throw new OutageException(Trouble.Refuses, "This server is a standby: it takes no writes.");
        }
        if (PostgresSchema.FaultOf(new PostgresSchema.Found(state.Cluster, false, []), cluster()) is { } fault)
        {
            _rows = null;
            throw fault;
        }
        if (state.Migrations != PostgresSchema.Known)
        {
            _rows = null;   // the next call looks again, and says who is too young or brings the tables forward
            throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "The primary's tables are those of another release. They are being looked at again.");
        }
        return state;
    }

    private async Task<PostgresSchema.Found> LookAsync(Call call)
    {
        var found = await PostgresSchema.LookAsync(call.Connection, call.Stop);
        return PostgresSchema.FaultOf(found, cluster()) is { } fault ? throw fault : found;
    }

    /// <summary>Looks at the database before it is used for the first time, and brings an elder release's tables forward.</summary>
    private async Task<PostgresRows> RecognizeAsync(Call call)
    {
        var found = await LookAsync(call);
        if (found.Cluster is null)
        {
            throw new PrimaryUnavailableException(PrimaryFault.Empty, "The primary database is empty.");
        }
        if (found.Missing.Count > 0)
        {
            await using (var turn = call.Connection.CreateBatch())
            {
                PostgresLog.AddTurn(turn);
                await turn.ExecuteNonQueryAsync(call.Stop);
            }
            await PostgresSchema.MoveForwardAsync(call.Connection, world.Clock.GetUtcNow(), call.Stop);
            await PostgresSchema.ExecuteAsync(call.Connection, "COMMIT", call.Stop);
        }
        return new PostgresRows(await PostgresSchema.ReadNumericAsync(call.Connection, call.Stop));
    }

    /// <summary>Work on a database that was looked at.</summary>
    private Task<T> UseAsync<T>(Func<Call, Task<T>> work, CancellationToken ct) => UseAnyAsync(
        async call =>
        {
            call.Rows = _rows ??= await RecognizeAsync(call);
            return await work(call);
        },
        ct);

    private async Task<T> UseAnyAsync<T>(Func<Call, Task<T>> work, CancellationToken ct)
    {
        Call? call = null;
        try
        {
            return await servers.UseAsync((connection, stop) => work(call = new Call(connection, stop)), ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            throw;
        }
        catch (PostgresException fault) when (PostgresFaults.IsNotOurs(fault) && _rows is not null)
        {
            _rows = null;   // another database stands in its place: who it is, is asked anew, and said
            await UseAnyAsync(LookAsync, ct);
            throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "The primary database's tables changed meanwhile.", fault);
        }
        catch (Exception fault) when (fault is not StorageUnavailableException && fault != call?.Own && PostgresFaults.Of(fault, call is { IsCommitting: true }) is not null)
        {
            throw PostgresFaults.Of(fault, call is { IsCommitting: true })!;
        }
    }

    /// <summary>One use of a connection.</summary>
    private sealed class Call(NpgsqlConnection connection, CancellationToken stop)
    {
        public NpgsqlConnection Connection { get; } = connection;

        public CancellationToken Stop { get; } = stop;

        public PostgresRows Rows { get; set; } = null!;

        /// <summary>What the decision, or this node's writer, threw: it says nothing of the database.</summary>
        public Exception? Own { get; set; }

        /// <summary>The server has given it the writers' turn: what fails from here on is no leftover of the pool.</summary>
        public bool HasTurn { get; set; }

        /// <summary>COMMIT is on its way: of what fails from here on, nobody knows whether it was kept.</summary>
        public bool IsCommitting { get; set; }
    }
}
