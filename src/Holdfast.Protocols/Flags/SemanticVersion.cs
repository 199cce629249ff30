using System.Globalization;
using System.Text.RegularExpressions;

namespace Holdfast.Protocols.Flags;

/// <summary>A version as <see href="https://semver.org/spec/v2.0.0.html"/> has it; build metadata takes no part in the order (§10).</summary>
internal sealed partial record SemanticVersion(long Major, long Minor, long Patch, string[] Pre) : IComparable<SemanticVersion>
{
    private const long MostInJavaScript = (1L << 53) - 1;
    private const int Longest = 256;

    /// <summary>Null when it is none.</summary>
    /// <param name="partial">Whether <c>2</c> and <c>2.1</c> are taken for <c>2.0.0</c> and <c>2.1.0</c>.</param>
    public static SemanticVersion? Parse(string text, bool partial)
    {
        var match = text.Length > Longest ? Match.Empty : Shape().Match(text.Trim());
        if (!match.Success || (!partial && !match.Groups["patch"].Success))
        {
            return null;
        }
        long Number(string group) => match.Groups[group] is { Success: true } found ? long.Parse(found.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) : 0;
        var (major, minor, patch) = (Number("major"), Number("minor"), Number("patch"));
        var pre = match.Groups["pre"].Success ? match.Groups["pre"].Value.Split('.') : [];
        return Math.Max(major, Math.Max(minor, patch)) > MostInJavaScript || pre.Any(p => p.Length > 1 && p[0] == '0' && p.All(char.IsAsciiDigit))
            ? null
            : new SemanticVersion(major, minor, patch, pre);
    }

    public int CompareTo(SemanticVersion? other)
    {
        if (other is null)
        {
            return 1;
        }
        var order = (Major, Minor, Patch).CompareTo((other.Major, other.Minor, other.Patch));
        if (order != 0 || Pre.Length == 0 || other.Pre.Length == 0)
        {
            // What comes before a release is below it (§11.3).
            return order != 0 ? order : (Pre.Length == 0).CompareTo(other.Pre.Length == 0);
        }
        for (var i = 0; i < Math.Min(Pre.Length, other.Pre.Length); i++)
        {
            var part = ComparePart(Pre[i], other.Pre[i]);
            if (part != 0)
            {
                return part;
            }
        }
        return Pre.Length.CompareTo(other.Pre.Length);
    }

    /// <summary>Numbers are below words (§11.4.3); without leading zeros, the longer number is the greater.</summary>
    private static int ComparePart(string a, string b)
    {
        var (numberA, numberB) = (a.All(char.IsAsciiDigit), b.All(char.IsAsciiDigit));
        return numberA != numberB ? (numberA ? -1 : 1)
            : numberA && a.Length != b.Length ? a.Length.CompareTo(b.Length)
            : Math.Sign(string.CompareOrdinal(a, b));
    }

    [GeneratedRegex(
        @"^(?<major>0|[1-9][0-9]{0,16})(\.(?<minor>0|[1-9][0-9]{0,16})(\.(?<patch>0|[1-9][0-9]{0,16}))?)?(-(?<pre>[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*))?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?\z",
        RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Shape();
}
