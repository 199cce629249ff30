using System.Text;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Protocols.OpenIdConnect;
using Microsoft.Extensions.Primitives;

namespace Holdfast.Sso;

/// <summary>A request to sign somebody in (RFC 6749 §4.1.1), as far as every way to do it goes by the same rules.</summary>
/// <param name="RedirectUri">Registered: from here on, refusals go back there.</param>
internal sealed record AuthorizationRequest(string EnvironmentId, string ClientId, string RedirectUri, string? State, IReadOnlyDictionary<string, string> Given)
{
    /// <summary>A parameter; an empty one is as if it were not there.</summary>
    public string? this[string name] => Given.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

    public string? CodeChallenge => this["code_challenge"];

    public string? LoginHint => this["login_hint"];

    /// <summary>Back to the application with an error (RFC 6749 §4.1.2.1).</summary>
    public IResult Back(string error, string description) => SsoErrors.Back(RedirectUri, State, error, description);

    /// <summary>What is wrong with what every such request has; null when nothing is.</summary>
    public (string Error, string Description)? Fault()
    {
        if (this["response_type"] != "code")
        {
            return ("invalid_request", "response_type must be code.");
        }
        if (this["response_mode"] is not (null or "query"))
        {
            return ("invalid_request", "response_mode must be query.");
        }
        var method = this["code_challenge_method"];
        if (CodeChallenge is not { } challenge ? method is not null : method != "S256" || !Pkce.IsChallenge(challenge))
        {
            return ("invalid_request", "code_challenge must be 43 characters of base64url, and code_challenge_method S256.");
        }
        return LoginHint is { Length: > 512 } || this["domain_hint"] is { Length: > 253 } || this["prompt"] is not (null or "login")
            ? ("invalid_request", "login_hint is at most 512 characters, domain_hint 253; prompt may be login.")
            : null;
    }
}

/// <summary>Reads such requests.</summary>
internal sealed class AuthorizationRequests(EnvironmentStore environments, RedirectUriStore redirectUris, SsoOptions options)
{
    /// <summary>The request, or the page that says why there is none: without a client and a registered redirect URI nothing is sent anywhere.</summary>
    /// <param name="otherNames">Names that this endpoint has for the same.</param>
    public async Task<(AuthorizationRequest? Request, IResult? Refusal)> ReadAsync(HttpContext http, IReadOnlyDictionary<string, string>? otherNames = null)
    {
        IEnumerable<KeyValuePair<string, StringValues>> parameters = http.Request.Query;
        if (HttpMethods.IsPost(http.Request.Method))
        {
            var (form, refusal) = await Forms.ReadAsync(http, Forms.MaxBytes);
            if (form is null)
            {
                return (null, refusal!);
            }
            parameters = parameters.Concat(form);
        }
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, values) in parameters)
        {
            // Sent twice, two parsers would read two things (RFC 6749 §3.1). Lists are repeated by right.
            var isList = name is "provider_scopes" or "provider_scopes[]";
            var known = otherNames is not null && otherNames.TryGetValue(name, out var same) ? same : name;
            if (!(given.TryAdd(known, values.ToString()) && values.Count == 1) && !isList)
            {
                return (null, SsoErrors.ParameterTwice);
            }
        }
        string? Find(string name) => given.TryGetValue(name, out var value) && value.Length > 0 ? value : null;
        if (Find("client_id") is not { } clientId || environments.FindByClient(clientId) is not { } environmentId || !ServedUnder.Allows(http, environmentId))
        {
            return (null, SsoErrors.NoClient);
        }
        if (Find("redirect_uri") is not { } redirectUri || !redirectUris.Allows(environmentId, redirectUri))
        {
            return (null, SsoErrors.RedirectUriNotRegistered);
        }
        var state = Find("state");
        return state is not null && Encoding.UTF8.GetByteCount(state) > options.MaxStateBytes
            ? (null, SsoErrors.StateTooLong(options.MaxStateBytes))
            : (new AuthorizationRequest(environmentId, clientId, redirectUri, state, given), null);
    }
}
