using System.Text;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>Sends messages.</summary>
internal static class OutgoingMessage
{
    public const string Request = "SAMLRequest";
    public const string Response = "SAMLResponse";

    /// <param name="url">Absolute; a query that it has stays.</param>
    /// <param name="relayState">An empty one is left out.</param>
    /// <param name="signer">Null leaves the query unsigned.</param>
    public static Uri Redirect(string url, string parameter, byte[] xml, string relayState, SamlSigner? signer)
    {
        var target = CheckAddress(url, parameter, relayState);
        var query = parameter + "=" + Uri.EscapeDataString(RedirectEncoding.Encode(xml))
            + (relayState.Length == 0 ? "" : "&RelayState=" + Uri.EscapeDataString(relayState));
        if (signer is not null)
        {
            // The signature is over these very characters, in this order (Bindings §3.4.4.1).
            query += "&SigAlg=" + Uri.EscapeDataString(signer.AlgorithmUri);
            query += "&Signature=" + Uri.EscapeDataString(Convert.ToBase64String(signer.Sign(Encoding.ASCII.GetBytes(query))));
        }
        var own = target.Query.TrimStart('?');
        return new Uri(target.GetLeftPart(UriPartial.Path) + "?" + (own.Length == 0 ? "" : own + "&") + query);
    }

    public static SamlPost Post(string url, string parameter, byte[] xml, string relayState, SamlSigner? signer)
    {
        CheckAddress(url, parameter, relayState);
        if (signer is not null)
        {
            var message = SamlXml.ReadOwn(xml);
            SignatureWriter.Sign(message, signer);
            xml = SamlWriter.Write(message.WriteTo);
        }
        var fields = new List<KeyValuePair<string, string>> { new(parameter, Convert.ToBase64String(xml)) };
        if (relayState.Length > 0)
        {
            fields.Add(new("RelayState", relayState));
        }
        return new(url, fields);
    }

    /// <summary>A relay state of ours has at most 80 bytes (Bindings §3.4.3 and §3.5.3). One that an answer gives back is the other side's: it goes
    /// as it came.</summary>
    private static Uri CheckAddress(string url, string parameter, string relayState) =>
        parameter == Request && Encoding.UTF8.GetByteCount(relayState) > 80
            ? throw new ArgumentException("A relay state has at most 80 bytes.", nameof(relayState))
            : Uri.TryCreate(url, UriKind.Absolute, out var target) && (target.Scheme == "https" || target.Scheme == "http")
                ? target
                : throw new ArgumentException("The address is not absolute.", nameof(url));

    /// <summary>The attributes that every message begins with.</summary>
    public static void WriteHead(XmlWriter xml, string id, DateTimeOffset now, string destination)
    {
        xml.WriteAttributeString("ID", id);
        xml.WriteAttributeString("Version", "2.0");
        xml.WriteAttributeString("IssueInstant", SamlTime.Write(now));
        xml.WriteAttributeString("Destination", destination);
    }
}
