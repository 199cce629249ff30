using System.Security.Cryptography;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>The ciphers that an element may be encrypted with: AES in GCM, and in CBC where something else protects it (XML Encryption 1.1
/// §5.2).</summary>
internal sealed record ContentCipher(string Uri, int KeyBytes, bool IsCbc)
{
    /// <summary>XML Encryption 1.1 §5.2.4 fixes both for GCM.</summary>
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private const int BlockBytes = 16;

    private static readonly ContentCipher[] s_all =
    [
        new(SamlNames.Encryption11 + "aes128-gcm", 16, IsCbc: false),
        new(SamlNames.Encryption11 + "aes192-gcm", 24, IsCbc: false),
        new(SamlNames.Encryption11 + "aes256-gcm", 32, IsCbc: false),
        new(SamlNames.Encryption + "aes128-cbc", 16, IsCbc: true),
        new(SamlNames.Encryption + "aes192-cbc", 24, IsCbc: true),
        new(SamlNames.Encryption + "aes256-cbc", 32, IsCbc: true),
    ];

    public static ContentCipher Gcm(int keyBytes) => s_all.Single(cipher => !cipher.IsCbc && cipher.KeyBytes == keyBytes);

    public static bool IsCbcUri(string uri) => s_all.Any(cipher => cipher.IsCbc && cipher.Uri == uri);

    /// <param name="method">An EncryptionMethod.</param>
    /// <param name="isCovered">Whether a verified signature covers the ciphertext, or the connection does without. Without one, CBC would tell a stranger about the plaintext
    /// with each answer (Jager and Somorovsky 2011).</param>
    /// <exception cref="RefusedException">EncryptionNotAllowed.</exception>
    public static ContentCipher Find(XmlElement method, bool isCovered)
    {
        var uri = method.Attribute("Algorithm");
        var cipher = s_all.FirstOrDefault(cipher => cipher.Uri == uri)
            ?? throw new RefusedException(SamlRefusal.EncryptionNotAllowed, $"The encryption {RefusedException.Quote(uri ?? "")} is not allowed.");
        return !cipher.IsCbc || isCovered ? cipher : throw new RefusedException(
            SamlRefusal.EncryptionNotAllowed,
            "AES-CBC is accepted only inside a signed response: let the identity provider sign the response too, or encrypt with AES-GCM.");
    }

    /// <summary>Null when it does not decrypt; why is nobody's business.</summary>
    public byte[]? Decrypt(byte[] key, ReadOnlySpan<byte> value)
    {
        try
        {
            return IsCbc ? DecryptCbc(key, value) : DecryptGcm(key, value);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>We never write CBC.</summary>
    public static byte[] EncryptGcm(byte[] key, ReadOnlySpan<byte> plain)
    {
        var value = new byte[NonceBytes + plain.Length + TagBytes];
        var nonce = value.AsSpan(0, NonceBytes);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(key, TagBytes);
        aes.Encrypt(nonce, plain, value.AsSpan(NonceBytes, plain.Length), value.AsSpan(NonceBytes + plain.Length));
        return value;
    }

    private static byte[]? DecryptGcm(byte[] key, ReadOnlySpan<byte> value)
    {
        if (value.Length <= NonceBytes + TagBytes)
        {
            return null;
        }
        var plain = new byte[value.Length - NonceBytes - TagBytes];
        using var aes = new AesGcm(key, TagBytes);
        aes.Decrypt(value[..NonceBytes], value[NonceBytes..^TagBytes], value[^TagBytes..], plain);
        return plain;
    }

    private static byte[]? DecryptCbc(byte[] key, ReadOnlySpan<byte> value)
    {
        if (value.Length < 2 * BlockBytes || value.Length % BlockBytes != 0)
        {
            return null;
        }
        using var aes = Aes.Create();
        aes.Key = key;
        var plain = aes.DecryptCbc(value[BlockBytes..], value[..BlockBytes], PaddingMode.None);
        // Only the last octet of the padding means something (XML Encryption 1.1 §5.2.3).
        return plain[^1] is > 0 and <= BlockBytes ? plain[..^plain[^1]] : null;
    }
}
