namespace Holdfast.Storage.Peers;

/// <summary>Whether a place in a journal, where something was born, has been applied here: then this node has it, or there is no such thing.</summary>
public static class Births
{
    /// <param name="position">A place in that incarnation's journal.</param>
    public static bool IsApplied(View view, string incarnation, long position) =>
        Lives.OfThisFile(view).Exists(life => life.Incarnation == incarnation && life.After < position && position <= life.To)
        || (PeerJournals.Find(view, incarnation) is { } known && known.Position >= position && known.GapEndsAt <= view.NodeState.Position.Sequence
            && view.Find<long>("SELECT count(*) FROM aside") == 0);   // what waits aside has its place behind it, and is not in its table yet
}
