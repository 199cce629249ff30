using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Holdfast.Storage;

namespace Holdfast.Keys;

/// <summary>The cluster's two root keys, and everything that is derived from them: no key serves two purposes.</summary>
/// <remarks>HKDF-SHA-256 (RFC 5869) per purpose and environment; AES-256-GCM for what is sealed. A sealed item names the key that it needs.</remarks>
public sealed class ClusterKeys
{
    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    private readonly byte[] _secret;
    private readonly byte[] _keyEncryptionKey;
    private readonly Entropy _entropy;

    private ClusterKeys(byte[] secret, byte[] keyEncryptionKey, Entropy entropy)
    {
        (_secret, _keyEncryptionKey, _entropy) = (secret, keyEncryptionKey, entropy);
        Id = Convert.ToHexStringLower(SHA256.HashData(keyEncryptionKey))[..8];
    }

    /// <summary>Names the key-encryption key inside sealed items.</summary>
    public string Id { get; }

    /// <summary>Reads the cluster key file, or makes it (mode 0600) on the first start.</summary>
    /// <exception cref="InvalidDataException">The file is not a cluster key file.</exception>
    public static ClusterKeys LoadOrCreate(string path, Entropy entropy)
    {
        if (!File.Exists(path))
        {
            // Synced before anything is sealed with it: whatever is sealed from now on needs it.
            OwnFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(new { cluster_secret = entropy.Bytes(32), kek = entropy.Bytes(32) }));
        }
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var secret = json.RootElement.GetProperty("cluster_secret").GetBytesFromBase64();
            var kek = json.RootElement.GetProperty("kek").GetBytesFromBase64();
            return secret.Length == 32 && kek.Length == 32
                ? new ClusterKeys(secret, kek, entropy)
                : throw new InvalidDataException("keys of 32 bytes are expected");
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or FormatException or InvalidOperationException or InvalidDataException)
        {
            throw new InvalidDataException($"The cluster key file {path} cannot be read: it is not one, or it is damaged.", fault);
        }
    }

    /// <summary>Keys that somebody has already: two of 32 bytes.</summary>
    internal static ClusterKeys Of(byte[] secret, byte[] keyEncryptionKey, Entropy entropy) => new(secret, keyEncryptionKey, entropy);

    /// <summary>A key of 32 bytes for one purpose of one environment.</summary>
    public byte[] Derive(string purpose, string environmentId = "") =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _secret, 32, info: Encoding.UTF8.GetBytes($"{purpose}\n{environmentId}"));

    /// <summary>HMAC-SHA-256 over the parts, under a key of the purpose.</summary>
    public byte[] Mac(string purpose, string environmentId, params ReadOnlySpan<string> parts) => Mac(Derive(purpose, environmentId), parts);

    /// <summary>HMAC-SHA-256 over the parts, each with its length before it, so that no two lists give the same bytes.</summary>
    public static byte[] Mac(byte[] key, params ReadOnlySpan<string> parts)
    {
        var text = new StringBuilder();
        foreach (var part in parts)
        {
            text.Append(part.Length).Append(':').Append(part);
        }
        return HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text.ToString()));
    }

    /// <summary>Seals what is at rest, bound to where it stands: a value moved to another row or column does not open.</summary>
    /// <param name="place">Table, id and column, or the like.</param>
    public string SealAtRest(string place, ReadOnlySpan<byte> plaintext) => Seal(_keyEncryptionKey, $"rest\n{place}", plaintext);

    /// <exception cref="CryptographicException">It was sealed elsewhere, by another key, or it was changed.</exception>
    public byte[] OpenAtRest(string place, string item) =>
        Open(_keyEncryptionKey, $"rest\n{place}", item) ?? throw new CryptographicException($"What is sealed at {place} does not open with this key.");

    /// <summary>Seals what travels through the hands of others: tokens, cookies.</summary>
    public string Seal(string purpose, string environmentId, ReadOnlySpan<byte> plaintext) => Seal(Derive(purpose, environmentId), purpose, plaintext);

    /// <summary>The same, so that the same content is the same text on any node: its nonce is a MAC of it, under a key of its own, so that no two contents share one (as in RFC 5297).</summary>
    public string SealSame(string purpose, string environmentId, ReadOnlySpan<byte> plaintext)
    {
        var nonce = HMACSHA256.HashData(Derive($"nonce of {purpose}", environmentId), plaintext).AsSpan(0, NonceBytes);
        return Seal(Derive(purpose, environmentId), purpose, plaintext, nonce);
    }

    /// <summary>Opens it; null when it is not ours, of another purpose or environment, or changed.</summary>
    public byte[]? Open(string purpose, string environmentId, string item) => Open(Derive(purpose, environmentId), purpose, item);

    private string Seal(byte[] key, string associated, ReadOnlySpan<byte> plaintext) => Seal(key, associated, plaintext, _entropy.Bytes(NonceBytes));

    private string Seal(byte[] key, string associated, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> nonce)
    {
        var item = new byte[NonceBytes + plaintext.Length + TagBytes];
        nonce.CopyTo(item);
        using var aes = new AesGcm(key, TagBytes);
        aes.Encrypt(item.AsSpan(0, NonceBytes), plaintext, item.AsSpan(NonceBytes, plaintext.Length), item.AsSpan(NonceBytes + plaintext.Length),
            Encoding.UTF8.GetBytes(associated));
        return $"{Id}.{Base64.Encode(item)}";
    }

    private byte[]? Open(byte[] key, string associated, string item)
    {
        if (!item.StartsWith(Id + ".", StringComparison.Ordinal) || Base64.Decode(item[(Id.Length + 1)..]) is not { Length: >= NonceBytes + TagBytes } bytes)
        {
            return null;
        }
        var plaintext = new byte[bytes.Length - NonceBytes - TagBytes];
        using var aes = new AesGcm(key, TagBytes);
        try
        {
            aes.Decrypt(bytes.AsSpan(0, NonceBytes), bytes.AsSpan(NonceBytes, plaintext.Length), bytes.AsSpan(NonceBytes + plaintext.Length), plaintext,
                Encoding.UTF8.GetBytes(associated));
            return plaintext;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }
}
