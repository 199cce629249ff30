using System.Text.Json;

namespace Holdfast.Protocols.OpenIdConnect;

/// <summary>An issuer for all tenants of a provider, like <c>https://login.example/{tenantid}/v2.0</c>: which tenant it was, the signed claim <c>tid</c> says.</summary>
internal static class TenantIssuer
{
    private const string Place = "{tenantid}";

    public static bool Is(string issuer) => issuer.Contains(Place, StringComparison.Ordinal);

    /// <summary>The issuer with the token's own tenant in it, or as it is where it names none. Null when <c>tid</c> is no GUID: text could make another address of it.</summary>
    public static string? Fill(string issuer, JsonElement claims) =>
        !Is(issuer) ? issuer
        : Guid.TryParseExact(claims.TextOrNull("tid"), "D", out _) ? issuer.Replace(Place, claims.TextOrNull("tid"), StringComparison.Ordinal)
        : null;
}
