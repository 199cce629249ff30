using Holdfast.Simulation.Machines;

namespace Holdfast.Simulation.Invariants;

/// <summary>Something that must hold, whatever fails.</summary>
internal abstract class Invariant
{
    private const int MostTold = 20;

    /// <summary>As it stands in the results: <c>invariant/NAME/broken</c>.</summary>
    public abstract string Name { get; }

    /// <summary>What broke, in words.</summary>
    public List<string> Broken { get; } = [];

    /// <summary>Looked at while things happen, at every fourth of an operation's end or so: it must be cheap.</summary>
    public virtual void Look(Cluster cluster)
    {
    }

    /// <summary>Looked at when everything is repaired and level.</summary>
    public virtual void LookAtEnd(Cluster cluster)
    {
    }

    protected void Break(string what)
    {
        if (Broken.Count < MostTold)
        {
            Broken.Add(what);
        }
    }
}
