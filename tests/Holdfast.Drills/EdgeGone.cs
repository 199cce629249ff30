using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Holdfast.Bench;

namespace Holdfast.Drills;

/// <summary>Three nodes behind an edge, under steady load of everything: one is killed, one stopped and continued, one comes back with an empty disk, all are restarted one by one.</summary>
[Collection(nameof(AloneOnTheMachine))]
public sealed class EdgeGone(ITestOutputHelper output)
{
    private const string Password = "correct horse battery staple";
    private const int People = 12;

    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    [Fact]
    public async Task Nodes_go_and_come_back_and_nobody_behind_the_edge_is_refused_but_who_was_in_the_dead_node()
    {
        await using var nodes = await Nodes.StartAsync(3, isLinked: false);
        await using var edge = await Edge.StartAsync(nodes);
        using var load = await Load.StartAsync(nodes, edge);

        try
        {
            await load.PhaseAsync("all well", () => Task.Delay(Quiet));
            await load.PhaseAsync("one killed", async () =>
            {
                await nodes[3].KillAsync();
                await Task.Delay(Quiet);
            });
            await load.PhaseAsync("it is back", async () =>
            {
                await nodes[3].StartAsync();
                await edge.UntilReadyAsync(3);
            });
            await load.PhaseAsync("one stopped", async () =>
            {
                nodes[2].Freeze();
                await edge.UntilAsync("the stopped node is ejected", "node-2", "ejected");
                await Task.Delay(Quiet);
            });
            await load.PhaseAsync("it goes on", async () =>
            {
                nodes[2].Thaw();
                await edge.UntilReadyAsync(3);
            });
            await load.PhaseAsync("one comes cold", async () =>
            {
                await nodes[3].StopAsync();
                nodes[3].EmptyDisk();
                await nodes[3].StartAsync();
                await edge.UntilReadyAsync(3);
            });
            await load.PhaseAsync("all restarted in turn", async () =>
            {
                foreach (var node in nodes.All)
                {
                    await node.StopAsync();
                    await node.StartAsync();
                    await edge.UntilReadyAsync(3);
                }
            });
        }
        finally
        {
            await load.StopAsync();
            output.WriteLine(load.Write());
            output.WriteLine((await edge.HealthAsync()).ToString());
            foreach (var node in load.Failures.Count > 0 ? nodes.All : [])
            {
                output.WriteLine($"{node.Name} said last:\n{node.Said}");
            }
        }
        // The requests that were in the node when it died or stopped: one a worker at most, of those that may not be sent again.
        Assert.All(load.InFlight, f => Assert.True(f.Kind is "sign-in" or "single sign-on" && f.Phase is "all well" or "one killed" or "it is back" or "one stopped", $"{f.Kind}, {f.Phase}: {f.Failure}"));
        Assert.True(load.InFlight.Count <= 2 * (Load.SignIns + 1), $"{load.InFlight.Count} were in flight.");
        Assert.Empty(load.Failures);
        Assert.Equal(Load.Kinds.Order(), load.Counts.Keys.Order());
        Assert.All(load.Counts, c => Assert.True(c.Value > 10, $"{c.Key}: {c.Value}"));
    }

    /// <summary>The edge, a process of its own.</summary>
    private sealed class Edge : IAsyncDisposable
    {
        private readonly Process _process;
        private readonly string _data;

        private Edge(Process process, NodeCaller way, int port, string data) => (_process, Way, Port, _data) = (process, way, port, data);

        /// <summary>Called as a node is.</summary>
        public NodeCaller Way { get; }

        private int Port { get; }

        public static async Task<Edge> StartAsync(Nodes nodes)
        {
            var (port, data) = (DevServer.FreePort(), Directory.CreateTempSubdirectory("holdfast-edge-").FullName);
            // Deadlines as of a machine that has other work to do.
            var start = DevServer.Command(
                "edge", "--nodes", string.Join(',', nodes.All.Select(n => n.Url.OriginalString)), "--urls", $"http://127.0.0.1:{port}", "--data", data, "--probe-deadline", "3s", "--slow-start", "2s", "--patience", "4");
            var process = Process.Start(start)!;
            process.OutputDataReceived += static (_, _) => { };
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            var edge = new Edge(process, new NodeCaller(port), port, data);
            await edge.UntilReadyAsync(nodes.All.Count);
            return edge;
        }

        public async Task<JsonElement> HealthAsync()
        {
            using var http = new Resilience.LoopbackClient();
            using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{Port}/edge/health");
            try
            {
                using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
                using var json = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
                return json.RootElement.Clone();
            }
            catch (HttpRequestException) when (!_process.HasExited)
            {
                return default;   // it does not listen yet
            }
        }

        public Task<TimeSpan> UntilReadyAsync(int count) => Nodes.UntilAsync($"{count} nodes are ready behind the edge", Patience, async () =>
            await HealthAsync() is { ValueKind: JsonValueKind.Object } health && health.TryGetProperty("nodes", out var all) && all.EnumerateArray().Count(n => n.GetProperty("state").GetString() == "ready") == count);

        public Task<TimeSpan> UntilAsync(string what, string node, string state) => Nodes.UntilAsync(what, Patience, async () =>
            (await HealthAsync()).GetProperty("nodes").EnumerateArray().Any(n => n.GetProperty("node").GetString() == node && n.GetProperty("state").GetString() == state));

        public async ValueTask DisposeAsync()
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            _process.Dispose();
            Way.Dispose();
            Directory.Delete(_data, recursive: true);
        }
    }

    /// <summary>People, applications and an administrator who go on all the while. Each of them asks one thing after the other.</summary>
    private sealed class Load : IDisposable
    {
        public const int SignIns = 2;

        private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(150);

        private readonly CancellationTokenSource _stop = new();
        private readonly ConcurrentQueue<Row> _rows = new();
        private readonly List<Task> _workers = [];
        private readonly SamlPeople _people;
        private readonly NodeCaller _edge;
        private readonly (string ApiKey, string ClientId) _environment;
        private volatile string _phase = "";
        private int _number;

        private Load(SamlPeople people, NodeCaller edge, (string, string) environment) => (_people, _edge, _environment) = (people, edge, environment);

        internal sealed record Row(string Kind, string Phase, string? Failure, bool IsInFlight, double Milliseconds);

        public static string[] Kinds => ["sign-in", "refresh", "API read", "keys", "administration", "single sign-on"];

        public IReadOnlyList<Row> InFlight => [.. _rows.Where(r => r.IsInFlight)];

        public IReadOnlyList<string> Failures => [.. _rows.Where(r => r.Failure is not null && !r.IsInFlight).Select(r => $"{r.Kind}, {r.Phase}: {r.Failure}")];

        public IReadOnlyDictionary<string, int> Counts => _rows.GroupBy(r => r.Kind).ToDictionary(g => g.Key, g => g.Count());

        public static async Task<Load> StartAsync(Nodes nodes, Edge edge)
        {
            var people = await SamlPeople.SetUpAsync(nodes);
            var environment = nodes.Environment;
            for (var i = 0; i < People; i++)
            {
                (await people.MadeAsync("/user_management/users", new { email = $"known-{i}@people.test", password = Password, email_verified = true })).Is(201);
            }
            await nodes.LevelAsync();
            var load = new Load(people, edge.Way, environment);
            var organization = (await people.MadeAsync("/organizations", new { name = "Read" })).Is(201).Text("id")!;
            await nodes.LevelAsync();
            load.Run("sign-in", SignIns, async (_, n) => { await load.SignInAsync($"known-{n % People}@people.test"); });
            var tokens = new string?[3];
            load.Run("refresh", tokens.Length, async (worker, n) =>
            {
                tokens[worker] ??= (await load.SignInAsync($"known-{n % People}@people.test")).Text("refresh_token")!;
                var answer = await load.AuthenticateAsync(("grant_type", "refresh_token"), ("refresh_token", tokens[worker]!));
                tokens[worker] = load.Good(answer).Text("refresh_token")!;
            });
            load.Run("API read", 3, async (_, _) => load.Good(await edge.Way.SendAsync("GET", $"/organizations/{organization}", bearer: environment.ApiKey, within: Patience)));
            load.Run("keys", 1, async (_, _) => load.Good(await edge.Way.SendAsync("GET", $"/sso/jwks/{environment.ClientId}", within: Patience)));
            load.Run("administration", 1, async (_, n) =>
            {
                // The primary's node is restarted, too: a change waits for it, and is made once.
                var name = $"Made {n}";
                Node.Answer? answer = null;
                await Nodes.UntilAsync("a change is made", Patience, async () =>
                    (answer = await edge.Way.SendAsync("POST", "/organizations", JsonSerializer.Serialize(new { name }), "application/json", environment.ApiKey, within: Patience, key: $"made-{n}")).Status is not (502 or 503 or 504));
                Assert.True(answer!.Status == 201, $"{answer.Status} {answer.Json}");
            });
            load.Run("single sign-on", 1, async (_, n) =>
            {
                var code = await load.CodeAsync(n);
                Node.Answer? answer = null;
                // Its node alone redeems it: while that is away, the application asks again.
                await Nodes.UntilAsync("the node of a code is back", Patience, async () => (answer = await load._people.RedeemAsync(edge.Way, code, $"code-{n}")).Code is not "authority_unavailable");
                load.Good(answer!, code);
            });
            return load;
        }

        public async Task PhaseAsync(string name, Func<Task> work)
        {
            _phase = name;
            await work();
            await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
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
            var text = new StringBuilder().AppendLine($"| behind the edge | {string.Join(" | ", phases)} | in flight in the dead node | failed | p50, ms | p99, ms | slowest, ms |").AppendLine($"|---|{string.Concat(phases.Select(_ => "---|"))}---|---|---|---|---|");
            foreach (var kind in rows.GroupBy(r => r.Kind))
            {
                List<double> took = [.. kind.Select(r => r.Milliseconds)];
                text.AppendLine(CultureInfo.InvariantCulture,
                    $"| {kind.Key} | {string.Join(" | ", phases.Select(p => kind.Count(r => r.Phase == p)))} | {kind.Count(r => r.IsInFlight)} | {kind.Count(r => r.Failure is not null && !r.IsInFlight)} | {Percentile.Of(took, 0.5):0} | {Percentile.Of(took, 0.99):0} | {took.Max():0} |");
            }
            foreach (var row in rows.Where(r => r.Failure is not null).Take(20))
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"{row.Kind}, {row.Phase}: {row.Failure}");
            }
            return text.ToString();
        }

        public void Dispose()
        {
            _stop.Dispose();
            _people.Dispose();
        }

        private void Run(string kind, int workers, Func<int, int, Task> work)
        {
            for (var i = 0; i < workers; i++)
            {
                var worker = i;
                _workers.Add(Task.Run(async () =>
                {
                    while (!_stop.IsCancellationRequested)
                    {
                        await CountAsync(kind, () => work(worker, Interlocked.Increment(ref _number)));
                        await Task.Delay(s_pause, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    }
                }));
            }
        }

        private async Task CountAsync(string kind, Func<Task> work)
        {
            var (phase, began) = (_phase, Stopwatch.GetTimestamp());
            var (failure, isInFlight) = ((string?)null, false);
            try
            {
                await work();
            }
            catch (Exception fault)
            {
                // What the edge says when a request was in a node that died or hung, and may not be sent again.
                failure = fault.Message.ReplaceLineEndings(" ");
                isInFlight = failure.Contains("node_lost", StringComparison.Ordinal) || failure.Contains("node_timeout", StringComparison.Ordinal);
            }
            _rows.Enqueue(new Row(kind, phase, failure, isInFlight, Stopwatch.GetElapsedTime(began).TotalMilliseconds));
        }

        /// <summary>A browser goes where it is sent: when the node that alone could end its sign-in is away, to the identity provider once more.</summary>
        private async Task<string> CodeAsync(int number)
        {
            for (var again = 0; ; again++)
            {
                try
                {
                    return await _people.ObtainCodeAsync(_edge, $"sso-{number}@people.test");
                }
                catch (InvalidOperationException restarted) when (again < 2 && restarted.Message.StartsWith("No code came back", StringComparison.Ordinal))
                {
                    // Once more.
                }
            }
        }

        private Task<Node.Answer> AuthenticateAsync(params (string Name, string Value)[] fields) => _edge.SendAsync(
            "POST", "/user_management/authenticate",
            JsonSerializer.Serialize(fields.Append(("client_id", _environment.ClientId)).Append(("client_secret", _environment.ApiKey)).ToDictionary(f => f.Item1, f => f.Item2)), "application/json", within: Patience);

        private async Task<Node.Answer> SignInAsync(string email) => Good(await AuthenticateAsync(("grant_type", "password"), ("email", email), ("password", Password)));

        private Node.Answer Good(Node.Answer answer, string? code = null) =>
            answer.Status == 200 ? answer : throw new InvalidOperationException($"{answer.Status} {answer.Json}{(code is null ? "" : $", a code of the life {code.Split('.')[0]}")}");
    }
}
