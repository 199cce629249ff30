namespace Holdfast.Http;

/// <summary>A request came under a custom domain: only its environment is served there.</summary>
internal sealed record ServedUnder(string EnvironmentId)
{
    /// <summary>Whether what belongs to this environment may be served to the request.</summary>
    public static bool Allows(HttpContext http, string environmentId) => http.Features.Get<ServedUnder>() is not { } domain || domain.EnvironmentId == environmentId;

    /// <summary>Where links lead that are made for this request: to the name that it came under, else to the public address. Without a slash at its end.</summary>
    public static string BaseOf(HttpContext http, PublicAddress address) =>
        http.Features.Get<ServedUnder>() is null ? address.Url : $"{http.Request.Scheme}://{http.Request.Host.Value!.ToLowerInvariant()}";
}
