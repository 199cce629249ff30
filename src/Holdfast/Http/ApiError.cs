namespace Holdfast.Http;

/// <summary>Refusals, each in the one shape that its wire has. Which keys stand in a body decides the exception that an SDK raises.</summary>
public static class ApiError
{
    /// <summary>One thing that is wrong with a field.</summary>
    public sealed record FieldFault(string Field, string Code);

    /// <summary>One reason why an operation was refused.</summary>
    public sealed record Reason(string Code, string Message);

    private sealed record Reasoned(string Code, string Message, IReadOnlyList<Reason> Errors);

    internal sealed record Coded(string Code, string Message);

    private sealed record OAuthBody(string Error, string ErrorDescription);

    private sealed record Invalid(string Message, string Code, IReadOnlyList<FieldFault> Errors);

    public static ApiAnswer Unauthorized { get; } = new(StatusCodes.Status401Unauthorized, new { message = "Unauthorized" });

    /// <summary>400 with a code of the operation's own.</summary>
    public static ApiAnswer BadRequest(string code, string message) => new(StatusCodes.Status400BadRequest, new Coded(code, message));

    /// <summary>400 with a code of the operation's own, and the reasons behind it.</summary>
    public static ApiAnswer BadRequest(string code, string message, IReadOnlyList<Reason> reasons) => new(StatusCodes.Status400BadRequest, new Reasoned(code, message, reasons));

    /// <summary>422 with a code of the operation's own.</summary>
    public static ApiAnswer Unprocessable(string code, string message) => new(StatusCodes.Status422UnprocessableEntity, new Coded(code, message));

    /// <summary>404. What exists elsewhere is answered like what exists nowhere.</summary>
    public static ApiAnswer NotFound(string resource, string id) =>
        new(StatusCodes.Status404NotFound, new Coded("entity_not_found", $"{resource} not found: '{(id.Length > 128 ? id[..128] : id)}'."));

    public static ApiAnswer Conflict(string code, string message) => new(StatusCodes.Status409Conflict, new Coded(code, message));

    /// <summary>422: what is wrong, field by field.</summary>
    public static ApiAnswer Validation(IReadOnlyList<FieldFault> fields) =>
        new(StatusCodes.Status422UnprocessableEntity, new Invalid("Validation failed.", "invalid_request_parameters", fields));

    /// <summary>422 about one field.</summary>
    public static ApiAnswer Validation(string field, string code) => Validation([new FieldFault(field, code)]);

    /// <summary>RFC 6749 §5.2.</summary>
    public static ApiAnswer OAuth(string error, string description) => new(StatusCodes.Status400BadRequest, new OAuthBody(error, description));

    public static ApiAnswer TooManyRequests(int retryAfter) =>
        new(StatusCodes.Status429TooManyRequests, new Coded("rate_limit_exceeded", "Too many requests. Try again later.")) { RetryAfter = retryAfter };

    /// <summary>503: something that this answer stands on is away.</summary>
    public static ApiAnswer Unavailable(string code, string message, int retryAfter) =>
        new(StatusCodes.Status503ServiceUnavailable, new Coded(code, message)) { RetryAfter = retryAfter };

    /// <summary>The answer for a status that was set without a body.</summary>
    public static ApiAnswer OfStatus(int status) => new(status, status switch
    {
        404 => new Coded("not_found", "There is no such endpoint."),
        405 => new Coded("method_not_allowed", "This endpoint does not know this method."),
        408 => new Coded("request_timeout", "The request did not arrive in time."),
        413 => new Coded("payload_too_large", "The body is too large."),
        415 => new Coded("unsupported_media_type", "The body's content type is not one that this endpoint reads."),
        401 => new Coded("unauthorized", "Unauthorized"),
        500 => new Coded("server_error", "Something went wrong here. The request id helps to find out what."),
        _ => new Coded("bad_request", "The request cannot be read."),
    });
}
