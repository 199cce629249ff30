using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using Holdfast.Resilience;

namespace Holdfast.Telemetry;

/// <summary>Keeps what requests did until the collector has it: all that failed or were slow, and a share of the rest. Bounded; what does not fit is dropped and counted, and nobody waits.</summary>
internal sealed class KeepTraces : IDisposable
{
    /// <summary>A request that took longer is kept.</summary>
    public static readonly TimeSpan Slow = TimeSpan.FromSeconds(1);

    private const int MostTraces = 256;
    private const int MostSpans = 64;
    private const int MostCommits = 128;

    private readonly Channel<IReadOnlyList<Activity>> _kept = Channel.CreateBounded<IReadOnlyList<Activity>>(MostTraces);
    private readonly ConcurrentQueue<(long Position, ActivityContext At, DateTime Since)> _commits = new();
    private readonly ActivityListener _listener;
    private readonly int _oneOf;
    private long _dropped;
    private int _commitCount;

    /// <param name="oneOf">One of so many requests that went well is kept.</param>
    public KeepTraces(int oneOf = 10)
    {
        _oneOf = oneOf;
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Spans.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = Stopped,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    /// <summary>How many spans were dropped.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Begins a request's trace.</summary>
    /// <param name="traceparent">What the caller says of its own (W3C Trace Context); at most a link.</param>
    public Activity? Begin(string method, string? traceparent)
    {
        var root = Spans.Root(method, ActivityKind.Server, this,
            traceparent is { Length: <= 64 } && ActivityContext.TryParse(traceparent, null, out var theirs) ? [new ActivityLink(theirs)] : null);
        root?.SetCustomProperty("spans", new List<Activity>());
        return root;
    }

    /// <summary>The request is over: keeps its trace, or not.</summary>
    public void End(Activity root, bool failed)
    {
        root.Stop();
        if (root.GetCustomProperty("spans") is not List<Activity> held)
        {
            return;
        }
        Activity[] spans;
        lock (held)
        {
            root.SetCustomProperty("spans", null);   // what ends later is no step of it…
            spans = [.. held];                       // … and what is ending now may add itself to a list that nobody reads
        }
        if (!failed && root.Duration < Slow && !IsOneOfMany(root.TraceId))
        {
            return;
        }
        foreach (var commit in spans.Where(s => s.GetTagItem("holdfast.journal.position") is long))
        {
            if (Interlocked.Increment(ref _commitCount) > MostCommits)
            {
                Interlocked.Decrement(ref _commitCount);
                break;
            }
            _commits.Enqueue(((long)commit.GetTagItem("holdfast.journal.position")!, commit.Context, commit.StartTimeUtc));
        }
        Keep([.. spans, root]);
    }

    /// <summary>What waits to be sent, the eldest first.</summary>
    /// <param name="shipped">The journal's position that the primary has confirmed: what was shipped since is told as a trace of its own, linked with the requests whose facts it carried.</param>
    public List<Activity> Take(int most, long shipped)
    {
        Ship(shipped);
        var spans = new List<Activity>();
        while (spans.Count < most && _kept.Reader.TryRead(out var trace))
        {
            spans.AddRange(trace);
        }
        return spans;
    }

    /// <summary>The collector did not take them.</summary>
    public void Drop(int spans) => Interlocked.Add(ref _dropped, spans);

    private void Ship(long shipped)
    {
        var links = new List<ActivityLink>();
        var since = DateTime.MaxValue;
        while (_commits.TryPeek(out var commit) && commit.Position <= shipped && _commits.TryDequeue(out commit))
        {
            Interlocked.Decrement(ref _commitCount);
            links.Add(new ActivityLink(commit.At));
            since = commit.Since < since ? commit.Since : since;
        }
        if (links.Count > 0 && Spans.Root("journal ship", ActivityKind.Internal, this, links) is { } ship)
        {
            ship.SetStartTime(since);
            ship.SetTag("holdfast.journal.facts", links.Count);
            ship.Stop();
            Keep([ship]);
        }
    }

    private void Keep(IReadOnlyList<Activity> trace)
    {
        if (!_kept.Writer.TryWrite(trace))
        {
            Drop(trace.Count);
        }
    }

    private bool IsOneOfMany(ActivityTraceId id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.CopyTo(bytes);
        return BitConverter.ToUInt32(bytes) % (uint)_oneOf == 0;
    }

    private void Stopped(Activity step)
    {
        var (root, keeper) = Spans.Of(step);
        if (keeper != this || ReferenceEquals(root, step) || root.GetCustomProperty("spans") is not List<Activity> spans)
        {
            return;
        }
        lock (spans)
        {
            if (spans.Count < MostSpans)
            {
                spans.Add(step);
            }
            else
            {
                Drop(1);
            }
        }
    }

    public void Dispose() => _listener.Dispose();
}
