namespace Holdfast.Resilience;

/// <summary>What Holdfast may expect of one dependency, and what it does without it. Immutable; checked when a <see cref="Dependency"/> is made.</summary>
/// <param name="Name">Its name in the catalogue, in health answers and in logs: <c>primary</c>, <c>flags:unleash</c>.</param>
/// <param name="Kind">What it is: <c>database</c>, <c>flags</c>, <c>mail</c>, <c>identity provider</c>.</param>
/// <param name="Deadline">The longest that one call may take, whether or not the callee minds its token.</param>
/// <param name="MaxConcurrent">The most calls under way, abandoned ones included.</param>
/// <param name="Fallback">In words: what serves people while it is away.</param>
/// <param name="NeededBy">The products that notice when it is away; empty when none does.</param>
public sealed record DependencyPolicy(
    string Name, string Kind, TimeSpan Deadline, int MaxConcurrent, string Fallback, IReadOnlyList<string> NeededBy)
{
    /// <summary>Failures in a row that open the breaker. A count and not a rate, so that a dependency called once a minute trips too. Default 5.</summary>
    public int OpensAfter { get; init; } = 5;

    /// <summary>How long an open breaker refuses before it lets one trial call through. Default 1 second.</summary>
    public TimeSpan OpenFor { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Tells exceptions that are answers (a unique key was violated) from outages. Answers pass through and prove that the
    /// dependency works. Default: every exception is an outage.</summary>
    public Func<Exception, bool> IsAnswer { get; init; } = static _ => false;

    internal void Check()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(Name);
        ArgumentException.ThrowIfNullOrWhiteSpace(Kind);
        ArgumentException.ThrowIfNullOrWhiteSpace(Fallback);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Deadline, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxConcurrent, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(OpensAfter, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(OpenFor, TimeSpan.Zero);
    }
}
