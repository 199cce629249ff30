using System.Text.Json;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Node;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Primary.Remote;
using Holdfast.Storage.Primary.Sqlite;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Tests;

/// <summary>A primary's promises, kept from afar: this node decides, another one has the file.</summary>
public sealed class OnRemote : PrimaryContract
{
    private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-").FullName;
    private int _files;
    private SqlitePrimary? _far;
    private NodeStore? _node;

    private string Current => Path.Combine(_folder, $"primary-{_files}.db");

    private protected override IPrimary OpenEmpty(Func<string?> cluster, HybridClock clock)
    {
        _files++;
        _far = new SqlitePrimary(Current, cluster, clock, World, Lane.OnThread("test primary"));
        _node = NodeStore.Open(Path.Combine(_folder, $"node-{_files}.db"), new JournalLimits(), World, Lane.OnThread("test node"));
        return new RemotePrimary(_node, cluster, new Wire(new PrimaryServer(_far, cluster)));
    }

    private protected override Task PruneHereAsync(DateTimeOffset expiredBefore) => _node!.Writer.EnqueueAsync(session => session.Prune(expiredBefore));

    private protected override string Digest()
    {
        using var connection = SqliteFile.Open(Current, SqliteOpenMode.ReadOnly, TimeSpan.FromSeconds(5), null);
        return Rows.Digest.Of(connection, Schema.Tables, World.Clock.GetUtcNow());
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _node?.Dispose();
        if (_far is not null)
        {
            await _far.DisposeAsync();
        }
        foreach (var file in Directory.GetFiles(_folder))
        {
            File.Delete(file);
        }
    }
}

/// <summary>What is particular to a primary that another node has.</summary>
public sealed class RemotePrimaryTests
{
    [Fact]
    public async Task Two_nodes_that_write_at_once_both_end_done_once_each()
    {
        await using var world = await World.StartAsync();
        await Task.WhenAll(world.CountAsync(world.Here, 10), world.CountAsync(world.There, 10));
        Assert.Equal("20", await world.NameAsync());
        Assert.Equal(20, world.Commits);
    }

    [Fact]
    public async Task A_commit_that_met_another_head_keeps_nothing_and_is_decided_again()
    {
        await using var world = await World.StartAsync();
        await world.CountAsync(world.Here, 1);
        world.BeforeCommit = () =>
        {
            world.BeforeCommit = () => Task.CompletedTask;
            return world.CountAsync(world.There, 1);
        };
        await world.CountAsync(world.Here, 1);
        Assert.Equal("3", await world.NameAsync());
    }

    [Fact]
    public async Task Others_in_the_way_until_the_deadline_is_not_done()
    {
        await using var world = await World.StartAsync();
        using var deadline = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        world.BeforeCommit = () => world.Far.WriteAsync(
            _ => Decide.To(true, Change.To(Schema.Organizations, "org_other", ("name", SecondsAndTicks()))), LogPosition.Start, CancellationToken.None);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => world.Here.WriteAsync(World.Count, LogPosition.Start, deadline.Token));
        Assert.Null(await world.NameAsync());

        static string SecondsAndTicks() => TimeProvider.System.GetTimestamp().ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task Of_an_answer_that_was_lost_nobody_knows_and_the_next_write_sees_it()
    {
        await using var world = await World.StartAsync();
        world.LoseAnswers = true;
        await Assert.ThrowsAsync<PrimaryUnavailableException>(() => world.Here.WriteAsync(World.Count, LogPosition.Start, CancellationToken.None));
        world.LoseAnswers = false;
        await world.CountAsync(world.Here, 1);
        Assert.Equal("2", await world.NameAsync());
    }

    [Fact]
    public async Task What_was_decided_stays_nowhere_here_until_it_is_read_back()
    {
        await using var world = await World.StartAsync();
        world.LoseAnswers = true;
        await Assert.ThrowsAsync<PrimaryUnavailableException>(() => world.Here.WriteAsync(World.Count, LogPosition.Start, CancellationToken.None));
        Assert.Equal(0, world.HereNode.Read(view => view.Find<long>("SELECT count(*) FROM organizations")));
    }

    [Fact]
    public async Task A_node_of_another_cluster_is_refused_by_name()
    {
        await using var world = await World.StartAsync();
        var foreign = new RemotePrimary(world.HereNode, () => "cluster_other", world);
        var refused = await Assert.ThrowsAsync<PrimaryUnavailableException>(() => foreign.ReadLogAsync(LogPosition.Start, 1, CancellationToken.None));
        Assert.Equal(PrimaryFault.Foreign, refused.Fault);
    }

    [Fact]
    public async Task Large_offers_travel_in_parts()
    {
        await using var world = await World.StartAsync();
        var clock = new HybridClock(TimeProvider.System, "bbbbbbbbbbbb");
        var versions = Enumerable.Range(0, 12).Select(i => Change.To(Schema.Organizations, $"org_{i}", ("metadata", new string('x', 1 << 20))).Stamped(clock.Next()).ToJson()).ToList();
        var head = await world.Here.OfferAsync(versions, LogPosition.Start, CancellationToken.None);
        Assert.Equal(12, head.Sequence);
        var page = await world.There.ReadLogAsync(LogPosition.Start, 100, CancellationToken.None);
        Assert.InRange(page.Rows.Count, 1, 8);
        Assert.Equal(12, page.Head.Sequence);
    }

    /// <summary>Two nodes and the file of a third.</summary>
    private sealed class World : IPrimaryWire, IAsyncDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-").FullName;
        private readonly Wire _wire;
        private readonly NodeStore _thereNode;
        private int _commits;

        private World()
        {
            Far = new SqlitePrimary(Path.Combine(_folder, "primary.db"), () => Cluster, new HybridClock(TimeProvider.System, "aaaaaaaaaaaa"), Surroundings.Real, Lane.OnThread("primary"));
            _wire = new Wire(new PrimaryServer(Far, () => Cluster));
            (HereNode, _thereNode) = (Open("here"), Open("there"));
            (Here, There) = (new RemotePrimary(HereNode, () => Cluster, this), new RemotePrimary(_thereNode, () => Cluster, _wire));

            NodeStore Open(string name) => NodeStore.Open(Path.Combine(_folder, name), new JournalLimits(), Surroundings.Real, Lane.OnThread(name));
        }

        public string? Cluster { get; private set; }

        public SqlitePrimary Far { get; }

        public NodeStore HereNode { get; }

        public RemotePrimary Here { get; }

        public RemotePrimary There { get; }

        public Func<Task> BeforeCommit { get; set; } = () => Task.CompletedTask;

        public bool LoseAnswers { get; set; }

        public int Commits => _commits;

        public static async Task<World> StartAsync()
        {
            var world = new World();
            world.Cluster = await world.Here.BootstrapAsync("cluster_1", CancellationToken.None);
            return world;
        }

        public async Task<PrimaryAnswer> AskAsync(PrimaryQuestion question, CancellationToken ct)
        {
            if (question.Call != PrimaryCall.Commit)
            {
                return await _wire.AskAsync(question, ct);
            }
            await BeforeCommit();
            var answer = await _wire.AskAsync(question, ct);
            return LoseAnswers ? throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "The answer was lost.") : answer;
        }

        public static Decision<bool> Count(View view)
        {
            var next = view.Find<long>("SELECT coalesce(max(CAST(name AS INTEGER)), 0) FROM organizations WHERE id = 'org_1'") + 1;
            return Decide.To(true, Change.To(Schema.Organizations, "org_1", ("name", next.ToString(System.Globalization.CultureInfo.InvariantCulture))));
        }

        public async Task CountAsync(RemotePrimary by, int times)
        {
            for (var i = 0; i < times; i++)
            {
                await by.WriteAsync(Count, LogPosition.Start, CancellationToken.None);
                Interlocked.Increment(ref _commits);
            }
        }

        public async Task<string?> NameAsync() =>
            (await Far.WriteAsync(view => Decide.Nothing(view.Find<string>("SELECT name FROM organizations WHERE id = 'org_1'")), LogPosition.Start, CancellationToken.None)).Answer;

        public async ValueTask DisposeAsync()
        {
            HereNode.Dispose();
            _thereNode.Dispose();
            await Far.DisposeAsync();
            Directory.Delete(_folder, recursive: true);
        }
    }
}

/// <summary>A wire in memory: everything becomes text and is read again, as on the way between two machines.</summary>
internal sealed class Wire(IPrimaryWire far) : IPrimaryWire
{
    public async Task<PrimaryAnswer> AskAsync(PrimaryQuestion question, CancellationToken ct) => Copy(await far.AskAsync(Copy(question), ct));

    private static T Copy<T>(T value) => JsonSerializer.Deserialize<T>(JsonSerializer.SerializeToUtf8Bytes(value))!;
}
