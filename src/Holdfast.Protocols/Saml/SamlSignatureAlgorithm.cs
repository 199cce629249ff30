namespace Holdfast.Protocols.Saml;

/// <summary>The signature algorithms that messages are signed and accepted with (RFC 9231).</summary>
public enum SamlSignatureAlgorithm
{
    RsaSha256,
    RsaSha384,
    RsaSha512,
    RsaPssSha256,
    RsaPssSha384,
    RsaPssSha512,
    EcdsaSha256,
    EcdsaSha384,
    EcdsaSha512,
}
