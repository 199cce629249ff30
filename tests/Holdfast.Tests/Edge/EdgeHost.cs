using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Holdfast.Edge;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Peers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Holdfast.Tests.Edge;

/// <summary>A web server in a node's place: it says that it is ready, and answers as a test wants.</summary>
internal sealed class Backend : IAsyncDisposable
{
    private WebApplication? _app;

    private Backend(int number, int port) => (Number, Port) = (number, port);

    public int Number { get; }

    public int Port { get; }

    public string Url => $"{(Tls is null ? "http" : "https")}://127.0.0.1:{Port}";

    public string Incarnation => $"{Number:x12}";

    public ConcurrentQueue<Seen> Requests { get; } = new();

    /// <summary>What it does with whatever is none of its health.</summary>
    public Func<HttpContext, Task> Answer { get; set; } = http => http.Response.WriteAsync("here");

    /// <summary>503 of its own while false.</summary>
    public bool IsReady { get; set; } = true;

    /// <summary>The key that it answers for domains with; null to have none.</summary>
    public EdgeKey? Key { get; set; }

    public Dictionary<string, string> Domains { get; } = [];

    internal sealed record Seen(string Method, string Target, IReadOnlyDictionary<string, string> Headers, string Body);

    /// <param name="tls">What it shows, by https; null to speak http.</param>
    public static async Task<Backend> StartAsync(int number, string region = "eu", PeerTls? tls = null)
    {
        var backend = new Backend(number, HoldfastServer.FreePort()) { Region = region, Tls = tls };
        await backend.ListenAsync();
        return backend;
    }

    public string Region { get; private init; } = "eu";

    public PeerTls? Tls { get; private init; }

    public async Task ListenAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        Microsoft.AspNetCore.Hosting.HostingAbstractionsWebHostBuilderExtensions.UseUrls(builder.WebHost, Url);
        if (Tls is { } tls)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.ConfigureHttpsDefaults(https => https.ServerCertificate = tls.Own));
        }
        _app = builder.Build();
        _app.Run(HandleAsync);
        await _app.StartAsync();
    }

    public async Task StopAsync()
    {
        await _app!.DisposeAsync();
        _app = null;
    }

    public async ValueTask DisposeAsync() => await (_app?.DisposeAsync() ?? ValueTask.CompletedTask);

    private async Task HandleAsync(HttpContext http)
    {
        switch (http.Request.Path.Value)
        {
            case "/health/ready":
                http.Response.StatusCode = IsReady ? 200 : 503;
                await http.Response.WriteAsJsonAsync(new { code = IsReady ? null : "starting" });
                break;
            case "/health":
                await http.Response.WriteAsJsonAsync(new { node = $"node-{Number}", region = Region, incarnation = Incarnation, public_url = "http://id.edge.test" });
                break;
            case EdgeKey.DomainsPath when Key?.Asks(http.Request.Headers[EdgeKey.Header].ToString(), TimeProvider.System.GetUtcNow()) is { } nonce:
                var body = JsonSerializer.SerializeToUtf8Bytes(new { domains = Domains });
                http.Response.Headers[EdgeKey.Header] = Key.Answer(nonce, body);
                await http.Response.Body.WriteAsync(body);
                break;
            default:
                using (var reader = new StreamReader(http.Request.Body))
                {
                    Requests.Enqueue(new Seen(
                        http.Request.Method, http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget,
                        http.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase), await reader.ReadToEndAsync()));
                }
                await Answer(http);
                break;
        }
    }
}

/// <summary>An edge before backends, and a client that calls it as the outside does.</summary>
internal sealed class EdgeHost : IAsyncDisposable
{
    public const string Host = "id.edge.test";

    private readonly ServiceProvider _network;
    private readonly HttpMessageInvoker _http;
    private readonly string _data;
    private EdgeServer _edge;

    private EdgeHost(EdgeServer edge, EdgeSettings settings, IReadOnlyList<Backend> backends)
    {
        (_edge, Settings, Backends, _data) = (edge, settings, backends, settings.Data);
        var services = new ServiceCollection();
        services.AddHttpClient("outside").UseSocketsHttpHandler((sockets, _) => (sockets.AllowAutoRedirect, sockets.UseCookies) = (false, false));
        _network = services.BuildServiceProvider();
        _http = new HttpMessageInvoker(_network.GetRequiredService<IHttpMessageHandlerFactory>().CreateHandler("outside"));
    }

    public EdgeSettings Settings { get; }

    public IReadOnlyList<Backend> Backends { get; }

    public int Port => new Uri(Settings.Urls).Port;

    public EdgeNodes Nodes => _edge.App.Services.GetRequiredService<EdgeNodes>();

    public EdgeCounts Counts => _edge.App.Services.GetRequiredService<EdgeCounts>();

    public DomainMap Domains => _edge.App.Services.GetRequiredService<DomainMap>();

    internal sealed record Got(int Status, string Body, IReadOnlyDictionary<string, string> Headers)
    {
        public string? Code => Body.StartsWith('{') && JsonDocument.Parse(Body).RootElement.TryGetProperty("code", out var code) ? code.GetString() : null;
    }

    public static async Task<EdgeHost> StartAsync(int backends = 2, Func<EdgeSettings, EdgeSettings>? change = null, RequestBounds? bounds = null, IReadOnlyList<Backend>? own = null, Func<EdgeHost, bool>? isReady = null)
    {
        var all = own ?? await Task.WhenAll(Enumerable.Range(1, backends).Select(n => Backend.StartAsync(n)));
        var settings = new EdgeSettings(
            [.. all.Select(b => new Uri(b.Url))], $"http://127.0.0.1:{HoldfastServer.FreePort()}", "eu", Directory.CreateTempSubdirectory("holdfast-edge-").FullName, null, null, TrustedProxies.None, null,
            new HashSet<string>(), 1000, 1000, 10_000, TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(10), new EdgeTimes(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30), 20));
        settings = change?.Invoke(settings) ?? settings;
        var host = new EdgeHost(await EdgeServer.StartAsync(settings, CancellationToken.None, bounds: bounds), settings, all);
        await UntilAsync(() => host.Nodes.All.All(n => n.State == NodeState.Ready && n.Said is not null) || isReady is not null && isReady(host));
        return host;
    }

    public async Task RestartAsync()
    {
        await _edge.DisposeAsync();
        _edge = await EdgeServer.StartAsync(Settings, CancellationToken.None);
    }

    public static async Task UntilAsync(Func<bool> isSo)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        while (!isSo())
        {
            await Task.Delay(10, deadline.Token);
        }
    }

    /// <summary>The backend that an edge asks first, by number.</summary>
    public Backend First(Asked asked) => Backends.Single(b => b.Port == Nodes.Order(asked)[0].Address.Port);

    public async Task<Got> SendAsync(string method, string path, string? body = null, string? type = "application/json", string host = Host, CancellationToken ct = default, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), $"http://127.0.0.1:{Port}{path}");
        request.Headers.Host = host;
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, type!);
        }
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        using var answer = await _http.SendAsync(request, ct);
        return new Got((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(ct), answer.Headers.Concat(answer.Content.Headers).ToDictionary(h => h.Key, h => string.Join(", ", h.Value), StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>Writes bytes as they are, and reads until the edge closes or has answered.</summary>
    public async Task<string> RawAsync(string text)
    {
#pragma warning disable RS0030 // What no HTTP client would send.
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port);
        var stream = client.GetStream();
#pragma warning restore RS0030
        await stream.WriteAsync(Encoding.Latin1.GetBytes(text));
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var (buffer, read) = (new byte[64 * 1024], 0);
        int part;
        while (read < buffer.Length && (part = await stream.ReadAsync(buffer.AsMemory(read), deadline.Token)) > 0)
        {
            read += part;
        }
        return Encoding.Latin1.GetString(buffer, 0, read);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _network.DisposeAsync();
        await _edge.DisposeAsync();
        foreach (var backend in Backends)
        {
            await backend.DisposeAsync();
        }
        Directory.Delete(_data, recursive: true);
    }
}
