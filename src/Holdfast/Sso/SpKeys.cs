using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Protocols.Saml;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Sso;

/// <summary>Our keys towards SAML identity providers: of each environment one signs and one decrypts, since no key serves two purposes. Made in the primary with the
/// environment's first SAML connection, sealed at rest, replicated to every node.</summary>
internal sealed class SpKeys(Database database, ClusterKeys keys, Ids ids, TimeProvider clock)
{
    private const int Bits = 2048;
    private const string Signing = "signing";
    private const string Encryption = "encryption";

    private readonly ConcurrentDictionary<string, SpKeySet> _sets = new(StringComparer.Ordinal);

    /// <summary>An environment's keys, opened once per set of them.</summary>
    public SpKeySet Of(string environmentId)
    {
        var rows = database.Read(view => view.Query<Row>(
            "SELECT id AS Id, purpose AS Purpose, private_key_sealed AS Sealed, certificate AS Certificate, activated_at AS ActivatedAt FROM saml_keys "
            + $"WHERE environment_id = @environmentId AND {Denied.Not("saml_keys.id")} ORDER BY created_at DESC, id DESC", new { environmentId }));
        if (rows.Count == 0)
        {
            return SpKeySet.None;
        }
        var version = string.Join(' ', rows.Select(r => r.ActivatedAt is null ? r.Id + "?" : r.Id));
        return _sets.TryGetValue(environmentId, out var known) && known.Version == version ? known : _sets[environmentId] = Open(rows, version);
    }

    /// <summary>New keys for an environment that has none here. It takes a while, so it is done before the transaction that may keep them.</summary>
    public IReadOnlyList<Change> MakeMissing(string environmentId) =>
        Of(environmentId).Signing.Count > 0 ? [] : [Make(environmentId, Signing), Make(environmentId, Encryption)];

    /// <summary>Those of them that are still missing where they would be kept: another node may have been first.</summary>
    public static IReadOnlyList<Change> StillMissing(View view, string environmentId, IReadOnlyList<Change> made) =>
        made.Count > 0 && view.Find<long>("SELECT count(*) FROM saml_keys WHERE environment_id = @environmentId", new { environmentId }) == 0 ? made : [];

    private Change Make(string environmentId, string purpose)
    {
        using var rsa = RSA.Create(Bits);
        var (id, now) = (ids.New(Ids.SamlKey), clock.GetUtcNow());
        var request = new CertificateRequest($"CN={id}", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        // Ten years: identity providers pin it, and some refuse one that has lapsed.
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddYears(10));
        return Change.To(Schema.SamlKeys, id,
            ("environment_id", environmentId), ("purpose", purpose), ("private_key_sealed", keys.SealAtRest(PlaceOf(id), rsa.ExportPkcs8PrivateKey())),
            ("certificate", Convert.ToBase64String(certificate.RawData)), ("created_at", now.ToUnixTimeMilliseconds()), ("activated_at", now.ToUnixTimeMilliseconds()));
    }

    private SpKeySet Open(List<Row> rows, string version)
    {
        var opened = rows.Select(r => (r.Purpose, IsActive: r.ActivatedAt is not null, Certificate: Open(r))).ToList();
        List<X509Certificate2> Of(string purpose) => [.. opened.Where(k => k.Purpose == purpose).Select(k => k.Certificate)];
        var signs = opened.FirstOrDefault(k => k is { Purpose: Signing, IsActive: true }).Certificate;
        return new SpKeySet(version, signs is null ? null : SamlSigner.With(signs), Of(Signing), [.. Of(Encryption).Take(SamlLimits.Default.MaxDecryptionKeys)]);
    }

    private X509Certificate2 Open(Row row)
    {
        using var rsa = RSA.Create();
        rsa.ImportPkcs8PrivateKey(keys.OpenAtRest(PlaceOf(row.Id), row.Sealed), out _);
        using var bare = X509CertificateLoader.LoadCertificate(Convert.FromBase64String(row.Certificate));
        return bare.CopyWithPrivateKey(rsa);
    }

    private static string PlaceOf(string id) => $"saml_keys/{id}/private_key";

    private sealed record Row(string Id, string Purpose, string Sealed, string Certificate, long? ActivatedAt);
}

/// <summary>An environment's keys towards SAML identity providers, the newest first, with their private halves.</summary>
/// <param name="Version">Changes whenever they do.</param>
/// <param name="Signer">What signs now; null while there is none.</param>
/// <param name="Signing">What signs, or is about to: published.</param>
/// <param name="Decrypting">What assertions may be encrypted for.</param>
internal sealed record SpKeySet(string Version, SamlSigner? Signer, IReadOnlyList<X509Certificate2> Signing, IReadOnlyList<X509Certificate2> Decrypting)
{
    public static SpKeySet None { get; } = new("", null, [], []);
}
