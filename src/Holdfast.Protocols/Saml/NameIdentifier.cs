using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>The NameID of a Subject (Core §2.2.2).</summary>
internal static class NameIdentifier
{
    /// <exception cref="RefusedException"/>
    public static (string Value, string? Format) Read(XmlElement subject, Expected expected)
    {
        if (subject.Child(SamlNames.Assertion, "EncryptedID") is not null)
        {
            throw new RefusedException(SamlRefusal.EncryptedNotSupported, "Encrypted name identifiers are not supported.");
        }
        var nameId = subject.Child(SamlNames.Assertion, "NameID");
        if (nameId?.Text() is not { Length: > 0 } value)
        {
            throw new RefusedException(SamlRefusal.NameIdMissing, "There is no NameID, or it is empty.");
        }
        if (value.Length > expected.Limits.MaxNameIdChars)
        {
            throw new RefusedException(SamlRefusal.NameIdTooLong, $"The limit is {expected.Limits.MaxNameIdChars}.");
        }
        if (value.Any(char.IsControl))
        {
            throw new RefusedException(SamlRefusal.NameIdNotAllowed, "The NameID holds control characters.");
        }
        if (nameId.Attribute("SPNameQualifier") is { } qualifier && qualifier != expected.Trust.SpEntityId)
        {
            throw new RefusedException(SamlRefusal.WrongNameQualifier, $"The NameID is for {RefusedException.Quote(qualifier)}.");
        }
        return (value, nameId.Attribute("Format"));
    }
}
