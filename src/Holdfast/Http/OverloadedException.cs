namespace Holdfast.Http;

/// <summary>This node has too much to do for a request of this priority: 503, and nothing was done.</summary>
/// <param name="retryAfter">Seconds.</param>
public sealed class OverloadedException(int retryAfter) : Exception("This node has too much to do.")
{
    public int RetryAfter { get; } = retryAfter;
}
