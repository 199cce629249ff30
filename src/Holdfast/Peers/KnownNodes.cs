using System.Security.Cryptography;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Node;
using Holdfast.Storage.Peers;

namespace Holdfast.Peers;

/// <summary>Who is one of us: whose public key stands in the replica; or, as long as none stands there, who has the cluster key. Nobody whom a deny stands against,
/// nor a new life of the same name or key.</summary>
/// <param name="node">This node's replica; null until it is open.</param>
internal sealed class KnownNodes(Func<NodeStore?> node, ClusterKeys keys)
{
    private readonly byte[] _admission = keys.Derive("peer-admission", "");

    /// <summary>Shows that whoever has this key pair has the cluster key too.</summary>
    public string Admission(Speaker speaker, string publicKey) => Base64.Encode(ClusterKeys.Mac(_admission, speaker.Name, speaker.Incarnation, publicKey));

    /// <summary>The speaker, if the text was signed by it and it is one of us; null otherwise.</summary>
    /// <param name="header">Value of <see cref="SignedText.NodeHeader"/>.</param>
    /// <param name="text">What the speaker is said to have signed.</param>
    public Speaker? Verify(string header, Func<Speaker, string> text, string signature) =>
        Recognize(header, text, signature) is (var speaker, false) ? speaker : null;

    /// <summary>The same; and, of those who have the cluster key, also a life of which two things were said: nobody speaks in its name, but it must hear of that.</summary>
    public (Speaker Speaker, bool IsVoid)? Recognize(string header, Func<Speaker, string> text, string signature)
    {
        if (SignedText.ReadNode(header) is not var (speaker, shown, admission))
        {
            return null;
        }
        var (life, isDenied) = node()?.Read(view => Find(view, speaker, shown)) ?? (null, false);
        var isVoid = life is { IsVoid: true };
        if (isDenied || (!isVoid && life is not null && life.Name != speaker.Name) || ((isVoid || life?.PublicKey is null) && !IsAdmitted(speaker, shown, admission)))
        {
            return null;   // one that is known, and calls itself by another's name, too
        }
        return PublicKeys.Verifies(isVoid ? shown : life?.PublicKey ?? shown, text(speaker), signature) ? (speaker, isVoid) : null;
    }

    /// <summary>A life's row, and whether a deny stands against it; or, as long as no key of it is known, against another life of that name or key.</summary>
    private static (Lives.LifeRow? Life, bool IsDenied) Find(View view, Speaker speaker, string shown)
    {
        var life = Lives.Find(view, speaker.Incarnation);
        return (life, Denied.Is(view, speaker.Incarnation) || (life?.PublicKey is null && view.Find<long>(
            $"SELECT count(*) FROM nodes WHERE (name = @Name OR public_key = @shown) AND NOT ({Denied.Not("nodes.id")})", new { speaker.Name, shown }) > 0));
    }

    private bool IsAdmitted(Speaker speaker, string publicKey, string admission) => Base64.Decode(admission) is { } shown
        && CryptographicOperations.FixedTimeEquals(shown, ClusterKeys.Mac(_admission, speaker.Name, speaker.Incarnation, publicKey));
}
