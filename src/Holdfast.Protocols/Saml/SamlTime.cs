using System.Globalization;
using System.Text.RegularExpressions;

namespace Holdfast.Protocols.Saml;

/// <summary>Times as SAML writes them: xs:dateTime in UTC (Core §1.3.3).</summary>
internal static partial class SamlTime
{
    /// <summary>Reads a time; an offset other than Z is understood, a time without one is refused, since it could be anywhere.</summary>
    /// <exception cref="RefusedException">Malformed.</exception>
    public static DateTimeOffset Parse(string text)
    {
        // Seven digits of a second are all that a tick holds; some identity providers send nine.
        if (Form().Match(text) is { Success: true } m
            && DateTimeOffset.TryParseExact(
                m.Groups[1].Value + m.Groups[2].Value + m.Groups[3].Value, "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK",
                CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time))
        {
            return time;
        }
        throw SamlElement.Malformed($"Not a time in UTC: {RefusedException.Quote(text)}.");
    }

    public static string Write(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    [GeneratedRegex(
        @"\A\s*([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:(\.[0-9]{1,7})[0-9]*)?(Z|[+-][0-9]{2}:[0-9]{2})\s*\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
