namespace Holdfast.Http;

/// <summary>There is more to do than this node takes at once: 429, and nothing was done.</summary>
/// <param name="retryAfter">Seconds.</param>
public sealed class BusyException(int retryAfter) : Exception("This node has more to do than it takes at once.")
{
    public int RetryAfter { get; } = retryAfter;
}
