using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Node;
using Holdfast.Storage.Primary.Postgres;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests.Postgres;

/// <summary>A node's storage whose primary is PostgreSQL.</summary>
internal sealed class PostgresNode : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-").FullName;
    private readonly string _connectionString;
    private readonly string _name;

    private readonly Surroundings _world;

    private PostgresNode(string connectionString, string name, int patience) =>
        (_connectionString, _name, _world) = (connectionString, name, Surroundings.Real with { Clock = new PatientClock(patience) });

    public StorageHost Host { get; private set; } = null!;

    public PostgresPrimary Primary { get; private set; } = null!;

    public string NodeFile => Path.Combine(_folder, "node.db");

    /// <param name="patience">Times the deadlines: a busy machine must not look like an outage. 1 where deadlines are what is tested.</param>
    public static async Task<PostgresNode> StartAsync(string connectionString, string name = "node-1", int patience = 20)
    {
        var node = new PostgresNode(connectionString, name, patience);
        await node.StartAgainAsync();
        return node;
    }

    public async Task StartAgainAsync() => Host = await StorageHost.StartAsync(
        new StorageSettings(_folder, "", _name, "local", _name, new JournalLimits()), _world, CancellationToken.None,
        openPrimary: (node, cluster, _) => Primary = Postgres.Open(node, cluster, _connectionString, _world));

    public Task StopAsync() => Host.DisposeAsync().AsTask();

    /// <summary>A fact that anybody may write.</summary>
    public Task<string> RecordEventAsync(string id, string data = "{}") => Host.Database.RecordAsync(_ => Decide.To(id, Change.To(Schema.Events, id,
        ("environment_id", "environment_1"), ("event", "test"), ("data", data), ("created_at", 1L))));

    /// <summary>An administrator's write.</summary>
    public Task<string> NameOrganizationAsync(string id, string name = "Acme") =>
        Host.Database.WriteAsync(_ => Decide.To(id, Change.To(Schema.Organizations, id, ("name", name))), CancellationToken.None);

    /// <summary>The same, repeated as who is answered with 503 repeats it, until the primary is back: it may have been done, and is not done again then.</summary>
    public async Task<string> NameOrganizationOnceBackAsync(string id)
    {
        await Until.TrueAsync(
            async () =>
            {
                try
                {
                    await Host.Database.WriteAsync(
                        view => view.Find<long>("SELECT count(*) FROM organizations WHERE id = @Id", new { Id = id }) > 0 ? Decide.To(id) : Decide.To(id, Change.To(Schema.Organizations, id, ("name", "Acme"))),
                        CancellationToken.None);
                    return true;
                }
                catch (PrimaryUnavailableException)
                {
                    return false;
                }
            },
            () => "The primary takes no writes.");
        return id;
    }

    /// <summary>An administrator's write that counts one up.</summary>
    public static Decision<long> Count(View view)
    {
        var next = view.Find<long>("SELECT coalesce(max(CAST(name AS INTEGER)), 0) FROM organizations WHERE id = 'org_1'") + 1;
        return Decide.To(next, Change.To(Schema.Organizations, "org_1", ("name", next.ToString(System.Globalization.CultureInfo.InvariantCulture))));
    }

    /// <summary>Waits until the primary has everything of this node, and its replica is level.</summary>
    public Task LevelAsync() => Until.TrueAsync(
        async () =>
        {
            try
            {
                return Host.Node.CountUnshipped() == 0
                    && Host.Database.Read(view => view.Find<long>("SELECT count(*) FROM offer_again") + view.Find<long>("SELECT count(*) FROM node_state WHERE name = 'offering_all' AND value <> ''")) == 0
                    && (await Primary.ReadLogAsync(Host.Replicator.Position, 1, CancellationToken.None)) is { Matches: true } page && page.Head == Host.Replicator.Position;
            }
            catch (PrimaryUnavailableException)
            {
                return false;
            }
        },
        () => $"The primary is not level: {Host.Replicator.Health}.");

    /// <summary>Waits until the node says this of its primary; null: that it answers.</summary>
    public Task SaysAsync(PrimaryFault? fault) => Until.TrueAsync(
        () => Host.Replicator.Health is var health && health.Fault == fault && (fault is not null || health.IsAvailable),
        () => $"Expected {fault?.ToString() ?? "health"}, but the node says {Host.Replicator.Health}.");

    /// <summary>The whole log.</summary>
    public async Task<List<LogRow>> ReadLogAsync()
    {
        var (at, rows) = (LogPosition.Start, new List<LogRow>());
        while (await Primary.ReadLogAsync(at, 500, CancellationToken.None) is { Rows.Count: > 0 } page)
        {
            rows.AddRange(page.Rows);
            at = rows[^1].At;
        }
        return rows;
    }

    /// <summary>Primary and replica are one; each of these ids is there, and told of by the log exactly once.</summary>
    public async Task AssertThereOnceAsync(IReadOnlyCollection<string> acknowledged)
    {
        await LevelAsync();
        Assert.Equal(await Primary.DigestAsync(CancellationToken.None), Host.Node.Digest());
        var log = (await ReadLogAsync()).Where(r => !r.BeginsEpoch).ToList();
        Assert.Equal(log.Count, log.Select(r => r.Version).Distinct().Count());
        var told = log.CountBy(r => RowVersion.FromJson(r.Version, Schema.ByName)!.Id).ToDictionary();
        Assert.DoesNotContain(acknowledged, id => told.GetValueOrDefault(id) != 1);
        var kept = Host.Database.Read(view => view.Query<string>("SELECT id FROM events UNION ALL SELECT id FROM organizations")).ToHashSet();
        Assert.DoesNotContain(acknowledged, id => !kept.Contains(id));
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>The machine's clock, whose deadlines are longer.</summary>
    private sealed class PatientClock(int patience) : TimeProvider
    {
        private static readonly TimeSpan From = TimeSpan.FromMilliseconds(500);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime >= From ? dueTime * patience : dueTime, period);
    }
}
