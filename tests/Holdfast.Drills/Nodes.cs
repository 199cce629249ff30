using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Holdfast.Bench;

namespace Holdfast.Drills;

/// <summary>Several nodes, each the whole server in a process of its own (<see cref="PeopleServer"/>). The first has the primary. They are called through sockets in the
/// file system, which no cut between them touches.</summary>
internal sealed class Nodes : IAsyncDisposable
{
    /// <summary>A cluster is whole when every node knows every life, and the list of nodes is settled.</summary>
    private static readonly TimeSpan WholeDeadline = TimeSpan.FromSeconds(45);

    private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-nodes-").FullName;
    private readonly List<Node> _nodes = [];

    public IReadOnlyList<Node> All => _nodes;

    public Links? Links { get; private init; }

    public string ClusterKeyFile => Path.Combine(_folder, "cluster.key");

    /// <summary>By number, from 1.</summary>
    public Node this[int number] => _nodes[number - 1];

    /// <param name="isLinked">In network namespaces, so that links can be cut.</param>
    /// <param name="scheme">How nodes speak to each other: <c>http</c> or <c>https</c>.</param>
    /// <param name="more">Options of a node besides, by its number; with a primary among them, it is the one of all.</param>
    public static async Task<Nodes> StartAsync(int count, bool isLinked, string scheme = "http", Func<int, string[]>? more = null)
    {
        if (isLinked)
        {
            Assert.SkipWhen(Links.WhyNot is not null, Links.WhyNot ?? "");
        }
        var nodes = new Nodes { Links = isLinked ? new Links(count) : null };
        try
        {
            var urls = Enumerable.Range(1, count).Select(n => isLinked ? $"{scheme}://{Links.Address(n)}:4100" : $"{scheme}://127.0.0.1:{DevServer.FreePort()}").ToArray();
            for (var n = 1; n <= count; n++)
            {
                nodes._nodes.Add(new Node(n, urls, nodes._folder, nodes.Links?.Namespace(n), more?.Invoke(n) ?? []));
            }
            await nodes.FirstStartAsync();
            await nodes[1].StopAsync();
            await nodes[1].StartAsync();
            await Task.WhenAll(nodes.All.Skip(1).Select(n => n.StartAsync()));
            await nodes.WholeAsync();
            return nodes;
        }
        catch
        {
            await nodes.DisposeAsync();
            throw;
        }
    }

    /// <summary>The first node of a cluster starts once without the others, and makes an environment in the primary, which on a busy machine may be late; then it goes on where it ended.</summary>
    private async Task FirstStartAsync()
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                await this[1].StartAsync(alone: true);
                return;
            }
            catch (InvalidOperationException late) when (tries < 5 && late.Message.Contains("did not answer in time", StringComparison.Ordinal))
            {
                // Once more.
            }
        }
    }

    /// <summary>The key of the first environment's API, and its client id.</summary>
    public (string ApiKey, string ClientId) Environment
    {
        get
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(this[1].Data, "bootstrap.json")));
            return (json.RootElement.GetProperty("api_key").GetString()!, json.RootElement.GetProperty("client_id").GetString()!);
        }
    }

    /// <summary>Waits until all nodes hear each other, know each other's lives, and have settled on the list of nodes.</summary>
    public Task WholeAsync() => UntilAsync("the cluster is whole", WholeDeadline, async () =>
    {
        var states = await Task.WhenAll(All.Select(n => n.PostAsync("state")));
        var lives = states.Select(s => s.Text("incarnation")).ToList();
        return states.All(s => s.Status == 200 && s.Texts("nodes").Count == All.Count && lives.All(life => s.Texts("known").Contains(life!))
            && s.Texts("heard").Count == All.Count - 1 && s.Texts("heard").All(lives.Contains));
    });

    /// <summary>Waits until all nodes hold the same, and the primary has every fact.</summary>
    public Task LevelAsync() => UntilAsync("all nodes are level", WholeDeadline, async () =>
    {
        var states = await Task.WhenAll(All.Select(n => n.PostAsync("state")));
        return states.All(s => s.Status == 200 && s.Json.GetProperty("is_level").GetBoolean()) && states.Select(s => s.Text("digest")).Distinct().Count() == 1;
    });

    /// <summary>Waits for what the drill needs next.</summary>
    /// <returns>How long that took.</returns>
    public static async Task<TimeSpan> UntilAsync(string what, TimeSpan deadline, Func<Task<bool>> isSo)
    {
        var since = Stopwatch.GetTimestamp();
        while (!await isSo())
        {
            if (Stopwatch.GetElapsedTime(since) > deadline)
            {
                throw new TimeoutException($"After {deadline.TotalSeconds} s it is not so that {what}.");
            }
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
        return Stopwatch.GetElapsedTime(since);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            await node.DisposeAsync();
        }
        Links?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>One of them.</summary>
internal sealed class Node : NodeCaller, IAsyncDisposable
{
    private const int Terminate = 15;
    private const int Continue = 18;
    private const int Stop = 19;
    private const int MostLinesKept = 100;

    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(150);

    private readonly string[] _urls;
    private readonly string _folder;
    private readonly string? _namespace;
    private readonly ConcurrentQueue<string> _said = new();
    private Process? _process;

    private readonly string[] _more;

    public Node(int number, string[] urls, string folder, string? networkNamespace, string[] more)
        : base(Path.Combine(folder, $"{number}.socket")) => (Number, _urls, _folder, _namespace, _more) = (number, urls, folder, networkNamespace, more);

    public int Number { get; }

    public string Name => $"node-{Number}";

    /// <summary>Where the others find it.</summary>
    public Uri Url => new(_urls[Number - 1]);

    public string Data => Path.Combine(_folder, Name);

    /// <summary>Says what it said last, when it is there no more.</summary>
    public string Said => string.Join('\n', _said);

    /// <summary>Starts the node on its data, and returns when it is ready.</summary>
    /// <param name="alone">As the first one of a cluster, before there are others.</param>
    public async Task StartAsync(bool alone = false)
    {
        Directory.CreateDirectory(Data);
        File.Delete(Socket);
        List<string> arguments =
        [
            PeopleServer.Switch, "--urls", $"{_urls[Number - 1]};http://unix:{Socket}", "--public-url", "http://id.drill.test", "--data", Data, "--node", Name,
            "--zone", $"zone-{Number}", "--cluster-key-file", Path.Combine(_folder, "cluster.key"), "--rate-limit-factor", "1000",
            "--trusted-proxies", "127.0.0.1",
        ];
        if (!alone)
        {
            arguments.AddRange(["--peers", string.Join(',', _urls.Where((_, i) => i != Number - 1))]);
        }
        arguments.AddRange(_more);
        if (Number > 1 && !_more.Contains("--primary"))
        {
            arguments.AddRange(["--primary", $"node:{_urls[0]}"]);
        }
        var program = System.Environment.ProcessPath!;
        var start = _namespace is null
            ? new ProcessStartInfo(program, arguments)
            : new ProcessStartInfo("ip", ["netns", "exec", _namespace, program, .. arguments]);   // it becomes the program, under the same process id
        (start.RedirectStandardOutput, start.RedirectStandardError, start.WorkingDirectory) = (true, true, Data);
        _said.Clear();
        _process = Process.Start(start)!;
        Listen(_process);
        var since = Stopwatch.GetTimestamp();
        while ((await SendAsync("GET", "/health/ready", within: TimeSpan.FromSeconds(2))).Status != 200)
        {
            if (_process.HasExited || Stopwatch.GetElapsedTime(since) > StartDeadline)
            {
                throw new InvalidOperationException($"{Name} did not get ready ({(_process.HasExited ? $"ended with {_process.ExitCode}" : "running")}): {Said}");
            }
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    public async Task StopAsync()
    {
        Signal(Terminate);
        await _process!.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
        await ForgetAsync();
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        await ForgetAsync();
    }

    /// <summary>SIGSTOP: it neither answers nor refuses.</summary>
    public void Freeze() => Signal(Stop);

    public void Thaw() => Signal(Continue);

    /// <summary>All that it had on its disk is gone. It is not running.</summary>
    public void EmptyDisk() => Directory.Delete(Data, recursive: true);

    /// <summary>One of the drill's own routes.</summary>
    public Task<Answer> PostAsync(string path, object? body = null) => SendAsync("POST", "/drill/" + path, JsonSerializer.Serialize(body ?? new { }), "application/json");

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            Thaw();
            await KillAsync();
        }
        _process?.Dispose();
        Dispose();
    }

    private Task ForgetAsync()
    {
        _process!.Dispose();
        _process = null;
        HangUp();
        return Task.CompletedTask;
    }

    private void Listen(Process process)
    {
        void Keep(object sender, DataReceivedEventArgs line)
        {
            if (line.Data is { } text)
            {
                _said.Enqueue(text);
                while (_said.Count > MostLinesKept)
                {
                    _said.TryDequeue(out _);
                }
            }
        }

        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    private void Signal(int signal)
    {
        if (SendSignal(_process!.Id, signal) != 0)
        {
            throw new InvalidOperationException($"Signal {signal} could not be sent.");
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int process, int signal);
}
