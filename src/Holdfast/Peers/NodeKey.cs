using System.Security.Cryptography;
using System.Text;
using Holdfast.Keys;

namespace Holdfast.Peers;

/// <summary>This node's own key pair (ECDSA, P-256): by it the other nodes know it. It stays on this disk; its public half stands in the node's row.</summary>
internal sealed class NodeKey : IDisposable
{
    private const string Place = "node.key";

    private readonly ECDsa _pair;

    private NodeKey(ECDsa pair)
    {
        _pair = pair;
        PublicKey = Convert.ToBase64String(pair.ExportSubjectPublicKeyInfo());
    }

    /// <summary>SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) in base64.</summary>
    public string PublicKey { get; }

    /// <summary>Reads <c>node.key</c>, or makes it (mode 0600, sealed) on the first start.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    /// <exception cref="InvalidOperationException">It was sealed by another cluster's key.</exception>
    public static NodeKey LoadOrCreate(string data, ClusterKeys keys, string clusterKeyFile)
    {
        var path = Path.Combine(data, Place);
        var kept = File.Exists(path) ? File.ReadAllText(path) : null;
        if (kept is not null && kept.Split('.') is [{ Length: > 0 } sealedBy, _] && sealedBy != keys.Id)
        {
            throw new InvalidOperationException($"The cluster key file {clusterKeyFile} does not open {path}: it is another cluster's.");
        }
        var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        try
        {
            if (kept is not null)
            {
                pair.ImportPkcs8PrivateKey(keys.OpenAtRest(Place, kept), out _);
            }
            else
            {
                OwnFile.Write(path, Encoding.UTF8.GetBytes(keys.SealAtRest(Place, pair.ExportPkcs8PrivateKey())));
            }
            return new NodeKey(pair);
        }
        catch (CryptographicException fault)
        {
            pair.Dispose();
            throw new InvalidDataException($"The node's key {path} does not open: it is damaged. Without the file, the node makes a new one.", fault);
        }
        catch
        {
            pair.Dispose();
            throw;
        }
    }

    /// <summary>A signature (ECDSA with SHA-256, IEEE P1363) in base64url.</summary>
    public string Sign(string text)
    {
        lock (_pair)
        {
            return Base64.Encode(_pair.SignData(Encoding.UTF8.GetBytes(text), HashAlgorithmName.SHA256));
        }
    }

    public void Dispose() => _pair.Dispose();
}

/// <summary>Another node's public key.</summary>
internal static class PublicKeys
{
    /// <summary>Whether the key has signed the text. False also for what is no such key.</summary>
    public static bool Verifies(string publicKey, string text, string signature)
    {
        if (Base64.Decode(signature) is not { Length: 64 } bytes)
        {
            return false;
        }
        using var key = ECDsa.Create();
        try
        {
            key.ImportSubjectPublicKeyInfo(Convert.FromBase64String(publicKey), out _);
            return key.KeySize == 256 && key.VerifyData(Encoding.UTF8.GetBytes(text), bytes, HashAlgorithmName.SHA256);
        }
        catch (Exception fault) when (fault is CryptographicException or FormatException)
        {
            return false;
        }
    }
}
