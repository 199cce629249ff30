using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Holdfast.Resilience;

/// <summary>HTTP to addresses that tenants choose: the only HTTP client of the house. It connects to checked addresses only, follows no
/// redirect by itself, knows no proxy and no cookie, validates TLS always, and reads no more than it was told to.</summary>
/// <remarks>An address that the guard refuses and one that cannot be reached give the same exception, so that nobody can map a private
/// network through it. The inner exception tells them apart, for the operator's log alone.</remarks>
public sealed class OutboundHttp : IDisposable
{
    private const int MaxRedirects = 3;

    private readonly OutboundGuard _guard;
    private readonly TimeProvider _clock;
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve;
    private readonly HttpMessageInvoker _http;

    /// <param name="resolve">Name to addresses; null for the system's resolver.</param>
    /// <param name="roots">Who is believed about certificates; null for whom the system believes.</param>
    public OutboundHttp(
        OutboundGuard guard, TimeProvider clock, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null, X509Certificate2Collection? roots = null)
    {
        _guard = guard;
        _clock = clock;
#pragma warning disable RS0030 // The one place that resolves names: every address is checked before it is used.
        _resolve = resolve ?? Dns.GetHostAddressesAsync;
#pragma warning restore RS0030
#pragma warning disable RS0030 // The one place that owns an HTTP handler: guarded, and called through a Dependency only.
        var handler = new SocketsHttpHandler
#pragma warning restore RS0030
        {
            ConnectCallback = ConnectAsync,
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.All,
            MaxResponseHeadersLength = 32,   // KiB
            MaxResponseDrainSize = 0,        // a body that was cut is not read on behind our back
            ActivityHeadersPropagator = null,   // our trace ids are nobody else's business
            ConnectTimeout = TimeSpan.FromSeconds(15),   // a connection outlives the request that wanted it
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),   // so that a changed address is noticed
        };
        // A certificate can name an address where its issuer's is to be had, and fetching it would be a call that no guard has seen: whoever answers must send its whole chain.
        var trust = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        if (roots is not null)
        {
            trust.TrustMode = X509ChainTrustMode.CustomRootTrust;
            trust.CustomTrustStore.AddRange(roots);
        }
        handler.SslOptions.CertificateChainPolicy = trust;
        _http = new HttpMessageInvoker(handler, disposeHandler: true);
    }

    /// <summary>Fetches a document. Without a credential it follows up to three redirects, each checked anew; with one, none.</summary>
    /// <param name="uri">https; http only where the operator listed the address it leads to.</param>
    /// <exception cref="DependencyUnavailableException">Refused by the guard, unreachable, late, broken off, or 5xx.</exception>
    /// <exception cref="OutboundAnswerException">Too large, too many redirects, or a status other than 2xx.</exception>
    public async Task<OutboundDocument> GetAsync(
        Dependency dependency, Uri uri, OutboundLimits limits, CancellationToken ct, AuthenticationHeaderValue? authorization = null)
    {
        // What the far side answered is a value until the breaker has seen that there was an answer; only then is it thrown.
        var got = await dependency.CallAsync(token => FollowAsync(uri, authorization, limits, token), ct, uri);
        if (got.Fault is { } fault)
        {
            dependency.Note(Trouble.Wrong);
            throw fault;
        }
        return got.Document!;
    }

    /// <summary>Posts a form (application/x-www-form-urlencoded). Never follows a redirect: the form holds secrets.</summary>
    /// <param name="uri">https; http only where the operator listed the address it leads to.</param>
    /// <param name="pairs">The form's fields, in order.</param>
    /// <exception cref="DependencyUnavailableException">Refused by the guard, unreachable, late, broken off, or 5xx. Whether the post had an
    /// effect is unknown.</exception>
    /// <exception cref="OutboundAnswerException">The answer is too large.</exception>
    public async Task<OutboundAnswer> PostFormAsync(
        Dependency dependency, Uri uri, IEnumerable<KeyValuePair<string, string>> pairs, AuthenticationHeaderValue? authorization,
        OutboundLimits limits, CancellationToken ct)
    {
        var form = pairs.ToArray();
        return await PostAsync(dependency, uri, authorization, () => new FormUrlEncodedContent(form), [], limits, ct);
    }

    /// <summary>Posts a JSON text as it is. Never follows a redirect: it speaks of people.</summary>
    /// <param name="uri">https; http only where the operator listed the address it leads to.</param>
    /// <param name="headers">To be sent besides.</param>
    /// <exception cref="DependencyUnavailableException">Refused by the guard, unreachable, late, broken off, or 5xx. Whether the post had an
    /// effect is unknown.</exception>
    /// <exception cref="OutboundAnswerException">The answer is too large.</exception>
    public Task<OutboundAnswer> PostJsonAsync(
        Dependency dependency, Uri uri, byte[] json, IReadOnlyList<KeyValuePair<string, string>> headers, OutboundLimits limits, CancellationToken ct) =>
        PostAsync(dependency, uri, null, () => new ByteArrayContent(json) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } }, headers, limits, ct);

    /// <summary>Asks whether anybody answers there: HEAD of the host's root, without path, query or credential. Whatever it answers is an answer.</summary>
    /// <param name="within">How long it may take; less than the dependency's deadline.</param>
    /// <exception cref="Exception">Nobody does; <see cref="Trouble.Exactly"/> has the word.</exception>
    public Task KnockAsync(Dependency dependency, Uri uri, TimeSpan within, CancellationToken ct) => dependency.CallAsync(
        async token =>
        {
            using var patience = new CancellationTokenSource(within, _clock);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, token);
            using var request = Request(HttpMethod.Head, new Uri(uri.GetLeftPart(UriPartial.Authority)), null);
            using var response = await _http.SendAsync(request, both.Token);
        },
        ct, uri);

    /// <summary>The same for a <see cref="Dependency.Probe"/>, which keeps its time and tells how it went.</summary>
    public async Task ReachAsync(Uri uri, CancellationToken ct)
    {
        using var request = Request(HttpMethod.Head, new Uri(uri.GetLeftPart(UriPartial.Authority)), null);
        using var response = await _http.SendAsync(request, ct);
    }

    /// <summary>The same as a knock by a document that anybody may read: it must come, and be a JSON object.</summary>
    /// <inheritdoc cref="KnockAsync"/>
    public Task KnockForJsonAsync(Dependency dependency, Uri uri, TimeSpan within, CancellationToken ct) => dependency.CallAsync(
        async token =>
        {
            using var patience = new CancellationTokenSource(within, _clock);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, token);
            var got = await FollowAsync(uri, null, OutboundLimits.Document, both.Token);
            if (got.Document is not { } document || !IsJsonObject(document.Body))
            {
                throw new OutageException(Trouble.Wrong, "It is not the document that was there.");
            }
        },
        ct, uri);

    private static bool IsJsonObject(byte[] body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            return json.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private async Task<OutboundAnswer> PostAsync(
        Dependency dependency, Uri uri, AuthenticationHeaderValue? authorization, Func<HttpContent> content, IReadOnlyList<KeyValuePair<string, string>> headers, OutboundLimits limits,
        CancellationToken ct)
    {
        var (answer, fault) = await dependency.CallAsync(
            async token =>
            {
                using var request = Request(HttpMethod.Post, uri, authorization);
                request.Content = content();
                foreach (var (name, value) in headers)
                {
                    request.Headers.TryAddWithoutValidation(name, value);
                }
                using var response = await SendAsync(request, token);
                return await ReadAsync(response, limits, token) is { } body
                    ? (new OutboundAnswer((int)response.StatusCode, body), null)
                    : ((OutboundAnswer?)null, new OutboundAnswerException(OutboundFault.TooLarge));
            },
            ct, uri);
        if (fault is not null)
        {
            dependency.Note(Trouble.Wrong);
            throw fault;
        }
        return answer!;
    }

    public void Dispose() => _http.Dispose();

    private async Task<Got> FollowAsync(Uri uri, AuthenticationHeaderValue? authorization, OutboundLimits limits, CancellationToken ct)
    {
        for (var redirects = 0; ; redirects++)
        {
            using var request = Request(HttpMethod.Get, uri, authorization);
            using var response = await SendAsync(request, ct);
            var status = (int)response.StatusCode;
            if (status is 301 or 302 or 303 or 307 or 308)
            {
                if (authorization is not null || response.Headers.Location is not { } target)
                {
                    return Got.Bad(OutboundFault.Redirect);
                }
                if (redirects == MaxRedirects)
                {
                    return Got.Bad(OutboundFault.TooManyRedirects);
                }
                uri = new Uri(uri, target);
                continue;
            }
            if (!response.IsSuccessStatusCode)
            {
                return Got.Bad(OutboundFault.Status, status);
            }
            return await ReadAsync(response, limits, ct) is { } body
                ? new Got(new OutboundDocument(body, MediaType(response)), null)
                : Got.Bad(OutboundFault.TooLarge);
        }
    }

    private static string? MediaType(HttpResponseMessage response) =>
        response.Content.Headers.ContentType?.MediaType is { } type ? type.ToLowerInvariant() : null;

    private static HttpRequestMessage Request(HttpMethod method, Uri uri, AuthenticationHeaderValue? authorization)
    {
        // A name and password in the address would be sent to wherever a redirect leads, and logged on the way.
        if (!uri.IsAbsoluteUri || uri.Scheme is not ("https" or "http") || uri.UserInfo.Length > 0)
        {
            throw Unreachable(new ArgumentException("Not an absolute http(s) address without user information.", nameof(uri)));
        }
        var request = new HttpRequestMessage(method, uri);
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("Holdfast", null));
        request.Headers.Authorization = authorization;
        if (method == HttpMethod.Post || authorization is not null)
        {
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));   // GitHub's token endpoint answers with a form otherwise
        }
        return request;
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken ct)
    {
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, ct);
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.ConnectionError
            or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError or HttpRequestError.Unknown)
        {
            throw Unreachable(e);
        }
        if ((int)response.StatusCode >= 500)
        {
            response.Dispose();
            throw new OutageException(Trouble.Errors, $"The address answered with status {(int)response.StatusCode}.");
        }
        return response;
    }

    /// <returns>Null when there is more than allowed; the rest is then never read.</returns>
    private static async Task<byte[]?> ReadAsync(HttpResponseMessage response, OutboundLimits limits, CancellationToken ct)
    {
        // Content-Length is not asked: it counts before decompression, and may lie.
        await using var stream = await response.Content.ReadAsStreamAsync(ct);
        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await stream.ReadAsync(buffer, ct)) > 0)
        {
            if (body.Length + read > limits.MaxBytes)
            {
                return null;
            }
            body.Write(buffer, 0, read);
        }
        return body.ToArray();
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var (host, port) = (context.DnsEndPoint.Host.Trim('[', ']'), context.DnsEndPoint.Port);
        var addresses = IPAddress.TryParse(host, out var literal) ? [literal] : await _resolve(host, ct);
        if (addresses.Length == 0)
        {
            throw new SocketException((int)SocketError.NoData);
        }
        // All of them, not just the one taken: a name that mixes public and private addresses is up to no good.
        var plain = context.InitialRequestMessage.RequestUri!.Scheme == Uri.UriSchemeHttp;
        foreach (var address in addresses)
        {
            var verdict = _guard.Check(address, port);
            if (verdict == OutboundVerdict.Refused || (plain && verdict != OutboundVerdict.Listed))
            {
                throw new GuardRefusedException($"The guard refuses {address} port {port} for {(plain ? "http" : "https")}://{host}.");
            }
        }
        return await ConnectToFirstAsync(addresses, port, ct);
    }

#pragma warning disable RS0030 // The one place that opens a connection to a tenant's address, to an address that the guard has passed.
    /// <summary>Connects to these addresses and no other, in order; all but the last get one second each, because a broken IPv6 route hangs.</summary>
    private async Task<Stream> ConnectToFirstAsync(IPAddress[] addresses, int port, CancellationToken ct)
    {
        for (var i = 0; ; i++)
        {
            var last = i == addresses.Length - 1;
            using var patience = new CancellationTokenSource(last ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(1), _clock);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
            var socket = new Socket(addresses[i].AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(new IPEndPoint(addresses[i], port), both.Token);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (Exception e) when (!last && !ct.IsCancellationRequested && e is SocketException or OperationCanceledException)
            {
                socket.Dispose();
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }
#pragma warning restore RS0030

    private static OutageException Unreachable(Exception reason) =>
        new(Trouble.Unreachable, "The address could not be reached.", reason);

    private readonly record struct Got(OutboundDocument? Document, OutboundAnswerException? Fault)
    {
        public static Got Bad(OutboundFault fault, int? status = null) => new(null, new OutboundAnswerException(fault, status));
    }
}
