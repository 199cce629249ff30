namespace Holdfast.Resilience;

/// <summary>A dependency did not do its work: it missed the deadline, failed, or was not asked because its breaker is open or its bulkhead
/// full. Whether a call that missed its deadline had an effect is unknown.</summary>
/// <remarks>The message may be shown to anyone. The inner exception is for the operator's log alone: it may name addresses.</remarks>
/// <param name="retryAfter">When a new try makes sense; the value for <c>Retry-After</c>.</param>
public sealed class DependencyUnavailableException(string dependency, string how, TimeSpan retryAfter, Exception? inner = null)
    : Exception($"The dependency '{dependency}' is unavailable: {how}.", inner)
{
    public string Dependency { get; } = dependency;

    /// <summary>One of <see cref="Trouble"/>, or the callee's own word.</summary>
    public string How { get; } = how;

    public TimeSpan RetryAfter { get; } = retryAfter;
}
