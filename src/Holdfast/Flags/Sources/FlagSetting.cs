namespace Holdfast.Flags.Sources;

/// <summary>The flag provider that the operator named (<c>--flags</c>).</summary>
/// <param name="Kind"><c>file</c>, <c>unleash</c>, <c>launchdarkly</c> or <c>ofrep</c>.</param>
/// <param name="Place">A path of a file, or an http or https address.</param>
/// <param name="Key">What opens the provider; null for none. A secret.</param>
internal sealed record FlagSetting(string Kind, string Place, string? Key)
{
    /// <summary>Reads the option; the key comes from the environment alone, so that no list of processes shows it.</summary>
    public static (FlagSetting? Setting, string? Fault) Read(string? text, string? key)
    {
        if (string.IsNullOrEmpty(text))
        {
            return (null, null);
        }
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var (kind, place) = colon < 0 ? (text, "") : (text[..colon], text[(colon + 1)..]);
        return kind switch
        {
            "file" => place.Length == 0 ? (null, "--flags: file: needs a path.") : (new FlagSetting(kind, Path.GetFullPath(place), null), null),
            "unleash" or "launchdarkly" or "ofrep" => Uri.TryCreate(place, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri is { UserInfo.Length: 0, Query.Length: 0, Fragment.Length: 0 }
                ? key?.Any(c => c is < '!' or > '~') == true
                    ? (null, "HOLDFAST_FLAGS_KEY: it has characters that no header can hold.")
                    : (new FlagSetting(kind, place.TrimEnd('/'), string.IsNullOrEmpty(key) ? null : key), null)
                : (null, $"--flags: {kind}: needs an http or https address, without a query or a name in it."),
            _ => (null, "--flags: only file:PATH, unleash:URL, launchdarkly:URL and ofrep:URL are known."),
        };
    }

    /// <summary>Never the key.</summary>
    public override string ToString() => $"{Kind}:{Place}";
}
