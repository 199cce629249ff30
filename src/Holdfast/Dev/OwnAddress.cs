namespace Holdfast.Dev;

/// <summary>Where this Holdfast is, as its visitors see it. The test identity providers answer to nowhere else, so that whoever finds one lying
/// around cannot use it against another application.</summary>
internal sealed class OwnAddress(string publicUrl)
{
    private readonly string _origin = new Uri(publicUrl).GetLeftPart(UriPartial.Authority);

    /// <summary>Without a slash at its end.</summary>
    public string PublicUrl { get; } = publicUrl.TrimEnd('/');

    public string Url(string path) => PublicUrl + path;

    /// <summary>Whether an address that was sent is on this Holdfast, and has no fragment.</summary>
    public bool Holds(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri)
        && uri.UserInfo.Length == 0 && !url.Contains('#')
        && uri.GetLeftPart(UriPartial.Authority) == _origin;
}
