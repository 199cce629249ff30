using Holdfast.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Holdfast.Sso;

/// <summary>Every refusal of Single Sign-On. Codes are never renamed.</summary>
internal static class SsoErrors
{
    /// <summary>Without a client and a registered redirect URI there is nowhere to send the browser back to (RFC 6749 §4.1.2.1).</summary>
    /// <param name="why">Names what is said of it.</param>
    private static ErrorPage BadStart(string code, string why, (string, string)? with = null) => new(StatusCodes.Status400BadRequest, code, "bad_start") { Advises = why, With = with };

    public static ErrorPage ParameterTwice { get; } = BadStart("invalid_request", "bad_start_twice");

    public static ErrorPage StateTooLong(int most) => BadStart("invalid_request", "bad_start_state", ("bytes", most.ToString(System.Globalization.CultureInfo.InvariantCulture)));

    public static ErrorPage NoClient { get; } = BadStart("invalid_client", "bad_start_client");

    public static ErrorPage RedirectUriNotRegistered { get; } = BadStart("invalid_redirect_uri", "bad_start_redirect");

    public static ErrorPage NoRedirectUri { get; } = BadStart("invalid_redirect_uri", "bad_start_no_redirect");

    public static ErrorPage TooManySignIns(HttpContext http, int seconds)
    {
        http.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return new(StatusCodes.Status429TooManyRequests, "rate_limit_exceeded", "too_many_sign_ins");
    }

    public static ErrorPage TooManySignOuts(HttpContext http, int seconds)
    {
        http.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return new(StatusCodes.Status429TooManyRequests, "rate_limit_exceeded", "too_many_sign_outs");
    }

    /// <summary>The flow is not this browser's, or is over.</summary>
    public static ErrorPage NoFlow(string attempt) => new(StatusCodes.Status400BadRequest, "flow_not_found", "flow_not_found", attempt);

    /// <summary>A response that nobody here asked for.</summary>
    public static ErrorPage Unsolicited(string attempt) => new(StatusCodes.Status400BadRequest, "idp_initiated_sso_disabled", "unsolicited", attempt);

    /// <summary>One answer for every refusal: what exactly was wrong is for the administrator, under the attempt's id.</summary>
    public static ErrorPage Refused(string attempt) => new(StatusCodes.Status400BadRequest, "sign_in_refused", "sign_in_refused", attempt);

    public static ErrorPage ProviderAway(string attempt) => new(StatusCodes.Status502BadGateway, "identity_provider_unavailable", "provider_away", attempt);

    /// <summary>The node that made the code, and alone redeems it, cannot be reached. It may be back before the code has expired.</summary>
    public static ApiAnswer AuthorityUnavailable { get; } = ApiError.Unavailable("authority_unavailable",
        "The node that issued this code does not answer now. It may have used the code, and the answer was lost: repeat with the same Idempotency-Key, or begin the sign-in anew.", retryAfter: 1);

    /// <summary>Whatever is wrong with a code, it is said in these words.</summary>
    public static ApiAnswer InvalidCode { get; } = ApiError.OAuth("invalid_grant", "The code is not valid: it was used, has expired, or was made for something else.");

    public static ErrorPage NoConnection { get; } = new(StatusCodes.Status404NotFound, "connection_not_found", "connection_not_found");

    public static ErrorPage NoLogout { get; } = new(StatusCodes.Status404NotFound, "logout_token_not_found", "logout_not_found");

    /// <summary>A logout message that is not accepted; what exactly was wrong is for the administrator.</summary>
    public static ErrorPage LogoutRefused(string attempt) => new(StatusCodes.Status400BadRequest, "sign_out_refused", "sign_out_refused", attempt);

    /// <summary>A profile whose connection has no single logout, as the public API says it.</summary>
    public static ApiAnswer NoSingleLogout { get; } = ApiError.OAuth("connection_invalid",
        "The profile's connection has no single logout: set saml.idp_slo_url, or use a provider with an end_session_endpoint.");

    /// <summary>Back to the application with an error (RFC 6749 §4.1.2.1).</summary>
    public static IResult Back(string redirectUri, string? state, string error, string description) =>
        new Back(BackUrl(redirectUri, [("error", error), ("error_description", description), ("state", state)]));

    /// <summary>The application's address with parameters added; those that are null are left out. Built as text, so that what was registered stays as it is.</summary>
    public static string BackUrl(string redirectUri, IEnumerable<(string Name, string? Value)> parameters) =>
        QueryHelpers.AddQueryString(redirectUri, parameters.Where(p => p.Value is not null).Select(p => KeyValuePair.Create(p.Name, p.Value)));
}

/// <summary>Sends the browser on: 302, and no word of it in a referrer.</summary>
internal sealed class Back(string url) : IResult
{
    public string Url { get; } = url;

    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = StatusCodes.Status302Found;
        httpContext.Response.Headers.Location = Url;
        httpContext.Response.Headers["Referrer-Policy"] = "no-referrer";
        httpContext.Response.Headers.CacheControl = "no-store";
        return Task.CompletedTask;
    }
}
