using System.Text.Json;

namespace Holdfast.Protocols.OpenIdConnect;

public abstract record IdTokenVerdict
{
    /// <param name="Subject">Identifies the person within the connection, and nowhere else.</param>
    public sealed record Accepted(IReadOnlyDictionary<string, JsonElement> Claims, string Subject) : IdTokenVerdict;

    /// <param name="Detail">For the administrator of the connection; holds values from the token.</param>
    public sealed record Refused(IdTokenRefusal Why, string Detail) : IdTokenVerdict;

    /// <summary>The set does not hold the key: fetch it anew, once, and check again.</summary>
    /// <param name="Kid">Null when the token names none.</param>
    public sealed record UnknownKey(string? Kid) : IdTokenVerdict;
}

public enum IdTokenRefusal
{
    /// <summary>Too large, not three parts, or a part that is not one JSON object.</summary>
    Malformed,

    /// <summary>Encrypted; not supported.</summary>
    Encrypted,

    /// <summary><c>none</c>, an HMAC, or one that we do not know.</summary>
    AlgorithmNotAllowed,

    /// <summary>Another kind of token: an access token, a logout token.</summary>
    TypeNotAllowed,

    /// <summary>It asks for an extension (RFC 7515 §4.1.11), and we know none.</summary>
    CriticalHeader,
    KeysUnreadable,

    /// <summary>The key is weak, off its curve, or its secret is published.</summary>
    KeyRefused,

    /// <summary>The key is of another type than the algorithm, or for another algorithm.</summary>
    KeyDoesNotFit,

    /// <summary>The token names no key, and several fit.</summary>
    KeyAmbiguous,
    SignatureInvalid,
    IssuerMismatch,
    AudienceMismatch,

    /// <summary>Several audiences, and no word on which of them it was issued to.</summary>
    AuthorizedPartyMissing,
    AuthorizedPartyMismatch,
    SubjectMissing,
    ExpiryMissing,
    IssuedAtMissing,
    Expired,
    IssuedInTheFuture,
    NotYetValid,
    NonceMissing,
    NonceMismatch,

    /// <summary><c>at_hash</c> is not that of the access token that came along.</summary>
    AccessTokenMismatch,
}
