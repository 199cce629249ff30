namespace Holdfast.Protocols.Saml;

/// <summary>How an accepted message was proven: for the log, and for telling an administrator what will break next.</summary>
/// <param name="Signatures">In the order in which they were checked, outermost first; never empty on an accepted Response or logout message.</param>
/// <param name="Decryptions">What had to be decrypted, outermost first.</param>
public sealed record SamlEvidence(IReadOnlyList<SamlSignature> Signatures, IReadOnlyList<SamlDecryption> Decryptions)
{
    /// <summary>What was let pass but deserves to be known, each once. Dates are compared with <paramref name="now"/> to the second.</summary>
    public IReadOnlySet<SamlNote> Notes(DateTimeOffset now)
    {
        var notes = new HashSet<SamlNote>();
        foreach (var signature in Signatures)
        {
            Add(signature.UsesSha1, SamlNote.Sha1);
            Add(signature.Certificate.NotAfter.ToUniversalTime() < now.UtcDateTime, SamlNote.CertificateExpired);
            Add(signature.Certificate.NotBefore.ToUniversalTime() > now.UtcDateTime, SamlNote.CertificateNotYetValid);
        }
        Add(Decryptions.Any(decryption => decryption.Content.EndsWith("-cbc", StringComparison.Ordinal)), SamlNote.Cbc);
        return notes;

        void Add(bool holds, SamlNote note)
        {
            if (holds)
            {
                notes.Add(note);
            }
        }
    }
}
