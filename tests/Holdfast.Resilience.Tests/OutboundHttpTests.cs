using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Holdfast.Resilience.Tests;

public sealed class OutboundHttpTests : IAsyncDisposable
{
    private readonly WebApplication _far;
    private readonly Dictionary<string, RequestDelegate> _pages = [];
    private readonly List<string> _asked = [];
    private readonly OutboundHttp _http;
    private readonly int _port;
    private int _opened;

    public OutboundHttpTests()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Use(next => connection =>
        {
            Interlocked.Increment(ref _opened);
            return next(connection);
        })));
        _far = builder.Build();
        _far.Run(context =>
        {
            lock (_asked)
            {
                _asked.Add(context.Request.Path);
            }
            return _pages[context.Request.Path](context);
        });
        _far.Start();
        _port = new Uri(_far.Urls.Single()).Port;
        _http = Http($"127.0.0.1:{_port}");
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _far.StopAsync(now.Token);
        await _far.DisposeAsync();
    }

    private static OutboundHttp Http(string allow, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null) =>
        new(OutboundGuard.Read([allow]).Guard, TimeProvider.System, resolve);

    private static Dependency Idp(double seconds = 20) => new(
        new DependencyPolicy("idp:conn_1", "identity provider", TimeSpan.FromSeconds(seconds), 10, "Other connections work.", ["Sso"]), TimeProvider.System);

    private Uri At(string path, string host = "127.0.0.1") => new($"http://{host}:{_port}{path}");

    private Task<OutboundDocument> Get(string path, OutboundLimits? limits = null) =>
        _http.GetAsync(Idp(), At(path), limits ?? OutboundLimits.Document, CancellationToken.None);

    private static async Task<DependencyUnavailableException> Unreachable(Func<Task> call)
    {
        var refused = await Assert.ThrowsAsync<DependencyUnavailableException>(call);
        Assert.Equal(("The dependency 'idp:conn_1' is unavailable: unreachable.", Trouble.Unreachable), (refused.Message, refused.How));
        return refused;
    }

    private static async Task Answers(OutboundFault fault, Func<Task> call) =>
        Assert.Equal(fault, (await Assert.ThrowsAsync<OutboundAnswerException>(call)).Fault);

    [Fact]
    public async Task A_document_comes_with_its_media_type()
    {
        _pages["/doc"] = context =>
        {
            context.Response.ContentType = "Application/JSON; charset=utf-8";
            return context.Response.WriteAsync("{}");
        };

        var document = await Get("/doc");

        Assert.Equal(("{}", "application/json"), (Encoding.UTF8.GetString(document.Body), document.ContentType));
    }

    [Theory] // OAUTH-047
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    [InlineData("localhost.")]
    [InlineData("2130706433")]
    [InlineData("0x7f000001")]
    [InlineData("0177.0.0.1")]
    [InlineData("127.1")]
    [InlineData("[::ffff:127.0.0.1]")]
    public async Task Every_spelling_of_loopback_is_refused_without_a_connection(string host)
    {
        using var strict = new OutboundHttp(OutboundGuard.Strict, TimeProvider.System);

        await Unreachable(() => strict.GetAsync(Idp(), At("/doc", host), OutboundLimits.Document, CancellationToken.None));

        Assert.Equal(0, _opened);
    }

    [Fact] // OAUTH-051
    public async Task Refused_and_unreachable_look_the_same()
    {
        using var strict = new OutboundHttp(OutboundGuard.Strict, TimeProvider.System);
        using var closed = Http("127.0.0.1:1");
        using var nowhere = Http("127.0.0.1:1", (_, _) => throw new SocketException((int)SocketError.HostNotFound));

        var refused = await Unreachable(() => strict.GetAsync(Idp(), At("/doc"), OutboundLimits.Document, CancellationToken.None));
        var deaf = await Unreachable(() => closed.GetAsync(Idp(), new Uri("http://127.0.0.1:1/"), OutboundLimits.Document, CancellationToken.None));
        var unknown = await Unreachable(() => nowhere.GetAsync(Idp(), new Uri("http://no.example/"), OutboundLimits.Document, CancellationToken.None));

        Assert.Single(new[] { refused, deaf, unknown }.Select(e => (e.Message, e.How, e.RetryAfter, e.InnerException!.Message)).Distinct());
    }

    [Fact] // OAUTH-048
    public async Task One_private_address_among_public_ones_refuses_the_name()
    {
        using var http = Http($"127.0.0.1:{_port}", (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback, IPAddress.Parse("10.0.0.1")]));

        await Unreachable(() => http.GetAsync(Idp(), At("/doc", "rebind.example"), OutboundLimits.Document, CancellationToken.None));

        Assert.Equal(0, _opened);
    }

    [Fact] // OAUTH-048
    public async Task The_connection_goes_to_the_address_that_was_checked()
    {
        _pages["/doc"] = context => context.Response.WriteAsync(context.Request.Host.Value!);
        var asked = 0;
        using var http = Http(
            $"127.0.0.1:{_port}",
            (_, _) => Task.FromResult<IPAddress[]>([asked++ == 0 ? IPAddress.Loopback : IPAddress.Parse("10.0.0.1")]));

        var document = await http.GetAsync(Idp(), At("/doc", "rebind.example"), OutboundLimits.Document, CancellationToken.None);

        Assert.Equal((1, $"rebind.example:{_port}"), (asked, Encoding.UTF8.GetString(document.Body)));
    }

    [Fact]
    public async Task Plain_http_to_the_public_internet_is_refused()
    {
        using var http = new OutboundHttp(OutboundGuard.Strict, TimeProvider.System, (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("1.1.1.1")]));

        var refused = await Unreachable(() => http.GetAsync(Idp(), new Uri("http://public.example/"), OutboundLimits.Document, CancellationToken.None));

        Assert.Contains("The guard refuses 1.1.1.1 port 80", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact] // OAUTH-050
    public async Task A_certificate_that_nobody_vouches_for_is_refused()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, l => l.UseHttps(certificate)));
        await using var far = builder.Build();
        far.Run(context => context.Response.WriteAsync("{}"));
        far.Start();
        using var http = Http("127.0.0.1:*");

        var refused = await Unreachable(() => http.GetAsync(Idp(), new Uri(far.Urls.Single()), OutboundLimits.Document, CancellationToken.None));

        Assert.Contains("certificate", refused.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ftp://127.0.0.1/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("http://user:secret@127.0.0.1/")]
    [InlineData("/relative")]
    public async Task Addresses_that_are_not_plain_http_are_refused(string uri) =>
        await Unreachable(() => _http.GetAsync(Idp(), new Uri(uri, UriKind.RelativeOrAbsolute), OutboundLimits.Document, CancellationToken.None));

    [Theory] // OAUTH-049
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_to_a_private_address_is_refused(int status)
    {
        _pages["/start"] = RedirectTo($"http://127.0.0.2:{_port}/doc", status);
        _pages["/doc"] = context => context.Response.WriteAsync("secret");

        await Unreachable(() => Get("/start"));

        Assert.Equal(["/start"], _asked);
    }

    [Theory] // OAUTH-049
    [InlineData("file:///etc/passwd")]
    [InlineData("gopher://127.0.0.1/")]
    public async Task A_redirect_to_another_scheme_is_refused(string target)
    {
        _pages["/start"] = RedirectTo(target);

        await Unreachable(() => Get("/start"));
    }

    [Fact] // OAUTH-049
    public async Task Three_redirects_are_followed_and_a_fourth_is_not()
    {
        _pages["/4"] = RedirectTo("/3");
        _pages["/3"] = RedirectTo("/2");
        _pages["/2"] = RedirectTo("/1");
        _pages["/1"] = RedirectTo("/0");
        _pages["/0"] = context => context.Response.WriteAsync("here");

        Assert.Equal("here", Encoding.UTF8.GetString((await Get("/3")).Body));
        await Answers(OutboundFault.TooManyRedirects, () => Get("/4"));
    }

    [Fact] // OAUTH-042, OAUTH-049
    public async Task A_request_with_a_credential_is_not_redirected()
    {
        _pages["/start"] = RedirectTo("/doc");
        _pages["/doc"] = context => context.Response.WriteAsync(context.Request.Headers.Authorization.ToString());
        var bearer = new AuthenticationHeaderValue("Bearer", "secret");

        await Answers(OutboundFault.Redirect, () => _http.GetAsync(Idp(), At("/start"), OutboundLimits.Document, CancellationToken.None, bearer));
        Assert.Equal(["/start"], _asked);
        var document = await _http.GetAsync(Idp(), At("/doc"), OutboundLimits.Document, CancellationToken.None, bearer);
        Assert.Equal("Bearer secret", Encoding.UTF8.GetString(document.Body));
    }

    [Fact] // OAUTH-044
    public async Task A_form_is_posted_with_its_credential_and_never_redirected()
    {
        _pages["/token"] = async context =>
        {
            var form = await context.Request.ReadFormAsync();
            context.Response.StatusCode = 400;
            await context.Response.WriteAsync($"{context.Request.Headers.Authorization} {form["code"]}");
        };
        _pages["/moved"] = RedirectTo("/token", 307);
        var basic = new AuthenticationHeaderValue("Basic", "abc");
        KeyValuePair<string, string>[] form = [new("code", "a&b=c")];

        var answer = await _http.PostFormAsync(Idp(), At("/token"), form, basic, OutboundLimits.Document, CancellationToken.None);
        var moved = await _http.PostFormAsync(Idp(), At("/moved"), form, basic, OutboundLimits.Document, CancellationToken.None);

        Assert.Equal((400, "Basic abc a&b=c"), (answer.Status, Encoding.UTF8.GetString(answer.Body)));
        Assert.Equal(307, moved.Status);
        Assert.Equal(["/token", "/moved"], _asked);
    }

    [Fact] // OAUTH-050
    public async Task An_endless_body_is_cut()
    {
        _pages["/endless"] = async context =>
        {
            var piece = new byte[64 * 1024];
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(piece);
            }
        };

        var dependency = Idp();
        await Answers(OutboundFault.TooLarge, () => _http.GetAsync(dependency, At("/endless"), OutboundLimits.Default, CancellationToken.None));
        await Answers(OutboundFault.TooLarge, async () =>
            await _http.PostFormAsync(dependency, At("/endless"), [], null, OutboundLimits.Default, CancellationToken.None));
        Assert.Equal(DependencyState.Ok, dependency.Health.State);   // it did answer
    }

    [Theory] // OAUTH-050
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("deflate")]
    public async Task A_bomb_is_cut_by_its_size_unpacked(string encoding)
    {
        var sent = 0;
        _pages["/bomb"] = async context =>
        {
            context.Response.Headers.ContentEncoding = encoding;
            var packed = Packed(encoding, new byte[50 * 1024 * 1024]);
            sent = packed.Length;
            await context.Response.Body.WriteAsync(packed);
        };

        await Answers(OutboundFault.TooLarge, () => Get("/bomb"));
        Assert.InRange(sent, 1, OutboundLimits.Document.MaxBytes / 2);
    }

    [Fact]
    public async Task The_limit_itself_is_allowed_and_one_byte_more_is_not()
    {
        _pages["/10"] = context => context.Response.WriteAsync("0123456789");
        _pages["/packed"] = async context =>
        {
            context.Response.Headers.ContentEncoding = "gzip";
            await context.Response.Body.WriteAsync(Packed("gzip", "0123456789"u8.ToArray()));
        };

        Assert.Equal(10, (await Get("/10", new OutboundLimits(10))).Body.Length);
        Assert.Equal(10, (await Get("/packed", new OutboundLimits(10))).Body.Length);
        await Answers(OutboundFault.TooLarge, () => Get("/10", new OutboundLimits(9)));
    }

    [Theory] // OAUTH-050
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_hang_is_cut_by_the_deadline(bool afterTheFirstByte)
    {
        _pages["/hang"] = async context =>
        {
            if (afterTheFirstByte)
            {
                await context.Response.WriteAsync("0");
                await context.Response.Body.FlushAsync();
            }
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        };
        var dependency = Idp(seconds: 0.3);

        var refused = await Assert.ThrowsAsync<DependencyUnavailableException>(
            () => _http.GetAsync(dependency, At("/hang"), OutboundLimits.Document, CancellationToken.None));

        Assert.Equal(Trouble.Hangs, refused.How);
    }

    [Fact]
    public async Task A_server_error_is_an_outage_and_a_refusal_is_an_answer()
    {
        _pages["/500"] = WithStatus(500);
        _pages["/404"] = WithStatus(404);
        var dependency = Idp();

        var refused = await Assert.ThrowsAsync<DependencyUnavailableException>(
            () => _http.GetAsync(dependency, At("/500"), OutboundLimits.Document, CancellationToken.None));
        Assert.Equal((Trouble.Errors, DependencyState.Failing), (refused.How, dependency.Health.State));

        var answered = await Assert.ThrowsAsync<OutboundAnswerException>(
            () => _http.GetAsync(dependency, At("/404"), OutboundLimits.Document, CancellationToken.None));
        Assert.Equal((404, DependencyState.Ok), (answered.Status, dependency.Health.State));
    }

    [Fact] // OAUTH-050
    public async Task Heavy_headers_are_refused()
    {
        _pages["/heavy"] = context =>
        {
            context.Response.Headers["X-Heavy"] = new string('x', 100_000);
            return context.Response.WriteAsync("{}");
        };

        await Assert.ThrowsAsync<DependencyUnavailableException>(() => Get("/heavy"));
    }

    /// <summary>A certificate whose issuer is not sent, and that names where to fetch it: an address that nobody has checked.</summary>
    [Fact]
    public async Task The_issuer_of_a_certificate_is_not_fetched_from_where_the_certificate_says()
    {
        var now = TimeProvider.System.GetUtcNow();
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var middleKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var leafKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var root = Authority("CN=root", rootKey).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        using var middle = Authority("CN=middle", middleKey).Create(root, now.AddDays(-1), now.AddDays(1), [1]);
        using var middleWithKey = middle.CopyWithPrivateKey(middleKey);
        _pages["/issuer"] = context => context.Response.Body.WriteAsync(middle.RawData).AsTask();
        var request = new CertificateRequest("CN=far.example", leafKey, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("far.example");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509AuthorityInformationAccessExtension(null, [$"http://127.0.0.1:{_port}/issuer"]));
        using var leaf = request.Create(middleWithKey, now.AddDays(-1), now.AddDays(1), [2]);
        using var withKey = leaf.CopyWithPrivateKey(leafKey);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            // Offline: else the server would fetch the issuer itself, and send it.
            OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
            {
                ServerCertificateContext = SslStreamCertificateContext.Create(X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null), null, offline: true),
            }),
        })));
        await using var far = builder.Build();
        far.Run(context => context.Response.WriteAsync("{}"));
        await far.StartAsync();
        var port = new Uri(far.Urls.Single()).Port;

        using var whole = new OutboundHttp(OutboundGuard.Read(["127.0.0.0/8:*"]).Guard, TimeProvider.System, (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback]), [root, middle]);
        await whole.GetAsync(Idp(), new Uri($"https://far.example:{port}/"), OutboundLimits.Document, CancellationToken.None);   // whose issuer is known is believed
        using var outbound = new OutboundHttp(OutboundGuard.Read(["127.0.0.0/8:*"]).Guard, TimeProvider.System, (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback]), [root]);
        await Assert.ThrowsAsync<DependencyUnavailableException>(() => outbound.GetAsync(Idp(), new Uri($"https://far.example:{port}/"), OutboundLimits.Document, CancellationToken.None));

        Assert.Empty(_asked);

        static CertificateRequest Authority(string name, ECDsa key)
        {
            var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            return request;
        }
    }

    /// <summary>A knock goes to the root of the host, without what a call had with it, and any answer is one.</summary>
    [Fact]
    public async Task A_knock_carries_nothing_and_takes_any_answer()
    {
        var seen = new List<string>();
        _pages["/"] = context =>
        {
            seen.Add($"{context.Request.Method} {context.Request.QueryString} {context.Request.Headers.Authorization} {context.Request.Headers.Cookie}".Trim());
            context.Response.StatusCode = 404;
            return Task.CompletedTask;
        };
        _pages["/document"] = context => context.Response.WriteAsync("<html>Sorry.</html>");
        var knock = new Dependency(new DependencyPolicy("knock", "test", TimeSpan.FromSeconds(30), 4, "none", []) { IsAnswer = _ => true }, TimeProvider.System);

        await _http.KnockAsync(knock, new Uri($"http://127.0.0.1:{_port}/token?client_secret=s"), TimeSpan.FromSeconds(25), CancellationToken.None);
        Assert.Equal(["HEAD"], seen);
        var wrong = await Assert.ThrowsAnyAsync<Exception>(() => _http.KnockForJsonAsync(knock, new Uri($"http://127.0.0.1:{_port}/document"), TimeSpan.FromSeconds(25), CancellationToken.None));
        Assert.Equal(Trouble.Wrong, Trouble.Exactly(wrong));
        Assert.Equal(DependencyState.Ok, knock.Health.State);   // one host says nothing of another
    }

    private static RequestDelegate WithStatus(int status) => context =>
    {
        context.Response.StatusCode = status;
        return Task.CompletedTask;
    };

    private static RequestDelegate RedirectTo(string target, int status = 302) => context =>
    {
        context.Response.StatusCode = status;
        context.Response.Headers.Location = target;
        return Task.CompletedTask;
    };

    private static byte[] Packed(string encoding, byte[] plain)
    {
        using var packed = new MemoryStream();
        using (Stream pack = encoding switch
        {
            "gzip" => new GZipStream(packed, CompressionLevel.Fastest),
            "br" => new BrotliStream(packed, CompressionLevel.Fastest),
            _ => new ZLibStream(packed, CompressionLevel.Fastest),
        })
        {
            pack.Write(plain);
        }
        return packed.ToArray();
    }
}
