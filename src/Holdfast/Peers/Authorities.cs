using Holdfast.Http;
using Holdfast.Storage;

namespace Holdfast.Peers;

/// <summary>Whose an incarnation is (law 5).</summary>
internal enum Whose
{
    /// <summary>This node's, now.</summary>
    Ours,

    /// <summary>Another node's, that may be there.</summary>
    Peers,

    /// <summary>Its node began a newer life, or an operator declared it dead: what it issued for single use is void.</summary>
    Gone,

    /// <summary>Nobody here has heard of it.</summary>
    Unknown,
}

/// <summary>Finds the node that alone may redeem what an incarnation issued.</summary>
internal sealed class Authorities(Database database, PeerList peers)
{
    private const int IncarnationLength = 12;

    /// <param name="incarnation">What an item names; it may be anything that a stranger made up.</param>
    /// <returns>Whose it is; and the way there, if that node was heard in this life.</returns>
    public (Whose Whose, HttpPeer? Peer) Find(string incarnation)
    {
        if (incarnation == database.Incarnation)
        {
            return (Whose.Ours, null);
        }
        if (peers.All.Count == 0 || incarnation.Length != IncarnationLength || !incarnation.All(char.IsAsciiHexDigitLower))
        {
            return (Whose.Gone, null);   // nobody could have issued it, or nobody is left who did
        }
        var whose = database.Read(view => Of(view, incarnation));
        return (whose, whose == Whose.Gone ? null : peers.All.FirstOrDefault(p => p.Channel.Last?.Speaker.Incarnation == incarnation));
    }

    private static Whose Of(View view, string incarnation) =>
        Denied.Is(view, incarnation) ? Whose.Gone
        : view.Find<Life>("SELECT name AS Name, born_at AS BornAt FROM nodes WHERE id = @incarnation", new { incarnation }) is not { } life ? Whose.Unknown
        : view.Find<long>("SELECT count(*) FROM nodes WHERE name = @Name AND born_at > @BornAt", life) > 0 ? Whose.Gone
        : Whose.Peers;

    private sealed record Life(string Name, long BornAt);
}

/// <summary>The other nodes that this one was told of.</summary>
internal sealed record PeerList(IReadOnlyList<HttpPeer> All);
