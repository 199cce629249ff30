using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using Holdfast.Dev;
using Holdfast.Http;
using Holdfast.Resilience;

namespace Holdfast.Bench;

/// <summary>A server of <c>holdfast dev</c> in a process of its own, of this same program: what benchmarks measure, and what drills break.</summary>
internal sealed class DevServer : IAsyncDisposable
{
    private const int Terminate = 15;
    private const int MostLinesKept = 200;

    /// <summary>How long a start may take before it counts as failed.</summary>
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(60);

    /// <summary>How long a polite end may take before it is a bug.</summary>
    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(30);

    private readonly ConcurrentQueue<string> _said = new();

    private DevServer(Process process, string data, long startedAt) => (Process, Data, StartedAt) = (process, data, startedAt);

    public Process Process { get; }

    public string Data { get; }

    /// <summary>A timestamp of <see cref="Stopwatch"/>.</summary>
    public long StartedAt { get; }

    public LoopbackClient Http { get; } = new();

    public DevFile Dev { get; private set; } = null!;

    public SignInClient SignIns { get; private set; } = null!;

    /// <summary>What it has said last.</summary>
    public string Said => string.Join('\n', _said);

    /// <summary>Starts a server on this data, and returns when it is ready.</summary>
    /// <param name="change">Changes how the process is started.</param>
    public static async Task<DevServer> StartAsync(string data, int port, CancellationToken ct, Action<ProcessStartInfo>? change = null)
    {
        var start = Command("dev", "--data", data, "--port", $"{port}");
        start.WorkingDirectory = data;
        change?.Invoke(start);
        var startedAt = Stopwatch.GetTimestamp();
        var server = new DevServer(Process.Start(start)!, data, startedAt);
        try
        {
            server.Listen();
            await server.ReadyAsync(port, ct);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>This same program, with other arguments.</summary>
    public static ProcessStartInfo Command(params string[] arguments)
    {
        var dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
        return new ProcessStartInfo(dotnet, [typeof(Server).Assembly.Location, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
    }

    /// <summary>A port of loopback that nobody listens on.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public async Task<JsonElement> HealthAsync(CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Dev.BaseUrl}/health");
        using var answer = await Http.SendAsync(request, ct);
        using var json = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(ct));
        return json.RootElement.Clone();
    }

    /// <summary>One call of the API with the demo's key.</summary>
    /// <exception cref="InvalidOperationException">Anything but a success was answered.</exception>
    public async Task<JsonElement> PostAsync(string path, object body, CancellationToken ct)
    {
        var (isSuccess, status, json) = await SendAsync(path, body, null, ct);
        return isSuccess ? json : throw new InvalidOperationException($"{path} answered {status}: {json}");
    }

    /// <summary>A change by an administrator, made for what comes after it: on a busy machine the primary may be late, and then it is sent again under its key.</summary>
    /// <exception cref="InvalidOperationException">It was turned down, or the primary was late all the time.</exception>
    public async Task<JsonElement> WriteAsync(string path, object body, CancellationToken ct)
    {
        var key = Convert.ToHexStringLower(Guid.CreateVersion7().ToByteArray());
        for (var since = Stopwatch.GetTimestamp(); ;)
        {
            var (isSuccess, status, json) = await SendAsync(path, body, key, ct);
            if (isSuccess)
            {
                return json;
            }
            if (status != 503 || Stopwatch.GetElapsedTime(since) > StartDeadline)
            {
                throw new InvalidOperationException($"{path} answered {status}: {json}");
            }
            await Task.Delay(500, ct);
        }
    }

    private async Task<(bool IsSuccess, int Status, JsonElement Json)> SendAsync(string path, object body, string? key, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Dev.BaseUrl + path) { Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body)) };
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.Authorization = new("Bearer", Dev.ApiKey);
        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }
        using var answer = await Http.SendAsync(request, ct);
        using var json = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(ct));
        return (answer.IsSuccessStatusCode, (int)answer.StatusCode, json.RootElement.Clone());
    }

    /// <summary>Waits until the server says that the primary is gone, or that it is back and has every fact.</summary>
    /// <returns>How long that took.</returns>
    public async Task<TimeSpan> UntilPrimaryAsync(bool isGone, TimeSpan deadline, CancellationToken ct)
    {
        var since = Stopwatch.GetTimestamp();
        while (true)
        {
            var health = await HealthAsync(ct);
            var cause = health.TryGetProperty("cause", out var told) && told.ValueKind == JsonValueKind.Object ? told.GetProperty("dependency").GetString() : null;
            if (isGone ? cause == "primary" : cause is null && health.GetProperty("journal").GetProperty("depth").GetInt64() == 0)
            {
                return Stopwatch.GetElapsedTime(since);
            }
            if (Stopwatch.GetElapsedTime(since) > deadline)
            {
                throw new TimeoutException($"After {deadline.TotalSeconds} s the server says: {health}");
            }
            await Task.Delay(20, ct);
        }
    }

    /// <summary>Asks it to end, and waits until it has.</summary>
    public async Task StopAsync()
    {
        if (!Process.HasExited)
        {
            _ = Signal(Process.Id, Terminate);
        }
        await Process.WaitForExitAsync().WaitAsync(StopDeadline);
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        Process.Kill();
        await Process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!Process.HasExited)
        {
            await KillAsync();
        }
        Process.Dispose();
        Http.Dispose();
    }

    private void Listen()
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

        Process.OutputDataReceived += Keep;
        Process.ErrorDataReceived += Keep;
        Process.BeginOutputReadLine();
        Process.BeginErrorReadLine();
    }

    private async Task ReadyAsync(int port, CancellationToken ct)
    {
        while (!await IsReadyAsync(port, ct))
        {
            if (Process.HasExited)
            {
                throw new InvalidOperationException($"The server ended with {Process.ExitCode} before it was ready: {Said}");
            }
            if (Stopwatch.GetElapsedTime(StartedAt) > StartDeadline)
            {
                throw new TimeoutException($"The server is not ready after {StartDeadline.TotalSeconds} s: {Said}");
            }
            await Task.Delay(5, ct);
        }
        Dev = JsonSerializer.Deserialize<DevFile>(await File.ReadAllBytesAsync(Path.Combine(Data, "dev.json"), ct), JavaScriptJson.Options)!;
        SignIns = new SignInClient(Http, Dev);
    }

    private async Task<bool> IsReadyAsync(int port, CancellationToken ct)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{port}/health/ready");
            using var answer = await Http.SendAsync(request, ct);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;   // it does not listen yet
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Signal(int process, int signal);
}
