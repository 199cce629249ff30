namespace Holdfast.Protocols.Saml;

/// <summary>Gathers the evidence while a message is checked.</summary>
internal sealed class Proof
{
    private readonly List<SamlSignature> _signatures = [];
    private readonly List<SamlDecryption> _decryptions = [];

    public void Add(SamlSignature signature) => _signatures.Add(signature);

    public void Add(SamlDecryption decryption) => _decryptions.Add(decryption);

    public SamlEvidence Evidence() => new([.. _signatures], [.. _decryptions]);
}
