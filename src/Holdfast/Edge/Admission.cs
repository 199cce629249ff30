namespace Holdfast.Edge;

/// <summary>How much may be under way, in all and at one node: the less it matters, the sooner it is turned away. Nothing waits in a line.</summary>
internal sealed class Admission(int most, int mostPerNode)
{
    private int _underWay;

    public int UnderWay => Volatile.Read(ref _underWay);

    /// <summary>Takes a place; whoever got one gives it back.</summary>
    public bool TryEnter(Priority priority)
    {
        if (Interlocked.Increment(ref _underWay) <= Share(priority, most))
        {
            return true;
        }
        Interlocked.Decrement(ref _underWay);
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _underWay);

    public bool HasRoom(EdgeNode node, Priority priority) => node.UnderWay < Share(priority, mostPerNode);

    private static int Share(Priority priority, int most) => Math.Max(1, (int)(most * priority switch
    {
        Priority.Session => 1.0,
        Priority.SignIn => 0.9,
        Priority.Read => 0.75,
        _ => 0.6,
    }));
}
