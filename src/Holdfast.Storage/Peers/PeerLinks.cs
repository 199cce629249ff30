using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Peers;

/// <summary>This node's peers: each is read all the time, and known by what it last said of itself.</summary>
public sealed class PeerLinks
{
    private readonly NodeStore _node;
    private readonly Surroundings _world;
    private readonly NodeIdentity _own;
    private volatile JournalMark? _agreed;   // what stands at a place of the journal stays as it is

    public PeerLinks(NodeStore node, NodeIdentity own, IReadOnlyList<IPeer> peers, Copies copies, Surroundings world)
    {
        (_node, _own, _world, Copies) = (node, own, world, copies);
        Clocks = new PeerClocks(world.Clock);
        node.Writer.Session.ClockIsAhead = () => Clocks.IsAhead;
        All = [.. peers.Select(peer => new PeerLink(peer, node, this, world))];
    }

    /// <summary>This node, in its present life.</summary>
    public NodeIdentity Own => _own with { Incarnation = _node.Incarnation };

    public IReadOnlyList<PeerLink> All { get; }

    public Copies Copies { get; }

    public PeerClocks Clocks { get; }

    /// <summary>Why this node began a new life while it ran; null when it did not.</summary>
    public string? NewLife { get; private set; }

    /// <summary>The peer of this name; null when none that was heard calls itself so.</summary>
    public IPeer? FindByName(string name) => All.FirstOrDefault(l => l.Identity?.Name == name)?.Peer;

    /// <summary>Whose an incarnation is, and the peer that lives it, when it was heard.</summary>
    public (Whose Whose, IPeer? Peer) Find(string incarnation)
    {
        var whose = _node.Read(view => Lives.Of(view, incarnation, _node.Incarnation));
        var link = All.FirstOrDefault(l => l.Identity?.Incarnation == incarnation);
        return whose == Whose.Unknown && link is not null ? (Whose.Peers, link.Peer) : (whose, whose == Whose.Peers ? link?.Peer : null);
    }

    /// <summary>Whether this life was heard from itself in the last seconds: then its facts are its own to ship.</summary>
    public bool IsSpeaking(string incarnation) =>
        incarnation == _node.Incarnation || All.Any(l => l.Identity?.Incarnation == incarnation && l.SilentFor < PeerLink.Silent);

    /// <summary>A peer asked, or answered: what it says of itself, and what it goes by.</summary>
    public void Heard(NodeIdentity peer, long nodeList)
    {
        if (All.FirstOrDefault(l => l.Identity?.Name == peer.Name) is { } link)
        {
            link.Reported(nodeList);
        }
    }

    /// <summary>Told after facts came from a peer.</summary>
    public event Action? Received;

    internal void TellReceived() => Received?.Invoke();

    /// <summary>Reads all peers until told to stop.</summary>
    public Task RunAsync(CancellationToken ct) => Task.WhenAll(All.Select(link => link.RunAsync(ct)));

    /// <summary>What a peer holds of this life must be what this disk has at that place. Else the disk was put back in time, and a new life begins.</summary>
    /// <returns>Whether it is.</returns>
    internal async Task<bool> CompareAsync(JournalMark? held)
    {
        if (held is null || held == _agreed || IsOurs(held))
        {
            _agreed = held ?? _agreed;
            return true;
        }
        await BeginLifeAsync("a peer holds of this node's journal what this disk has not: it was put back in time");
        return false;
    }

    /// <remarks>The head is the disk's own: what is kept in memory of it may be of the moment before, and a life must not end for a glance that came late.</remarks>
    private bool IsOurs(JournalMark held) =>
        (held.Position <= _node.Progress.JournalHead || held.Position <= _node.Read(Lives.JournalHead))
        && (held.Mark.Length == 0 || FactAt(held.Position) is not { } ours || JournalMark.Of(ours) == held.Mark);

    /// <summary>Null when it is no longer kept.</summary>
    private string? FactAt(long position) => _node.Tail.Find(position - 1, position, 1) is [var fact]
        ? fact.Version
        : _node.Read(view => view.Find<string>("SELECT version FROM journal WHERE position = @position", new { position }));

    /// <summary>Begins a life; what the old one issued for single use is void from then on.</summary>
    private async Task BeginLifeAsync(string why)
    {
        NewLife = why;
        var before = _node.Incarnation;
        var life = await _node.Writer.EnqueueAsync(session => session.BeginLife(before, _node.OpenedAt, incarnation => RowOf(session.View, incarnation)));
        _node.Clock.BeginLife(life);
        Copies.Forget();
    }

    /// <summary>Writes down this life, so that others know whose it is. One whose row has another name or key is not this one.</summary>
    internal async Task EnterLifeAsync()
    {
        if (!IsStillOurs(_node.Read(view => Lives.Find(view, _node.Incarnation))))
        {
            await BeginLifeAsync("others know its life by another name or key");   // nobody would believe this key in the name of that life
        }
        await _node.Writer.RecordAsync(view => Lives.Find(view, _node.Incarnation) switch
        {
            null => Decide.To(true, RowOf(view, _node.Incarnation)),
            { PublicKey: null } when PublicKey is not null => Decide.To(true, Change.To(Schema.Nodes, _node.Incarnation, ("public_key", PublicKey))),
            _ => Decide.Nothing(true),
        });
    }

    /// <summary>Whether what is known of this life is what this node says of itself. It is not when somebody else has spoken of it.</summary>
    /// <param name="life">Its row here; null when there is none.</param>
    internal bool IsStillOurs(Lives.LifeRow? life) => life is null || (life.Name == _own.Name && (life.PublicKey is not { } known || known == PublicKey));

    /// <summary>Born after all its elders, whatever the clock says: the latest life of a name is the one that lives.</summary>
    private Change RowOf(View view, string incarnation) => Change.To(Schema.Nodes, incarnation,
        ("name", _own.Name), ("region", _own.Region), ("zone", _own.Zone),
        ("born_at", Math.Max(_world.Clock.GetUtcNow().ToUnixTimeMilliseconds(), Lives.LatestBirth(view, _own.Name) + 1)), ("public_key", PublicKey));

    /// <summary>The key that this node signs with, as it stands in its row; null without one.</summary>
    public string? PublicKey { get; init; }
}
