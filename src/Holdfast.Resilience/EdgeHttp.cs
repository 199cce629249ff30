using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Resilience;

/// <summary>HTTP from the edge to the nodes, which the operator named. It follows no redirect, knows no proxy and no cookie, and repeats nothing by itself: what may be repeated, the edge decides.</summary>
public sealed class EdgeHttp : IDisposable
{
    private readonly HttpMessageInvoker _http;

    /// <param name="connectWithin">How long a node may take to accept a connection.</param>
    /// <param name="accepts">Judges the certificate that is shown, and what is wrong with it in the system's eyes; null: the system's word.</param>
    public EdgeHttp(TimeSpan connectWithin, Func<X509Certificate?, SslPolicyErrors, bool>? accepts = null)
    {
#pragma warning disable RS0030 // Addresses of the operator's only, and called through a Dependency only.
        var handler = new SocketsHttpHandler
#pragma warning restore RS0030
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = System.Net.DecompressionMethods.None,
            MaxResponseHeadersLength = 64,   // KiB: flows under way travel as cookies
            MaxResponseDrainSize = 0,
            ActivityHeadersPropagator = null,
            RequestHeaderEncodingSelector = static (_, _) => System.Text.Encoding.UTF8,   // as the web server read them: a stranger's letters are no node's fault
            ConnectTimeout = connectWithin,
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),   // so that a changed address is noticed
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(60),   // sooner than a node gives an idle one up
        };
        if (accepts is not null)
        {
            handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, bySystem) => accepts(shown, bySystem);
        }
        _http = new HttpMessageInvoker(handler, disposeHandler: true);
    }

    /// <summary>Sends one request once. The dependency's deadline is for the answer's headers.</summary>
    /// <exception cref="DependencyUnavailableException">No answer; <see cref="WasNotSent"/> tells whether the node can have seen any of it.</exception>
    public Task<HttpResponseMessage> SendAsync(Dependency dependency, HttpRequestMessage request, CancellationToken ct) => dependency.CallAsync(
        async token =>
        {
            var response = await _http.SendAsync(request, token);
            if (token.IsCancellationRequested)
            {
                response.Dispose();   // nobody waits for it any more
                token.ThrowIfCancellationRequested();
            }
            return response;
        },
        ct, request.RequestUri);

    /// <summary>Asks for a small answer, whatever its status.</summary>
    /// <exception cref="DependencyUnavailableException">No answer, or more than <paramref name="maxBytes"/>.</exception>
    public Task<OperatorAnswer> AskAsync(Dependency dependency, Uri uri, IReadOnlyList<KeyValuePair<string, string>> headers, int maxBytes, CancellationToken ct) => dependency.CallAsync(
        async token =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, uri);
            foreach (var (name, value) in headers)
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
            using var response = await _http.SendAsync(request, token);
            return new OperatorAnswer((int)response.StatusCode, await OperatorHttp.ReadAsync(response, maxBytes, token), OperatorHttp.Flat(response));
        },
        ct, uri);

    /// <summary>Whether a call failed before a byte of it was sent: there was no connection.</summary>
    public static bool WasNotSent(Exception fault) => fault switch
    {
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError } => true,
        OperationCanceledException { InnerException: TimeoutException } => true,   // it took longer to connect than it may
        DependencyUnavailableException { InnerException: { } inner } => WasNotSent(inner),
        DependencyUnavailableException { How: Trouble.Full } => true,
        _ => false,
    };

    /// <summary>Whether a call failed by what was to be sent, and not by anything that came from the other side: it says nothing of the node.</summary>
    public static bool WasNotSendable(Exception fault) => fault switch
    {
        DependencyUnavailableException { InnerException: { } inner } => WasNotSendable(inner),
        HttpRequestException { HttpRequestError: HttpRequestError.Unknown, InnerException: null, StatusCode: null } => true,   // whatever breaks on the way has an exception of the socket inside
        HttpRequestException { HttpRequestError: HttpRequestError.Unknown, InnerException: HttpRequestException inner } => WasNotSendable(inner),
        _ => false,
    };

    public void Dispose() => _http.Dispose();
}

/// <summary>A client for a forwarder, each of whose requests is answered by <paramref name="send"/>. It opens nothing itself.</summary>
public sealed class EdgeClient(Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> send) : IDisposable
{
    public HttpMessageInvoker Invoker { get; } = new(new Handler(send), disposeHandler: true);

    public void Dispose() => Invoker.Dispose();

    private sealed class Handler(Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> send) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => send(request, cancellationToken);
    }
}
