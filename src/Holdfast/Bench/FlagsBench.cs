using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Holdfast.Bench;

/// <summary><c>flags</c>: pages of two servers in turns, one beside a flag provider that is well and one beside a provider that is sick in one way, so that noise hits both alike.</summary>
internal static partial class FlagsBench
{
    public const string Name = "flags";

    private const double MostRatio = 1.1;
    private const int Blocks = 40;
    private const int PagesPerBlock = 50;
    private const int AtOnce = 2;
    private const int WarmUp = 500;

    /// <summary>What a provider does, and whether it does so from before the start, or from the middle of the load on.</summary>
    private static readonly (string Fault, bool IsFromStart)[] s_faults =
        [("hangs", true), ("hangs", false), ("drips", false), ("500", false), ("401", false), ("50MB", false), ("malformed", false)];

    public static async Task<IReadOnlyList<Measured>> RunAsync(Action<string> progress, CancellationToken ct)
    {
        var results = new List<Measured>();
        await using var sound = await Provider.StartAsync(ct);
        using var wellData = new Folder();
        await using var well = await StartAsync(wellData, sound, ct);
        await LoadAsync(well, WarmUp, [], [], ct);
        foreach (var (fault, isFromStart) in s_faults)
        {
            await using var ill = await Provider.StartAsync(ct);
            ill.Fault = isFromStart ? fault : null;
            using var sickData = new Folder();
            await using var sick = await StartAsync(sickData, ill, ct);
            await LoadAsync(sick, WarmUp, [], [], ct);
            ill.Break(fault);
            var (healthy, degraded, failures) = (new List<double>(), new List<double>(), new List<string>());
            for (var block = 0; block < Blocks; block++)
            {
                // Which comes first changes from block to block.
                foreach (var isSick in block % 2 == 0 ? [true, false] : new[] { false, true })
                {
                    await LoadAsync(isSick ? sick : well, PagesPerBlock, isSick ? degraded : healthy, failures, ct);
                }
            }
            var (p99, healthyP99) = (Percentile.Of(degraded, 0.99), Percentile.Of(healthy, 0.99));
            var of = $"flags/{fault}{(isFromStart ? "_from_start" : "")}";
            progress(string.Create(CultureInfo.InvariantCulture, $"{of}: p99 {healthyP99:0.0} ms healthy, {p99:0.0} ms sick"));
            results.Add(Measured.AtMost(0, $"{of}/failed", failures.Count, "", failures.FirstOrDefault()));
            results.Add(Measured.AtMost(MostRatio, $"{of}/p99_ratio", p99 / healthyP99, "", string.Create(CultureInfo.InvariantCulture,
                $"{p99:0.0} ms of {degraded.Count} pages over {healthyP99:0.0} ms of {healthy.Count}; p50 {Percentile.Of(degraded, 0.5):0.0} over {Percentile.Of(healthy, 0.5):0.0}; the provider was asked {ill.Asked} times")));
        }
        return results;
    }

    private static Task<DevServer> StartAsync(Folder data, Provider provider, CancellationToken ct) => DevServer.StartAsync(data.Path, DevServer.FreePort(), ct, start =>
    {
        start.ArgumentList.Add("--flags");
        start.ArgumentList.Add($"launchdarkly:{provider.Url}");
        start.Environment["HOLDFAST_FLAGS_KEY"] = "key";
    });

    /// <summary>The page where people begin to sign in: the application's link, and what it leads to.</summary>
    private static async Task LoadAsync(DevServer server, int pages, List<double> milliseconds, List<string> failures, CancellationToken ct)
    {
        var (gate, left) = (new Lock(), pages);
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => Task.Run(async () =>
        {
            while (Interlocked.Decrement(ref left) >= 0)
            {
                var began = System.Diagnostics.Stopwatch.GetTimestamp();
                var fault = await PageAsync(server, ct);
                var took = System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalMilliseconds;
                lock (gate)
                {
                    milliseconds.Add(took);
                    if (fault is not null)
                    {
                        failures.Add(fault);
                    }
                }
            }
        }, ct)));
    }

    /// <returns>What was wrong with it; null when nothing was.</returns>
    private static async Task<string?> PageAsync(DevServer server, CancellationToken ct)
    {
        var address = $"{server.Dev.BaseUrl}/user_management/authorize?response_type=code&provider=authkit&client_id={server.Dev.ClientId}&state=s&redirect_uri={Uri.EscapeDataString(server.Dev.RedirectUri)}";
        using var ask = new HttpRequestMessage(HttpMethod.Get, address);
        using var onward = await server.Http.SendAsync(ask, ct);
        if (onward.StatusCode is not (HttpStatusCode.Redirect or HttpStatusCode.SeeOther) || onward.Headers.Location is not { } location)
        {
            return $"authorize answered {(int)onward.StatusCode}: {await onward.Content.ReadAsStringAsync(ct)}";
        }
        using var open = new HttpRequestMessage(HttpMethod.Get, new Uri(new Uri(server.Dev.BaseUrl), location));
        if (onward.Headers.TryGetValues("Set-Cookie", out var cookies))
        {
            open.Headers.Add("Cookie", string.Join("; ", cookies.Select(c => c.Split(';')[0])));
        }
        using var page = await server.Http.SendAsync(open, ct);
        var text = await page.Content.ReadAsStringAsync(ct);
        return page.StatusCode == HttpStatusCode.OK && EmailField().IsMatch(text) ? null : $"{location} answered {(int)page.StatusCode}: {text[..Math.Min(300, text.Length)]}";
    }

    [GeneratedRegex("<input[^>]* name=\"email\"")]
    private static partial Regex EmailField();

    private sealed class Folder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("holdfast-bench-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }

    /// <summary>LaunchDarkly's protocol, well or sick, on loopback.</summary>
    private sealed class Provider : IAsyncDisposable
    {
        private const string Document = """{"flags":{"f":{"key":"f","version":1,"on":true,"variations":[true,false],"fallthrough":{"variation":0}}},"segments":{}}""";

        private readonly WebApplication _app;
        private readonly CancellationTokenSource _over = new();
        private CancellationTokenSource _streams = new();
        private int _asked;

        private Provider(WebApplication app) => _app = app;

        public string Url { get; private set; } = "";

        public string? Fault { get; set; }

        public int Asked => Volatile.Read(ref _asked);

        public static async Task<Provider> StartAsync(CancellationToken ct)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
            var app = builder.Build();
            var provider = new Provider(app);
            app.Run(provider.AnswerAsync);
            await app.StartAsync(ct);
            provider.Url = app.Urls.Single();
            return provider;
        }

        /// <summary>From now on; whoever listens is cut off, so that it is met at once.</summary>
        public void Break(string fault)
        {
            Fault = fault;
            using var streams = Interlocked.Exchange(ref _streams, new CancellationTokenSource());
            streams.Cancel();
        }

        public async ValueTask DisposeAsync()
        {
            await _over.CancelAsync();
            await _app.DisposeAsync();
            _streams.Dispose();
            _over.Dispose();
        }

        private async Task AnswerAsync(HttpContext http)
        {
            Interlocked.Increment(ref _asked);
            using var until = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, _over.Token, _streams.Token);
            try
            {
                switch (Fault)
                {
                    case "hangs":
                        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, until.Token);
                        break;
                    case "drips":
                        while (true)
                        {
                            await http.Response.WriteAsync("{", until.Token);
                            await http.Response.Body.FlushAsync(until.Token);
                            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, until.Token);
                        }
                    case "500" or "401":
                        http.Response.StatusCode = int.Parse(Fault, CultureInfo.InvariantCulture);
                        break;
                    case "50MB":
                        var megabyte = new byte[1024 * 1024];
                        for (var i = 0; i < 50; i++)
                        {
                            await http.Response.Body.WriteAsync(megabyte, until.Token);
                        }
                        break;
                    case "malformed":
                        await http.Response.WriteAsync("""{"flags":{"f":{""", until.Token);
                        break;
                    default:
                        if (http.Request.Path != "/all")
                        {
                            await http.Response.WriteAsync(Document, until.Token);
                            break;
                        }
                        http.Response.ContentType = "text/event-stream";
                        await http.Response.WriteAsync($"event: put\ndata: {{\"path\":\"/\",\"data\":{Document}}}\n\n", until.Token);
                        await http.Response.Body.FlushAsync(until.Token);
                        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, until.Token);
                        break;
                }
            }
            catch (Exception left) when (left is OperationCanceledException or IOException)
            {
                http.Abort();
            }
        }
    }
}
