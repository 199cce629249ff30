using Holdfast.Protocols.Saml;

namespace Holdfast.Sso;

/// <summary>Judges what was read at a connection's metadata address. Pure: the same bytes and settings give the same verdict on every node.</summary>
internal abstract record MetadataChange
{
    private MetadataChange()
    {
    }

    /// <summary>When the document wants to be read again, and until when it holds; null when it does not say.</summary>
    public TimeSpan? CacheDuration { get; init; }

    public DateTimeOffset? ValidUntil { get; init; }

    /// <summary>It says what is believed already.</summary>
    public sealed record None : MetadataChange;

    /// <summary>The connection's rule takes it.</summary>
    public sealed record Taken(MetadataDocument Document) : MetadataChange;

    /// <summary>It can be used, and waits for an administrator.</summary>
    /// <param name="Why"><c>pinned</c>, <c>not_signed_by_known_key</c>, <c>no_known_key</c>, <c>older</c> or <c>taken_before</c>.</param>
    public sealed record Pending(MetadataDocument Document, string Why) : MetadataChange;

    /// <summary>It cannot be used, by anybody's word.</summary>
    /// <param name="Why"><c>EntityIdChanged</c>, <c>Expired</c>, <c>TooManyCertificates</c>, <c>NoUsableKey</c>, <c>InvalidUrl</c>, or the name of a <see cref="SamlRefusal"/>.</param>
    public sealed record Refused(string Why) : MetadataChange;

    /// <param name="known">What is believed now.</param>
    /// <param name="last">What was taken last, for whatever settings; null when nothing was.</param>
    /// <param name="allowHttpLoopback">As for an administrator's own input.</param>
    public static MetadataChange Judge(byte[] xml, SamlSettings known, MetadataDocument? last, bool allowHttpLoopback, DateTimeOffset now)
    {
        // What a known key has signed is read from the signed octets alone.
        var signed = known.MetadataKeys is MetadataKeyRule.Signed or MetadataKeyRule.Overlapping
            ? IdpMetadata.Read(xml, entityId: known.IdpEntityId, signedBy: known.Certificates()) as IdpMetadataVerdict.Accepted
            : null;
        var verdict = signed ?? IdpMetadata.Read(xml, entityId: known.IdpEntityId);
        if (verdict is not IdpMetadataVerdict.Accepted read)
        {
            // Another's name is another identity provider: never taken, and not even offered.
            var why = ((IdpMetadataVerdict.Refused)verdict).Why;
            return new Refused(why == SamlRefusal.IdentityProviderMissing && IdpMetadata.Read(xml) is IdpMetadataVerdict.Accepted ? "EntityIdChanged" : why.ToString());
        }
        if (read.ValidUntil <= now)
        {
            return new Refused("Expired");
        }
        var document = MetadataDocument.Of(read);
        if (document.Certificates.Count > ConnectionInput.MostCertificates)
        {
            return new Refused(nameof(SamlRefusal.TooManyCertificates));
        }
        if (!read.HasUsableKey)
        {
            return new Refused("NoUsableKey");   // taken, it would lock everybody out
        }
        if (new[] { document.SsoUrl, document.SloUrl, document.SloResponseUrl }.OfType<string>().Any(url => !ConnectionInput.IsSound(url, allowHttpLoopback)))
        {
            return new Refused("InvalidUrl");
        }
        return Decide(document with { ValidUntil = read.ValidUntil, Before = Remembered(known, last) }, known, last, signed is not null) with { CacheDuration = read.CacheDuration, ValidUntil = read.ValidUntil };
    }

    /// <summary>The versions that counted until now.</summary>
    private static List<string> Remembered(SamlSettings known, MetadataDocument? last) =>
    [
        .. (last is null ? [] : (last.Before ?? []).Append(last.Version)).Append(MetadataDocument.Of(known).Version).Distinct().TakeLast(MetadataDocument.MostBefore),
    ];

    /// <summary>Why a signed document is not the provider's latest word; null when nothing says so. A signature proves who wrote it and not when: what metadata carries of time is
    /// <c>validUntil</c>, which grows with each signing, and where it has none, only that this very word was given up before.</summary>
    private static string? Elder(MetadataDocument document, MetadataDocument? last) =>
        last?.ValidUntil is { } held && document.ValidUntil != held
            ? document.ValidUntil > held ? null : "older"
            : document.Before!.Contains(document.Version) ? "taken_before" : null;

    private static MetadataChange Decide(MetadataDocument document, SamlSettings known, MetadataDocument? last, bool isSigned)
    {
        if (document.Version == MetadataDocument.Of(known).Version)
        {
            return new None();
        }
        return known.MetadataKeys switch
        {
            MetadataKeyRule.Follow => new Taken(document),
            MetadataKeyRule.Signed => (isSigned ? Elder(document, last) : "not_signed_by_known_key") is { } why ? new Pending(document, why) : new Taken(document),
            MetadataKeyRule.Overlapping => isSigned || document.Certificates.Intersect(known.IdpCertificates).Any() ? new Taken(document) : new Pending(document, "no_known_key"),
            _ => new Pending(document, "pinned"),
        };
    }
}
