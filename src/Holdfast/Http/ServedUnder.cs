namespace Holdfast.Http;

/// <summary>A request came under a custom domain: only its environment is served there.</summary>
internal sealed record ServedUnder(string EnvironmentId)
{
    /// <summary>Whether what belongs to this environment may be served to the request.</summary>
    public static bool Allows(HttpContext http, string environmentId) => http.Features.Get<ServedUnder>() is not { } domain || domain.EnvironmentId == environmentId;

    /// <summary>The custom domain that the request came under; null for the public address.</summary>
    public static string? NameOf(HttpContext http) => http.Features.Get<ServedUnder>() is null ? null : OwnHosts.Normal(http.Request.Host.Host);

    /// <summary>Where links lead that are made for this request: to the name that it came under, else to the public address. Without a slash at its end. Scheme and port are the public address's: a link that is
    /// mailed must not lead where a request's header says.</summary>
    public static string BaseOf(HttpContext http, PublicAddress address) => NameOf(http) is { } name ? address.Under(name) : address.Url;
}
