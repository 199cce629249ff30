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
    EncryptedNotSupported,

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

    // Metadata.
    IdentityProviderMissing,
    MoreThanOneIdentityProvider,
    SignOnServiceMissing,
    SigningCertificateMissing,
    CertificateUnreadable,
    TooManyCertificates,

    /// <summary>Never found here: the caller's store of used assertions says it.</summary>
    Replayed,
}
