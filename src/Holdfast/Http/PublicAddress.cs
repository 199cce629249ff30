namespace Holdfast.Http;

/// <summary>What the server calls itself: in tokens, metadata and links. From configuration, never from a request's headers.</summary>
/// <param name="Url">Without a slash at its end.</param>
/// <param name="IsDev">Loopback and plain http are good enough for identity providers, as long as this is a developer's machine.</param>
public sealed record PublicAddress(string Url, bool IsDev)
{
    /// <summary>The same server under another name.</summary>
    public string Under(string host) => new UriBuilder(Url) { Host = host, Path = "" }.Uri.GetLeftPart(UriPartial.Authority);

    public bool IsHttps => Url.StartsWith("https://", StringComparison.Ordinal);
}
