namespace Holdfast.Protocols.Saml;

/// <summary>What a message is held against.</summary>
/// <param name="RequestId">The request that it must answer; null for none.</param>
internal sealed record Expected(SamlTrust Trust, string? RequestId, DateTimeOffset Now, TimeSpan ClockSkew, SamlLimits Limits)
{
    /// <summary>Gathers what proves the message.</summary>
    public Proof Proof { get; } = new();

    public Decrypter Decrypter => new(Trust.DecryptionCertificates, Limits, Proof);

    public bool IsOver(DateTimeOffset notOnOrAfter) => Now - ClockSkew >= notOnOrAfter;

    public bool IsAhead(DateTimeOffset notBefore) => Now + ClockSkew < notBefore;

    /// <summary>Whether an address is our ACS: scheme and host in any case, all else exactly.</summary>
    public bool IsAcs(string url) => IsSame(Trust.AcsUrl, url);

    /// <summary>Whether an address is where our logout messages arrive.</summary>
    public bool IsSlo(string url) => Trust.SloUrl is { } own && IsSame(own, url);

    private static bool IsSame(string own, string url)
    {
        var path = PathStart(own);
        return url.Length == own.Length
            && url.AsSpan(0, path).Equals(own.AsSpan(0, path), StringComparison.OrdinalIgnoreCase)
            && url.AsSpan(path).SequenceEqual(own.AsSpan(path));
    }

    private static int PathStart(string url)
    {
        var host = url.IndexOf("://", StringComparison.Ordinal) + 3;
        var path = host < 3 ? 0 : url.AsSpan(host).IndexOfAny('/', '?', '#');
        return host < 3 ? 0 : path < 0 ? url.Length : host + path;
    }
}
