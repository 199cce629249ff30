using System.Text.Json;

namespace Holdfast.Protocols.OpenIdConnect;

/// <summary>What an ID token says of itself, for explaining a refusal. Nothing of it is proven, and nothing of it is about the person: of those claims there are only the names.</summary>
/// <param name="Issued">Seconds since 1970, as are the other times; null when it is no number.</param>
/// <param name="HasNonce">Its value is part of what keeps a flow safe, so it is not told.</param>
/// <param name="Claims">Names only.</param>
public sealed record IdTokenSurface(
    string? Algorithm, string? KeyId, string? Type, string? Issuer, IReadOnlyList<string> Audiences, string? AuthorizedParty, double? Issued, double? NotBefore, double? Expires,
    double? Authenticated, bool HasNonce, bool HasAccessTokenHash, IReadOnlyList<string> Claims)
{
    private const int LongestText = 300;
    private const int MostNames = 60;

    /// <returns>Null when it is no token of three parts with a JSON object in the first two.</returns>
    public static IdTokenSurface? Read(string token)
    {
        var parts = token.Length <= IdToken.MaxLength ? token.Split('.') : [];
        if (parts.Length != 3 || !IdToken.TryDecode(parts[0], out JsonElement header) || !IdToken.TryDecode(parts[1], out JsonElement claims))
        {
            return null;
        }
        var audiences = claims.TryGetText("aud", out var one) ? [one] : claims.TextsOrNull("aud") ?? [];
        return new IdTokenSurface(
            Cut(header.TextOrNull("alg")), Cut(header.TextOrNull("kid")), Cut(header.TextOrNull("typ")), Cut(claims.TextOrNull("iss")),
            [.. audiences.Take(10).Select(a => Cut(a)!)], Cut(claims.TextOrNull("azp")), Seconds("iat"), Seconds("nbf"), Seconds("exp"), Seconds("auth_time"),
            claims.TryGetProperty("nonce", out _), claims.TryGetProperty("at_hash", out _),
            [.. claims.EnumerateObject().Select(c => Cut(c.Name)!).Take(MostNames)]);

        double? Seconds(string name) => claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var at) && double.IsFinite(at) ? at : null;
    }

    private static string? Cut(string? text) => text is { Length: > LongestText } ? text[..LongestText] + "…" : text;
}
