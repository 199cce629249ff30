using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Holdfast.Http;

/// <summary>How long a caller may take to say what it wants, and to take the answer. Whoever does it drop by drop is let go: it holds a socket until then, and no thread and no place.</summary>
/// <remarks>RFC 9110 §15.5.9 (408). The web server measures by its own clock, in steps of a second; <see cref="BodyWithin"/> is by the node's.</remarks>
public sealed record RequestBounds
{
    /// <summary>From the first byte of a request to the end of its headers.</summary>
    public TimeSpan HeadersWithin { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>From the headers to the end of the body, however steadily it comes. The largest body takes 34 kB/s to be there in time.</summary>
    public TimeSpan BodyWithin { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A body that comes more slowly is cut off sooner.</summary>
    public double LeastBytesPerSecond { get; init; } = 240;

    /// <summary>For how long a body may be slower than that.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whoever takes its answer more slowly is let go: no answer is large, and each that is not taken is kept in memory.</summary>
    public double LeastBytesTakenPerSecond { get; init; } = 4096;

    /// <summary>How long a connection without a request is kept.</summary>
    public TimeSpan IdleFor { get; init; } = TimeSpan.FromSeconds(130);

    /// <summary>Tells the web server.</summary>
    public void Apply(KestrelServerLimits limits)
    {
        limits.RequestHeadersTimeout = HeadersWithin;
        limits.MinRequestBodyDataRate = new MinDataRate(LeastBytesPerSecond, Grace);
        limits.MinResponseDataRate = new MinDataRate(LeastBytesTakenPerSecond, Grace);
        limits.KeepAliveTimeout = IdleFor;
    }
}
