using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;

namespace Holdfast.Http;

/// <summary>Reads JSON bodies as tolerantly as the SDKs need and as strictly as we must.</summary>
public static class JsonBody
{
    /// <summary>The largest body of the API, in bytes; above it the answer is 413.</summary>
    public const int MaxBytes = 1024 * 1024;

    /// <summary>What endpoints accept: the content type is not looked at, for clients send many.</summary>
    public const string AnyType = "*/*";

    /// <summary>Where an exception holds the path below the field that it names.</summary>
    internal const string PathInside = "path inside";

    /// <summary>A body as <typeparamref name="T"/>, or the refusal. An empty body is an empty object; the content type is not looked at.</summary>
    public static async Task<(T? Body, ApiAnswer? Refusal)> ReadAsync<T>(HttpContext http) where T : class
    {
        var (bytes, refusal) = await ReadBytesAsync(http, MaxBytes);
        if (bytes is null)
        {
            return (null, refusal);
        }
        if (!IsSound(bytes))
        {
            return (null, ApiError.BadRequest("invalid_json", "The body must be a JSON object."));
        }
        try
        {
            var body = bytes.AsSpan().Trim(" \t\r\n"u8).IsEmpty ? "{}"u8.ToArray() : bytes;
            return JsonSerializer.Deserialize<T>(body, JavaScriptJson.Options) is { } read
                ? (read, null)
                : (null, ApiError.BadRequest("invalid_json", "The body must be a JSON object."));
        }
        catch (JsonException fault) when (fault.Path is { Length: > 2 } && IsWellFormed(bytes))
        {
            var path = fault.Path + fault.Data[PathInside];
            return (null, ApiError.Validation(path[2..].Length > 200 ? path[2..202] : path[2..], "invalid_type"));
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or NotSupportedException or ArgumentException)
        {
            return (null, ApiError.BadRequest("invalid_json", "The body must be a JSON object."));
        }
    }

    /// <summary>The body's bytes; or 413, or 408 when they do not come in time. Who asks again is told the same.</summary>
    /// <param name="may">Asked before more bytes are kept; both are null when it says no.</param>
    public static async Task<(byte[]? Bytes, ApiAnswer? Refusal)> ReadBytesAsync(HttpContext http, int maxBytes, Func<long, bool>? may = null)
    {
        if (http.Features.Get<ReadBody>() is { } already)
        {
            return already.Bytes is null || already.Bytes.Length > maxBytes ? (null, ApiError.OfStatus(StatusCodes.Status413PayloadTooLarge)) : (already.Bytes, null);
        }
        if (http.Request.ContentLength > maxBytes)
        {
            return (null, ApiError.OfStatus(StatusCodes.Status413PayloadTooLarge));
        }
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = 2L * maxBytes;   // of what travels, the framing of chunks counted; the loop below is exact
        }
        using var deadline = new CancellationTokenSource(
            http.RequestServices.GetRequiredService<RequestBounds>().BodyWithin, http.RequestServices.GetRequiredService<TimeProvider>());
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, http.RequestAborted);
        try
        {
            var (bytes, isAllowed) = await ReadAsync(http.Request.BodyReader, maxBytes, may, either.Token);
            if (!isAllowed)
            {
                http.Response.Headers.Connection = "close";
                return (null, null);
            }
            http.Features.Set(new ReadBody(bytes));
            if (bytes is null)
            {
                return (null, ApiError.OfStatus(StatusCodes.Status413PayloadTooLarge));
            }
            return (bytes, null);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !http.RequestAborted.IsCancellationRequested)
        {
            http.Response.Headers.Connection = "close";   // what comes of it yet is nobody's request
            return (null, ApiError.OfStatus(StatusCodes.Status408RequestTimeout));
        }
    }

    /// <summary>All of it; null when there is more, or when it may not be kept. While it waits it holds what has come, and no buffer for what has not.</summary>
    private static async Task<(byte[]? Bytes, bool IsAllowed)> ReadAsync(PipeReader body, int maxBytes, Func<long, bool>? may, CancellationToken ct)
    {
        using var whole = new MemoryStream();
        while (true)
        {
            var part = await body.ReadAsync(ct);
            if (whole.Length + part.Buffer.Length > maxBytes)
            {
                body.AdvanceTo(part.Buffer.Start);
                return (null, true);
            }
            if (part.Buffer.Length > 0 && may?.Invoke(part.Buffer.Length) == false)
            {
                body.AdvanceTo(part.Buffer.Start);
                return (null, false);
            }
            foreach (var segment in part.Buffer)
            {
                whole.Write(segment.Span);
            }
            body.AdvanceTo(part.Buffer.End);
            if (part.IsCompleted)
            {
                return (whole.ToArray(), true);
            }
        }
    }

    /// <summary>UTF-8 and whole surrogate pairs, so that whoever reads a text finds one. What is not JSON at all is left to the parser.</summary>
    private static bool IsSound(byte[] bytes)
    {
        if (!System.Text.Unicode.Utf8.IsValid(bytes))
        {
            return false;
        }
        try
        {
            var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = 32 });
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                {
                    reader.GetString();
                }
            }
        }
        catch (InvalidOperationException)
        {
            return false;
        }
        catch (JsonException)
        {
            // The parser says so.
        }
        return true;
    }

    private static bool IsWellFormed(byte[] bytes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 32, AllowDuplicateProperties = false });
            return document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>What was read, for whoever asks next (the operation, and the idempotency key's hash); null for one that is too large.</summary>
    private sealed record ReadBody(byte[]? Bytes);
}
