using System.Globalization;
using System.Security.Cryptography;
using Holdfast.Protocols.Saml;

namespace Holdfast.Sso;

/// <summary>Tells an administrator what a sign-in by SAML was checked for, which check failed, why, and what to change where. Pure.</summary>
internal static class ExplainAttempt
{
    private const string Passed = "passed";
    private const string Failed = "failed";
    private const string NotReached = "not_reached";

    /// <summary>The checks of a SAML response in their order, and the refusals that each can end with. What no check claims is about the message's own shape.</summary>
    private static readonly Check[] Saml =
    [
        new("flow", "The answer belongs to a sign-in that this browser began here, and that is still open.",
            ["FlowNotFound", "FlowTriedTooOften", "FlowVoid", "FormAmbiguous", "ResponseMissing", "Unsolicited"], m => m.RequestId, m => m.Surface?.InResponseTo),
        new("message", "The answer is one SAML 2.0 response with one assertion, of a sound shape and within the bounds.", [], _ => null, _ => null),
        new("status", "The identity provider says that it signed the person in.", ["StatusNotSuccess"], _ => "urn:oasis:names:tc:SAML:2.0:status:Success", m => m.Surface?.Status),
        new("signature", "A certificate of the connection signed the response or its assertion, with an algorithm that is allowed, and nothing was changed since.",
            ["SignatureMissing", "AssertionNotSigned", "SignatureShape", "SignatureReference", "AlgorithmNotAllowed", "TooManyPrefixes", "KeyNotAllowed", "SignatureInvalid", "DigestInvalid"],
            m => string.Join(", ", m.Trust.Certificates.Select(Describe)), m => DescribeSignature(m.Surface)),
        new("issuer", "The response comes from the connection's identity provider.", ["WrongIssuer"], m => m.Trust.IdpEntityId, m => m.Surface?.Issuer),
        new("destination", "The response was sent to our ACS URL.", ["WrongDestination"], m => m.Trust.AcsUrl, m => m.Surface?.Destination),
        new("request", "The response answers the request that we sent.", ["WrongRequest", "UnsolicitedNotAllowed"], m => m.RequestId, m => m.Surface?.InResponseTo),
        new("decryption", "What is encrypted is encrypted for us.", ["DecryptionKeyMissing", "EncryptionNotAllowed", "DecryptionFailed", "EncryptedNotSupported"],
            m => m.Trust.DecryptionCertificates.Count == 0 ? null : string.Join(", ", m.Trust.DecryptionCertificates.Select(Describe)), m => Join(m.Surface?.Encrypted)),
        new("time", "The assertion holds now, give or take a minute.", ["NotYetValid", "Expired", "SessionExpired", "LifetimeTooLong", "AuthenticationTooOld"], _ => null, m => DescribeTimes(m.Surface)),
        new("audience", "The assertion is meant for us.", ["WrongAudience", "ConditionUnknown"], m => m.Trust.SpEntityId, m => Join(m.Surface?.Audiences)),
        new("recipient", "The assertion may be presented at our ACS URL.", ["WrongRecipient", "BearerConfirmationMissing"], m => m.Trust.AcsUrl, m => Join(m.Surface?.Recipients)),
        new("subject", "The assertion says who signed in, by a name that stays the same.",
            ["NameIdMissing", "NameIdTooLong", "NameIdNotAllowed", "WrongNameQualifier", "AuthnStatementMissing", "MoreThanOneAuthnStatement", "StableIdMissing"],
            _ => "a NameID that is not transient", m => m.Surface is not { } s ? null : s.HasNameId ? s.NameIdFormat ?? "a NameID without a format" : "no NameID"),
        new("attributes", "The assertion holds what a profile needs: an e-mail address.", ["EmailMissing", "AttributesTooLarge", "AttributeTooLong", "TooManyAttributeValues"],
            _ => "an e-mail address", m => m.Surface is null ? null : m.Surface.AttributeNames.Count == 0 ? "no attributes" : Join(m.Surface.AttributeNames)),
        new("single_use", "Neither the response nor the sign-in was used before, and the connection and its redirect URI still stand.",
            ["FlowUsed", "Replayed", "ConnectionInactive", "RedirectUriWithdrawn"], _ => null, _ => null),
    ];

    /// <param name="connectionType">Whose product's words the remedy is told in.</param>
    /// <param name="reason">Null for a sign-in that succeeded.</param>
    /// <param name="material">Null when nothing was checked.</param>
    public static (string Summary, AttemptBody.RemedyBody? Remedy, IReadOnlyList<AttemptBody.StepBody> Steps) Of(
        string connectionType, string? reason, string detail, SamlMaterial? material, DateTimeOffset at)
    {
        var steps = Steps(reason, material);
        if (reason is null)
        {
            return ("The person was signed in.", null, steps);
        }
        var product = IdentityProduct.Of(connectionType);
        var (summary, where, remedy) = Words(reason, detail, material, product, at);
        return (summary, new AttemptBody.RemedyBody(product.Name, where is null ? null : $"{product.Place} > {where}", remedy), steps);
    }

    /// <summary>The same of a message of single logout, which is no sign-in and has no steps of one.</summary>
    public static (string Summary, AttemptBody.RemedyBody Remedy) OfSignOut(string connectionType, string reason, string detail)
    {
        var product = IdentityProduct.Of(connectionType);
        return ($"A message of single logout was not accepted ({reason}): {detail}.", new AttemptBody.RemedyBody(
            product.Name, null, "Load our metadata anew (the connection's sp_metadata_url): it has the single logout service's address and our certificate. If it still fails, compare the identity provider's clock and certificate."));
    }

    /// <summary>What a response says by itself. Whether it may be used once more, and whether the person signed in anew, a second look at it cannot tell.</summary>
    public static bool IsAboutTheResponse(string reason) =>
        reason != "AuthenticationTooOld" && !Saml[^1].Reasons.Contains(reason, StringComparer.Ordinal) && !Saml[0].Reasons.Contains(reason, StringComparer.Ordinal);

    private static List<AttemptBody.StepBody> Steps(string? reason, SamlMaterial? material)
    {
        var at = reason is null ? Saml.Length : Array.FindIndex(Saml, c => c.Reasons.Contains(reason, StringComparer.Ordinal));
        at = at < 0 ? 1 : at;
        return [.. Saml.Select((check, i) => new AttemptBody.StepBody(
            check.Name, i < at ? Passed : i == at ? Failed : NotReached, check.What,
            material is null ? null : check.Expected(material), material is null || i > at ? null : check.Received(material)))];
    }

    private static (string Summary, string? Where, string Remedy) Words(string reason, string detail, SamlMaterial? m, IdentityProduct p, DateTimeOffset at)
    {
        var (acs, entity, issuer) = (m?.Trust.AcsUrl, m?.Trust.SpEntityId, m?.Trust.IdpEntityId);
        switch (reason)
        {
            case "WrongDestination" or "WrongRecipient":
                var sentTo = reason == "WrongDestination" ? m?.Surface?.Destination : Join(m?.Surface?.Recipients);
                return ($"The response was made for another ACS URL{(sentTo is null ? "" : $": {sentTo}")}.", p.Acs, $"Set it to {acs}, character by character.");
            case "WrongAudience":
                return ($"The assertion is meant for another audience{(Join(m?.Surface?.Audiences) is { } audience ? $": {audience}" : "")}.", p.Audience, $"Set it to {entity}, character by character.");
            case "WrongIssuer":
                return ($"The response comes from another identity provider than the connection's: {m?.Surface?.Issuer}.", p.Issuer,
                    $"Compare it with the connection's idp_entity_id, {issuer}. If the identity provider's is right, change the connection (PUT /connections/{{id}}, saml.idp_entity_id).");
            case "SignatureInvalid":
                return SignatureWords(m, p, at);
            case "DigestInvalid":
                return ("The response was changed after it was signed.", null, "Look for a proxy, browser extension or gateway between the identity provider and here that rewrites pages, and take it out of the way.");
            case "SignatureMissing":
                return ("Neither the response nor the assertion is signed.", p.Signing, "Have the assertion signed, or the response, or both.");
            case "AssertionNotSigned":
                return ("The response is signed, but the assertion is not, and the connection wants that (want_assertions_signed).", p.Signing, "Have the assertion signed as well.");
            case "AlgorithmNotAllowed":
                return m?.Surface?.Algorithms.Any(a => a.EndsWith("sha1", StringComparison.Ordinal)) == true
                    ? ("The response is signed with SHA-1, which is no longer safe.", p.Algorithm, "Choose SHA-256. Only if it knows nothing else, switch allow_sha1 on for this connection.")
                    : ($"The signature's algorithm is not one that is accepted: {detail}", p.Algorithm, "Choose RSA or ECDSA with SHA-256, of the kind of the connection's certificate.");
            case "KeyNotAllowed":
                return ("The connection's certificate has a key that is too weak, or of a kind that is not accepted.", p.Certificate, "Make a new certificate with an RSA key of 2,048 bits or more, and put it into the connection (saml.idp_certificates).");
            case "DecryptionKeyMissing":
                return ("The assertion is encrypted, and there is no key here that could open it.", p.Encryption, $"Load our metadata anew, so that its encryption certificate is used, or switch encryption off. It is at the connection's sp_metadata_url.");
            case "DecryptionFailed":
                return ("The assertion is encrypted, and could not be opened with our key.", p.Encryption, "Put in the encryption certificate of our metadata (the connection's sp_metadata_url); it is encrypted for another one now.");
            case "EncryptionNotAllowed" or "EncryptedNotSupported":
                return ($"The assertion is encrypted in a way that is not accepted: {detail}", p.Encryption, "Choose AES-GCM with RSA-OAEP. With AES-CBC the response itself must be signed too; only if it can do neither, switch allow_cbc_unsigned_response on for this connection.");
            case "NotYetValid":
                return (ClockWords("ahead of ours", m?.Surface?.Times.NotBefore ?? m?.Surface?.Times.Made, at), null, "Set the identity provider's clock by NTP. A minute of difference is let pass.");
            case "Expired" when m?.BeganAt is { } began && Time(m.Surface?.Times.Made) is { } made && made < began - TimeSpan.FromSeconds(60):
                return (ClockWords("behind ours", m.Surface!.Times.Made, at), null, "Set the identity provider's clock by NTP. A minute of difference is let pass.");
            case "Expired":
                return ($"The assertion was no longer valid when it came: it held until {m?.Surface?.Times.NotOnOrAfter}.", null,
                    "Sign in again. If it happens every time, set the identity provider's clock by NTP, or give its assertions five minutes.");
            case "SessionExpired":
                return ("The session at the identity provider was over already.", null, "Sign in again at the identity provider. If it happens every time, lengthen its sessions.");
            case "LifetimeTooLong":
                return ("The assertion would be valid for more than 24 hours.", null, "Give assertions five minutes.");
            case "AuthenticationTooOld":
                return ("The application wanted the person to sign in anew, and the identity provider told of an elder session.", null, "Let it honour ForceAuthn.");
            case "WrongRequest":
                return ("The response answers another request than this browser's.", null, "Sign in again, once, and without going back. If it happens every time, the identity provider gives a wrong InResponseTo, or answers from a cache.");
            case "Unsolicited" or "UnsolicitedNotAllowed":
                return ("The sign-in began at the identity provider, and the connection does not take such.", null,
                    "Let people start at the application. Or switch allow_idp_initiated on for this connection: then nothing shows that the person who arrives is the one who signed in there.");
            case "StatusNotSuccess":
                return StatusWords(detail, p);
            case "StableIdMissing" when m?.Surface?.NameIdFormat?.EndsWith(":transient", StringComparison.Ordinal) != true:
                return ("The attribute that is to name the person (attribute_map.id) did not come.", p.Attributes,
                    "Send it, or change attribute_map.id." + (m?.Surface is { AttributeNames: { Count: > 0 } ids } ? $" These came: {Join(ids)}." : " None came."));
            case "StableIdMissing":
                return ("The NameID is transient: it is another one at each sign-in, so nobody can be known again by it.", p.NameId, "Choose persistent or e-mail address, or map an attribute that stays (attribute_map.id).");
            case "NameIdMissing" or "NameIdTooLong" or "NameIdNotAllowed" or "WrongNameQualifier":
                return ($"The assertion has no NameID that can be used: {detail}", p.NameId, "Send a persistent NameID or an e-mail address.");
            case "AuthnStatementMissing" or "MoreThanOneAuthnStatement":
                return ($"The assertion does not say when the person signed in: {detail}", null, "Have it hold exactly one AuthnStatement.");
            case "EmailMissing":
                return ("There is no e-mail address: neither an attribute with a usual name, nor an address as NameID.", p.Attributes,
                    "Add an attribute email that holds the address, or name the one that does (attribute_map.email)."
                    + (m?.Surface is { AttributeNames: { Count: > 0 } names } ? $" These came: {Join(names)}." : " None came."));
            case "AttributesTooLarge" or "AttributeTooLong" or "TooManyAttributeValues":
                return ("The assertion holds more than is kept of a person.", p.Attributes, "Send fewer attributes or groups: only those that the application needs.");
            case "Replayed":
                return ("The assertion was used before.", null, "Sign in again. If it happens every time, the identity provider repeats assertion ids, or something posts responses twice.");
            case "FlowUsed":
                return ("The sign-in was ended already: the response came twice.", null, "Sign in again, and press buttons once.");
            case "FlowNotFound":
                return ("The response came from a browser that has no such sign-in open: it took over ten minutes, was begun in another browser, or cookies are blocked. Or it began at the identity provider, with a RelayState of its own.", null,
                    "Start at the application again, in the same browser, with cookies allowed. If people start at the identity provider, see allow_idp_initiated.");
            case "FlowTriedTooOften":
                return ("The sign-in was tried too often.", null, "Start at the application again.");
            case "FlowVoid":
                return ("The node that began the sign-in was away.", null, "Start at the application again.");
            case "ConnectionInactive":
                return ("The connection was switched off or deleted meanwhile.", null, "Activate it, if it is to be used.");
            case "RedirectUriWithdrawn":
                return ("The application's address was withdrawn meanwhile.", null, "Register it again, if it is to be used.");
            case "FormAmbiguous" or "ResponseMissing":
                return ("What came is not one response: a field is missing, or there twice.", p.Acs, $"Have a SAMLResponse posted to {acs ?? "the connection's acs_url"}, and nothing else.");
            default:
                return ($"The response is not made as SAML 2.0 has it ({reason}): {detail}", null, "If nothing between the identity provider and here changes it, ask the identity provider's support, with this reason.");
        }
    }

    /// <summary>Which certificate it was, as far as the message tells: the connection's lapsed one, or another.</summary>
    private static (string, string?, string) SignatureWords(SamlMaterial? m, IdentityProduct p, DateTimeOffset at)
    {
        var lapsed = m?.Trust.Certificates.FirstOrDefault(c => c.NotAfter.ToUniversalTime() < at.UtcDateTime);
        var carried = m?.Surface?.Certificates.Count > 0 ? $" The response carries the certificate {m.Surface.Certificates[0][..16]}…." : "";
        const string Remedy = "Copy the signing certificate that it uses now into the connection (saml.idp_certificates, beside the old one during a roll-over), or give its metadata anew.";
        return lapsed is not null
            ? ($"The connection's certificate expired on {lapsed.NotAfter.ToUniversalTime():yyyy-MM-dd}, and another key signed the response.{carried}", p.Certificate, Remedy)
            : ($"Another certificate signed the response than the connection knows.{carried}", p.Certificate, Remedy);
    }

    private static (string, string?, string) StatusWords(string detail, IdentityProduct p) =>
        detail.Contains("NameIDPolicy", StringComparison.Ordinal) ? ($"The identity provider cannot give the NameID that was asked for: {detail}", p.NameId, "Choose persistent or e-mail address.")
        : detail.Contains("RequestDenied", StringComparison.Ordinal) || detail.Contains("AuthnFailed", StringComparison.Ordinal)
            ? ($"The identity provider did not let the person in: {detail}", p.Assignment, "Assign the application to the person or their group.")
        : detail.StartsWith("Requester", StringComparison.Ordinal)
            ? ($"The identity provider did not accept our request: {detail}", p.Audience, "Check that the application's entity id and ACS URL are this connection's; if it wants signed requests, switch sign_requests on and load our metadata.")
        : ($"The identity provider failed: {detail}", p.Assignment, "Look into its own log for this sign-in.");

    private static string ClockWords(string which, string? theirs, DateTimeOffset at) => Time(theirs) is { } time
        ? string.Create(CultureInfo.InvariantCulture, $"The identity provider's clock is {which} by about {Math.Abs((time - at).TotalSeconds):0} seconds.")
        : $"The identity provider's clock is {which}.";

    private static DateTimeOffset? Time(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) ? time : null;

    private static string Describe(System.Security.Cryptography.X509Certificates.X509Certificate2 certificate) =>
        $"certificate {certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant()[..16]}…, until {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd}";

    private static string? DescribeSignature(SamlSurface? surface) => surface switch
    {
        null => null,
        { Signed.Count: 0, Encrypted.Count: > 0 } => "none outside of what is encrypted",
        { Signed.Count: 0 } => "no signature",
        _ => $"{Join(surface.Signed)} signed with {Join(surface.Algorithms)}{(surface.Certificates.Count == 0 ? "" : $"; certificate {surface.Certificates[0][..16]}…")}",
    };

    private static string? DescribeTimes(SamlSurface? surface) => surface is null ? null : $"made {surface.Times.Made}, valid from {surface.Times.NotBefore ?? "then"} until {surface.Times.NotOnOrAfter}";

    private static string? Join(IReadOnlyList<string>? texts) => texts is { Count: > 0 } ? string.Join(", ", texts) : null;

    private sealed record Check(string Name, string What, string[] Reasons, Func<SamlMaterial, string?> Expected, Func<SamlMaterial, string?> Received);
}
