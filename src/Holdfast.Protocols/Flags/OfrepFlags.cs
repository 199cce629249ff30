using System.Text.Json;

namespace Holdfast.Protocols.Flags;

/// <summary>Flags that a provider has evaluated itself, for one context that was sent to it (OpenFeature Remote Evaluation Protocol 0.2, bulk evaluation). Whoever is asked about, the values are
/// those: nothing is evaluated here.</summary>
public sealed class OfrepFlags : FlagSet
{
    private readonly Dictionary<string, FlagResult> _flags;

    private OfrepFlags(Dictionary<string, FlagResult> flags) => _flags = flags;

    public override IReadOnlyCollection<string> Names => _flags.Keys;

    /// <param name="answer">The answer to <c>POST /ofrep/v1/evaluate/flags</c>.</param>
    /// <exception cref="FlagDocumentException">It is none.</exception>
    public static OfrepFlags Parse(byte[] answer)
    {
        try
        {
            using var document = JsonDocument.Parse(answer, new JsonDocumentOptions { MaxDepth = 32 });
            var flags = new Dictionary<string, FlagResult>(StringComparer.Ordinal);
            foreach (var flag in document.RootElement.GetProperty("flags").EnumerateArray())
            {
                var variant = flag.TryGetProperty("variant", out var named) && named.ValueKind == JsonValueKind.String ? named.GetString() : null;
                flags[flag.GetProperty("key").GetString() ?? throw new JsonException("A flag has no key.")] =
                    flag.TryGetProperty("errorCode", out _) ? new FlagResult(FlagOutcome.Malformed)
                    : flag.TryGetProperty("value", out var value) ? FlagResult.Of(value.Clone(), variant)
                    : new FlagResult(FlagOutcome.None);
            }
            return new OfrepFlags(flags);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FlagDocumentException("The answer is no bulk evaluation.", fault);
        }
    }

    public override FlagResult Evaluate(string name, FlagContext context, DateTimeOffset now) =>
        _flags.TryGetValue(name, out var value) ? value : new FlagResult(FlagOutcome.Unknown);
}
