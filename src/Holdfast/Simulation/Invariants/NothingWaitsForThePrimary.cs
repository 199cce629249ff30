using System.Globalization;
using Holdfast.Simulation.Machines;

namespace Holdfast.Simulation.Invariants;

/// <summary>A fact or a deny is answered by the node alone, however the primary is (law 1): in what its own disk takes, and 50 ms for a copy.</summary>
internal sealed class NothingWaitsForThePrimary : Invariant
{
    private static readonly TimeSpan Most = TimeSpan.FromMilliseconds(100);

    public override string Name => "nothing-waits-for-the-primary";

    /// <summary>The longest that any took, on a disk of usual speed.</summary>
    public TimeSpan Longest { get; private set; }

    public void Note(string what, Node node, TimeSpan took)
    {
        Longest = took > Longest ? took : Longest;
        if (took > Most)
        {
            Break(string.Create(CultureInfo.InvariantCulture, $"{what} at {node.Name} took {took.TotalMilliseconds:0} ms"));
        }
    }
}
