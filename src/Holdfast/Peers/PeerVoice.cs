using Holdfast.Keys;
using Holdfast.Storage;

namespace Holdfast.Peers;

/// <summary>How this node speaks to others: every request and every answer under its own key.</summary>
/// <param name="incarnation">This node's life, known once its disk is open.</param>
internal sealed class PeerVoice(NodeKey key, KnownNodes known, string name, Func<string> incarnation, Entropy entropy, TimeProvider clock)
{
    private const int NonceBytes = 16;

    /// <summary>Who this node is.</summary>
    public Speaker Self => new(name, incarnation());

    /// <summary>The headers of a request, and its nonce, which the answer must be over.</summary>
    /// <param name="target">Path and query.</param>
    /// <param name="to">The incarnation that it is meant for; null while none is known.</param>
    /// <param name="forwardedFor">Whose request it is; null when it is this node's own.</param>
    public (List<KeyValuePair<string, string>> Headers, string Nonce) Sign(string method, string target, ReadOnlySpan<byte> body, string? to, string? forwardedFor = null)
    {
        var request = new SignedText.Request(
            clock.GetUtcNow().ToUnixTimeSeconds(), Base64.Encode(entropy.Bytes(NonceBytes)), to ?? SignedText.Anybody, SignedText.HashOf(body));
        var self = Self;
        var headers = new List<KeyValuePair<string, string>>
        {
            Introduction(self),
            new(SignedText.SignedHeader, request.Header(key.Sign(request.Text(self, method, target, forwardedFor)))),
        };
        if (forwardedFor is not null)
        {
            headers.Add(new(SignedText.ForHeader, forwardedFor));
        }
        return (headers, request.Nonce);
    }

    /// <summary>The headers of an answer.</summary>
    public KeyValuePair<string, string>[] SignAnswer(string nonce, int status, string location, string cookies, ReadOnlySpan<byte> body)
    {
        var self = Self;
        return [Introduction(self), new(SignedText.SignedHeader, key.Sign(SignedText.Answer(self, nonce, status, location, cookies, body)))];
    }

    /// <summary>Who gave an answer; null when nobody of ours did, or not to this request.</summary>
    public Speaker? Verify(string nonce, int status, IReadOnlyDictionary<string, string> headers, byte[] body)
    {
        string Get(string name) => headers.GetValueOrDefault(name, "");
        return known.Verify(
            Get(SignedText.NodeHeader), speaker => SignedText.Answer(speaker, nonce, status, Get("Location"), Get("Set-Cookie"), body), Get(SignedText.SignedHeader));
    }

    private KeyValuePair<string, string> Introduction(Speaker self) =>
        new(SignedText.NodeHeader, SignedText.Node(self, key.PublicKey, known.Admission(self, key.PublicKey)));
}
