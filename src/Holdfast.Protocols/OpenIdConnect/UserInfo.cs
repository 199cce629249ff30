using System.Text.Json;

namespace Holdfast.Protocols.OpenIdConnect;

/// <summary>Reads what a UserInfo endpoint answers (OpenID Connect Core 1.0 §5.3). Plain JSON only: a signed answer is refused, and told as that.</summary>
public static class UserInfo
{
    /// <summary>The largest answer that is read, in bytes.</summary>
    public const int MaxBytes = 256 * 1024;

    /// <param name="expectedSub">The subject of the ID token: claims of anyone else must not be used (§5.3.2).</param>
    public static UserInfoVerdict Read(ReadOnlySpan<byte> json, string expectedSub)
    {
        if (json.StartsWith("eyJ"u8))
        {
            return new UserInfoVerdict.Refused(UserInfoRefusal.Signed);   // base64 of {": the header of a JWT, and no JSON
        }
        if (!StrictJson.TryReadObject(json, MaxBytes, out var answer))
        {
            return new UserInfoVerdict.Refused(UserInfoRefusal.Malformed);
        }
        if (!answer.TryGetText("sub", out var subject))
        {
            return new UserInfoVerdict.Refused(UserInfoRefusal.SubjectMissing);
        }
        return subject == expectedSub
            ? new UserInfoVerdict.Accepted(answer.Members())
            : new UserInfoVerdict.Refused(UserInfoRefusal.SubjectMismatch);
    }
}

public abstract record UserInfoVerdict
{
    public sealed record Accepted(IReadOnlyDictionary<string, JsonElement> Claims) : UserInfoVerdict;

    public sealed record Refused(UserInfoRefusal Why) : UserInfoVerdict;
}

public enum UserInfoRefusal
{
    /// <summary>Too large, no JSON object, or a name twice.</summary>
    Malformed,

    /// <summary>A JWT (§5.3.2): the client is registered with <c>userinfo_signed_response_alg</c>.</summary>
    Signed,
    SubjectMissing,
    SubjectMismatch,
}
