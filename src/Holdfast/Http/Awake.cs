using Holdfast.Resilience;

namespace Holdfast.Http;

/// <summary>Keeps what was asked of a process that stood still from being done when it goes on: whoever asked has gone long since, and has asked somebody else. A refresh that is done so late spends its token a second
/// time, further apart than the grace, and ends the session of somebody who did nothing.</summary>
internal sealed partial class Awake(TimeProvider clock, ILogger<Awake> log) : BackgroundService
{
    /// <summary>Well below the grace of a refresh, and above what a machine with too much to do takes for a timer.</summary>
    private static readonly TimeSpan s_stoodStill = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_every = TimeSpan.FromMilliseconds(250);

    /// <summary>How long after it requests may have come before it: what lay in the sockets is read in this time.</summary>
    private static readonly TimeSpan s_after = TimeSpan.FromSeconds(3);

    /// <summary>How long the end of a connection may take to be noticed.</summary>
    private static readonly TimeSpan s_notice = TimeSpan.FromMilliseconds(500);

    private long _seen = clock.GetTimestamp();
    private long _woke = long.MinValue;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Rounds.RunAsync(
        s_every, clock,
        _ =>
        {
            Look();
            return Task.CompletedTask;
        },
        static _ => { }, stoppingToken);

    /// <summary>Asked by the round, and by each request: the first one may come before the round does.</summary>
    public bool Look()
    {
        var now = clock.GetTimestamp();
        var stood = clock.GetElapsedTime(Interlocked.Exchange(ref _seen, now), now);
        if (stood > s_stoodStill)
        {
            Interlocked.Exchange(ref _woke, now);
            StoodStill(log, stood.TotalSeconds);
        }
        return Interlocked.Read(ref _woke) is var woke && woke != long.MinValue && clock.GetElapsedTime(woke, now) < s_after;
    }

    /// <summary>A request that comes just after is done only if somebody still waits for it.</summary>
    public async Task LetPass(HttpContext http, RequestDelegate next)
    {
        if (Look())
        {
            await Task.Delay(s_notice, clock, http.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (http.RequestAborted.IsCancellationRequested)
            {
                return;
            }
        }
        await next(http);
    }

    [LoggerMessage(1620, LogLevel.Warning, "This process stood still for {Seconds} s; what was asked meanwhile is done only for those who still wait")]
    private static partial void StoodStill(ILogger log, double seconds);
}
