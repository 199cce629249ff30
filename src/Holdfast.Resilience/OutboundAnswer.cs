namespace Holdfast.Resilience;

/// <param name="Body">Decompressed.</param>
/// <param name="ContentType">Media type in lower case, without parameters; null when the answer names none.</param>
public sealed record OutboundDocument(byte[] Body, string? ContentType);

/// <param name="Status">The HTTP status, under 500. A redirect is not followed and stands here as it came.</param>
/// <param name="Body">Decompressed.</param>
public sealed record OutboundAnswer(int Status, byte[] Body);
