using System.Net;
using System.Net.Sockets;

namespace Holdfast.Resilience;

/// <summary>HTTP to this machine's own loopback and nowhere else: what generates load and asks a server of ours whether it is ready.</summary>
/// <remarks>It is no dependency: nothing that serves people uses it, so it has no breaker, and its caller sets the deadline.</remarks>
public sealed class LoopbackClient : IDisposable
{
    private readonly HttpMessageInvoker _http;

    public LoopbackClient()
    {
#pragma warning disable RS0030 // Loopback addresses only, checked at every connection: see ConnectAsync.
        var handler = new SocketsHttpHandler
#pragma warning restore RS0030
        {
            ConnectCallback = ConnectAsync,
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
        };
        _http = new HttpMessageInvoker(handler, disposeHandler: true);
    }

    /// <exception cref="HttpRequestException">Nobody listens there, the connection broke, or the address is not a loopback one.</exception>
    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken ct) => _http.SendAsync(request, ct);

    public void Dispose() => _http.Dispose();

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        if (!IPAddress.TryParse(context.DnsEndPoint.Host.Trim('[', ']'), out var address) || !IPAddress.IsLoopback(address))
        {
            throw new IOException($"{context.DnsEndPoint.Host} is not a loopback address.");
        }
#pragma warning disable RS0030 // Loopback addresses only.
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, context.DnsEndPoint.Port), ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
#pragma warning restore RS0030
    }
}
