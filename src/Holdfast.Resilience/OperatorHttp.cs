using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Resilience;

/// <summary>HTTP to addresses that the operator named: the cluster's other nodes. No guard stands before it, for it goes nowhere else; for addresses that
/// tenants choose there is <see cref="OutboundHttp"/>.</summary>
/// <remarks>It follows no redirect, knows no proxy and no cookie, and reads no more than it was told to.</remarks>
public sealed class OperatorHttp : IDisposable
{
    private readonly HttpMessageInvoker _http;

    /// <param name="accepts">Judges the certificate that is shown, and what is wrong with it in the system's eyes; null: the system's word.</param>
    public OperatorHttp(Func<X509Certificate?, SslPolicyErrors, bool>? accepts = null)
    {
#pragma warning disable RS0030 // Addresses of the operator's only, and called through a Dependency only.
        var handler = new SocketsHttpHandler
#pragma warning restore RS0030
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            MaxResponseHeadersLength = 64,   // KiB: a forwarded answer sets a flow's cookies
            ActivityHeadersPropagator = null,
            RequestHeaderEncodingSelector = static (_, _) => System.Text.Encoding.UTF8,   // what is sent on was read so
            ConnectTimeout = TimeSpan.FromSeconds(2),
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),   // so that a changed address is noticed
            EnableMultipleHttp2Connections = true,
        };
        // As in OutboundHttp: nothing is fetched from where a certificate says its issuer's is to be had.
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        if (accepts is not null)
        {
            handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, bySystem) => accepts(shown, bySystem);
        }
        _http = new HttpMessageInvoker(handler, disposeHandler: true);
    }

    /// <summary>For a forwarder, which sends what a browser or an SDK has sent. Only inside a <see cref="Dependency"/>'s call.</summary>
    public HttpMessageInvoker Forwarding => _http;

    /// <summary>Posts a body. Every status is an answer, 5xx too, if <paramref name="read"/> takes it for one.</summary>
    /// <param name="within">How long this call may take; never longer than the dependency's deadline.</param>
    /// <param name="read">Judges the answer inside the call, so that one that is not the right node's counts as a failure.</param>
    /// <exception cref="DependencyUnavailableException">Unreachable, late, broken off, an answer of more than <paramref name="maxBytes"/>, or one that
    /// <paramref name="read"/> threw at. Whether the post had an effect is unknown.</exception>
    public Task<T> PostAsync<T>(
        Dependency dependency, Uri uri, byte[] body, IReadOnlyList<KeyValuePair<string, string>> headers, int maxBytes, Func<OperatorAnswer, T> read,
        TimeSpan within, TimeProvider clock, CancellationToken ct) => dependency.CallAsync(
            async token =>
            {
                using var patience = new CancellationTokenSource(within, clock);
                using var both = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, token);
                using var request = new HttpRequestMessage(HttpMethod.Post, uri) { Content = new ByteArrayContent(body) };
                request.Content.Headers.ContentType = new("application/json");
                foreach (var (name, value) in headers)
                {
                    request.Headers.TryAddWithoutValidation(name, value);
                }
                using var response = await _http.SendAsync(request, both.Token);
                return read(new OperatorAnswer((int)response.StatusCode, await ReadAsync(response, maxBytes, both.Token), Flat(response)));
            },
            ct, uri);

    /// <summary>Asks whether anybody answers there: a GET whose answer is not looked at. For a <see cref="Dependency.Probe"/>, which keeps its time.</summary>
    /// <exception cref="HttpRequestException">Nobody does.</exception>
    /// <exception cref="OutageException">It answers that it cannot.</exception>
    public async Task KnockAsync(Uri uri, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, uri);
        using var response = await _http.SendAsync(request, ct);
        if ((int)response.StatusCode >= 500)
        {
            throw new OutageException(Trouble.Errors, $"It answered with status {(int)response.StatusCode}.");
        }
    }

    /// <summary>Hears whether anybody answers at the host: HEAD of its root, without a credential. Whatever it answers is an answer. For a <see cref="Dependency.Probe"/> that is a knock.</summary>
    /// <exception cref="HttpRequestException">Nobody does.</exception>
    public async Task ReachAsync(Uri uri, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Head, new Uri(uri.GetLeftPart(UriPartial.Authority)));
        using var response = await _http.SendAsync(request, ct);
    }

    /// <summary>Asks with a method and headers, and hands every answer under 500 to <paramref name="read"/>, inside the call: what it throws at counts as a failure.</summary>
    /// <param name="body">JSON; null for none.</param>
    /// <exception cref="DependencyUnavailableException">Unreachable, late, broken off, 5xx, more than <paramref name="maxBytes"/>, or what <paramref name="read"/> threw at.</exception>
    public Task<T> SendAsync<T>(
        Dependency dependency, HttpMethod method, Uri uri, byte[]? body, IReadOnlyList<KeyValuePair<string, string>> headers, int maxBytes, Func<OperatorAnswer, T> read, CancellationToken ct) =>
        dependency.CallAsync(
            async token =>
            {
                using var request = Request(method, uri, body, headers);
                using var response = await _http.SendAsync(request, token);
                return (int)response.StatusCode >= 500
                    ? throw new OutageException(Trouble.Errors, $"The address answered with status {(int)response.StatusCode}.")
                    : read(new OperatorAnswer((int)response.StatusCode, await ReadAsync(response, maxBytes, token), Flat(response)));
            },
            ct, uri);

    /// <summary>Opens an answer that goes on for as long as both sides want. The dependency's deadline is for its headers; how it is read from then on, <see cref="DripStream"/> bounds, and whoever reads
    /// reports to the dependency.</summary>
    /// <param name="check">Throws at a status, or a media type, that is none to read on from.</param>
    /// <exception cref="DependencyUnavailableException">Unreachable, late, 5xx, or what <paramref name="check"/> threw at.</exception>
    public Task<HttpResponseMessage> OpenAsync(
        Dependency dependency, Uri uri, IReadOnlyList<KeyValuePair<string, string>> headers, Action<int, string?> check, CancellationToken ct) => dependency.CallAsync(
            async token =>
            {
                using var request = Request(HttpMethod.Get, uri, null, headers);
                var response = await _http.SendAsync(request, token);
                try
                {
                    if ((int)response.StatusCode >= 500)
                    {
                        throw new OutageException(Trouble.Errors, $"The address answered with status {(int)response.StatusCode}.");
                    }
                    check((int)response.StatusCode, response.Content.Headers.ContentType?.MediaType);
                    token.ThrowIfCancellationRequested();   // nobody would dispose of it
                    return response;
                }
                catch
                {
                    response.Dispose();
                    throw;
                }
            },
            ct, uri);

    private static HttpRequestMessage Request(HttpMethod method, Uri uri, byte[]? body, IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        var request = new HttpRequestMessage(method, uri);
        request.Headers.TryAddWithoutValidation("User-Agent", "Holdfast");
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new("application/json");
        }
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        return request;
    }

    /// <summary>A body, up to a size.</summary>
    /// <exception cref="OutageException">There is more.</exception>
    public static async Task<byte[]> ReadAsync(HttpResponseMessage response, int maxBytes, CancellationToken ct)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(ct);
        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await stream.ReadAsync(buffer, ct)) > 0)
        {
            if (body.Length + read > maxBytes)
            {
                throw new OutageException(Trouble.Errors, "The answer is larger than allowed.");
            }
            body.Write(buffer, 0, read);
        }
        return body.ToArray();
    }

    /// <summary>The answer's headers; those that stand several times, joined by a line feed, which none can hold.</summary>
    public static IReadOnlyDictionary<string, string> Flat(HttpResponseMessage response) => response.Headers
        .ToDictionary(h => h.Key, h => string.Join('\n', h.Value), StringComparer.OrdinalIgnoreCase);

    public void Dispose() => _http.Dispose();
}

/// <param name="Headers">By name, in any case.</param>
public sealed record OperatorAnswer(int Status, byte[] Body, IReadOnlyDictionary<string, string> Headers);
