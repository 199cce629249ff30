using System.Text.Json.Serialization;
using Holdfast.Keys;
using Holdfast.Protocols.OneTimePasswords;
using Holdfast.Users;

namespace Holdfast.MultiFactor;

/// <summary>A factor as it is shown: without its secret.</summary>
internal sealed record FactorBody(
    string Object, string Id, string Type, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? UserId,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] FactorBody.TotpBody? Totp, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    internal sealed record TotpBody(string Issuer, string User);

    public static FactorBody Of(Factor factor)
    {
        var made = DateTimeOffset.FromUnixTimeMilliseconds(factor.CreatedAt);
        var totp = factor.Type == Factor.Totp ? factor.Read<Factor.TotpDetails>() : null;
        return new FactorBody("authentication_factor", factor.Id, factor.Type, factor.UserId, totp is null ? null : new TotpBody(totp.Issuer, totp.User), made,
            factor.UsedAt is { } used ? DateTimeOffset.FromUnixTimeMilliseconds(used) : made);
    }
}

/// <summary>A factor as it is shown the one time when it is made: with its secret.</summary>
internal sealed record EnrolledBody(
    string Object, string Id, string Type, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? UserId,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] EnrolledBody.TotpBody? Totp, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    /// <param name="QrCode">A PNG, as a data URI.</param>
    internal sealed record TotpBody(string Issuer, string User, string Secret, string QrCode, string Uri);

    public static EnrolledBody Of(Factor factor, ClusterKeys keys)
    {
        var made = DateTimeOffset.FromUnixTimeMilliseconds(factor.CreatedAt);
        return new EnrolledBody("authentication_factor", factor.Id, factor.Type, factor.UserId,
            factor.Type == Factor.Totp ? Of(factor.Read<Factor.TotpDetails>(), keys.OpenAtRest(Factor.PlaceOf(factor.Id), factor.SecretSealed!)) : null, made, made);
    }

    public static TotpBody Of(Factor.TotpDetails details, ReadOnlySpan<byte> secret)
    {
        var uri = Protocols.OneTimePasswords.Totp.Uri(details.Issuer, details.User, secret);
        return new TotpBody(details.Issuer, details.User, Base32.Encode(secret), MultiFactor.QrCode.DataUri(uri), uri);
    }
}

/// <summary>A challenge as it is shown.</summary>
/// <param name="Code">What the application is to deliver, of a <c>generic_otp</c> and when it is made; else left out.</param>
internal sealed record ChallengeBody(
    string Object, string Id, DateTimeOffset ExpiresAt, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Code, string AuthenticationFactorId,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static ChallengeBody Of(PendingItem item, string? code = null) => Of(item.Id, item.Subject, item.CreatedAt, item.ExpiresAt, code);

    /// <param name="createdAt">Unix milliseconds, like <paramref name="expiresAt"/>.</param>
    public static ChallengeBody Of(string id, string factorId, long createdAt, long expiresAt, string? code = null)
    {
        var made = DateTimeOffset.FromUnixTimeMilliseconds(createdAt);
        return new ChallengeBody("authentication_challenge", id, DateTimeOffset.FromUnixTimeMilliseconds(expiresAt), code, factorId, made, made);
    }
}
