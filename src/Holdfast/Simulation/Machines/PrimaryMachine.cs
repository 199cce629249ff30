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
        _ = _primary?.DisposeAsync();
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

    /// <summary>The ids of a table's rows.</summary>
    public List<string> Ids(Table table) => Look(connection =>
    {
        using var command = connection.CreateCommand();
        command.CommandText = $"SELECT id FROM {table.Name}";
        using var reader = command.ExecuteReader();
        var ids = new List<string>();
        while (reader.Read())
        {
            ids.Add(reader.GetString(0));
        }
        return ids;
    });

    /// <summary>Looks into the database as an auditor would, beside the process.</summary>
    public T Look<T>(Func<SqliteConnection, T> look)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = Disk.PathOf(File), Mode = SqliteOpenMode.ReadWrite, Pooling = false, Vfs = SimulatedDisk.Vfs,
        }.ToString());
        connection.Open();
        return look(connection);
    }
}
