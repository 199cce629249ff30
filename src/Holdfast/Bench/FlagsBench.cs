using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Holdfast.Bench;

/// <summary><c>flags</c>: pages beside a flag provider that is sick in one way, against pages beside one that is well, in turns. From the middle of the load on: the same process, whose provider falls ill and is well again, a round each.
/// From before the start: two processes of the same age, one beside each. So what the machine does meanwhile is done to both, and the median of the rounds is taken.</summary>
internal static partial class FlagsBench
{
    public const string Name = "flags";

    private const double MostRatio = 1.1;
    private const int AtOnce = 2;

    /// <summary>A round is so many pages of each, in slices that take turns.</summary>
    private const int PagesPerRound = 400;
    private const int PagesPerSlice = 20;

    /// <summary>No fault at all: how far apart two that are alike come out on this machine. It has no goal, and says what the others are worth.</summary>
    private const string None = "none";

    private static readonly string[] s_faults = [None, "hangs", "drips", "500", "401", "50MB", "malformed", "refuses"];

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    public static async Task<IReadOnlyList<Measured>> RunAsync(bool isShort, Action<string> progress, CancellationToken ct)
    {
        var (rounds, warmUp) = isShort ? (3, 500) : (10, 3000);
        var results = new List<Measured>();
        foreach (var fault in s_faults)
        {
            results.AddRange(Of($"flags/{fault}_from_start", await FromStartAsync(fault, rounds, warmUp, ct), progress));
            results.AddRange(Of($"flags/{fault}", await FromMidLoadAsync(fault, rounds, warmUp, ct), progress));
        }
        return results;
    }

    /// <summary>What was measured beside both.</summary>
    private sealed class Arms
    {
        public List<List<double>> Healthy { get; } = [];

        public List<List<double>> Sick { get; } = [];

        /// <summary>Of all pages, whichever they stood beside.</summary>
        public List<string> Failures { get; } = [];

        public int Asked { get; set; }

        public void Begin()
        {
            Healthy.Add([]);
            Sick.Add([]);
        }
    }

    private static async Task<Arms> FromStartAsync(string fault, int rounds, int warmUp, CancellationToken ct)
    {
        await using var sound = await Provider.StartAsync(ct);
        await using var ill = await Provider.StartAsync(ct);
        await ill.BreakAsync(fault);
        using var wellData = new Folder();
        using var sickData = new Folder();
        await using var well = await StartAsync(wellData, sound, ct);
        await using var sick = await StartAsync(sickData, ill, ct);
        var arms = new Arms();
        for (var warm = 0; warm < warmUp; warm += PagesPerSlice)
        {
            await LoadAsync(well, PagesPerSlice, [], arms.Failures, ct);
            await LoadAsync(sick, PagesPerSlice, [], arms.Failures, ct);
        }
        for (var round = 0; round < rounds; round++)
        {
            arms.Begin();
            for (var slice = 0; slice < PagesPerRound / PagesPerSlice; slice++)
            {
                // Which comes first changes.
                foreach (var isSick in slice % 2 == 0 ? [true, false] : new[] { false, true })
                {
                    await LoadAsync(isSick ? sick : well, PagesPerSlice, isSick ? arms.Sick[^1] : arms.Healthy[^1], arms.Failures, ct);
                }
            }
        }
        arms.Asked = ill.Asked;
        return arms;
    }

    private static async Task<Arms> FromMidLoadAsync(string fault, int rounds, int warmUp, CancellationToken ct)
    {
        await using var provider = await Provider.StartAsync(ct);
        using var data = new Folder();
        await using var server = await StartAsync(data, provider, ct);
        var arms = new Arms();
        await provider.HeardAsync(s_patience, ct);
        await LoadAsync(server, warmUp, [], arms.Failures, ct);
        for (var round = 0; round < rounds; round++)
        {
            arms.Begin();
            await LoadAsync(server, PagesPerRound / 2, arms.Healthy[^1], arms.Failures, ct);
            await provider.BreakAsync(fault);
            await LoadAsync(server, PagesPerRound, arms.Sick[^1], arms.Failures, ct);
            await provider.MendAsync(ct);
            await provider.HeardAsync(s_patience, ct);
            await LoadAsync(server, PagesPerRound / 2, arms.Healthy[^1], arms.Failures, ct);   // half of the healthy ones before, half after: what drifts hits both alike
        }
        arms.Asked = provider.Asked;
        return arms;
    }

    private static IEnumerable<Measured> Of(string of, Arms arms, Action<string> progress)
    {
        static double P99(List<double> of) => Percentile.Of(of, 0.99);
        static string Text(double number) => number.ToString("0.00", CultureInfo.InvariantCulture);
        var ratios = arms.Sick.Zip(arms.Healthy, (s, h) => P99(s) / P99(h)).ToList();
        var (sick, healthy) = (arms.Sick.SelectMany(s => s).ToList(), arms.Healthy.SelectMany(h => h).ToList());
        var ratio = Percentile.Of(ratios, 0.5);
        progress($"{of}: p99 {Text(P99(healthy))} ms healthy, {Text(P99(sick))} ms sick, ratio {Text(ratio)}");
        return
        [
            Measured.AtMost(0, $"{of}/failed", arms.Failures.Count, "", arms.Failures.FirstOrDefault()),
            (of.StartsWith($"flags/{None}", StringComparison.Ordinal) ? Measured.Of($"{of}/p99_ratio", ratio, "") : Measured.AtMost(MostRatio, $"{of}/p99_ratio", ratio, "")) with
            {
                Note = $"median of {string.Join(", ", ratios.Select(Text))}; all {sick.Count} and {healthy.Count} pages: p99 {Text(P99(sick))} over {Text(P99(healthy))} ms, p50 {Text(Percentile.Of(sick, 0.5))} over {Text(Percentile.Of(healthy, 0.5))}; the provider was asked {arms.Asked} times",
            },
        ];
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

        private WebApplication _app;
        private readonly CancellationTokenSource _over = new();
        private CancellationTokenSource _streams = new();
        private int _asked;
        private volatile TaskCompletionSource _heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile string? _fault;

        private Provider(WebApplication app) => _app = app;

        public string Url { get; private set; } = "";

        public int Asked => Volatile.Read(ref _asked);

        public static async Task<Provider> StartAsync(CancellationToken ct)
        {
            var app = Build(0);
            var provider = new Provider(app);
            app.Run(provider.AnswerAsync);
            await app.StartAsync(ct);
            provider.Url = app.Urls.Single();
            return provider;
        }

        /// <summary>From now on; whoever listens is cut off, so that it is met at once.</summary>
        public async Task BreakAsync(string fault)
        {
            (_fault, _heard) = (fault, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            CutOff();
            if (fault == "refuses")
            {
                using var now = new CancellationTokenSource();
                await now.CancelAsync();
                await _app.StopAsync(now.Token);
            }
        }

        /// <summary>Well again, for whoever asks next.</summary>
        public async Task MendAsync(CancellationToken ct)
        {
            var wasAway = _fault == "refuses";
            _fault = null;
            CutOff();
            if (wasAway)
            {
                var port = new Uri(Url).Port;
                await _app.DisposeAsync();
                _app = Build(port);
                _app.Run(AnswerAsync);
                await _app.StartAsync(ct);
            }
        }

        /// <summary>Waits until a stream has had the document since it was broken last: the node's pauses grow while it is.</summary>
        public Task HeardAsync(TimeSpan patience, CancellationToken ct) => _heard.Task.WaitAsync(patience, TimeProvider.System, ct);

        private static WebApplication Build(int port)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
            return builder.Build();
        }

        private void CutOff()
        {
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
            var fault = _fault;
            using var until = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, _over.Token, _streams.Token);
            try
            {
                switch (fault)
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
                        http.Response.StatusCode = int.Parse(fault, CultureInfo.InvariantCulture);
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
                    default:   // none, or well again
                        if (http.Request.Path != "/all")
                        {
                            await http.Response.WriteAsync(Document, until.Token);
                            break;
                        }
                        http.Response.ContentType = "text/event-stream";
                        await http.Response.WriteAsync($"event: put\ndata: {{\"path\":\"/\",\"data\":{Document}}}\n\n", until.Token);
                        await http.Response.Body.FlushAsync(until.Token);
                        _heard.TrySetResult();
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
