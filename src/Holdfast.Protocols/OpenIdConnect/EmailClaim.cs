using System.Text.Json;

namespace Holdfast.Protocols.OpenIdConnect;

/// <summary>The address that a provider claims for a person. It never identifies the person: that is (connection, subject).</summary>
/// <param name="Address">As it came, case and tags included.</param>
/// <param name="Verified">The provider says so, in as many words; what that is worth depends on whose domain it is.</param>
public sealed record EmailClaim(string Address, bool Verified)
{
    /// <returns>Null when there is no address. An absent <c>email_verified</c> is a no (OpenID Connect Core 1.0 §5.1).</returns>
    public static EmailClaim? Read(IReadOnlyDictionary<string, JsonElement> claims)
    {
        if (!claims.TryGetValue("email", out var email) || email.ValueKind != JsonValueKind.String || email.GetString() is not { Length: > 0 } address)
        {
            return null;
        }
        // Some providers write the boolean as a string.
        var verified = claims.TryGetValue("email_verified", out var flag)
            && (flag.ValueKind == JsonValueKind.True || (flag.ValueKind == JsonValueKind.String && flag.ValueEquals("true")));
        return new EmailClaim(address, verified);
    }
}
