using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Holdfast.Bench;
using Holdfast.Resilience;

namespace Holdfast.Drills;

/// <summary>The day that this house was built after, 20 October 2025, both of its outages, played faster: three nodes in two regions behind an edge, on a real PostgreSQL whose credentials an issuer hands out, with a flag provider,
/// a collector and a mail server. People sign in by SSO and AuthKit all the while. How many failed, what the nodes named, and after how long.</summary>
/// <remarks>What is published of that day is a fact here; what stands for it is said beside it, in <see cref="Fault"/>. Products that are not built yet (Audit Logs, Admin Portal, Directory Sync, Dashboard) are not counted.</remarks>
[Collection(nameof(AloneOnTheMachine))]
public sealed class TheDay(ITestOutputHelper output)
{
    /// <summary>Times as fast as that day: its 565 minutes in 85 seconds.</summary>
    private const double Speed = 400;

    private const int FirstMinutes = 150;
    private const int SecondMinutes = 415;
    private const int Home = 1;   // the region that was down has one node; the other has two
    private const string Password = "correct horse battery staple";
    private const int People = 8;
    private const string Role = "holdfast_day";
    private const string Secret = "first-secret";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_latency = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_between = TimeSpan.FromMilliseconds(600);

    /// <summary>What breaks, and what it must be called.</summary>
    /// <param name="Names">Of which one must be given.</param>
    /// <param name="StandsFor">What is played where the day itself cannot be.</param>
    private sealed record Fault(string Period, int Minute, string What, string StandsFor, string[] Names)
    {
        public DateTimeOffset? At { get; set; }
    }

    // By name, until it has been seen to pass time after time: once a session ended when the frozen home node did late what it had been asked before (Holdfast.Http.Awake).
    [Fact(Explicit = true)]
    public async Task Nobody_is_refused_and_every_cause_has_its_name()
    {
        Assert.SkipWhen(PostgresProcess.Missing is not null, PostgresProcess.Missing ?? "");
        var ct = TestContext.Current.CancellationToken;
        using var authority = new FarAuthority();
        await using var postgres = await PostgresProcess.StartAsync();
        await postgres.SqlAsync($"CREATE ROLE {Role} LOGIN PASSWORD '{Secret}'");
        await postgres.SqlAsync($"CREATE DATABASE {Role} OWNER {Role}");
        await using var issuer = await FarHost.StartAsync(1, null, authority, ct, says: $$"""{"username":"{{Role}}","password":"{{Secret}}"}""");
        await using var flags = await FarHost.StartAsync(2, null, authority, ct, says: """{"version":1,"features":[]}""");
        await using var collector = await FarHost.StartAsync(3, null, authority, ct);
        await using var mail = await FarHost.StartAsync(4, null, authority, ct, isMail: true);
        using var resolver = new FarResolver();
        await using var nodes = await Nodes.StartAsync(3, isLinked: false, more: number =>
        [
            "--primary", $"Host=127.0.0.1;Port={postgres.Port};Database={Role};Timeout=15;Command Timeout=30", "--credentials", issuer.Url, "--region", number == Home ? "home" : "away",
            "--flags", $"unleash:{flags.Url}", "--otlp", collector.Url, "--smtp", $"smtp://{mail.Address}:{mail.Port}", "--dns", resolver.EndPoint.ToString(),
        ]);
        await using var edge = await EdgeProcess.StartAsync(nodes);
        using var load = await Load.StartAsync(nodes, edge.Way);
        Fault[] faults =
        [
            new("first", 0, "the issuer of the database's credentials", "hangs, and answers with errors, in turns", ["credentials"]),
            new("first", 0, "the home region", "its node is stopped: it neither answers nor refuses", [$"peer:{nodes[Home].Url.GetLeftPart(UriPartial.Authority)}"]),
            new("first", 2, "new connections to the database", "it turns logins away, and open connections are cut", ["credentials", "primary"]),
            new("first", 10, "names", "the resolver turns questions away", ["dns"]),
            new("second", 0, "the flag provider", "accepts, and never answers", ["flags:unleash"]),
            new("second", 0, "telemetry", "accepts, and never answers", ["telemetry"]),
            new("second", 0, "mail", "accepts, and never answers", ["mail"]),
        ];
        try
        {
            await load.PhaseAsync("before", () => Task.Delay(TimeSpan.FromSeconds(5), ct));
            await load.PhaseAsync("first outage", () => FirstAsync(faults, nodes, edge, postgres, issuer, resolver));
            await load.PhaseAsync("healed", async () =>
            {
                nodes[Home].Thaw();
                issuer.Mend();
                await postgres.SqlAsync($"ALTER ROLE {Role} PASSWORD '{Secret}'");
                resolver.Mend();
                await edge.UntilReadyAsync(3);
                await Nodes.UntilAsync("administrators can write again", s_patience, async () => (await load.ChangeAsync()).Status == 201);
            });
            await load.PhaseAsync("second outage", () => SecondAsync(faults, nodes, flags, collector, mail));
            await load.PhaseAsync("after", () => Task.Delay(TimeSpan.FromSeconds(3), ct));
        }
        finally
        {
            await load.StopAsync();
            var named = Named(nodes, faults);
            output.WriteLine(load.Write());
            output.WriteLine(Write(named));
            output.WriteLine(string.Join('\n', All(nodes).Select(e => $"{e.At:HH:mm:ss.fff} {e.Change} {e.Dependency} {e.How} since {e.Since:HH:mm:ss.fff}")));
        }
        Assert.Empty(load.Failures);
        Assert.True(load.Again <= 2 * Load.Workers, $"{load.Again} were done again; one a worker was in the node that stopped, or held a code of it.");
        Assert.All(Load.Products, p => Assert.True(load.Count(p) > 20, $"{p}: {load.Count(p)}"));
        Assert.All(Named(nodes, faults), n => Assert.True(n.Seconds is not null, $"{n.Fault.What} was not named."));
    }

    private static async Task FirstAsync(Fault[] faults, Nodes nodes, EdgeProcess edge, PostgresProcess postgres, FarHost issuer, FarResolver resolver)
    {
        var day = new Clock("first", faults);
        await day.AtAsync(0, "the issuer");
        issuer.Fault = FaultKind.Hang;
        await day.AtAsync(0, "the home region");
        nodes[Home].Freeze();
        await day.AtAsync(2, "new connections");
        await postgres.SqlAsync($"ALTER ROLE {Role} PASSWORD 'nobody-has-it'");
        await postgres.CutConnectionsAsync();
        await day.AtAsync(5);
        issuer.Fault = FaultKind.Error;
        await edge.UntilEjectedAsync(nodes[Home].Name);
        // Every node was restarted, with the database away; the one that does not answer cannot be.
        foreach (var node in nodes.All.Where(n => n.Number != Home))
        {
            await node.StopAsync();
            await node.StartAsync();
            await edge.UntilReadyAsync(2);
        }
        await day.AtAsync(10, "names");
        resolver.Break(FaultKind.Error);
        issuer.Fault = FaultKind.Hang;
        await day.AtAsync(FirstMinutes);
        await day.UntilNamedAsync(nodes);
    }

    private static async Task SecondAsync(Fault[] faults, Nodes nodes, FarHost flags, FarHost collector, FarHost mail)
    {
        var day = new Clock("second", faults);
        await day.AtAsync(0, "the flag");
        flags.Fault = FaultKind.Hang;
        await day.AtAsync(0, "telemetry");
        collector.Fault = FaultKind.Hang;
        await day.AtAsync(0, "mail");
        mail.Fault = FaultKind.Hang;
        // Nothing is deployed meanwhile, and the home region is late by 200 ms now and then.
        while (!day.IsOver(SecondMinutes))
        {
            nodes[Home].Freeze();
            await Task.Delay(s_latency, TestContext.Current.CancellationToken);
            nodes[Home].Thaw();
            await Task.Delay(s_between, TestContext.Current.CancellationToken);
        }
        await day.UntilNamedAsync(nodes);
    }

    /// <summary>That day's minutes.</summary>
    private sealed class Clock(string period, Fault[] faults)
    {
        private readonly long _began = Stopwatch.GetTimestamp();

        public bool IsOver(int minute) => Stopwatch.GetElapsedTime(_began) >= TimeSpan.FromMinutes(minute / Speed);

        /// <summary>Waits for a minute, and notes that something breaks then.</summary>
        public async Task AtAsync(int minute, string? what = null)
        {
            if (TimeSpan.FromMinutes(minute / Speed) - Stopwatch.GetElapsedTime(_began) is { Ticks: > 0 } left)
            {
                await Task.Delay(left, TestContext.Current.CancellationToken);
            }
            if (what is not null)
            {
                faults.Single(f => f.Period == period && f.What.StartsWith(what, StringComparison.Ordinal)).At = TimeProvider.System.GetUtcNow();
            }
        }

        /// <summary>A machine with other work may be later than the period is long.</summary>
        public Task<TimeSpan> UntilNamedAsync(Nodes nodes) => Nodes.UntilAsync($"all of the {period} outage is named", s_patience, () =>
            Task.FromResult(Named(nodes, faults).Where(n => n.Fault.Period == period).All(n => n.Seconds is not null)));
    }

    private static IEnumerable<Causes.CauseRing.Entry> All(Nodes nodes) => nodes.All.SelectMany(n => new Causes.CauseRing(n.Data).Read()).OrderBy(e => e.At);

    /// <summary>When the first node named each, by the rings on their disks. What was named before, and not taken back since, was named at once.</summary>
    private static List<(Fault Fault, double? Seconds, string? As)> Named(Nodes nodes, Fault[] faults)
    {
        var all = All(nodes).ToList();
        return [.. faults.Where(f => f.At is not null).Select(f =>
        {
            var first = all.Find(e => e.Change is "named" or "known_better" && e.At >= f.At && (f.Names.Contains(e.Dependency) || e.Symptoms.Any(f.Names.Contains)));
            return (f, first is null ? (double?)null : (first.At - f.At!.Value).TotalSeconds, first is null ? null : $"{first.Dependency} {first.How}");
        })];
    }

    private static string Write(IEnumerable<(Fault Fault, double? Seconds, string? As)> named)
    {
        var text = new StringBuilder().AppendLine("| outage | minute | what broke | as | named | after, s |").AppendLine("|---|---:|---|---|---|---:|");
        foreach (var (fault, seconds, name) in named)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| {fault.Period} | {fault.Minute} | {fault.What} | {fault.StandsFor} | {name ?? "–"} | {seconds:0.0} |");
        }
        return text.ToString();
    }

    /// <summary>The edge, in a process of its own.</summary>
    private sealed class EdgeProcess : IAsyncDisposable
    {
        private readonly Process _process;
        private readonly string _data;
        private readonly int _port;
        private readonly LoopbackClient _asking = new();

        private EdgeProcess(Process process, int port, string data) => (_process, _port, Way, _data) = (process, port, new NodeCaller(port), data);

        public NodeCaller Way { get; }

        public static async Task<EdgeProcess> StartAsync(Nodes nodes)
        {
            var (port, data) = (DevServer.FreePort(), Directory.CreateTempSubdirectory("holdfast-edge-").FullName);
            var process = Process.Start(DevServer.Command(
                "edge", "--nodes", string.Join(',', nodes.All.Select(n => n.Url.OriginalString)), "--urls", $"http://127.0.0.1:{port}", "--data", data, "--probe-deadline", "3s", "--slow-start", "2s"))!;
            process.OutputDataReceived += static (_, _) => { };
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            var edge = new EdgeProcess(process, port, data);
            await edge.UntilReadyAsync(nodes.All.Count);
            return edge;
        }

        public Task<TimeSpan> UntilReadyAsync(int count) => Nodes.UntilAsync($"{count} nodes are ready behind the edge", s_patience, async () => (await StatesAsync()).Count(s => s.State == "ready") >= count);

        public Task<TimeSpan> UntilEjectedAsync(string node) => Nodes.UntilAsync($"{node} is not asked any more", s_patience, async () => (await StatesAsync()).Any(s => s.Node == node && s.State != "ready"));

        public async ValueTask DisposeAsync()
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            _process.Dispose();
            Way.Dispose();
            _asking.Dispose();
            Directory.Delete(_data, recursive: true);
        }

        private async Task<List<(string? Node, string? State)>> StatesAsync()
        {
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{_port}/edge/health");
                using var answer = await _asking.SendAsync(request, TestContext.Current.CancellationToken);
                using var json = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
                return json.RootElement.TryGetProperty("nodes", out var all) ? [.. all.EnumerateArray().Select(n => (n.GetProperty("node").GetString(), n.GetProperty("state").GetString()))] : [];
            }
            catch (HttpRequestException) when (!_process.HasExited)
            {
                return [];   // it does not listen yet
            }
        }
    }

    /// <summary>People, and applications for them, by way of the edge. Each does one thing after the other.</summary>
    private sealed class Load : IDisposable
    {
        public const int Workers = 6;

        /// <summary>What the edge, or a node, says where somebody was in a node that stopped, or holds a code that it alone can redeem: they begin again, and it must go well then.</summary>
        private static readonly string[] s_ofAStoppedNode = ["node_lost", "node_timeout", "authority_unavailable", "No code came back", "invalid_grant"];

        private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

        private readonly CancellationTokenSource _stop = new();
        private readonly ConcurrentQueue<Row> _rows = new();
        private readonly List<Task> _workers = [];
        private readonly SamlPeople _people;
        private readonly NodeCaller _edge;
        private readonly (string ApiKey, string ClientId) _environment;
        private volatile string _phase = "";
        private int _number;

        private Load(SamlPeople people, NodeCaller edge, (string, string) environment) => (_people, _edge, _environment) = (people, edge, environment);

        private sealed record Row(string Product, string Phase, string? Failure, string? Before, double Milliseconds);

        public static string[] Products { get; } = ["SSO", "AuthKit, password", "AuthKit, refresh", "AuthKit, hosted page"];

        public IReadOnlyList<string> Failures => [.. _rows.Where(r => r.Failure is not null).Select(r => $"{r.Product}, {r.Phase}: {r.Failure} (before: {r.Before})")];

        public int Again => _rows.Count(r => r.Before is not null);

        public int Count(string product) => _rows.Count(r => r.Product == product);

        public static async Task<Load> StartAsync(Nodes nodes, NodeCaller edge)
        {
            var people = await SamlPeople.SetUpAsync(nodes);
            for (var i = 0; i < People; i++)
            {
                (await people.MadeAsync("/user_management/users", new { email = $"known-{i}@people.test", password = Password, email_verified = true })).Is(201);
            }
            // Applications that let us mail their codes.
            await Nodes.UntilAsync("codes are mailed", s_patience, async () =>
                (await nodes[1].SendAsync("PUT", "/mail_settings", """{"send":{"magic_auth_by_api":true}}""", "application/json", nodes.Environment.ApiKey)).Status == 200);
            await nodes.LevelAsync();
            var load = new Load(people, edge, nodes.Environment);
            load.Run("SSO", 1, async (_, n) =>
            {
                var code = await people.ObtainCodeAsync(edge, $"sso-{n}@people.test");
                Good(await people.RedeemAsync(edge, code, $"code-{n}"));
            });
            load.Run("AuthKit, password", 1, async (_, n) => await load.SignInAsync(n));
            var tokens = new string?[2];
            load.Run("AuthKit, refresh", tokens.Length, async (worker, n) =>
            {
                tokens[worker] ??= (await load.SignInAsync(n)).Text("refresh_token")!;
                tokens[worker] = Good(await load.AuthenticateAsync(("grant_type", "refresh_token"), ("refresh_token", tokens[worker]!))).Text("refresh_token")!;
            });
            load.Run("AuthKit, hosted page", 1, async (_, _) =>
            {
                var begun = await edge.SendAsync("GET", $"/user_management/authorize?response_type=code&provider=authkit&client_id={load._environment.ClientId}&state=s&redirect_uri={Uri.EscapeDataString("https://app.test/callback")}", within: s_patience);
                var page = begun.Location is { } to ? await edge.SendAsync("GET", new Uri(new Uri("http://id.drill.test"), to).PathAndQuery, cookie: begun.Cookies, within: s_patience) : begun;
                Assert.True(page.Status == 200 && page.Json.ToString().Contains("name=\"email\"", StringComparison.Ordinal), $"{page.Status} {page.Json.ToString()[..Math.Min(300, page.Json.ToString().Length)]}");
            });
            // Mailed codes: the mail waits, and nobody for it.
            load.Run("AuthKit, code by mail", 1, async (_, n) => Good(await edge.SendAsync(
                "POST", "/user_management/magic_auth", JsonSerializer.Serialize(new { email = $"known-{n % People}@people.test" }), "application/json", load._environment.ApiKey, within: s_patience)));
            return load;
        }

        /// <summary>An administrator's change: with the database away it is refused, and says so.</summary>
        public Task<Node.Answer> ChangeAsync() => _people.CallAsync("/organizations", new { name = "Afterwards" }, node: 2);

        public async Task PhaseAsync(string name, Func<Task> work)
        {
            _phase = name;
            await work();
        }

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await Task.WhenAll(_workers);
        }

        public string Write()
        {
            var rows = _rows.ToList();
            var phases = rows.Select(r => r.Phase).Distinct().ToList();
            var text = new StringBuilder().AppendLine($"| 20 October 2025, {Speed:0} times as fast | {string.Join(" | ", phases)} | begun again | failed | p50, ms | p99, ms | slowest, ms |").AppendLine($"|---|{string.Concat(phases.Select(_ => "---:|"))}---:|---:|---:|---:|---:|");
            foreach (var product in rows.GroupBy(r => r.Product))
            {
                List<double> took = [.. product.Select(r => r.Milliseconds)];
                text.AppendLine(CultureInfo.InvariantCulture,
                    $"| {product.Key} | {string.Join(" | ", phases.Select(p => product.Count(r => r.Phase == p)))} | {product.Count(r => r.Before is not null)} | {product.Count(r => r.Failure is not null)} | {Percentile.Of(took, 0.5):0} | {Percentile.Of(took, 0.99):0} | {took.Max():0} |");
            }
            foreach (var row in rows.Where(r => r.Failure is not null || r.Before is not null).Take(20))
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"{row.Product}, {row.Phase}: {Short(row.Failure ?? "well, once more")}; before: {Short(row.Before)}");
            }
            return text.ToString();
        }

        public void Dispose()
        {
            _stop.Dispose();
            _people.Dispose();
        }

        private void Run(string product, int workers, Func<int, int, Task> work)
        {
            for (var i = 0; i < workers; i++)
            {
                var worker = i;
                _workers.Add(Task.Run(async () =>
                {
                    while (!_stop.IsCancellationRequested)
                    {
                        await CountAsync(product, () => work(worker, Interlocked.Increment(ref _number)));
                        await Task.Delay(s_pause, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    }
                }));
            }
        }

        private async Task CountAsync(string product, Func<Task> work)
        {
            var (phase, began) = (_phase, Stopwatch.GetTimestamp());
            var failure = await FailureAsync(work);
            string? before = null;
            if (failure is not null && s_ofAStoppedNode.Any(word => failure.Contains(word, StringComparison.Ordinal)))
            {
                (before, began) = (failure, Stopwatch.GetTimestamp());
                failure = await FailureAsync(work);
            }
            _rows.Enqueue(new Row(product, phase, failure, before, Stopwatch.GetElapsedTime(began).TotalMilliseconds));
        }

        private static string? Short(string? text) => text?[..Math.Min(text.Length, 160)];

        private static async Task<string?> FailureAsync(Func<Task> work)
        {
            try
            {
                await work();
                return null;
            }
            catch (Exception fault)
            {
                return fault.Message.ReplaceLineEndings(" ");
            }
        }

        private Task<Node.Answer> AuthenticateAsync(params (string Name, string Value)[] fields) => _edge.SendAsync(
            "POST", "/user_management/authenticate",
            JsonSerializer.Serialize(fields.Append(("client_id", _environment.ClientId)).Append(("client_secret", _environment.ApiKey)).ToDictionary(f => f.Item1, f => f.Item2)), "application/json", within: s_patience);

        private async Task<Node.Answer> SignInAsync(int number) => Good(await AuthenticateAsync(("grant_type", "password"), ("email", $"known-{number % People}@people.test"), ("password", Password)));

        private static Node.Answer Good(Node.Answer answer) => answer.Status is 200 or 201 ? answer : throw new InvalidOperationException($"{answer.Status} {answer.Json}");
    }
}
