using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>A request or logout message that came by either binding, once its signature holds.</summary>
/// <param name="Root">Read from the octets that were signed; or just from the message, where an unsigned one is allowed and came.</param>
/// <param name="RelayState">Of the query; null on HTTP-POST, where the caller has the form.</param>
internal sealed record IncomingMessage(XmlElement Root, string? RelayState)
{
    /// <param name="text">The raw query, or the form field.</param>
    /// <param name="parameter">SAMLRequest or SAMLResponse.</param>
    /// <param name="name">The local name of the message that is expected.</param>
    /// <param name="trust">Null: the signature is neither asked for nor looked at.</param>
    /// <exception cref="RefusedException"/>
    public static IncomingMessage Read(
        SamlBinding binding, string? text, string parameter, string name, SignatureTrust? trust, SamlLimits limits, Proof proof)
    {
        if (binding == SamlBinding.Redirect)
        {
            var query = RedirectQuery.Read(text, parameter, limits);
            if (trust is not null)
            {
                Verify(query, trust, limits, proof);   // before anything is inflated for a stranger
            }
            var message = ReadRoot(RedirectEncoding.Decode(query.Message, limits.MaxDecodedBytes), name, limits);
            return EnvelopedSignature.Find(message) is null ? new(message, query.RelayState) : throw new RefusedException(
                SamlRefusal.ElementMisplaced,
                "A signature stands inside the message; on this binding it belongs into the query (Bindings §3.4.4.1).");
        }
        var root = ReadRoot(Base64Message.Decode(text, limits.MaxDecodedBytes), name, limits);
        var signature = EnvelopedSignature.Find(root);
        return trust is null ? new(root, null)
            : signature is null ? throw NotSigned()
            : new(EnvelopedSignature.Verify(root, signature, trust, limits, proof), null);
    }

    private static void Verify(RedirectQuery query, SignatureTrust trust, SamlLimits limits, Proof proof)
    {
        if (query.Signature is null || query.SigAlg is null)
        {
            throw NotSigned();
        }
        var algorithm = SignatureAlgorithm.Find(query.SigAlg, trust.AllowSha1);
        var value = Base64Message.TryDecode(query.Signature)
            ?? throw new RefusedException(SamlRefusal.SignatureShape, "The Signature is not base64.");
        var signer = algorithm.FindSigner(query.Signed, value, trust.Certificates, limits)
            ?? throw new RefusedException(SamlRefusal.SignatureInvalid, "No pinned key made the signature of the query.");
        proof.Add(new SamlSignature("query", signer, algorithm.Uri, Digest: null));
    }

    private static XmlElement ReadRoot(byte[] xml, string name, SamlLimits limits)
    {
        var root = SamlXml.Read(xml, limits);
        if (!root.Is(SamlNames.Protocol, name))
        {
            throw new RefusedException(SamlRefusal.WrongMessage, $"The message is a {RefusedException.Quote(root.LocalName)}, not a {name}.");
        }
        UniqueNames.Check(root);
        SamlVersion.Check(root);
        return root;
    }

    /// <summary>What every logout message must say (Core §3.2.1 and §3.2.2, Profiles §4.4.4).</summary>
    /// <exception cref="RefusedException">WrongIssuer, WrongDestination, NotYetValid or Expired.</exception>
    public void CheckHead(Expected expected)
    {
        var issuer = Root.Child(SamlNames.Assertion, "Issuer")?.Text();
        if (issuer != expected.Trust.IdpEntityId)
        {
            throw new RefusedException(SamlRefusal.WrongIssuer, $"The message is from {RefusedException.Quote(issuer ?? "")}.");
        }
        if (Root.Attribute("Destination") is not { } destination || !expected.IsSlo(destination))
        {
            throw new RefusedException(
                SamlRefusal.WrongDestination, $"The Destination is {RefusedException.Quote(Root.Attribute("Destination") ?? "")}.");
        }
        var issued = SamlTime.Parse(Root.Required("IssueInstant"));
        if (expected.IsAhead(issued))
        {
            throw new RefusedException(SamlRefusal.NotYetValid, $"The message was issued at {SamlTime.Write(issued)}.");
        }
    }

    /// <summary>When a message ends.</summary>
    /// <param name="own">What it says of that itself: a LogoutRequest may (Core §3.7.1), no other message has a place for it.</param>
    /// <exception cref="RefusedException">Expired or LifetimeTooLong.</exception>
    public DateTimeOffset CheckEnd(Expected expected, DateTimeOffset? own)
    {
        var end = own ?? SamlTime.Parse(Root.Required("IssueInstant")) + expected.Limits.MaxMessageAge;
        return expected.IsOver(end)
            ? throw new RefusedException(SamlRefusal.Expired, $"The message was good until {SamlTime.Write(end)}.")
            : end - expected.Now <= expected.Limits.MaxLifetime + expected.ClockSkew
                ? end
                : throw new RefusedException(SamlRefusal.LifetimeTooLong, $"The message is good for more than {expected.Limits.MaxLifetime}.");
    }

    private static RefusedException NotSigned() => new(SamlRefusal.SignatureMissing, "The message is not signed.");
}
