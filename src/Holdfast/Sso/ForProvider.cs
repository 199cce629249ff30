using System.Text.RegularExpressions;
using Holdfast.Protocols.OpenIdConnect;

namespace Holdfast.Sso;

/// <summary>What an application adds to the request to the provider: <c>provider_scopes</c>, and <c>provider_query_params[NAME]</c>. It travels in the flow's cookie.</summary>
internal sealed partial record ForProvider(IReadOnlyList<string> Scopes, IReadOnlyDictionary<string, string> Parameters)
{
    /// <summary>The most scopes, and the most parameters.</summary>
    public const int MostOfEach = 20;

    /// <summary>The most characters of all scopes, and of all parameters with their names.</summary>
    public const int MostCharacters = 1024;

    private static readonly string[] ScopeLists = ["provider_scopes", "provider_scopes[]"];

    /// <param name="given">The parameters of the request. A list comes with commas, repeated, or under a name with brackets.</param>
    /// <param name="isForced">The person is to sign in anew: how that is asked is not the application's to say then.</param>
    /// <param name="connectionType">Microsoft's take the application's <c>domain_hint</c>.</param>
    /// <returns>Null for none; the fault is for the application.</returns>
    public static (ForProvider? Asked, string? Fault) Read(IReadOnlyDictionary<string, string> given, bool isForced, string connectionType)
    {
        var scopes = ScopeLists.SelectMany(name => given.GetValueOrDefault(name, "").Split([',', ' '], StringSplitOptions.RemoveEmptyEntries))
            .Distinct().ToList();
        if (scopes.Count > MostOfEach || scopes.Sum(s => s.Length + 1) > MostCharacters || scopes.Any(s => s.Any(c => c is <= ' ' or > '~' or '"' or '\\')))
        {
            return (null, $"provider_scopes may be {MostOfEach} scopes (RFC 6749 section 3.3) of {MostCharacters} characters in all.");
        }
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in given)
        {
            if (Named().Match(name) is not { Success: true } match)
            {
                continue;
            }
            var key = match.Groups[1].Value;
            if (AuthenticationRequest.IsReserved(key) || (isForced && key is "prompt" or "max_age"))
            {
                return (null, $"provider_query_params may not set {key}.");
            }
            parameters[key] = value;
        }
        if (connectionType is "MicrosoftOAuth" or "EntraIdOIDC" && given.GetValueOrDefault("domain_hint") is { Length: > 0 and <= 253 } domain)
        {
            parameters.TryAdd("domain_hint", domain);
        }
        return parameters.Count > MostOfEach || parameters.Sum(p => p.Key.Length + p.Value.Length) > MostCharacters || parameters.Values.Any(v => v.Any(char.IsControl) || !IsWellFormed(v))
            ? (null, $"provider_query_params may be {MostOfEach} parameters of {MostCharacters} characters in all, with names of letters, digits, dots, hyphens and underscores.")
            : (scopes.Count + parameters.Count == 0 ? null : new ForProvider(scopes, parameters), null);
    }

    private static bool IsWellFormed(string text) => !text.Any(char.IsSurrogate);

    [GeneratedRegex("^provider_query_params\\[([A-Za-z0-9_.-]{1,64})\\]$", RegexOptions.CultureInvariant)]
    private static partial Regex Named();
}
