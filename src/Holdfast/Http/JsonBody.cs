using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;

namespace Holdfast.Http;

/// <summary>Reads JSON bodies as tolerantly as the SDKs need and as strictly as we must.</summary>
public static class JsonBody
{
    /// <summary>The largest body of the API, in bytes; above it the answer is 413.</summary>
    public const int MaxBytes = 1024 * 1024;

    /// <summary>A body as <typeparamref name="T"/>, or the refusal. An empty body is an empty object; the content type is not looked at.</summary>
    public static async Task<(T? Body, ApiAnswer? Refusal)> ReadAsync<T>(HttpContext http) where T : class
    {
        var (bytes, refusal) = await ReadBytesAsync(http, MaxBytes);
        if (bytes is null)
        {
            return (null, refusal);
        }
        try
        {
            var body = bytes.AsSpan().Trim(" \t\r\n"u8).IsEmpty ? "{}"u8.ToArray() : bytes;
            return JsonSerializer.Deserialize<T>(body, JavaScriptJson.Options) is { } read
                ? (read, null)
                : (null, ApiError.BadRequest("invalid_json", "The body must be a JSON object."));
        }
        catch (JsonException fault) when (fault.Path is { Length: > 2 } path && IsWellFormed(bytes))
        {
            return (null, ApiError.Validation(path[2..].Length > 200 ? path[2..202] : path[2..], "invalid_type"));
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or NotSupportedException or ArgumentException)
        {
            return (null, ApiError.BadRequest("invalid_json", "The body must be a JSON object."));
        }
    }

    /// <summary>The body's bytes, or 413.</summary>
    public static async Task<(byte[]? Bytes, ApiAnswer? Refusal)> ReadBytesAsync(HttpContext http, int maxBytes)
    {
        if (http.Features.Get<ReadBody>() is { } already)
        {
            return (already.Bytes, null);
        }
        if (http.Request.ContentLength > maxBytes)
        {
            return (null, ApiError.OfStatus(StatusCodes.Status413PayloadTooLarge));
        }
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = maxBytes + 1L;
        }
        using var buffer = new MemoryStream();
        var chunk = new byte[16 * 1024];
        int read;
        while ((read = await http.Request.Body.ReadAsync(chunk, http.RequestAborted)) > 0)
        {
            if (buffer.Length + read > maxBytes)
            {
                return (null, ApiError.OfStatus(StatusCodes.Status413PayloadTooLarge));
            }
            buffer.Write(chunk, 0, read);
        }
        var bytes = buffer.ToArray();
        http.Features.Set(new ReadBody(bytes));
        return (bytes, null);
    }

    private static bool IsWellFormed(byte[] bytes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 32 });
            return document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>What was read, for whoever asks next (the operation, and the idempotency key's hash).</summary>
    private sealed record ReadBody(byte[] Bytes);
}
