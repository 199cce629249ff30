using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Peers;

namespace Holdfast.Storage.Node;

/// <summary>How far everything has got at this node: its own journal, the primary's log, other nodes' journals. Peers ask it all day, and mostly nothing has changed;
/// so it is read once after a commit, and asked in memory until the next.</summary>
/// <param name="Lives">The lives that wrote this file's journal, in order; the last one ends at the journal's head.</param>
/// <param name="OwnLife">The row of the last of them; null when it has none here.</param>
/// <param name="Position">The last row of the change log that was applied.</param>
/// <param name="Shipped">The journal's last position that the primary has confirmed.</param>
/// <param name="OfferingAll">While the whole replica is offered: the table and id reached.</param>
/// <param name="OffersAgain">Whether rows wait to be offered again.</param>
/// <param name="Peers">Other nodes' journals, by incarnation.</param>
/// <param name="NodeList">The number of the node list.</param>
internal sealed record Progress(
    IReadOnlyList<Life> Lives, Lives.LifeRow? OwnLife, LogPosition Position, long Shipped, (string Table, string Id)? OfferingAll, bool OffersAgain,
    IReadOnlyDictionary<string, PeerJournals.State> Peers, long NodeList)
{
    /// <summary>The last position that this file's journal gave.</summary>
    public long JournalHead => Lives.Count > 0 ? Lives[^1].To : 0;

    /// <summary>Up to where this disk has each journal.</summary>
    public IReadOnlyDictionary<string, JournalMark> Known => field ??= ListKnown();

    public static Progress Of(View view)
    {
        var lives = Storage.Peers.Lives.OfThisFile(view);
        return new(
            lives, lives.Count > 0 ? Storage.Peers.Lives.Find(view, lives[^1].Incarnation) : null, view.NodeState.Position, view.NodeState.Shipped, view.NodeState.OfferingAll,
            view.Find<long>("SELECT EXISTS (SELECT 1 FROM offer_again)") != 0,
            PeerJournals.All(view).ToDictionary(s => s.Origin, StringComparer.Ordinal), Storage.Peers.NodeList.Of(view).Number);
    }

    private Dictionary<string, JournalMark> ListKnown()
    {
        var known = Peers.Values.ToDictionary(s => s.Origin, s => new JournalMark(s.Position, s.Mark, s.GapEndsAt), StringComparer.Ordinal);
        foreach (var life in Lives)
        {
            if (!known.TryGetValue(life.Incarnation, out var read) || read.Position < life.To)
            {
                known[life.Incarnation] = new JournalMark(life.To, "");
            }
        }
        return known;
    }
}
