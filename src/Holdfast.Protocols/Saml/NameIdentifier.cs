using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>The NameID of a Subject or LogoutRequest, plain or encrypted (Core §2.2.3 and §2.2.4).</summary>
internal static class NameIdentifier
{
    /// <param name="holder">A Subject or a LogoutRequest, out of signed octets; so what is encrypted in it is covered by that signature.</param>
    /// <exception cref="RefusedException"/>
    public static SamlNameId Read(XmlElement holder, Expected expected)
    {
        var nameId = holder.Child(SamlNames.Assertion, "NameID");
        if (holder.Child(SamlNames.Assertion, "EncryptedID") is { } encrypted)
        {
            nameId = expected.Decrypter.Decrypt(encrypted, isCovered: true, "NameID", expected.Trust.SpEntityId);
            UniqueNames.Check(nameId);   // a document of its own, which nobody has looked through yet
        }
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
        var id = new SamlNameId(value, nameId.Attribute("Format"), nameId.Attribute("NameQualifier"), nameId.Attribute("SPNameQualifier"));
        if (id.SpNameQualifier is { } qualifier && qualifier != expected.Trust.SpEntityId)
        {
            throw new RefusedException(SamlRefusal.WrongNameQualifier, $"The NameID is for {RefusedException.Quote(qualifier)}.");
        }
        return id;
    }
}
