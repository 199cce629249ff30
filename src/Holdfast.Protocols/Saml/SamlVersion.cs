using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>The Version of messages and assertions (Core §4.1).</summary>
internal static class SamlVersion
{
    /// <exception cref="RefusedException">WrongVersion: not 2.0, or missing.</exception>
    public static void Check(XmlElement element)
    {
        if (element.Attribute("Version") is not "2.0")
        {
            throw new RefusedException(SamlRefusal.WrongVersion, $"{element.LocalName} is not of version 2.0.");
        }
    }
}
