using System.Security.Cryptography.X509Certificates;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>Reads an identity provider's metadata (Metadata §2.3 and §2.4.3).</summary>
public static class IdpMetadata
{
    /// <summary>The most that an entity id may have (Metadata §2.2.1).</summary>
    private const int MaxEntityIdChars = 1024;

    /// <param name="xml">UTF-8 or UTF-16. An EntityDescriptor, or EntitiesDescriptors that hold one identity provider in all.</param>
    /// <param name="entityId">Which identity provider to take, when there are several; null takes the only one.</param>
    /// <param name="signedBy">Keys pinned for the metadata itself: it must then be signed with one of them, whole or the entity that is taken, and
    /// is read from what was signed. Null: a signature is not looked at, since whoever hands the document over is trusted for it.</param>
    /// <returns>A verdict on any input; it never throws.</returns>
    public static IdpMetadataVerdict Read(
        ReadOnlySpan<byte> xml, SamlLimits? limits = null, string? entityId = null, IReadOnlyList<X509Certificate2>? signedBy = null)
    {
        var bounds = limits ?? SamlLimits.Default;
        // A span cannot go into the closure below, so it is measured before it is copied.
        if (xml.Length > bounds.MaxDecodedBytes)
        {
            return new IdpMetadataVerdict.Refused(SamlRefusal.TooLarge, $"The metadata has more than {bounds.MaxDecodedBytes} bytes.");
        }
        var bytes = xml.ToArray();
        return RefusedException.Catch<IdpMetadataVerdict>(
            () => Read(SamlXml.Read(bytes, bounds, dropComments: true), bounds, entityId, signedBy),
            (why, detail) => new IdpMetadataVerdict.Refused(why, detail));
    }

    private static IdpMetadataVerdict.Accepted Read(XmlElement root, SamlLimits limits, string? entityId, IReadOnlyList<X509Certificate2>? signedBy)
    {
        UniqueNames.Check(root);
        var proof = new Proof();
        var (entity, around) = signedBy is null
            ? Pick(root, entityId, limits)
            : Signed(root, entityId, new SignatureTrust(signedBy, AllowSha1: false), limits, proof);
        var roles = entity.Children(SamlNames.Metadata, "IDPSSODescriptor").ToList();
        if (roles is not [var role])
        {
            throw new RefusedException(SamlRefusal.MoreThanOneIdentityProvider, $"The entity has {roles.Count} IDPSSODescriptors.");
        }
        var redirect = MetadataRole.Endpoint(role, "SingleSignOnService", SamlNames.Redirect);
        var post = MetadataRole.Endpoint(role, "SingleSignOnService", SamlNames.Post);
        var (ssoUrl, _) = redirect ?? post
            ?? throw new RefusedException(SamlRefusal.SignOnServiceMissing, "There is no SingleSignOnService for HTTP-Redirect or HTTP-POST.");
        var (sloRedirect, sloPost) = (Logout(role, SamlNames.Redirect), Logout(role, SamlNames.Post));
        XmlElement[] holders = [.. around, entity, role];
        return new(
            EntityId(entity), ssoUrl, redirect is not null, (sloRedirect ?? sloPost)?.Url, MetadataRole.SigningCertificates(role, limits),
            [.. role.Children(SamlNames.Metadata, "NameIDFormat").Select(format => format.Text())],
            role.Attribute("WantAuthnRequestsSigned") is "true" or "1",
            holders.Min(holder => holder.Time("validUntil")))
        {
            SsoPostUrl = post?.Url,
            SloRedirect = sloRedirect,
            SloPost = sloPost,
            EncryptionCertificates = MetadataRole.EncryptionCertificates(role, limits),
            CacheDuration = holders.Min(MetadataRole.CacheDuration),
            Signature = proof.Evidence().Signatures.SingleOrDefault(),
        };
    }

    private static SamlLogoutService? Logout(XmlElement role, string binding) =>
        MetadataRole.Endpoint(role, "SingleLogoutService", binding) is var (url, response) ? new(url, response) : null;

    private static string EntityId(XmlElement entity) =>
        entity.Required("entityID") is { Length: > 0 and <= MaxEntityIdChars } id
            ? id
            : throw SamlElement.Malformed($"The entityID is empty or has more than {MaxEntityIdChars} characters.");

    /// <summary>Takes the entity out of signed octets: the document's, else its own (Metadata §3).</summary>
    private static (XmlElement Entity, IReadOnlyList<XmlElement> Around) Signed(
        XmlElement root, string? entityId, SignatureTrust trust, SamlLimits limits, Proof proof)
    {
        if (EnvelopedSignature.Find(root) is { } whole)
        {
            return Pick(EnvelopedSignature.Verify(root, whole, trust, limits, proof), entityId, limits);
        }
        var (entity, around) = Pick(root, entityId, limits);
        var own = EnvelopedSignature.Find(entity)
            ?? throw new RefusedException(SamlRefusal.SignatureMissing, "The metadata is not signed.");
        // What stands around it is not signed; still it can only make the document end sooner.
        return (EnvelopedSignature.Verify(entity, own, trust, limits, proof), around);
    }

    /// <summary>The one identity provider, or the one of that name, and the EntitiesDescriptors around it.</summary>
    private static (XmlElement Entity, IReadOnlyList<XmlElement> Around) Pick(XmlElement root, string? entityId, SamlLimits limits)
    {
        var found = new List<(XmlElement Entity, IReadOnlyList<XmlElement> Around)>();
        Collect(root, [], found, limits);
        var meant = found.FindAll(one => entityId is null || one.Entity.Attribute("entityID") == entityId);
        return meant.Count switch
        {
            1 => meant[0],
            0 => throw new RefusedException(SamlRefusal.IdentityProviderMissing, entityId is null
                ? "There is no IDPSSODescriptor for SAML 2.0."
                : $"There is no identity provider {RefusedException.Quote(entityId)}."),
            _ => throw new RefusedException(SamlRefusal.MoreThanOneIdentityProvider, entityId is null
                ? $"There are {meant.Count} identity providers: say which one, or give the metadata of one."
                : $"The identity provider stands there {meant.Count} times."),
        };
    }

    private static void Collect(
        XmlElement element, IReadOnlyList<XmlElement> around, List<(XmlElement, IReadOnlyList<XmlElement>)> found, SamlLimits limits)
    {
        if (element.Is(SamlNames.Metadata, "EntitiesDescriptor"))
        {
            foreach (var child in element.Children())
            {
                Collect(child, [.. around, element], found, limits);
            }
        }
        else if (element.Is(SamlNames.Metadata, "EntityDescriptor") && element.Children(SamlNames.Metadata, "IDPSSODescriptor").Any())
        {
            found.Add((element, around));
            if (found.Count > limits.MaxEntities)
            {
                throw new RefusedException(SamlRefusal.TooManyEntities, $"The limit is {limits.MaxEntities}.");
            }
        }
    }
}
