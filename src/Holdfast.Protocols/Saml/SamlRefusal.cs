namespace Holdfast.Protocols.Saml;

/// <summary>Why a message was refused. The names are stable: they stand in logs and in what an organization's administrator sees.</summary>
public enum SamlRefusal
{
    /// <summary>A fault of ours that no other name fits. It should never be seen.</summary>
    Unexpected,

    // Bytes and XML.
    TooLarge,
    NotBase64,
    NotDeflated,
    NotXml,
    EncodingNotAllowed,
    DocumentTypeForbidden,
    ProcessingInstructionForbidden,
    CommentForbidden,
    NamespaceForbidden,
    TooDeep,
    TooManyElements,
    TooManyAttributes,
    NamespacesTooLong,
    TooManyNamespaces,

    // Shape.
    WrongMessage,
    Malformed,
    DuplicateId,
    DuplicateAttribute,

    /// <summary>A Response, Assertion or Signature stands where the schema has no place for it.</summary>
    ElementMisplaced,
    AssertionMissing,
    MoreThanOneAssertion,

    /// <summary>An EncryptedAttribute, which is never decrypted.</summary>
    EncryptedNotSupported,

    // Encryption. All but the last are told from what anybody can read in the message.
    DecryptionKeyMissing,
    EncryptionNotAllowed,

    /// <summary>The one refusal for all that can go wrong once a private key is used. Why is not known to anybody, on purpose.</summary>
    DecryptionFailed,

    // Signature.
    SignatureMissing,
    AssertionNotSigned,
    SignatureShape,

    /// <summary>The signature is for another element than the one that holds it.</summary>
    SignatureReference,
    AlgorithmNotAllowed,
    TooManyPrefixes,

    /// <summary>No pinned key may be used: none is there, too many are, or each is too weak.</summary>
    KeyNotAllowed,
    SignatureInvalid,
    DigestInvalid,

    // What the message says.
    StatusNotSuccess,
    WrongVersion,
    WrongIssuer,
    WrongDestination,
    WrongRequest,

    /// <summary>Nobody asked for the response, and the connection does not take such.</summary>
    UnsolicitedNotAllowed,
    WrongAudience,
    WrongRecipient,
    ConditionUnknown,
    NotYetValid,
    Expired,
    SessionExpired,
    LifetimeTooLong,
    BearerConfirmationMissing,
    NameIdMissing,
    NameIdTooLong,
    NameIdNotAllowed,
    WrongNameQualifier,
    AuthnStatementMissing,
    MoreThanOneAuthnStatement,
    TooManyAttributeValues,

    // Redirect binding and logout.
    QueryTooLong,
    QueryParameter,

    // Metadata.
    IdentityProviderMissing,
    MoreThanOneIdentityProvider,
    TooManyEntities,
    SignOnServiceMissing,
    SigningCertificateMissing,
    CertificateUnreadable,
    TooManyCertificates,

    /// <summary>Never found here: the caller's store of used assertions says it.</summary>
    Replayed,
}
