namespace Holdfast.Protocols.Saml;

/// <summary>A name identifier (Core §2.2.3).</summary>
/// <param name="Format">Null means unspecified.</param>
/// <param name="NameQualifier">Null means the identity provider's own name space.</param>
/// <param name="SpNameQualifier">Null means the service provider that it is told to.</param>
public sealed record SamlNameId(string Value, string? Format = null, string? NameQualifier = null, string? SpNameQualifier = null)
{
    private const string Unspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

    /// <summary>Whether both name one principal, by what Core §3.3.4 asks for: what is left out means its default.</summary>
    public bool Matches(SamlNameId other, string idpEntityId, string spEntityId) =>
        Value == other.Value
        && (Format ?? Unspecified) == (other.Format ?? Unspecified)
        && (NameQualifier ?? idpEntityId) == (other.NameQualifier ?? idpEntityId)
        && (SpNameQualifier ?? spEntityId) == (other.SpNameQualifier ?? spEntityId);
}
