using Holdfast.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Holdfast.Peers;

/// <summary>Lets in what another node has signed, and nothing else.</summary>
internal sealed class PeerGate(KnownNodes known, PeerVoice voice, TimeProvider clock)
{
    /// <summary>How far the asker's clock may be from ours. Wide: a node whose clock is off must still be heard, and what its stamps may do, Storage decides.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(5);

    private readonly Nonces _nonces = new(clock, 2 * Window);

    /// <summary>A request that a node of ours has signed, up to its body.</summary>
    /// <param name="Nonce">What the answer is signed over.</param>
    /// <param name="For">Whose request the node forwards; null when it is its own.</param>
    /// <param name="IsVoid">The life is nobody's any more (<see cref="KnownNodes.Recognize"/>).</param>
    public sealed record Entry(Speaker From, string Nonce, string BodyHash, string? For, bool IsVoid);

    /// <summary>Whether a request says that a node sent it.</summary>
    public static bool IsSigned(HttpContext http) => http.Request.Headers.ContainsKey(SignedText.SignedHeader) || http.Request.Headers.ContainsKey(SignedText.ForHeader);

    /// <summary>Everything but the body, which is not read for a stranger; null when it is not let in.</summary>
    public Entry? Admit(HttpContext http)
    {
        var headers = http.Request.Headers;
        if (SignedText.ReadRequest(headers[SignedText.SignedHeader].ToString()) is not var (request, signature))
        {
            return null;
        }
        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        if (Math.Abs(now - request.Time) > Window.TotalSeconds || (request.To != SignedText.Anybody && request.To != voice.Self.Incarnation))
        {
            return null;
        }
        var forwardedFor = headers.TryGetValue(SignedText.ForHeader, out var given) ? given.ToString() : null;
        var target = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var recognized = known.Recognize(headers[SignedText.NodeHeader].ToString(), from => request.Text(from, http.Request.Method, target, forwardedFor), signature);
        return recognized is var (speaker, isVoid) && speaker.Incarnation != voice.Self.Incarnation && _nonces.Take(request.Nonce)
            ? new Entry(speaker, request.Nonce, request.BodyHash, forwardedFor, isVoid)
            : null;
    }

    /// <summary>The whole body, if it is the one that was signed.</summary>
    public static async Task<(byte[]? Body, ApiAnswer? Refusal)> ReadBodyAsync(HttpContext http, Entry entry, int maxBytes)
    {
        var (body, refusal) = await JsonBody.ReadBytesAsync(http, maxBytes);
        return body is null ? (null, refusal) : SignedText.HashOf(body) == entry.BodyHash ? (body, null) : (null, ApiError.Unauthorized);
    }
}
