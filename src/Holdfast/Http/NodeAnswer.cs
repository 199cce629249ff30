namespace Holdfast.Http;

/// <summary>What every answer of a node bears for an edge, which takes it off: that a node gave it, and whether it speaks of itself in it. A body does not tell: it may be a page, and it may speak of others.</summary>
internal static class NodeAnswer
{
    public const string Header = "Holdfast-Answer";

    public const string Given = "given";

    /// <summary>The node is itself the trouble: another one may do better.</summary>
    public const string Unable = "unable";
}
