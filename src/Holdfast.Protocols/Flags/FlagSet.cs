using System.Text.Json;

namespace Holdfast.Protocols.Flags;

/// <summary>All flags of a provider, as it last said them. Immutable, and in memory: evaluating waits for nothing and asks nobody.</summary>
public abstract class FlagSet
{
    /// <summary>Names of the flags.</summary>
    public abstract IReadOnlyCollection<string> Names { get; }

    /// <summary>What a flag is for somebody, now.</summary>
    public abstract FlagResult Evaluate(string name, FlagContext context, DateTimeOffset now);
}

/// <summary>What a flag was evaluated to.</summary>
/// <param name="Value">With <see cref="FlagOutcome.Evaluated"/> alone; else whoever asks has a default.</param>
/// <param name="Variant">Name of the variant, where the provider has such; null for none.</param>
public readonly record struct FlagResult(FlagOutcome Outcome, JsonElement Value = default, string? Variant = null)
{
    private static readonly JsonElement s_true = JsonElement.Parse("true");
    private static readonly JsonElement s_false = JsonElement.Parse("false");

    public static FlagResult Of(bool value, string? variant = null) => new(FlagOutcome.Evaluated, value ? s_true : s_false, variant);

    public static FlagResult Of(JsonElement value, string? variant = null) => new(FlagOutcome.Evaluated, value, variant);
}

/// <summary>How an evaluation ended.</summary>
public enum FlagOutcome
{
    /// <summary>There is a value.</summary>
    Evaluated,

    /// <summary>The provider has no such flag.</summary>
    Unknown,

    /// <summary>The flag says that it has no value: it is off, and names none for that.</summary>
    None,

    /// <summary>The flag stands on something that is not evaluated here (decision 0024).</summary>
    NotEvaluated,

    /// <summary>The flag contradicts itself, or names what is not there.</summary>
    Malformed,
}

/// <summary>For whom a flag is evaluated.</summary>
/// <param name="Subjects">By kind: <c>user</c>, <c>organization</c>, or one of the provider's own.</param>
public sealed record FlagContext(IReadOnlyDictionary<string, FlagSubject> Subjects)
{
    public const string User = "user";
    public const string Organization = "organization";

    /// <summary>Nobody: for what holds for a whole node.</summary>
    public static FlagContext Nobody { get; } = new(new Dictionary<string, FlagSubject>());

    /// <summary>A user, and the organization that they act in.</summary>
    public static FlagContext Of(string userId, string? organizationId)
    {
        var subjects = new Dictionary<string, FlagSubject>(StringComparer.Ordinal) { [User] = new(userId) };
        if (organizationId is not null)
        {
            subjects.Add(Organization, new FlagSubject(organizationId));
        }
        return new FlagContext(subjects);
    }
}

/// <summary>Somebody, or something, of one kind.</summary>
/// <param name="Key">Its id.</param>
public sealed record FlagSubject(string Key)
{
    private static readonly Dictionary<string, JsonElement> s_none = [];

    /// <summary>What else is known of it, by name.</summary>
    public IReadOnlyDictionary<string, JsonElement> Attributes { get; init; } = s_none;
}

/// <summary>A document that cannot be read as flags. What was there before stays.</summary>
public sealed class FlagDocumentException(string message, Exception? inner = null) : Exception(message, inner);
