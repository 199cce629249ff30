using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Holdfast.Drills;

/// <summary>Calls one node through a socket in the file system, which no cut between nodes touches.</summary>
internal class NodeCaller : IDisposable
{
    private readonly EndPoint _at;
    private HttpMessageInvoker _http;

    public NodeCaller(string socket) : this(new UnixDomainSocketEndPoint(socket)) => Socket = socket;

    /// <summary>What listens on a port of loopback: an edge.</summary>
    public NodeCaller(int port) : this(new IPEndPoint(IPAddress.Loopback, port))
    {
    }

    private NodeCaller(EndPoint at)
    {
        _at = at;
        _http = Caller();
    }

    protected string Socket { get; } = "";

    /// <summary>What came back.</summary>
    /// <param name="Status">0 when nothing did: the node died, or did not answer in time.</param>
    internal sealed record Answer(int Status, JsonElement Json, string? Location, string Cookies, TimeSpan Took)
    {
        public string? Text(string name) =>
            Json.ValueKind == JsonValueKind.Object && Json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

        public List<string> Texts(string name) => [.. Json.GetProperty(name).EnumerateArray().Select(v => v.GetString()!)];

        public string? Code => Text("code") ?? Text("error");

        public Answer Is(int status, string? code = null)
        {
            Assert.True(Status == status && (code is null || Code == code), $"{status} {code} was expected: {Status} {Json}");
            return this;
        }
    }

    /// <summary>One of the product's.</summary>
    public async Task<Answer> SendAsync(
        string method, string path, string? body = null, string? contentType = null, string? bearer = null, string? cookie = null, TimeSpan? within = null, string? key = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), "http://id.drill.test" + path);
        request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, contentType!);
        if (bearer is not null)
        {
            request.Headers.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", bearer);
        }
        if (cookie is not null)
        {
            request.Headers.Add("Cookie", cookie);
        }
        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(within ?? TimeSpan.FromSeconds(10));
        var since = Stopwatch.GetTimestamp();
        try
        {
            using var answer = await _http.SendAsync(request, deadline.Token);
            var bytes = await answer.Content.ReadAsByteArrayAsync(deadline.Token);
            var json = answer.Content.Headers.ContentType?.MediaType == "application/json" ? JsonDocument.Parse(bytes).RootElement : JsonSerializer.SerializeToElement(Encoding.UTF8.GetString(bytes));
            var cookies = answer.Headers.TryGetValues("Set-Cookie", out var set) ? string.Join("; ", set.Select(c => c.Split(';')[0])) : "";
            return new Answer((int)answer.StatusCode, json, answer.Headers.Location?.OriginalString, cookies, Stopwatch.GetElapsedTime(since));
        }
        catch (Exception lost) when (lost is HttpRequestException or IOException or OperationCanceledException or ObjectDisposedException && !TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            return new Answer(0, JsonSerializer.SerializeToElement(lost.Message), null, "", Stopwatch.GetElapsedTime(since));
        }
    }

    /// <summary>Lets go of all connections: the process that held the other end is gone.</summary>
    public void HangUp()
    {
        _http.Dispose();
        _http = Caller();
    }

    public void Dispose() => _http.Dispose();

    private HttpMessageInvoker Caller()
    {
#pragma warning disable RS0030 // A socket of this machine alone.
        return new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ActivityHeadersPropagator = null,
            ConnectCallback = async (_, ct) =>
            {
                var socket = new System.Net.Sockets.Socket(_at.AddressFamily, SocketType.Stream, _at is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(_at, ct);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        });
#pragma warning restore RS0030
    }
}
