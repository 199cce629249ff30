using System.Globalization;
using Holdfast.Simulation.Disk;
using Holdfast.Simulation.Links;
using Holdfast.Storage;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Primary.Sqlite;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Simulation.Machines;

/// <summary>How the primary behaves while its process lives.</summary>
internal enum Mood
{
    Well,

    /// <summary>It accepts questions and answers none.</summary>
    Hangs,

    /// <summary>It answers, later than anybody waits.</summary>
    IsLate,

    /// <summary>It does what it is asked to, and the answer is lost.</summary>
    LosesAnswers,
}

/// <summary>The machine of the primary: the real one, over SQLite, that all nodes reach across the network.</summary>
internal sealed class PrimaryMachine(Cluster cluster, string region) : Machine(cluster, "primary", region)
{
    private const string File = "primary.db";

    private SqlitePrimary? _primary;
    private int _lives;

    public Mood Mood { get; set; }

    /// <summary>The cluster that it was set up for; null before the first node came.</summary>
    public string? ClusterId { get; private set; }

    protected override bool IsReady => _primary is not null;

    protected override Task OpenAsync(Surroundings surroundings)
    {
        // Each process stamps as somebody else, so that one that came up with less than its elder never gives a stamp again.
        var stamps = new HybridClock(surroundings.Clock, string.Create(CultureInfo.InvariantCulture, $"{++_lives:x12}"));
        _primary = new SqlitePrimary(Disk.PathOf(File), () => ClusterId, stamps, surroundings, surroundings.OpenLane("primary"));
        return Task.CompletedTask;
    }

    protected override void Drop()
    {
        _ = _primary?.DisposeAsync().AsTask();
        _primary = null;
    }

    public async Task<string> BootstrapAsync(string id) => ClusterId = await ServeAsync(primary => primary.BootstrapAsync(id, CancellationToken.None), writes: true);

    /// <summary>Runs a question here, as the primary's mood is.</summary>
    public async Task<T> ServeAsync<T>(Func<IPrimary, Task<T>> work, bool writes)
    {
        if (_primary is not { } primary)
        {
            throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "The primary is starting.");
        }
        switch (Mood)
        {
            case Mood.Hangs:
                throw new SilenceException();
            case Mood.IsLate:
                await Task.Delay(TimeSpan.FromSeconds(3), Cluster.ClockOf(Life!));
                break;
        }
        var answer = await work(primary);
        return Mood == Mood.LosesAnswers && writes ? throw new SilenceException() : answer;
    }

    /// <summary>What a standby that is level has.</summary>
    public DiskSnapshot Snapshot() => Disk.Snapshot();

    /// <summary>The ids of tables' rows. All in one look: to open a database costs more than to read it.</summary>
    public Dictionary<Table, HashSet<string>> Ids(IEnumerable<Table> tables) => Look(connection => tables.ToDictionary(
        table => table, table => Machines.Rows.Texts(connection, $"SELECT id FROM {table.Name}").Select(r => r[0]).ToHashSet(StringComparer.Ordinal)));

    /// <summary>The terms of claims.</summary>
    public List<ClaimTerm> Terms() => Look(connection =>
        Machines.Rows.Texts(connection, "SELECT id, term FROM claims").ConvertAll(r => new ClaimTerm(r[0], long.Parse(r[1], CultureInfo.InvariantCulture))));

    /// <summary>The number of the log's last row.</summary>
    public long Head() => Look(connection => long.Parse(Machines.Rows.Texts(connection, "SELECT coalesce(max(sequence), 0) FROM change_log")[0][0], CultureInfo.InvariantCulture));

    /// <summary>The change log, from its first row.</summary>
    public List<(long Sequence, string Hash, string Version)> Log() => Look(connection =>
        Machines.Rows.Texts(connection, "SELECT sequence, hash, version FROM change_log ORDER BY sequence")
            .ConvertAll(r => (long.Parse(r[0], CultureInfo.InvariantCulture), r[1], r[2])));

    /// <summary>A table's rows as texts, by id.</summary>
    public Dictionary<string, string> Rows(Table table) => Look(connection => Machines.Rows.ById(connection, table));

    /// <summary>Looks into the database as an auditor would, beside the process.</summary>
    public T Look<T>(Func<SqliteConnection, T> look)
    {
        using var connection = Machines.Rows.Open(Disk.PathOf(File));
        return look(connection);
    }
}
