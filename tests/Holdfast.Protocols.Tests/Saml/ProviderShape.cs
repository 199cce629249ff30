using System.Globalization;
using System.Text;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>How one identity provider writes its responses: facts about the shape, with keys, people and words of our own.</summary>
/// <param name="Protocol">The prefix of the protocol's namespace.</param>
/// <param name="Assertion">The prefix of the assertion's; empty: it is the default namespace there.</param>
/// <param name="Signature">The same for signatures.</param>
/// <param name="OnResponse">Whether the response is signed.</param>
/// <param name="OnAssertion">Whether the assertion is.</param>
internal sealed record ProviderShape(
    string Name, string Issuer, string Protocol, string Assertion, string Signature, bool OnResponse, bool OnAssertion,
    IReadOnlyList<ProviderAttribute> Attributes)
{
    public string NameIdFormat { get; init; } = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";

    /// <summary>More attributes of NameID.</summary>
    public string NameIdMore { get; init; } = "";

    public string NameId { get; init; } = Sample.Alice;

    public string Method { get; init; } = Signing.More + "rsa-sha256";

    public string Digest { get; init; } = "http://www.w3.org/2001/04/xmlenc#sha256";

    public string? Prefixes { get; init; }

    /// <summary>What KeyInfo holds, in ds; CERT stands for the certificate.</summary>
    public string KeyInfo { get; init; } = "<ds:X509Data><ds:X509Certificate>CERT</ds:X509Certificate></ds:X509Data>";

    /// <summary>More attributes of Response.</summary>
    public string ResponseMore { get; init; } = "";

    /// <summary>More attributes of Assertion.</summary>
    public string AssertionMore { get; init; } = "";

    /// <summary>More attributes of both Issuers.</summary>
    public string IssuerMore { get; init; } = "";

    public string ResponseId { get; init; } = "_r1";

    public string AssertionId { get; init; } = "_a1";

    /// <summary>Of the fraction of a second.</summary>
    public int TimeDigits { get; init; } = 3;

    public string AuthnContext { get; init; } = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

    public string? AuthnContextAuthority { get; init; }

    public string? SessionIndex { get; init; } = "_s1";

    public bool SessionEnds { get; init; }

    /// <summary>AuthnStatement after AttributeStatement.</summary>
    public bool AttributesFirst { get; init; }

    /// <summary>On every AttributeValue; VALUE declarations included.</summary>
    public string ValueType { get; init; } = "";

    /// <summary>Between the elements.</summary>
    public string Space { get; init; } = "";

    public Encrypting? Encryption { get; init; }

    public bool AllowSha1 { get; init; }

    public string Time(DateTimeOffset time) => time.UtcDateTime.ToString(
        TimeDigits == 0 ? "yyyy-MM-ddTHH:mm:ss'Z'" : "yyyy-MM-ddTHH:mm:ss." + new string('f', Math.Min(TimeDigits, 7)) + "'Z'", CultureInfo.InvariantCulture);

    public override string ToString() => Name;
}

/// <param name="NameFormat">The last part of it; null leaves it out; a whole URN is taken as it is.</param>
/// <param name="IsNameId">The value is wrapped into a NameID, as eduPersonTargetedID is.</param>
internal sealed record ProviderAttribute(string Name, string? NameFormat, IReadOnlyList<string> Values, string? FriendlyName = null, bool IsNameId = false);

/// <summary>One message in a provider's shape, right or wrong in any of its parts.</summary>
internal sealed record ProviderMessage(ProviderShape Shape)
{
    private const string NameFormats = "urn:oasis:names:tc:SAML:2.0:attrname-format:";

    public string Issuer { get; init; } = Shape.Issuer;
    public string Audience { get; init; } = Sample.Sp;
    public string Recipient { get; init; } = Sample.Acs;
    public string Destination { get; init; } = Sample.Acs;
    public string Request { get; init; } = Sample.Request;
    public string Status { get; init; } = "Success";
    public DateTimeOffset Now { get; init; } = Sample.Now;
    public bool IsSigned { get; init; } = true;
    public bool HasAuthn { get; init; } = true;
    public System.Security.Cryptography.X509Certificates.X509Certificate2? Key { get; init; }

    /// <summary>Changes the message once the assertion is signed, before it is encrypted and the response signed.</summary>
    public Func<string, string>? Inner { get; init; }

    /// <summary>Changes the message when all is done.</summary>
    public Func<string, string>? Outer { get; init; }

    public string Build()
    {
        var xml = Unsigned();
        if (IsSigned && Shape.OnAssertion)
        {
            xml = SigningOf(Shape.AssertionId).Sign(xml);
        }
        xml = Inner?.Invoke(xml) ?? xml;
        xml = Shape.Encryption?.Encrypt(xml) ?? xml;
        if (IsSigned && Shape.OnResponse)
        {
            xml = SigningOf(Shape.ResponseId).Sign(xml);
        }
        return Outer?.Invoke(xml) ?? xml;
    }

    private Signing SigningOf(string id) => new(
        id, Key, Shape.Method, Shape.Digest, Prefixes: Shape.Prefixes,
        KeyInfo: Shape.KeyInfo.Length == 0 ? "" : "<ds:KeyInfo>"
            + Shape.KeyInfo.Replace("CERT", Convert.ToBase64String(TestKeys.Idp.RawData), StringComparison.Ordinal) + "</ds:KeyInfo>",
        Shape: s => Shape.Signature.Length > 0
            ? s.Replace("ds:", Shape.Signature + ":", StringComparison.Ordinal).Replace("xmlns:ds=", $"xmlns:{Shape.Signature}=", StringComparison.Ordinal)
            : s.Replace("<ds:", "<", StringComparison.Ordinal).Replace("</ds:", "</", StringComparison.Ordinal).Replace("xmlns:ds=", "xmlns=", StringComparison.Ordinal));

    private string Unsigned()
    {
        var (p, a, n) = (Shape.Protocol + ":", Shape.Assertion.Length == 0 ? "" : Shape.Assertion + ":", Shape.Space);
        var declared = $"xmlns{(Shape.Assertion.Length == 0 ? "" : ":" + Shape.Assertion)}=\"urn:oasis:names:tc:SAML:2.0:assertion\"";
        var (now, later) = (Shape.Time(Now), Shape.Time(Now.AddMinutes(5)));
        var authn = HasAuthn ? Authn(a, now) : "";
        var xml = new StringBuilder()
            .Append(CultureInfo.InvariantCulture, $"<{p}Response xmlns:{Shape.Protocol}=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"{Shape.ResponseId}\" Version=\"2.0\" IssueInstant=\"{now}\" Destination=\"{Destination}\" InResponseTo=\"{Request}\"{Shape.ResponseMore}>{n}")
            .Append(CultureInfo.InvariantCulture, $"<{a}Issuer {declared}{Shape.IssuerMore}>{Issuer}</{a}Issuer>{n}<{p}Status>{n}<{p}StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:{Status}\"/>{n}</{p}Status>{n}")
            .Append(CultureInfo.InvariantCulture, $"<{a}Assertion {declared} ID=\"{Shape.AssertionId}\" Version=\"2.0\" IssueInstant=\"{now}\"{Shape.AssertionMore}>{n}<{a}Issuer{Shape.IssuerMore}>{Issuer}</{a}Issuer>{n}")
            .Append(CultureInfo.InvariantCulture, $"<{a}Subject>{n}<{a}NameID Format=\"{Shape.NameIdFormat}\"{Shape.NameIdMore}>{Shape.NameId}</{a}NameID>{n}<{a}SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">{n}<{a}SubjectConfirmationData InResponseTo=\"{Request}\" NotOnOrAfter=\"{later}\" Recipient=\"{Recipient}\"/>{n}</{a}SubjectConfirmation>{n}</{a}Subject>{n}")
            .Append(CultureInfo.InvariantCulture, $"<{a}Conditions NotBefore=\"{Shape.Time(Now.AddMinutes(-1))}\" NotOnOrAfter=\"{later}\">{n}<{a}AudienceRestriction>{n}<{a}Audience>{Audience}</{a}Audience>{n}</{a}AudienceRestriction>{n}</{a}Conditions>{n}")
            .Append(Shape.AttributesFirst ? Attributes(a) + authn : authn + Attributes(a))
            .Append(CultureInfo.InvariantCulture, $"</{a}Assertion>{n}</{p}Response>");
        return xml.ToString();
    }

    private string Authn(string a, string now)
    {
        var (index, n) = (Shape.SessionIndex is { } one ? $" SessionIndex=\"{one}\"" : "", Shape.Space);
        var end = Shape.SessionEnds ? $" SessionNotOnOrAfter=\"{Shape.Time(Now.AddHours(8))}\"" : "";
        var authority = Shape.AuthnContextAuthority is { } other ? $"<{a}AuthenticatingAuthority>{other}</{a}AuthenticatingAuthority>{n}" : "";
        return $"<{a}AuthnStatement AuthnInstant=\"{now}\"{index}{end}>{n}<{a}AuthnContext>{n}<{a}AuthnContextClassRef>{Shape.AuthnContext}</{a}AuthnContextClassRef>{n}{authority}</{a}AuthnContext>{n}</{a}AuthnStatement>{n}";
    }

    private string Attributes(string a)
    {
        var n = Shape.Space;
        var inside = Shape.Attributes.Select(attribute =>
        {
            var format = attribute.NameFormat switch
            {
                null => "",
                var whole when whole.StartsWith("urn:", StringComparison.Ordinal) => $" NameFormat=\"{whole}\"",
                var part => $" NameFormat=\"{NameFormats}{part}\"",
            };
            var friendly = attribute.FriendlyName is { } name ? $" FriendlyName=\"{name}\"" : "";
            var values = attribute.Values.Select(value =>
            {
                var text = attribute.IsNameId ? $"<{a}NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">{value}</{a}NameID>" : value;
                return $"<{a}AttributeValue{(attribute.IsNameId ? "" : Shape.ValueType)}>{text}</{a}AttributeValue>{n}";
            });
            return $"<{a}Attribute Name=\"{attribute.Name}\"{format}{friendly}>{n}{string.Concat(values)}</{a}Attribute>{n}";
        });
        return $"<{a}AttributeStatement>{n}{string.Concat(inside)}</{a}AttributeStatement>{n}";
    }
}
