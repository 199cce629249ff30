using System.Text;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

namespace Holdfast.Http;

/// <summary>Reads forms (application/x-www-form-urlencoded) within bounds.</summary>
public static class Forms
{
    /// <summary>The largest form, in bytes, where nothing else is said.</summary>
    public const int MaxBytes = 256 * 1024;

    private const int MostFields = 100;

    /// <summary>The fields, or the refusal.</summary>
    public static async Task<(Dictionary<string, StringValues>? Fields, ApiAnswer? Refusal)> ReadAsync(HttpContext http, int maxBytes)
    {
        if (http.Request.ContentType is { Length: > 0 } type && !type.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase))
        {
            return (null, ApiError.OfStatus(StatusCodes.Status415UnsupportedMediaType));
        }
        var (bytes, refusal) = await JsonBody.ReadBytesAsync(http, maxBytes);
        if (bytes is null)
        {
            return (null, refusal);
        }
        try
        {
            using var reader = new FormReader(Encoding.UTF8.GetString(bytes)) { ValueCountLimit = MostFields, ValueLengthLimit = maxBytes, KeyLengthLimit = 256 };
            return (await reader.ReadFormAsync(http.RequestAborted), null);
        }
        catch (InvalidDataException)
        {
            return (null, ApiError.OfStatus(StatusCodes.Status400BadRequest));
        }
    }
}
