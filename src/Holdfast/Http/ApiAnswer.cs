using System.Text.Json;

namespace Holdfast.Http;

/// <summary>An answer of the API: a status and a JSON body, or none.</summary>
/// <remarks>Every body that is not a success is a JSON object too: SDKs read it before they look at the status.</remarks>
public sealed class ApiAnswer(int status, object? body) : IResult
{
    public int Status { get; } = status;

    public object? Body { get; } = body;

    /// <summary>Whether it changed, or would change, something.</summary>
    public bool IsSuccess => Status < 400;

    /// <summary>Seconds after which it is worth trying again.</summary>
    public int? RetryAfter { get; init; }

    /// <summary>The body's bytes; null when there is none.</summary>
    public byte[]? Bytes => Body switch
    {
        null => null,
        byte[] ready => ready,
        _ => JsonSerializer.SerializeToUtf8Bytes(Body, Body.GetType(), JavaScriptJson.Options),
    };

    public static ApiAnswer Ok(object body) => new(StatusCodes.Status200OK, body);

    public static ApiAnswer Created(object body) => new(StatusCodes.Status201Created, body);

    public static ApiAnswer Accepted { get; } = new(StatusCodes.Status202Accepted, null);

    /// <summary>200 without a body: it is done.</summary>
    public static ApiAnswer Done { get; } = new(StatusCodes.Status200OK, null);

    public static ApiAnswer NoContent { get; } = new(StatusCodes.Status204NoContent, null);

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = Status;
        if (RetryAfter is { } seconds)
        {
            response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
        if (Bytes is { } bytes)
        {
            response.ContentType = "application/json; charset=utf-8";
            response.ContentLength = bytes.Length;
            await response.Body.WriteAsync(bytes, httpContext.RequestAborted);
        }
    }
}
