using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Holdfast.Causes;
using Holdfast.Http;
using Holdfast.Resilience;
using Holdfast.Simulation.Time;
using Holdfast.Storage;

namespace Holdfast.Bench;

/// <summary>The same over real sockets: hosts of loopback with TLS, the real clients, and the finder as it runs in a node.</summary>
internal static class FinderSockets
{
    public const int Trials = 104;

    private const int AtOnce = 6;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    public static async Task<IReadOnlyList<Trial>> RunAsync(Action<string> progress, CancellationToken ct)
    {
        using var authority = new Authority();
        var trials = new Trial[Trials];
        var done = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, Trials), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (trial, token) =>
        {
            trials[trial] = await TryAsync((ulong)trial, authority, token);
            progress($"sockets: {Interlocked.Increment(ref done)} of {Trials}");
        });
        return trials;
    }

    /// <summary>One fault at one of two providers or one of two nodes.</summary>
    private static async Task<Trial> TryAsync(ulong seed, Authority authority, CancellationToken ct)
    {
        var (dice, kinds) = (Dice.Of(seed, "sockets"), Enum.GetValues<FaultKind>());
        var isNode = seed % 3 == 2;
        var kind = kinds[(int)(seed / 3 % (ulong)kinds.Length)];
        kind = isNode && (kind is FaultKind.WrongAnswer or FaultKind.Certificate or FaultKind.EmptyDns) ? FaultKind.Hang : kind;   // those cannot happen between nodes here

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await using var first = await FarHost.StartAsync("first.test", authority, ct);
        await using var second = await FarHost.StartAsync("second.test", authority, ct);
        await using var north = await FarHost.StartAsync(null, authority, ct);
        await using var south = await FarHost.StartAsync(null, authority, ct);
        await using var collector = await FarHost.StartAsync(null, authority, ct);
        collector.Fault = FaultKind.Hang;
        FarHost[] hosts = [first, second];

        var (clock, dependencies) = (TimeProvider.System, new Dependencies());
        using var outbound = new OutboundHttp(
            OutboundGuard.Read(["127.0.0.0/8:*"]).Guard, clock,
            (name, _) => Task.FromResult<IPAddress[]>(hosts.Any(h => h.Name == name && h.Fault == FaultKind.EmptyDns) ? [] : [IPAddress.Loopback]), authority.Roots);
        using var inside = new OperatorHttp();
        var finder = new Finder(
            dependencies, new Traffic(clock), () => [new PeerPlace(north.Url, "north", "zone-n", "north"), new PeerPlace(south.Url, "south", "zone-s", "south")], new Ids(clock, Entropy.Real), clock,
            new Knocks(dependencies, CauseServices.Through(outbound, dependencies, clock), clock));
        var told = new System.Collections.Concurrent.ConcurrentQueue<Cause>();
        finder.Tell = (cause, change) => told.Enqueue(cause);
        finder.Listen();
        var work = new List<Task> { finder.RunAsync(_ => { }, stop.Token) };
        foreach (var (host, place) in hosts.Select((h, i) => (h, i)))
        {
            var token = dependencies.GetOrAdd(Catalogue.IdpToken.Of($"conn_{place}", $"org_{place}"), clock);
            var documents = dependencies.GetOrAdd(Catalogue.IdpDocuments.Of($"conn_{place}", $"org_{place}"), clock);
            documents.Document = new Uri(host.Url);
            work.Add(LoopAsync(dice.Between(100, 700), () => RedeemAsync(outbound, token, host, stop.Token)));
            work.Add(LoopAsync(dice.Between(2000, 4000), () => outbound.GetAsync(documents, new Uri(host.Url), OutboundLimits.Document, stop.Token)));
        }
        foreach (var node in new[] { north, south })
        {
            var peer = dependencies.Add(new Dependency(Catalogue.Peer.Of(node.Url), clock) { Probe = token => inside.KnockAsync(new Uri(node.Url), token) });
            work.Add(LoopAsync(dice.Between(500, 2000), () => peer.CallAsync(token => inside.KnockAsync(new Uri(node.Url), token), stop.Token)));
        }
        var telemetry = dependencies.Add(new Dependency(Catalogue.Telemetry, clock));
        work.Add(LoopAsync(1000, () => telemetry.CallAsync(token => inside.KnockAsync(new Uri(collector.Url), token), stop.Token)));

        await Task.Delay(TimeSpan.FromMilliseconds(dice.Between(2000, 4000)), clock, ct);
        var target = isNode ? dice.Pick([north, south]) : dice.Pick(hosts);
        string[] names = isNode ? [$"peer:{target.Url}"] : [$"idp_token:conn_{Array.IndexOf(hosts, target)}", $"idp:conn_{Array.IndexOf(hosts, target)}"];
        var how = PlannedFault.WordOf(kind);
        var began = Stopwatch.GetTimestamp();
        await target.BreakAsync(kind);
        double? named = null;
        while (named is null && Stopwatch.GetElapsedTime(began) < s_patience)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), clock, ct);
            named = finder.All.Any(c => names.Contains(c.Dependency) && c.How == how) ? Stopwatch.GetElapsedTime(began).TotalSeconds : null;
        }
        var wrong = told.Where(c => c.Scope == CauseScope.Platform && c.Dependency != Catalogue.Telemetry.Name && !names.Contains(c.Dependency)).Select(c => c.Dependency).Distinct().ToList();
        var said = string.Join(", ", finder.All.Select(c => $"{c.Dependency} {c.How}"));
        await stop.CancelAsync();
        await Task.WhenAll(work);
        return new Trial(isNode ? "one node" : "one provider", kind.ToString(), named is not null && wrong.Count == 0, named, null, $"named {said}; wrongly {string.Join(", ", wrong)}");

        async Task LoopAsync(int milliseconds, Func<Task> call)
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(milliseconds), clock, stop.Token);
                    await call();
                }
                catch (Exception fault) when (fault is DependencyUnavailableException or OutboundAnswerException or OperationCanceledException)
                {
                    // The finder has heard of it.
                }
            }
        }
    }

    /// <summary>As a sign-in does: what is no JSON is of no use.</summary>
    private static async Task RedeemAsync(OutboundHttp outbound, Dependency token, FarHost host, CancellationToken ct)
    {
        var answer = await outbound.PostFormAsync(token, new Uri(host.Url), [new("grant_type", "authorization_code")], null, OutboundLimits.Document, ct);
        try
        {
            using var json = JsonDocument.Parse(answer.Body);
        }
        catch (JsonException)
        {
            token.Note(Trouble.Wrong);
        }
    }

    /// <summary>Who vouches for the hosts of a run.</summary>
    private sealed class Authority : IDisposable
    {
        private readonly RSA _key = RSA.Create(2048);
        private readonly X509Certificate2 _root;

        public Authority()
        {
            var request = new CertificateRequest("CN=bench authority", _key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            _root = request.CreateSelfSigned(Now.AddDays(-400), Now.AddDays(400));
            Roots = [_root];
        }

        public X509Certificate2Collection Roots { get; }

        private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

        public X509Certificate2 Issue(string name, bool isExpired)
        {
            using var key = RSA.Create(2048);
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(name);
            request.CertificateExtensions.Add(names.Build());
            using var certificate = request.Create(_root, Now.AddDays(-300), isExpired ? Now.AddDays(-1) : Now.AddDays(300), Entropy.Real.Bytes(8));
            using var withKey = certificate.CopyWithPrivateKey(key);
            return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null);
        }

        public void Dispose()
        {
            _root.Dispose();
            _key.Dispose();
        }
    }

    /// <summary>A host of loopback that can be broken. Each answer ends its connection, so that the next call makes one.</summary>
    private sealed class FarHost : IAsyncDisposable
    {
        private readonly WebApplication _app;
        private readonly X509Certificate2? _sound;
        private readonly X509Certificate2? _expired;

        private FarHost(string? name, Authority authority)
        {
            (Name, _sound, _expired) = (name, name is null ? null : authority.Issue(name, isExpired: false), name is null ? null : authority.Issue(name, isExpired: true));
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseKestrelHttpsConfiguration();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                if (name is not null)
                {
                    listen.UseHttps(https => https.ServerCertificateSelector = (_, _) => Fault == FaultKind.Certificate ? _expired : _sound);
                }
            }));
            _app = builder.Build();
            _app.Run(AnswerAsync);
        }

        public string? Name { get; }

        public string Url { get; private set; } = "";

        public FaultKind? Fault { get; set; }

        public static async Task<FarHost> StartAsync(string? name, Authority authority, CancellationToken ct)
        {
            var host = new FarHost(name, authority);
            await host._app.StartAsync(ct);
            var port = new Uri(host._app.Urls.Single()).Port;
            host.Url = name is null ? $"http://127.0.0.1:{port}" : $"https://{name}:{port}";
            return host;
        }

        public async Task BreakAsync(FaultKind kind)
        {
            Fault = kind;
            if (kind == FaultKind.Refuse)
            {
                using var now = new CancellationTokenSource();
                await now.CancelAsync();
                await _app.StopAsync(now.Token);
            }
        }

        public async ValueTask DisposeAsync()
        {
            using var now = new CancellationTokenSource();
            await now.CancelAsync();
            await _app.StopAsync(now.Token);
            await _app.DisposeAsync();
            _sound?.Dispose();
            _expired?.Dispose();
        }

        private async Task AnswerAsync(HttpContext http)
        {
            http.Response.Headers.Connection = "close";
            switch (Fault)
            {
                case FaultKind.Hang:
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                    return;
                case FaultKind.Slow:
                    await Task.Delay((Name is null ? Catalogue.Peer : Catalogue.IdpToken).SlowAfter!.Value * 1.25, TimeProvider.System, http.RequestAborted);
                    break;
                case FaultKind.Error:
                    http.Response.StatusCode = 500;
                    return;
                case FaultKind.Reset:
                    http.Abort();
                    return;
                case FaultKind.WrongAnswer:
                    await http.Response.WriteAsync("<html>Sorry.</html>");
                    return;
            }
            await http.Response.WriteAsync("{}");
        }
    }
}
