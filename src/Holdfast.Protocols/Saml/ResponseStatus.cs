using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>The Status of a Response or LogoutResponse (Core §3.2.2).</summary>
internal static class ResponseStatus
{
    private const string Codes = "urn:oasis:names:tc:SAML:2.0:status:";
    private const string PartialLogout = Codes + "PartialLogout";

    /// <summary>Null when the status is Success; else the refusal, naming the code, the code below it and the message.</summary>
    public static RefusedException? Fault(XmlElement response)
    {
        if (response.Child(SamlNames.Protocol, "Status") is not { } status
            || status.Child(SamlNames.Protocol, "StatusCode") is not { } code)
        {
            return SamlElement.Malformed("Response lacks Status or its StatusCode.");
        }
        if (code.Required("Value") == SamlNames.Success)
        {
            return null;
        }
        // Codes can be nested without end; the second one is the last that the standard gives a meaning.
        var below = code.Child(SamlNames.Protocol, "StatusCode")?.Attribute("Value");
        var message = status.Child(SamlNames.Protocol, "StatusMessage")?.Text();
        var detail = Short(code.Required("Value")) + (below is null ? "" : " / " + Short(below))
            + (string.IsNullOrEmpty(message) ? "" : ": " + RefusedException.Quote(message));
        return new RefusedException(SamlRefusal.StatusNotSuccess, detail);
    }

    /// <summary>What a LogoutResponse says came of it; PartialLogout is a code below another, whichever that is (Core §3.7.3).</summary>
    /// <exception cref="RefusedException">Malformed.</exception>
    public static (SamlLogoutStatus Status, string Detail) OfLogout(XmlElement response)
    {
        var fault = Fault(response);
        if (fault is { Why: not SamlRefusal.StatusNotSuccess })
        {
            throw fault;
        }
        var code = response.Child(SamlNames.Protocol, "Status")!.Child(SamlNames.Protocol, "StatusCode")!;
        return code.Child(SamlNames.Protocol, "StatusCode")?.Attribute("Value") == PartialLogout
            ? (SamlLogoutStatus.Partial, fault?.Message ?? "PartialLogout")
            : fault is null ? (SamlLogoutStatus.Success, "") : (SamlLogoutStatus.Failed, fault.Message);
    }

    public static void WriteLogout(XmlWriter xml, SamlLogoutStatus status)
    {
        xml.WriteStartElement("samlp", "Status", SamlNames.Protocol);
        xml.WriteStartElement("samlp", "StatusCode", SamlNames.Protocol);
        xml.WriteAttributeString("Value", status == SamlLogoutStatus.Failed ? Codes + "Responder" : SamlNames.Success);
        if (status == SamlLogoutStatus.Partial)
        {
            xml.WriteStartElement("samlp", "StatusCode", SamlNames.Protocol);
            xml.WriteAttributeString("Value", PartialLogout);
            xml.WriteEndElement();
        }
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static string Short(string code) =>
        RefusedException.Quote(code.StartsWith(Codes, StringComparison.Ordinal) ? code[Codes.Length..] : code).Trim('"');
}
