using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>Where the parts of a Response stand, found by position alone. Nothing here is verified yet.</summary>
/// <remarks>This is what stops signature wrapping: there is one Response, one Assertion and at most one Signature in each, so there is no
/// second element that a signature could be about.</remarks>
/// <param name="Assertion">An Assertion, or an EncryptedAssertion.</param>
/// <param name="AssertionSignature">Null when there is none, or when it is encrypted with its assertion.</param>
internal sealed record ResponseShape(XmlElement Response, XmlElement? ResponseSignature, XmlElement Assertion, XmlElement? AssertionSignature)
{
    public bool IsEncrypted => IsEncryptedAssertion(Assertion);

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
        return new(root, EnvelopedSignature.Find(root), assertion, EnvelopedSignature.Find(assertion));
    }

    /// <summary>The signature of an assertion that was decrypted and so is a document of its own; null when it has none.</summary>
    /// <exception cref="RefusedException"/>
    public static XmlElement? FindDecrypted(XmlElement assertion)
    {
        UniqueNames.Check(assertion);
        Placed(assertion, assertion);
        return EnvelopedSignature.Find(assertion);
    }

    /// <summary>Refuses a Response, Assertion or Signature in any other place than its own.</summary>
    /// <param name="root">The Response, or an Assertion by itself.</param>
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
            if (!(child.Is(SamlNames.Assertion, "Advice") && IsRead(element, root)))
            {
                Placed(child, root);
            }
        }
    }

    private static bool MayStand(XmlElement child, XmlElement parent, XmlElement root) => (child.NamespaceURI, child.LocalName) switch
    {
        (SamlNames.Protocol, "Response") => false,
        (SamlNames.Assertion, "Assertion" or "EncryptedAssertion") => parent == root && !IsAssertion(root),
        (SamlNames.Signature, "Signature") => parent == root || IsRead(parent, root),
        _ => true,
    };

    /// <summary>Whether this is the assertion that is read, not one quoted in it.</summary>
    private static bool IsRead(XmlElement element, XmlElement root) => IsAssertion(element) && (element == root || element.ParentNode == root);

    private static XmlElement OneAssertion(XmlElement response)
    {
        var assertions = response.Children().Where(child => IsAssertion(child) || IsEncryptedAssertion(child)).ToList();
        return assertions switch
        {
            [] => throw WithoutAssertion(response),
            [var one] => one,
            _ => throw new RefusedException(SamlRefusal.MoreThanOneAssertion, $"There are {assertions.Count} assertions."),
        };
    }

    /// <summary>An identity provider's error has no assertion and often no signature: its status is told as it is, since it lets nobody in.</summary>
    private static RefusedException WithoutAssertion(XmlElement response) =>
        ResponseStatus.Fault(response) ?? new RefusedException(SamlRefusal.AssertionMissing, "There is no assertion.");

    private static bool IsAssertion(XmlElement element) => element.Is(SamlNames.Assertion, "Assertion");

    private static bool IsEncryptedAssertion(XmlElement element) => element.Is(SamlNames.Assertion, "EncryptedAssertion");
}
