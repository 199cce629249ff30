using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>Where the parts of a Response stand, found by position alone. Nothing here is verified yet.</summary>
/// <remarks>This is what stops signature wrapping: there is one Response, one Assertion and at most one Signature in each, so there is no
/// second element that a signature could be about.</remarks>
internal sealed record ResponseShape(XmlElement Response, XmlElement? ResponseSignature, XmlElement Assertion, XmlElement? AssertionSignature)
{
    /// <exception cref="RefusedException"/>
    public static ResponseShape Find(XmlElement root)
    {
        if (!root.Is(SamlNames.Protocol, "Response"))
        {
            throw new RefusedException(SamlRefusal.WrongMessage, $"The message is a {RefusedException.Quote(root.LocalName)}, not a Response.");
        }
        UniqueNames.Check(root);
        Placed(root, root);
        var assertion = OneAssertion(root);
        return new(root, OneSignature(root), assertion, OneSignature(assertion));
    }

    /// <summary>Refuses a Response, Assertion or Signature in any other place than its own.</summary>
    private static void Placed(XmlElement element, XmlElement root)
    {
        for (var node = element.FirstChild; node is not null; node = node.NextSibling)
        {
            if (node is not XmlElement child)
            {
                continue;
            }
            if (!MayStand(child, element, root))
            {
                throw new RefusedException(
                    SamlRefusal.ElementMisplaced, $"A {child.LocalName} stands inside {RefusedException.Quote(element.LocalName)}.");
            }
            // Advice may quote other assertions with their own signatures (Core §2.6.1). It is never read.
            if (!(child.Is(SamlNames.Assertion, "Advice") && IsAssertion(element) && element.ParentNode == root))
            {
                Placed(child, root);
            }
        }
    }

    private static bool MayStand(XmlElement child, XmlElement parent, XmlElement root) => (child.NamespaceURI, child.LocalName) switch
    {
        (SamlNames.Protocol, "Response") => false,
        (SamlNames.Assertion, "Assertion" or "EncryptedAssertion") => parent == root,
        (SamlNames.Signature, "Signature") => parent == root || (IsAssertion(parent) && parent.ParentNode == root),
        _ => true,
    };

    private static XmlElement OneAssertion(XmlElement response)
    {
        var assertions = response.Children().Where(child => IsAssertion(child) || IsEncrypted(child)).ToList();
        return assertions switch
        {
            [] => throw WithoutAssertion(response),
            [var one] when IsEncrypted(one) => throw new RefusedException(
                SamlRefusal.EncryptedNotSupported, "Encrypted assertions are not supported: turn encryption off at the identity provider."),
            [var one] => one,
            _ => throw new RefusedException(SamlRefusal.MoreThanOneAssertion, $"There are {assertions.Count} assertions."),
        };
    }

    /// <summary>An identity provider's error has no assertion and often no signature: its status is told as it is, since it lets nobody in.</summary>
    private static RefusedException WithoutAssertion(XmlElement response) =>
        ResponseStatus.Fault(response) ?? new RefusedException(SamlRefusal.AssertionMissing, "There is no assertion.");

    private static XmlElement? OneSignature(XmlElement parent)
    {
        var signatures = parent.Children(SamlNames.Signature, "Signature").ToList();
        return signatures.Count < 2
            ? signatures.FirstOrDefault()
            : throw new RefusedException(SamlRefusal.SignatureShape, $"{parent.LocalName} holds {signatures.Count} signatures.");
    }

    private static bool IsAssertion(XmlElement element) => element.Is(SamlNames.Assertion, "Assertion");

    private static bool IsEncrypted(XmlElement element) => element.Is(SamlNames.Assertion, "EncryptedAssertion");
}
