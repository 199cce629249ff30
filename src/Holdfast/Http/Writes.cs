namespace Holdfast.Http;

/// <summary>Endpoint metadata: the class of an operation's write (architecture §2), declared where the operation is. <c>docs/writes.md</c> lists them, and a test compares.</summary>
public sealed record Writes(string Class, string WithoutPrimary)
{
    /// <summary>An administrator's write.</summary>
    public static Writes ToPrimary { get; } = new("primary write", "503 primary_unavailable");

    /// <summary>A deny or a deletion, by anyone: a journaled fact.</summary>
    public static Writes Deny { get; } = new("journaled deny", "the same");

    /// <summary>What people and identity providers do: a journaled fact.</summary>
    public static Writes Fact { get; } = new("journaled fact", "the same");

    /// <summary>Nothing that outlives the request.</summary>
    public static Writes Nothing { get; } = new("nothing", "the same");

    /// <summary>A primary write that journals a deny too, when that is all that was asked for.</summary>
    public static Writes ToPrimaryOrDeny { get; } = new("primary write; a deactivation alone is a journaled deny", "503 primary_unavailable; a deactivation alone: the same");
}
