using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>The Status of a Response (Core §3.2.2).</summary>
internal static class ResponseStatus
{
    private const string Codes = "urn:oasis:names:tc:SAML:2.0:status:";

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

    private static string Short(string code) =>
        RefusedException.Quote(code.StartsWith(Codes, StringComparison.Ordinal) ? code[Codes.Length..] : code).Trim('"');
}
