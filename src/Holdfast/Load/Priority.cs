namespace Holdfast.Load;

/// <summary>Whose turn it is when a node has more to do than it can: the first is served longest, the last is refused first. The edge has the same names.</summary>
internal enum Priority
{
    /// <summary>Key sets, refreshes, sign-outs, and every deny.</summary>
    Session,

    /// <summary>Sign-ins, callbacks of identity providers, codes exchanged.</summary>
    SignIn,

    /// <summary>Hosted pages that are shown.</summary>
    Page,

    /// <summary>Reads of one thing by API.</summary>
    Read,

    /// <summary>Lists, and what administrators change.</summary>
    Administration,
}

/// <summary>Words for them.</summary>
internal static class PriorityWords
{
    public static IReadOnlyList<Priority> All { get; } = Enum.GetValues<Priority>();

    /// <summary>The stable name: of metrics, of the health answer, of the edge.</summary>
    public static string Name(this Priority priority) => priority switch
    {
        Priority.Session => "session",
        Priority.SignIn => "sign_in",
        Priority.Page => "page",
        Priority.Read => "read",
        _ => "administration",
    };

    /// <summary>For people.</summary>
    public static string Title(this Priority priority) => priority switch
    {
        Priority.Session => "refreshes and sign-outs",
        Priority.SignIn => "sign-ins",
        Priority.Page => "hosted pages",
        Priority.Read => "API reads",
        _ => "lists and administrators' changes",
    };
}
