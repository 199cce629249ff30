namespace Holdfast.Http;

/// <summary>Patterns of SQL's LIKE, with <c>ESCAPE '\'</c>.</summary>
public static class Like
{
    /// <summary>The text as itself, whatever characters it holds.</summary>
    public static string Escape(string text) => text.Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal);
}
