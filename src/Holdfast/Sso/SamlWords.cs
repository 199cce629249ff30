using Holdfast.Protocols.Saml;

namespace Holdfast.Sso;

/// <summary>The words that the API has for what the SAML library tells.</summary>
internal static class SamlWords
{
    public static string Of(SamlNote note) => note switch
    {
        SamlNote.Sha1 => "sha1",
        SamlNote.CertificateExpired => "certificate_expired",
        SamlNote.CertificateNotYetValid => "certificate_not_yet_valid",
        SamlNote.Cbc => "cbc",
        _ => throw new InvalidOperationException($"There is no word for {note}."),
    };
}
