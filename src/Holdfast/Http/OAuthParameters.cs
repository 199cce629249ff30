using System.Text.Json;

namespace Holdfast.Http;

/// <summary>The parameters of a request to a token endpoint (RFC 6749 §3.2): none stands in it twice, and an empty one is none.</summary>
/// <remarks>SDKs send a form, others JSON: both are read. The public API describes those of <c>/sso/token</c> as a query, too; elsewhere an address, which is kept in many logs, holds no secret (RFC 6749 §2.3.1).</remarks>
internal sealed class OAuthParameters
{
    private const int MaxBytes = 64 * 1024;

    /// <summary>For the endpoints that read them.</summary>
    public static MostBytes Most { get; } = new(MaxBytes);

    private static readonly ApiAnswer s_repeated = ApiError.OAuth("invalid_request", "A parameter stands in the request twice.");

    private readonly Dictionary<string, string> _given = new(StringComparer.Ordinal);

    private OAuthParameters()
    {
    }

    /// <summary>A parameter; null when it is not there.</summary>
    public string? Find(string name) => _given.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

    /// <summary>All of them, or the refusal.</summary>
    /// <param name="fromQuery">Whether the address may hold some.</param>
    public static async Task<(OAuthParameters? Parameters, ApiAnswer? Refusal)> ReadAsync(HttpContext http, bool fromQuery = false)
    {
        var asked = new OAuthParameters();
        foreach (var (name, values) in fromQuery ? http.Request.Query : QueryCollection.Empty)
        {
            if (values.Count != 1 || !asked._given.TryAdd(name, values.ToString()))
            {
                return (null, s_repeated);
            }
        }
        if ((http.Request.ContentType ?? "").StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase))
        {
            var (form, refusal) = await Forms.ReadAsync(http, MaxBytes);
            foreach (var (name, values) in form ?? [])
            {
                if (values.Count != 1 || !asked._given.TryAdd(name, values.ToString()))
                {
                    return (null, s_repeated);
                }
            }
            return form is null ? (null, refusal) : (asked, null);
        }
        if (await JsonBody.ReadBytesAsync(http, MaxBytes) is { Refusal: { } tooLarge })
        {
            return (null, tooLarge);
        }
        var (json, fault) = await JsonBody.ReadAsync<Dictionary<string, JsonElement>>(http);
        try
        {
            foreach (var (name, value) in json ?? [])
            {
                if (value.ValueKind == JsonValueKind.String && !asked._given.TryAdd(name, value.GetString()!))
                {
                    return (null, s_repeated);
                }
            }
        }
        catch (InvalidOperationException)
        {
            return (null, ApiError.OAuth("invalid_request", "A parameter holds half of a surrogate pair."));
        }
        return json is null ? (null, fault) : (asked, null);
    }
}
