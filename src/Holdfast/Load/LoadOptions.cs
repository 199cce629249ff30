namespace Holdfast.Load;

/// <summary>How much this node takes at once. Few numbers, all of them with a default that needs no thought.</summary>
/// <param name="Least">The limit never falls below this: so few at once do not hold each other up, and a group of commits still fills a sync.</param>
/// <param name="Most">The limit never grows above this; <c>--most-at-once</c>.</param>
internal sealed record LoadOptions(int Least, int Most)
{
    public static LoadOptions Default { get; } = new(8 + (4 * Environment.ProcessorCount), 512);

    /// <summary>The limit at the start. It finds its own.</summary>
    public int Start { get; init; } = 64;

    /// <summary>How much slower than alone an operation may be before there is too much at once: times…</summary>
    public double Tolerance { get; init; } = 2;

    /// <summary>… and by how much more at least: what a busy machine does to short operations is none of our doing.</summary>
    public TimeSpan Slack { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>How long a request may wait for its place.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The same once there has been a queue for <see cref="Standing"/>: then the latest come first, and what has waited long is of use to nobody.</summary>
    public TimeSpan ShortPatience { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How many may wait. A burst that is served within the patience is refused nobody: all tabs of an office that wake at once.</summary>
    public int MostWaiting { get; init; } = Most;

    /// <summary>How long there must have been a queue, without a break, to be more than a burst.</summary>
    public TimeSpan Standing { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The share of a priority's places that one tenant may have.</summary>
    public double OfOneTenant { get; init; } = 0.8;

    /// <summary>The most that wait for somebody else and hold no place meanwhile; beyond that they hold one.</summary>
    public int MostOutside { get; init; } = 1024;

    /// <summary>So many denies with a shown key come in however full the node is: what takes away must get through (law 4). One tenant may have its share of these too.</summary>
    public int MostDenies { get; init; } = 64;

    /// <summary>The bytes of bodies that the node holds at most, of all requests together: they are read before there is a place. One tenant may have half.</summary>
    public long MostBodies { get; init; } = 256L << 20;

    /// <summary>How long after the last refusal it is over.</summary>
    public TimeSpan Calm { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How full the node may be, as a share of its limit, for another one of a priority to be let in: the rest is kept for those above.</summary>
    public static double ShareOf(Priority priority) => priority switch
    {
        Priority.Session => 1,
        Priority.SignIn => 0.9,
        Priority.Page => 0.8,
        Priority.Read => 0.7,
        _ => 0.5,
    };
}
