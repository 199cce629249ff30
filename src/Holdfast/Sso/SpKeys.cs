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
    public const string Signing = "signing";
    public const string Encryption = "encryption";

    /// <summary>The next one first, then the latest that was switched to.</summary>
    private const string InOrder = "ORDER BY CASE WHEN activated_at IS NULL THEN 0 ELSE 1 END, activated_at DESC, created_at DESC, id DESC";

    private readonly ConcurrentDictionary<string, SpKeySet> _sets = new(StringComparer.Ordinal);

    /// <summary>An environment's keys, opened once per set of them.</summary>
    public SpKeySet Of(string environmentId)
    {
        var rows = database.Read(view => view.Query<Row>(
            "SELECT id AS Id, purpose AS Purpose, private_key_sealed AS Sealed, certificate AS Certificate, activated_at AS ActivatedAt FROM saml_keys "
            + $"WHERE environment_id = @environmentId AND {Denied.Not("saml_keys.id")} {InOrder}", new { environmentId }));
        if (rows.Count == 0)
        {
            return SpKeySet.None;
        }
        var version = string.Join(' ', rows.Select(r => r.ActivatedAt is null ? r.Id + "?" : r.Id));
        return _sets.TryGetValue(environmentId, out var known) && known.Version == version ? known : _sets[environmentId] = Open(rows, version);
    }

    /// <summary>An environment's keys that are not retired: the next ones, then those in use, the latest first.</summary>
    public static List<SpKey> List(View view, string environmentId) => view.Query<SpKey>(
        "SELECT id AS Id, purpose AS Purpose, certificate AS Certificate, created_at AS CreatedAt, activated_at AS ActivatedAt FROM saml_keys "
        + $"WHERE environment_id = @environmentId AND {Denied.Not("saml_keys.id")} {InOrder}", new { environmentId });

    /// <summary>New keys for an environment that has none here. It takes a while, so it is done before the transaction that may keep them.</summary>
    public IReadOnlyList<Change> MakeMissing(string environmentId) =>
        Of(environmentId).Signing.Count > 0 ? [] : [Make(environmentId, Signing, isUsed: true), Make(environmentId, Encryption, isUsed: true)];

    /// <summary>A key that is not used yet. It takes a while, so it is done before the transaction that may keep it.</summary>
    public Change MakeNext(string environmentId, string purpose) => Make(environmentId, purpose, isUsed: false);

    /// <summary>Those of them that are still missing where they would be kept: another node may have been first.</summary>
    public static IReadOnlyList<Change> StillMissing(View view, string environmentId, IReadOnlyList<Change> made) =>
        made.Count > 0 && view.Find<long>("SELECT count(*) FROM saml_keys WHERE environment_id = @environmentId", new { environmentId }) == 0 ? made : [];

    private Change Make(string environmentId, string purpose, bool isUsed)
    {
        using var rsa = RSA.Create(Bits);
        var (id, now) = (ids.New(Ids.SamlKey), clock.GetUtcNow());
        var request = new CertificateRequest($"CN={id}", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        // Ten years: identity providers pin it, and some refuse one that has lapsed.
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddYears(10));
        return Change.To(Schema.SamlKeys, id,
            ("environment_id", environmentId), ("purpose", purpose), ("private_key_sealed", keys.SealAtRest(PlaceOf(id), rsa.ExportPkcs8PrivateKey())),
            ("certificate", Convert.ToBase64String(certificate.RawData)), ("created_at", now.ToUnixTimeMilliseconds()),
            ("activated_at", isUsed ? now.ToUnixTimeMilliseconds() : null));
    }

    private SpKeySet Open(List<Row> rows, string version)
    {
        var opened = rows.Select(r => (r.Purpose, IsActive: r.ActivatedAt is not null, Certificate: Open(r))).ToList();
        List<X509Certificate2> Of(string purpose) => [.. opened.Where(k => k.Purpose == purpose).Select(k => k.Certificate)];
        var signs = opened.FirstOrDefault(k => k is { Purpose: Signing, IsActive: true }).Certificate;
        return new SpKeySet(version, signs is null ? null : SamlSigner.With(signs), Of(Signing), [.. Of(Encryption).Take(SamlLimits.Default.MaxDecryptionKeys)])
        {
            // Identity providers begin at once with what they read here: the next key comes once every node has it.
            Encrypting = [.. opened.Where(k => k is { Purpose: Encryption, IsActive: true }).Select(k => k.Certificate)],
        };
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

    /// <summary>What is published to be encrypted for: of <see cref="Decrypting"/>, those in use now or before.</summary>
    public IReadOnlyList<X509Certificate2> Encrypting { get; init; } = [];
}

/// <summary>A key as its row has it, without its private half.</summary>
/// <param name="Certificate">DER in base64.</param>
/// <param name="ActivatedAt">Null while it is not used yet.</param>
internal sealed record SpKey(string Id, string Purpose, string Certificate, long CreatedAt, long? ActivatedAt)
{
    public static SpKey Of(Change made) => new(
        made.Id, (string)made.Values["purpose"]!, (string)made.Values["certificate"]!, (long)made.Values["created_at"]!, (long?)made.Values["activated_at"]);

    /// <summary>Of those in use the latest: it signs, or stands first in our metadata.</summary>
    /// <param name="all">As <see cref="SpKeys.List"/> has them.</param>
    public bool IsCurrent(List<SpKey> all) => all.Find(k => k.Purpose == Purpose && k.ActivatedAt is not null)?.Id == Id;

    public X509Certificate2 Load() => X509CertificateLoader.LoadCertificate(Convert.FromBase64String(Certificate));
}
