using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Peers;
using Holdfast.Resilience;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace Holdfast.Edge;

/// <summary>What every request goes through: is it for us, is there room, what is it; then on to a node.</summary>
internal sealed class SendOn(
    IHttpForwarder forwarder, Tries tries, DomainMap domains, Admission admission, EdgeNodes nodes, EdgeSettings settings, EdgeCounts counts, Ids ids) : IDisposable
{
    private const string RequestIdHeader = "X-Request-ID";

    /// <summary>Bodies that are held at once, in bytes, those that are still coming included. What would be more is turned away.</summary>
    private const long MostHeld = 64L << 20;

    /// <summary>A part of it for small bodies alone, which sign-ins and refreshes are: whoever fills the rest does not keep people out.</summary>
    private const long ForSmall = 16L << 20;

    private const int Small = 16 * 1024;

    private static readonly string[] s_methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

    /// <summary>What nodes say to each other, and what is the edge's own: nobody outside has business there.</summary>
    private static readonly string[] s_inside = ["/peers", "/edge"];

    /// <summary>The deadlines of tries are shorter; this ends an answer whose body stops coming.</summary>
    private static readonly ForwarderRequestConfig s_config = new() { Version = HttpVersion.Version11, ActivityTimeout = TimeSpan.FromMinutes(2) };

    private readonly Transformer _transformer = new();
    private readonly EdgeClient _client = new(tries.SendAsync);
    private long _held;

    public async Task HandleAsync(HttpContext http)
    {
        counts.Requests.Add();
        http.TraceIdentifier = RequestId(http);
        http.Response.Headers[RequestIdHeader] = http.TraceIdentifier;
        if (Refuse(http) is { } refusal)
        {
            await WriteAsync(http, refusal.Status, refusal.Code, refusal.Says);
            return;
        }
        var held = RoomFor(http);
        if (!TryHold(held))
        {
            counts.Refused[(int)Priority.Administration].Add();
            await WriteAsync(http, 429, "busy", "There is too much to do just now.", 1);
            return;
        }
        try
        {
            var (body, tooMuch) = await ReadAsync(http);
            Interlocked.Add(ref _held, (body?.Length ?? 0) - held);   // no more than was asked for
            held = body?.Length ?? 0;
            if (body is null)
            {
                await WriteAsync(http, tooMuch!.Value.Status, tooMuch.Value.Code, tooMuch.Value.Says);
                return;
            }
            await SendAsync(http, body);
        }
        finally
        {
            Interlocked.Add(ref _held, -held);
        }
    }

    public void Dispose() => _client.Dispose();

    private (int Status, string Code, string Says)? Refuse(HttpContext http)
    {
        var request = http.Request;
        var raw = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (!s_methods.Contains(request.Method))
        {
            counts.Malformed.Add();
            return (405, "method_not_allowed", "This endpoint does not know this method.");
        }
        // Whatever two readers could read differently is refused here rather than sent on: another form of target, a backslash, two framings, several hosts.
        if (!raw.StartsWith('/') || raw.StartsWith("//", StringComparison.Ordinal) || raw.Contains('\\', StringComparison.Ordinal) || raw.Contains('#', StringComparison.Ordinal)
            || raw.AsSpan().IndexOfAnyInRange('\0', ' ') >= 0 || raw.Contains('\x7f', StringComparison.Ordinal)
            || (request.Path.Value ?? "").AsSpan().IndexOfAny('\\', '\0') >= 0
            || (request.Headers.ContainsKey("Transfer-Encoding") && (request.Headers.ContainsKey("Content-Length") || request.Headers.ContainsKey("X-Content-Length")))
            || request.Headers.Host.Count != 1)
        {
            counts.Malformed.Add();
            return (400, "bad_request", "The request cannot be read.");
        }
        if (!domains.Knows(request.Host.Host.Trim('[', ']')))
        {
            counts.UnknownHosts.Add();
            return nodes.All.All(n => n.Said is null) && settings.Hosts is null
                ? (503, "no_node", "No node has answered yet.")
                : (421, "unknown_host", "Nothing is served under this name here. If it is your domain, add it to your environment first.");
        }
        if (IsInside(request.Path) || (raw.Contains('%', StringComparison.Ordinal) && IsInside(new PathString(Uri.UnescapeDataString(raw.Split('?')[0]) is var again && again.StartsWith('/') ? again : "/"))))
        {
            counts.NotForOutside.Add();
            return (404, "not_found", "There is no such endpoint.");
        }
        return null;
    }

    private bool IsInside(PathString path) => s_inside.Any(p => path.StartsWithSegments(p, StringComparison.OrdinalIgnoreCase))
        || (!settings.Expose.Contains("health") && path.StartsWithSegments("/health", StringComparison.OrdinalIgnoreCase))
        || (!settings.Expose.Contains("metrics") && path.StartsWithSegments("/metrics", StringComparison.OrdinalIgnoreCase));

    /// <summary>What a body may come to: what its sender says, or the most there may be.</summary>
    private static long RoomFor(HttpContext http) =>
        http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false } ? 0 : Math.Min(http.Request.ContentLength ?? JsonBody.MaxBytes, JsonBody.MaxBytes);

    private bool TryHold(long bytes)
    {
        if (Interlocked.Add(ref _held, bytes) <= (bytes <= Small ? MostHeld : MostHeld - ForSmall))
        {
            return true;
        }
        Interlocked.Add(ref _held, -bytes);
        return bytes == 0;
    }

    /// <summary>The whole body, so that a slow sender holds no node, and what is safe can be sent again.</summary>
    private static async Task<(byte[]? Body, (int Status, string Code, string Says)? Refusal)> ReadAsync(HttpContext http)
    {
        if (http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false })
        {
            return ([], null);
        }
        try
        {
            var (bytes, refusal) = await JsonBody.ReadBytesAsync(http, JsonBody.MaxBytes);
            if (bytes is not null)
            {
                return (bytes, null);
            }
            return (null, refusal!.Status == 413 ? (413, "payload_too_large", "The body is too large.") : (408, "request_timeout", "The request did not arrive in time."));
        }
        catch (BadHttpRequestException bad)
        {
            return (null, (bad.StatusCode, "bad_request", "The request cannot be read."));
        }
    }

    private async Task SendAsync(HttpContext http, byte[] body)
    {
        var request = http.Request;
        var asked = Asked.Of(
            request.Method, request.Path.Value ?? "/", request.QueryString.Value ?? "", request.ContentType, request.Headers.Authorization.ToString() is { Length: > 0 } shown ? shown : null,
            request.Headers.ContainsKey("Idempotency-Key"), body);
        if (!admission.TryEnter(asked.Priority))
        {
            await TurnAwayAsync(http, asked);
            return;
        }
        var errand = new Errand(asked, http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget, body);
        try
        {
            http.Items[typeof(Errand)] = errand;
            request.Body = Stream.Null;   // each try has its own copy
            request.Headers.Remove("Upgrade");   // no node speaks anything else
            var error = await forwarder.SendAsync(http, "http://node/", _client.Invoker, s_config, _transformer, http.RequestAborted);
            if (error == ForwarderError.None || http.Response.HasStarted || http.RequestAborted.IsCancellationRequested)
            {
                return;
            }
            http.Response.Clear();
            http.Response.Headers[RequestIdHeader] = http.TraceIdentifier;
            if (errand.IsFull)
            {
                await TurnAwayAsync(http, asked);
                return;
            }
            counts.Failed.Add();
            await (errand.Failed switch
            {
                Told.Hung => WriteAsync(http, 504, "node_timeout", "No answer came in time. Whether it was done is unknown: repeat the request with the same Idempotency-Key.", 1),
                Told.Unsendable => WriteAsync(http, 400, "bad_request", "The request cannot be read."),
                Told.Lost => WriteAsync(http, 502, "node_lost", "The connection broke before there was an answer. Whether it was done is unknown: repeat the request with the same Idempotency-Key.", 1),
                _ => WriteAsync(http, 503, "no_node", "No node can be reached just now. Nothing was done.", 1),
            });
        }
        finally
        {
            errand.Leave();
            admission.Leave();
        }
    }

    private Task TurnAwayAsync(HttpContext http, Asked asked)
    {
        counts.Refused[(int)asked.Priority].Add();
        // Those that matter less come back later.
        return WriteAsync(http, 429, "busy", "There is too much to do just now.", 1 + (2 * (int)asked.Priority));
    }

    private static async Task WriteAsync(HttpContext http, int status, string code, string says, int? retryAfter = null)
    {
        var response = http.Response;
        response.StatusCode = status;
        response.Headers.CacheControl = "no-store";
        response.Headers.XContentTypeOptions = "nosniff";
        if (retryAfter is { } seconds)
        {
            response.Headers.RetryAfter = EdgeServer.After(seconds);
        }
        if (http.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase))
        {
            response.ContentType = "text/html; charset=utf-8";
            response.Headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
            await response.WriteAsync(
                $"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{status}</title><h1>{HtmlEncoder.Default.Encode(says)}</h1><p>Reference: {HtmlEncoder.Default.Encode(http.TraceIdentifier)}</p></html>",
                Encoding.UTF8, http.RequestAborted);
            return;
        }
        await new ApiAnswer(status, new { code, message = says }).ExecuteAsync(http);
    }

    private string RequestId(HttpContext http)
    {
        var theirs = http.Request.Headers[RequestIdHeader].ToString();
        return theirs.Length is > 0 and <= 128 && theirs.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') ? theirs : ids.New(Ids.Request);
    }

    /// <summary>What a node gets: the request as it came, without what strangers may not say, and with what the edge knows of its sender.</summary>
    private sealed class Transformer : HttpTransformer
    {
        public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
            var (request, headers) = (httpContext.Request, proxyRequest.Headers);
            foreach (var name in TrustedProxies.Headers.Concat(SignedText.Headers).Concat([EdgeKey.Header, RequestIdHeader, "Expect", "Proxy-Connection"]))
            {
                headers.Remove(name);
            }
            foreach (var name in request.Headers.Keys.Where(k => k.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase) || k.StartsWith("X-Original-", StringComparison.OrdinalIgnoreCase)))
            {
                headers.Remove(name);
            }
            headers.TryAddWithoutValidation("X-Forwarded-For", (httpContext.Connection.RemoteIpAddress is { IsIPv4MappedToIPv6: true } mapped ? mapped.MapToIPv4() : httpContext.Connection.RemoteIpAddress ?? IPAddress.None).ToString());
            headers.TryAddWithoutValidation("X-Forwarded-Proto", request.Scheme);
            headers.TryAddWithoutValidation("X-Forwarded-Host", request.Host.Value);
            headers.TryAddWithoutValidation(RequestIdHeader, httpContext.TraceIdentifier);
            headers.Host = request.Host.Value;
            proxyRequest.Options.Set(Errand.Option, (Errand)httpContext.Items[typeof(Errand)]!);
        }

        public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
        {
            var copies = await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
            foreach (var name in SignedText.Headers.Concat([EdgeKey.Header, NodeAnswer.Header]))
            {
                httpContext.Response.Headers.Remove(name);
            }
            httpContext.Response.Headers[RequestIdHeader] = httpContext.TraceIdentifier;
            return copies;
        }
    }
}
