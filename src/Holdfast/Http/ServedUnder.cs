namespace Holdfast.Http;

/// <summary>A request came under a custom domain: only its environment is served there.</summary>
internal sealed record ServedUnder(string EnvironmentId)
{
    /// <summary>Whether what belongs to this environment may be served to the request.</summary>
    public static bool Allows(HttpContext http, string environmentId) => http.Features.Get<ServedUnder>() is not { } domain || domain.EnvironmentId == environmentId;
}
