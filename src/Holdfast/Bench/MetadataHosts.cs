using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Holdfast.Protocols.Saml;

namespace Holdfast.Bench;

/// <summary>Metadata hosts of many customers, on addresses of loopback each of its own: well, until they are told to fall ill.</summary>
internal sealed class MetadataHosts : IAsyncDisposable
{
    public const int Hosts = 100;

    private readonly WebApplication _app;
    private readonly int _port;
    private readonly ConcurrentDictionary<string, int> _atHosts = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _over = new();
    private readonly X509Certificate2 _old = MakeCertificate();
    private readonly X509Certificate2 _new = MakeCertificate();
    private int _underWay;
    private int _calls;
    private int _mostAtOnce;
    private int _mostAtOneHost;
    private volatile bool _isIll;

    private MetadataHosts(WebApplication app, int port) => (_app, _port) = (app, port);

    public int Calls => Volatile.Read(ref _calls);

    public int MostAtOnce => Volatile.Read(ref _mostAtOnce);

    public int MostAtOneHost => Volatile.Read(ref _mostAtOneHost);

    public static async Task<MetadataHosts> StartAsync(CancellationToken ct)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var port = DevServer.FreePort();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            for (var host = 0; host < Hosts; host++)
            {
                kestrel.Listen(IPAddress.Parse(Address(host)), port);
            }
        });
        var app = builder.Build();
        var hosts = new MetadataHosts(app, port);
        app.MapGet("/{customer:int}", hosts.AnswerAsync);
        await app.StartAsync(ct);
        return hosts;
    }

    public string UrlOf(int customer) => $"http://{Address(customer % Hosts)}:{_port}/{customer}";

    /// <summary>From now on a sixth hangs, a sixth answers nonsense, and of the others one in ten has a new key. What was counted is forgotten.</summary>
    public void FallIll()
    {
        _isIll = true;
        (_calls, _mostAtOnce, _mostAtOneHost) = (0, 0, 0);
    }

    private async Task AnswerAsync(HttpContext http, int customer)
    {
        var host = http.Request.Host.Host;
        Interlocked.Increment(ref _calls);
        Raise(ref _mostAtOnce, Interlocked.Increment(ref _underWay));
        Raise(ref _mostAtOneHost, _atHosts.AddOrUpdate(host, 1, (_, n) => n + 1));
        try
        {
            switch (_isIll ? customer % 6 : -1)
            {
                case 0:
                    using (var gone = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, _over.Token))
                    {
                        await Task.Delay(Timeout.Infinite, gone.Token).ContinueWith(_ => { }, TaskScheduler.Default);
                    }
                    break;
                case 3:
                    await http.Response.WriteAsync("<html><body>Sign in to the intranet</body></html>", http.RequestAborted);
                    break;
                default:
                    await http.Response.WriteAsync(
                        SamlIssuer.Metadata($"https://idp.test/{customer}", $"https://idp.test/{customer}/sso", _isIll && customer % 10 == 1 ? _new : _old), http.RequestAborted);
                    break;
            }
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
            _atHosts.AddOrUpdate(host, 0, (_, n) => n - 1);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _app.DisposeAsync();
        _over.Dispose();
        _old.Dispose();
        _new.Dispose();
    }

    private static string Address(int host) => $"127.1.{host / 200}.{1 + (host % 200)}";

    private static void Raise(ref int most, int value)
    {
        for (var known = Volatile.Read(ref most); value > known && Interlocked.CompareExchange(ref most, value, known) is var found && found != known; known = found)
        {
        }
    }

    private static X509Certificate2 MakeCertificate()
    {
        using var key = RSA.Create(2048);
        return new CertificateRequest("CN=idp.test", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddYears(1));
    }
}
