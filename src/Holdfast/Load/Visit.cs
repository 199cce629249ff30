namespace Holdfast.Load;

/// <summary>One request at <see cref="Places"/>: it is let in, or waits, or is refused.</summary>
/// <param name="operation">Its route: what it costs is learned by it.</param>
/// <param name="tenant">Whose it is, as well as is known.</param>
/// <param name="decided">Is told once when a visit that waited is let in (null) or refused; never inside the lock.</param>
/// <param name="isDeny">It takes something away, and a key was shown: there are places of its own for it.</param>
internal sealed class Visit(Priority priority, string operation, string tenant, Action<Refusal?> decided, bool isDeny = false)
{
    public Priority Priority { get; } = priority;

    public string Operation { get; } = operation;

    public string Tenant { get; } = tenant;

    public bool IsDeny { get; } = isDeny;

    public Action<Refusal?> Decided { get; } = decided;

    internal VisitState State { get; set; }

    /// <summary>When it came; then, when it was let in. In timestamps of the clock.</summary>
    internal long At { get; set; }

    internal long OutsideSince { get; set; }

    internal TimeSpan Outside { get; set; }

    internal bool WasAlone { get; set; }

    internal LinkedListNode<Visit>? Place { get; set; }
}

internal enum VisitState
{
    New,
    Waiting,
    Inside,

    /// <summary>It waits for somebody else, and holds no place.</summary>
    Outside,
    Over,
}

/// <summary>Why a request is not taken.</summary>
/// <param name="IsTenants">Its tenant has as many places as one may have: 429. Else the node has too much to do: 503.</param>
/// <param name="RetryAfter">Seconds. Not the same for all, so that they do not come back together.</param>
internal sealed record Refusal(bool IsTenants, int RetryAfter);
