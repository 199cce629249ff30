namespace Holdfast.Protocols.Saml;

/// <summary>What a message is held against.</summary>
internal sealed record Expected(SamlTrust Trust, string? RequestId, DateTimeOffset Now, TimeSpan ClockSkew, SamlLimits Limits)
{
    public bool IsOver(DateTimeOffset notOnOrAfter) => Now - ClockSkew >= notOnOrAfter;

    public bool IsAhead(DateTimeOffset notBefore) => Now + ClockSkew < notBefore;

    /// <summary>Whether an address is our ACS: scheme and host in any case, all else exactly.</summary>
    public bool IsAcs(string url)
    {
        var path = PathStart(Trust.AcsUrl);
        return url.Length == Trust.AcsUrl.Length
            && url.AsSpan(0, path).Equals(Trust.AcsUrl.AsSpan(0, path), StringComparison.OrdinalIgnoreCase)
            && url.AsSpan(path).SequenceEqual(Trust.AcsUrl.AsSpan(path));
    }

    private static int PathStart(string url)
    {
        var host = url.IndexOf("://", StringComparison.Ordinal) + 3;
        var path = host < 3 ? 0 : url.AsSpan(host).IndexOfAny('/', '?', '#');
        return host < 3 ? 0 : path < 0 ? url.Length : host + path;
    }
}
