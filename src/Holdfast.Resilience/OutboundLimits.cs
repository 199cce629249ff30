namespace Holdfast.Resilience;

/// <summary>What an answer may weigh. Its time is bounded by the <see cref="Dependency"/>.</summary>
/// <param name="MaxBytes">The most bytes of body, counted after decompression.</param>
public sealed record OutboundLimits(int MaxBytes)
{
    /// <summary>5 MiB.</summary>
    public static OutboundLimits Default { get; } = new(5 * 1024 * 1024);

    /// <summary>1 MiB: discovery documents, key sets, SAML metadata.</summary>
    public static OutboundLimits Document { get; } = new(1024 * 1024);
}
