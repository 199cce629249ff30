using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>Decrypts an element with our own keys, and reads what comes out under the same bounds as a message.</summary>
/// <remarks>From the first use of a private key on there is one refusal, in one wording: whether a key fitted, a tag held, a padding was right or XML
/// came out must not be told apart. What remains is time: a key that does not unwrap is stood in for, so that the content is tried all the
/// same.</remarks>
internal sealed class Decrypter(IReadOnlyList<X509Certificate2> certificates, SamlLimits limits, Proof proof)
{
    /// <param name="encrypted">An EncryptedAssertion or EncryptedID.</param>
    /// <param name="isCovered">Whether a verified signature covers it.</param>
    /// <param name="name">What must come out: a SAML assertion element of that name.</param>
    /// <param name="recipient">Our entity id.</param>
    /// <returns>The root of a new document. It must be signed by itself, unless <paramref name="isCovered"/>.</returns>
    /// <exception cref="RefusedException">Malformed, EncryptionNotAllowed or DecryptionKeyMissing, before a private key is used; else
    /// DecryptionFailed.</exception>
    public XmlElement Decrypt(XmlElement encrypted, bool isCovered, string name, string recipient)
    {
        if (certificates.Count == 0 || certificates.Count > limits.MaxDecryptionKeys)
        {
            throw new RefusedException(
                SamlRefusal.DecryptionKeyMissing,
                $"{certificates.Count} decryption keys are configured; 1 to {limits.MaxDecryptionKeys} are needed.");
        }
        var parts = EncryptedElement.Read(encrypted, isCovered, recipient, limits);
        foreach (var key in parts.Keys)
        {
            foreach (var certificate in certificates)
            {
                if (TryDecrypt(parts, key, certificate, name) is { } element)
                {
                    proof.Add(new SamlDecryption(name, certificate, parts.Cipher.Uri, key.Transport.Uri));
                    return element;
                }
            }
        }
        throw Failed();
    }

    public static RefusedException Failed() =>
        new(SamlRefusal.DecryptionFailed, "What is encrypted could not be decrypted and read with any of our keys.");

    /// <summary>Null when anything at all went wrong, whoever threw it: nobody is told what.</summary>
    private XmlElement? TryDecrypt(EncryptedElement parts, EncryptedElement.Key key, X509Certificate2 certificate, string name)
    {
        try
        {
            return Decrypt(parts, key, certificate) is { } plain && SamlXml.Read(plain, limits) is var root && root.Is(SamlNames.Assertion, name) ? root : null;
        }
        catch (Exception)
        {
            return null;
        }
    }

    private static byte[]? Decrypt(EncryptedElement parts, EncryptedElement.Key key, X509Certificate2 certificate)
    {
        using var rsa = certificate.GetRSAPrivateKey();
        if (rsa is null || rsa.KeySize / 8 != key.Value.Length)
        {
            return null;   // the length of a key is public
        }
        var unwrapped = key.Transport.Unwrap(rsa, key.Value, parts.Cipher.KeyBytes);
        // What the stand-in decrypts is thrown away, whatever it is: its value is no secret.
        var plain = parts.Cipher.Decrypt(unwrapped ?? new byte[parts.Cipher.KeyBytes], parts.Value);
        if (unwrapped is null)
        {
            return null;
        }
        CryptographicOperations.ZeroMemory(unwrapped);
        return plain;
    }
}
