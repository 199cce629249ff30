using System.Security.Cryptography;
using System.Text;
using Holdfast.Storage;

namespace Holdfast.Http;

/// <summary>Who calls the API: an API key of an environment.</summary>
public sealed record Caller(string EnvironmentId, string ApiKeyId)
{
    /// <summary>The caller that the floor has authenticated.</summary>
    public static Caller Of(HttpContext http) => http.Features.Get<Caller>() ?? throw new InvalidOperationException("This endpoint does not ask for an API key.");

    /// <summary>Finds the key of a request's <c>Authorization: Bearer</c>; null when there is none, or none that is valid.</summary>
    public static Caller? Find(HttpContext http, Database database) => Bearer(http) is { } value ? Find(value, database) : null;

    /// <summary>What a request shows as <c>Authorization: Bearer</c> (RFC 6750 §2.1); null when it shows none.</summary>
    public static string? Bearer(HttpContext http) =>
        http.Request.Headers.Authorization.ToString() is var header && header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? header["Bearer ".Length..] : null;

    /// <summary>Finds a key by its value. Only its hash is stored, so the look-up tells an attacker's clock nothing.</summary>
    public static Caller? Find(string value, Database database)
    {
        if (value.Length is 0 or > 256)
        {
            return null;
        }
        var hash = Hash(value);
        return database.Read(view => view.Find<Caller>(
            $"SELECT environment_id AS EnvironmentId, id AS ApiKeyId FROM api_keys WHERE hash = @hash AND {Denied.Not("api_keys.id")}", new { hash }));
    }

    /// <summary>SHA-256 in hex: a key has 256 random bits, so nothing slower is needed.</summary>
    public static string Hash(string value) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(value)));
}

/// <summary>Endpoint metadata: an API key is asked for.</summary>
public sealed record ApiKeyRequired
{
    public static ApiKeyRequired Yes { get; } = new();
}
