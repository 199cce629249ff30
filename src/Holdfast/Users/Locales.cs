using System.Text.RegularExpressions;

namespace Holdfast.Users;

/// <summary>Names of languages.</summary>
internal static partial class Locales
{
    /// <summary>Whether it is a language, and perhaps a script and a region (RFC 5646 §2.1): <c>en</c>, <c>zh-Hant-TW</c>, <c>es-419</c>.</summary>
    public static bool IsOne(string text) => Tag().IsMatch(text);

    [GeneratedRegex(@"^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?\z", RegexOptions.ExplicitCapture)]
    private static partial Regex Tag();
}
