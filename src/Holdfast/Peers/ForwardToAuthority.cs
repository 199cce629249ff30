using System.Net;
using Holdfast.Http;
using Holdfast.Resilience;
using Holdfast.Storage.Peers;
using Yarp.ReverseProxy.Forwarder;

namespace Holdfast.Peers;

/// <summary>What became of a request that carries another node's single-use item.</summary>
internal enum Forwarded
{
    /// <summary>The node has answered, and that is the answer.</summary>
    Answered,

    /// <summary>The item is void: nobody can redeem it any more.</summary>
    Void,

    /// <summary>The node cannot be reached now.</summary>
    Away,
}

/// <summary>Sends a whole request on to the node that alone may redeem what it carries (law 5). Once at most: what was sent on is never sent on again.</summary>
internal sealed class ForwardToAuthority(Authorities authorities, PeerVoice voice, IHttpForwarder forwarder, OperatorHttp outbound, TimeProvider clock)
{
    /// <summary>For an exchange of a code (law 1).</summary>
    public static readonly TimeSpan CodeBudget = TimeSpan.FromMilliseconds(500);

    /// <summary>For the end of a sign-in.</summary>
    public static readonly TimeSpan SignInBudget = TimeSpan.FromSeconds(2);

    private const int MaxBytes = 1 << 20;

    /// <summary>Sends the request on. When the outcome is <see cref="Forwarded.Answered"/>, the response is written.</summary>
    /// <param name="incarnation">The authority, which is not this node.</param>
    public async Task<Forwarded> TryAsync(HttpContext http, string incarnation, TimeSpan within)
    {
        var (whose, peer) = authorities.Find(incarnation);
        if (whose == Whose.Gone)
        {
            return Forwarded.Void;
        }
        if (peer is null || ForwardedRequest.Of(http) is not null || await JsonBody.ReadBytesAsync(http, MaxBytes) is not { Bytes: { } body })
        {
            return Forwarded.Away;
        }
        var isUnderWay = false;
        try
        {
            await peer.Forwarding.CallAsync(
                async ct =>
                {
                    isUnderWay = true;
                    await SendAsync(http, peer, incarnation, body, within, ct);
                    isUnderWay = false;
                },
                http.RequestAborted);
            return Forwarded.Answered;
        }
        catch (DependencyUnavailableException)
        {
            if (isUnderWay && !http.Response.HasStarted && http.Features.Get<IForwarderErrorFeature>() is null)
            {
                http.Abort();   // the forwarder minded no deadline, and still holds the response
            }
            return http.Response.HasStarted ? Forwarded.Answered : Forwarded.Away;
        }
    }

    /// <summary>The same for whatever is redeemed by an exchange.</summary>
    /// <param name="whenVoid">The answer when nobody can redeem it any more; null to let the caller say so.</param>
    /// <returns>The answer; null when the caller is to decide.</returns>
    public async Task<IResult?> TryAsync(HttpContext http, string incarnation, IResult? whenVoid, IResult whenAway) => await TryAsync(http, incarnation, CodeBudget) switch
    {
        Forwarded.Answered => Results.Empty,
        Forwarded.Void => whenVoid,
        _ => whenAway,
    };

    private async Task SendAsync(HttpContext http, HttpPeer peer, string incarnation, byte[] body, TimeSpan within, CancellationToken ct)
    {
        using var patience = new CancellationTokenSource(within, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, ct);
        http.Request.Body = new MemoryStream(body, writable: false);
        var error = await forwarder.SendAsync(
            http, peer.Address, outbound.Forwarding, new ForwarderRequestConfig { Version = HttpVersion.Version11, ActivityTimeout = HttpPeer.MostPatience },
            new Signing(voice, peer, incarnation, body), both.Token);
        if (error == ForwarderError.None || http.Response.HasStarted)
        {
            return;
        }
        http.Response.Clear();
        http.RequestAborted.ThrowIfCancellationRequested();
        var fault = http.Features.Get<IForwarderErrorFeature>()?.Exception;
        throw new OutageException(patience.IsCancellationRequested ? Trouble.Hangs : fault is null ? Trouble.Errors : Trouble.Of(fault), $"The request could not be sent on: {error}.", fault);
    }

    /// <summary>Signs what is sent on, and passes on only the answer that its authority has signed.</summary>
    private sealed class Signing(PeerVoice voice, HttpPeer peer, string incarnation, byte[] body) : HttpTransformer
    {
        private string _nonce = "";

        public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
            var request = httpContext.Request;
            proxyRequest.RequestUri = RequestUtilities.MakeDestinationAddress(destinationPrefix, request.Path, request.QueryString);
            proxyRequest.Headers.Remove("X-Request-ID");
            proxyRequest.Headers.Add("X-Request-ID", httpContext.TraceIdentifier);
            var client = httpContext.Connection.RemoteIpAddress ?? IPAddress.None;
            foreach (var ours in SignedText.Headers)
            {
                proxyRequest.Headers.Remove(ours);   // what a client says there would stand beside our own, and the two are nobody's
            }
            foreach (var way in TrustedProxies.Headers)
            {
                proxyRequest.Headers.Remove(way);   // whose request it is, we say; the rest of a chain that was read here must not be believed there because it comes from us
            }
            // The method as it goes out: a client may have written it in small letters.
            var (headers, nonce) = voice.Sign(proxyRequest.Method.Method, proxyRequest.RequestUri.PathAndQuery, body, incarnation, client.ToString());
            _nonce = nonce;
            foreach (var (name, value) in headers)
            {
                proxyRequest.Headers.TryAddWithoutValidation(name, value);
            }
        }

        public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
        {
            if (proxyResponse is null)
            {
                return false;
            }
            var answer = await OperatorHttp.ReadAsync(proxyResponse, MaxBytes, cancellationToken);
            if (voice.Verify(_nonce, (int)proxyResponse.StatusCode, OperatorHttp.Flat(proxyResponse), answer) is not { } speaker || speaker.Incarnation != incarnation)
            {
                throw new OutageException(PeerChannel.Unrecognized, $"The node at {peer.Address} did not answer as the one that was asked.");
            }
            peer.Channel.Hear(speaker);
            await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
            httpContext.Response.Headers.Remove(SignedText.NodeHeader);
            httpContext.Response.Headers.Remove(SignedText.SignedHeader);
            httpContext.Response.Headers.Remove(NodeAnswer.Header);   // what it says of itself, it does not say of this node
            await httpContext.Response.Body.WriteAsync(answer, cancellationToken);
            return false;
        }
    }
}
