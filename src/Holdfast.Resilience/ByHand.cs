namespace Holdfast.Resilience;

/// <summary>A person's word about a dependency, above its breaker's.</summary>
/// <param name="IsOpen">Calls are made whatever the breaker counts; else none is made, and each is refused at once, as with an open breaker.</param>
/// <param name="Until">When it ends by itself (UTC).</param>
public sealed record ByHand(bool IsOpen, DateTimeOffset Until);
