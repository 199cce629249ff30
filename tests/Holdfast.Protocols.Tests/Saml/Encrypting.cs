using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>Encrypts an element of a document, well or in any wrong way a test asks for. It shares no code with what it tests.</summary>
/// <param name="For">Whose key; ours by default.</param>
/// <param name="Mask">The MGF element's algorithm; null leaves it out.</param>
/// <param name="Plain">Encrypted in the element's place.</param>
/// <param name="ChangeValue">Changes the ciphertext.</param>
/// <param name="ChangePadded">Changes the padded plaintext, before CBC.</param>
/// <param name="Shape">Changes the whole encrypted element.</param>
internal sealed record Encrypting(
    X509Certificate2? For = null,
    string Cipher = Encrypting.Xenc11 + "aes256-gcm",
    string Transport = Encrypting.OaepMgf1p,
    string? Digest = "http://www.w3.org/2000/09/xmldsig#sha1",
    string? Mask = null,
    Encrypting.Place Where = Encrypting.Place.Inside,
    byte[]? Plain = null,
    Func<byte[], byte[]>? ChangeValue = null,
    Func<byte[], byte[]>? ChangeKey = null,
    Func<byte[], byte[]>? ChangePadded = null,
    Func<string, string>? Shape = null)
{
    public const string Xenc = "http://www.w3.org/2001/04/xmlenc#";
    public const string Xenc11 = "http://www.w3.org/2009/xmlenc11#";
    public const string OaepMgf1p = Xenc + "rsa-oaep-mgf1p";
    public const string Oaep11 = Xenc11 + "rsa-oaep";
    public const string Rsa15 = Xenc + "rsa-1_5";

    /// <summary>Where the EncryptedKey stands.</summary>
    public enum Place
    {
        Inside,
        Beside,
        BesideAndReferred,
    }

    /// <summary>xmlenc11 OAEP with SHA-256 throughout.</summary>
    public static Encrypting Modern { get; } = new(
        Transport: Oaep11, Digest: "http://www.w3.org/2001/04/xmlenc#sha256", Mask: Xenc11 + "mgf1sha256");

    public static Encrypting Cbc { get; } = new(Cipher: Xenc + "aes256-cbc");

    /// <param name="name">Assertion or NameID: the first of that name is encrypted.</param>
    public string Encrypt(string xml, string name = "Assertion") => Xml.Change(xml, document =>
    {
        var element = document.Get(name);   // OuterXml declares what its names use, and keeps its own declarations
        var encrypted = Element(Plain ?? Bytes(element.OuterXml), name == "NameID" ? "EncryptedID" : "EncryptedAssertion");
        element.ParentNode!.ReplaceChild(document.ImportNode(Xml.Parse(encrypted).DocumentElement!, deep: true), element);
    });

    public string Element(byte[] plain, string name)
    {
        var key = RandomNumberGenerator.GetBytes(Cipher.Contains("128", StringComparison.Ordinal) ? 16 : Cipher.Contains("192", StringComparison.Ordinal) ? 24 : 32);
        var value = Cipher.EndsWith("-gcm", StringComparison.Ordinal) ? Gcm(key, plain) : CbcValue(key, plain);
        value = ChangeValue?.Invoke(value) ?? value;
        using var rsa = (For ?? TestKeys.Sp).GetRSAPublicKey()!;
        var wrapped = rsa.Encrypt(key, Transport == Rsa15 ? RSAEncryptionPadding.Pkcs1
            : Transport == Oaep11 ? RSAEncryptionPadding.OaepSHA256 : RSAEncryptionPadding.OaepSHA1);
        wrapped = ChangeKey?.Invoke(wrapped) ?? wrapped;
        var digest = Digest is null ? "" : $"<ds:DigestMethod Algorithm=\"{Digest}\"/>";
        var mask = Mask is null ? "" : $"<xenc11:MGF xmlns:xenc11=\"{Xenc11}\" Algorithm=\"{Mask}\"/>";
        var id = Where == Place.BesideAndReferred ? " Id=\"_ek\"" : "";
        var encryptedKey =
            $"""
            <xenc:EncryptedKey{id}><xenc:EncryptionMethod Algorithm="{Transport}">{digest}{mask}</xenc:EncryptionMethod><xenc:CipherData><xenc:CipherValue>{Convert.ToBase64String(wrapped)}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>
            """;
        var info = Where switch
        {
            Place.Inside => encryptedKey,
            Place.BesideAndReferred => $"<ds:RetrievalMethod Type=\"{Xenc}EncryptedKey\" URI=\"#_ek\"/>",
            _ => "<ds:KeyName>holdfast</ds:KeyName>",
        };
        var xml =
            $"""
            <saml:{name} xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xenc="{Xenc}" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedData Type="{Xenc}Element"><xenc:EncryptionMethod Algorithm="{Cipher}"/><ds:KeyInfo>{info}</ds:KeyInfo><xenc:CipherData><xenc:CipherValue>{Convert.ToBase64String(value)}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>{(Where == Place.Inside ? "" : encryptedKey)}</saml:{name}>
            """;
        return Shape?.Invoke(xml) ?? xml;
    }

    private static byte[] Gcm(byte[] key, byte[] plain)
    {
        var (nonce, cipher, tag) = (RandomNumberGenerator.GetBytes(12), new byte[plain.Length], new byte[16]);
        using var aes = new AesGcm(key, 16);
        aes.Encrypt(nonce, plain, cipher, tag);
        return [.. nonce, .. cipher, .. tag];
    }

    private byte[] CbcValue(byte[] key, byte[] plain)
    {
        var pad = 16 - (plain.Length % 16);
        byte[] padded = [.. plain, .. RandomNumberGenerator.GetBytes(pad - 1), (byte)pad];   // ISO 10126: only the last octet counts
        padded = ChangePadded?.Invoke(padded) ?? padded;
        using var aes = Aes.Create();
        aes.Key = key;
        var iv = RandomNumberGenerator.GetBytes(16);
        return [.. iv, .. aes.EncryptCbc(padded, iv, PaddingMode.None)];
    }

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
