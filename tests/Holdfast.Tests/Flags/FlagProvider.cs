using System.Net;
using System.Threading.Channels;
using Holdfast.Flags.Sources;
using Holdfast.Resilience;
using Holdfast.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Flags;

/// <summary>A flag provider on a port of 127.0.0.1, which does what a test tells it to.</summary>
internal sealed class FlagProvider : IAsyncDisposable
{
    public const string LaunchDarkly = """{"flags":{"f":{"key":"f","version":1,"on":true,"variations":[true,false],"fallthrough":{"variation":0}}},"segments":{}}""";
    public const string Unleash = """{"version":2,"features":[{"name":"f","enabled":true,"strategies":[{"name":"default"}]}]}""";
    public const string Ofrep = """{"flags":[{"key":"f","value":true}]}""";

    private readonly WebApplication _app;
    private TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<string> _calls = Channel.CreateUnbounded<string>();
    private int _count;

    private FlagProvider(WebApplication app, string url) => (_app, Url) = (app, url);

    public string Url { get; }

    /// <summary>How many requests there were.</summary>
    public int Calls => Volatile.Read(ref _count);

    /// <summary>What it does with a request.</summary>
    public Func<HttpContext, Task> Answer { get; set; } = Say("{}");

    /// <summary>The same for a request of a stream; null for the same as any.</summary>
    public Func<HttpContext, Task>? AnswerStream { get; set; }

    public static async Task<FlagProvider> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var port = HoldfastServer.FreePort();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
        var app = builder.Build();
        var provider = new FlagProvider(app, $"http://127.0.0.1:{port}");
        app.Run(http =>
        {
            Interlocked.Increment(ref provider._count);
            provider._calls.Writer.TryWrite($"{http.Request.Method} {http.Request.Path} {http.Request.Headers.Authorization} {http.Request.Headers.IfNoneMatch}".TrimEnd());
            return (http.Request.Path == "/all" ? provider.AnswerStream : null) is { } stream ? stream(http) : provider.Answer(http);
        });
        await app.StartAsync();
        return provider;
    }

    /// <summary>The next request that comes, or has come.</summary>
    public Task<string> CallAsync() => _calls.Reader.ReadAsync().AsTask().WaitAsync(Reader.Patience);

    public static Func<HttpContext, Task> Say(string text, int status = 200, string? tag = null) => http =>
    {
        if (tag is not null && http.Request.Headers.IfNoneMatch == tag)
        {
            http.Response.StatusCode = 304;
            return Task.CompletedTask;
        }
        http.Response.StatusCode = status;
        http.Response.Headers.ETag = tag;
        return http.Response.WriteAsync(text);
    };

    /// <summary>Begins to answer with this, and then says no more.</summary>
    public Func<HttpContext, Task> Hang(string beginning = "")
    {
        var over = _over;
        return async http =>
        {
            if (beginning.Length > 0)
            {
                await http.Response.WriteAsync(beginning);
                await http.Response.Body.FlushAsync();
            }
            await over.Task;
        };
    }

    /// <summary>Whoever hangs by what was said until now is let go.</summary>
    public void LetGo() => Interlocked.Exchange(ref _over, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    /// <summary>The events of a stream; then it stays open.</summary>
    public Func<HttpContext, Task> Stream(params string[] events) => http =>
    {
        http.Response.ContentType = "text/event-stream";
        return Hang(string.Concat(events))(http);
    };

    public static string Put(string document = LaunchDarkly) => "event: put\ndata: {\"path\":\"/\",\"data\":" + document + "}\n\n";

    public static Func<HttpContext, Task> Large() => async http =>
    {
        var chunk = new byte[1024 * 1024];
        Array.Fill(chunk, (byte)' ');
        try
        {
            for (var i = 0; i < 50; i++)
            {
                await http.Response.Body.WriteAsync(chunk);
            }
        }
        catch (Exception)
        {
            // The reader has left.
        }
    };

    public static Task Reset(HttpContext http)
    {
        http.Abort();
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        LetGo();
        await _app.DisposeAsync();
    }
}

/// <summary>A clock that a test moves, and that tells of the timers that are set by it: whoever moves it knows that somebody waits.</summary>
internal sealed class TellingClock : FakeTimeProvider
{
    private readonly Channel<TimeSpan> _timers = Channel.CreateUnbounded<TimeSpan>();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        _timers.Writer.TryWrite(dueTime);
        return timer;
    }

    /// <summary>Lets time pass until something has happened: whenever a timer of those that are meant is set, until it rings. It is told of when it is set, so nobody has to guess.</summary>
    public async Task<T> UntilAsync<T>(Task<T> happened, Func<TimeSpan, bool> meant)
    {
        while (true)
        {
            var timer = _timers.Reader.WaitToReadAsync().AsTask();
            if (await Task.WhenAny(happened, timer).WaitAsync(Reader.Patience) == happened)
            {
                return await happened;
            }
            while (_timers.Reader.TryRead(out var length))
            {
                if (meant(length))
                {
                    Advance(length);
                }
            }
        }
    }
}

/// <summary>The flags of a provider, read by a node that is no more than that.</summary>
internal sealed class Reader : IAsyncDisposable
{
    /// <summary>Of real time: what has not come by then never will.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Channel<Told> _rounds = Channel.CreateUnbounded<Told>();
    private readonly Channel<bool> _changes = Channel.CreateUnbounded<bool>();

    private Reader(FlagSetting setting, string folder, TellingClock clock)
    {
        Clock = clock;
        Flags = new ProviderFlags(setting, folder, "node", Dependencies, Entropy.Real, clock, NullLogger<ProviderFlags>.Instance)
        {
            Noted = round => _rounds.Writer.TryWrite(new Told(round.Way, round.How, round.Next, clock.GetUtcNow() + round.Next)),
            Changed = () => _changes.Writer.TryWrite(true),
        };
    }

    public Dependencies Dependencies { get; } = new();

    public ProviderFlags Flags { get; }

    public TellingClock Clock { get; }

    public static async Task<Reader> StartAsync(FlagSetting setting, string folder, TellingClock? clock = null)
    {
        var reader = new Reader(setting, folder, clock ?? new TellingClock());
        await reader.Flags.StartAsync(CancellationToken.None);
        return reader;
    }

    /// <summary>The next attempt of this way that ends, or has ended.</summary>
    public async Task<Told> RoundAsync(string way = "poll")
    {
        while (true)
        {
            if (await _rounds.Reader.ReadAsync().AsTask().WaitAsync(Patience) is var round && round.Way == way)
            {
                return round;
            }
        }
    }

    /// <summary>The next attempt of this way that fails, or has failed.</summary>
    public async Task<Told> FailureAsync(string way = "poll")
    {
        while (true)
        {
            if (await RoundAsync(way) is { How: not null } failed)
            {
                return failed;
            }
        }
    }

    /// <summary>The next time that other flags hold.</summary>
    public Task<bool> ChangeAsync() => _changes.Reader.ReadAsync().AsTask().WaitAsync(Patience);

    /// <summary>Lets time pass until other flags hold: whenever the poll pauses, to the end of its pause. What is under way is not made late by it.</summary>
    /// <param name="paused">The attempt after which it pauses now.</param>
    public async Task HealedAsync(Told paused)
    {
        var change = ChangeAsync();
        while (!change.IsCompleted)
        {
            if (paused.Due - Clock.GetUtcNow() is var left && left > TimeSpan.Zero)
            {
                Clock.Advance(left);
            }
            var next = RoundAsync();
            if (await Task.WhenAny(change, next) == next)
            {
                paused = await next;
            }
        }
        await change;
    }

    public string Value(string flag = "f") => Flags.Evaluate(flag, Holdfast.Protocols.Flags.FlagContext.Of("user_ada", "org_acme")) is { Outcome: Holdfast.Protocols.Flags.FlagOutcome.Evaluated } result
        ? result.Value.GetRawText()
        : "default";

    public async ValueTask DisposeAsync()
    {
        await Flags.StopAsync(CancellationToken.None);
        Flags.Dispose();
    }
}

/// <summary>An attempt that has ended.</summary>
/// <param name="Due">When the next one begins.</param>
internal sealed record Told(string Way, string? How, TimeSpan Next, DateTimeOffset Due);
