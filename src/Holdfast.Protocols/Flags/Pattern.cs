using System.Text.RegularExpressions;

namespace Holdfast.Protocols.Flags;

/// <summary>A regular expression that a flag holds: made once, when the flag is read, and of the kind whose time grows with the text alone.</summary>
internal sealed class Pattern
{
    private const int Longest = 1000;
    private readonly Regex? _regex;

    /// <summary>Whether it uses what such an engine has not (look-around, back references), or is too large: then nobody can say whether it matches.</summary>
    public bool IsNotEvaluated { get; }

    public Pattern(string text, bool ignoreCase = false)
    {
        if (text.Length > Longest)
        {
            IsNotEvaluated = true;
            return;
        }
        try
        {
            _regex = new Regex(text, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | (ignoreCase ? RegexOptions.IgnoreCase : RegexOptions.None));
        }
        catch (NotSupportedException)
        {
            IsNotEvaluated = true;
        }
        catch (ArgumentException)
        {
            // Not an expression at all: it matches nothing.
        }
    }

    public bool IsMatch(string text) => _regex?.IsMatch(text) == true;
}
