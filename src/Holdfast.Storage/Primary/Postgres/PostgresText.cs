namespace Holdfast.Storage.Primary.Postgres;

/// <summary>Text in a column of PostgreSQL, which cannot hold U+0000 (decision 0022).</summary>
internal static class PostgresText
{
    private static readonly char[] Special = ['\0', '\u0001'];

    public static string Write(string text) => text.IndexOfAny(Special) < 0
        ? text
        : text.Replace("\u0001", "\u0001b", StringComparison.Ordinal).Replace("\0", "\u0001a", StringComparison.Ordinal);

    public static string Read(string text) => text.Contains('\u0001', StringComparison.Ordinal)
        ? text.Replace("\u0001a", "\0", StringComparison.Ordinal).Replace("\u0001b", "\u0001", StringComparison.Ordinal)
        : text;
}
