using Holdfast.Storage.Peers;

namespace Holdfast.Peers;

/// <summary>Finds the node that alone may redeem what an incarnation issued (law 5).</summary>
internal sealed class Authorities(PeerLinks peers)
{
    private const int IncarnationLength = 12;

    /// <param name="incarnation">What an item names; it may be anything that a stranger made up.</param>
    /// <returns>Whose it is; and the way there, if that node was heard in this life.</returns>
    public (Whose Whose, HttpPeer? Peer) Find(string incarnation)
    {
        if (peers.All.Count == 0 || incarnation.Length != IncarnationLength || !incarnation.All(char.IsAsciiHexDigitLower))
        {
            return (Whose.Gone, null);   // nobody could have issued it, or nobody is left who did
        }
        var (whose, peer) = peers.Find(incarnation);
        return (whose, peer as HttpPeer);
    }
}
