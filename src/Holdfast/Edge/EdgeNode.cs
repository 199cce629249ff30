using Holdfast.Resilience;

namespace Holdfast.Edge;

/// <summary>What became of one try at a node.</summary>
internal enum Told
{
    /// <summary>It answered, whatever the answer.</summary>
    Answered,

    /// <summary>No connection: nothing was sent.</summary>
    Refused,

    /// <summary>The connection broke before there was an answer.</summary>
    Lost,

    /// <summary>No answer in time.</summary>
    Hung,

    /// <summary>It says itself that it cannot, by its own disk or start; or what stands in its place does.</summary>
    Unable,

    /// <summary>It cannot be written down for a node: the request's fault. Never told of a node.</summary>
    Unsendable,

    /// <summary>It is well, has too much to do, and has done nothing of it.</summary>
    Busy,
}

/// <summary>Whether a node is asked.</summary>
internal enum NodeState
{
    /// <summary>Nothing was heard of it yet.</summary>
    Unknown,

    Ready,

    /// <summary>It is not asked while others are.</summary>
    Ejected,
}

/// <summary>One node as the edge sees it: what it says of itself, and what became of what it was asked. No I/O; all times by the clock.</summary>
internal sealed class EdgeNode(Uri address, EdgeTimes times, TimeProvider clock) : IDisposable
{
    /// <summary>Failures in a row that eject it; a connection that is turned away does at once.</summary>
    private const int MostFailures = 3;

    /// <summary>Probes in a row that it must miss, or pass before it is back.</summary>
    private const int ProbesInARow = 2;

    private static readonly TimeSpan s_longestEjection = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_forgiven = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Queue<(long At, bool IsWell)> _outcomes = new();
    private CancellationTokenSource _gone = new();
    private long _stateAt = clock.GetTimestamp();
    private long _readyAt;
    private long _until;
    private int _failures;
    private int _missed;
    private int _passed;
    private int _inARow;
    private int _underWay;
    private bool _isFirst = true;

    public Uri Address { get; } = address;

    /// <summary>What it was last heard to say of itself.</summary>
    public NodeSaid? Said { get; private set; }

    public NodeState State { get; private set; } = NodeState.Unknown;

    public DateTimeOffset Since { get; private set; } = clock.GetUtcNow();

    /// <summary>Why it is not asked; null while it is.</summary>
    public string? Why { get; private set; }

    public long Ejections { get; private set; }

    public int UnderWay => Volatile.Read(ref _underWay);

    /// <summary>Ends when it is ejected because it hangs or is gone: whoever can be served elsewhere waits no longer.</summary>
    public CancellationToken Gone
    {
        get
        {
            lock (_lock)
            {
                return _gone.Token;
            }
        }
    }

    public void Dispose() => _gone.Dispose();

    public void Enter() => Interlocked.Increment(ref _underWay);

    public void Leave() => Interlocked.Decrement(ref _underWay);

    /// <summary>Its share of what is to be divided, from a tenth to one; 0 while it is not asked.</summary>
    public double Weight
    {
        get
        {
            lock (_lock)
            {
                return State != NodeState.Ready ? 0
                    : _isFirst ? 1
                    : Math.Clamp(0.1 + (0.9 * (clock.GetElapsedTime(_readyAt) / times.SlowStart)), 0.1, 1);
            }
        }
    }

    /// <summary>A probe passed.</summary>
    /// <param name="isLate">Others serve already: this one has a cold cache, and is given its share slowly.</param>
    public void Passed(bool isLate)
    {
        lock (_lock)
        {
            (_missed, _passed) = (0, _passed + 1);
            if (State == NodeState.Ready || clock.GetTimestamp() < _until || (State == NodeState.Ejected && _passed < ProbesInARow))
            {
                return;
            }
            _isFirst = !isLate;
            _readyAt = clock.GetTimestamp();
            _failures = 0;
            _outcomes.Clear();
            if (_gone.IsCancellationRequested)
            {
                _gone = new CancellationTokenSource();   // the old one may still be waking those who waited
            }
            Become(NodeState.Ready, null);
        }
    }

    /// <summary>A probe did not pass.</summary>
    /// <param name="isCertain">It refused the connection, or said itself that it is not ready: nothing that a busy moment explains.</param>
    public void Missed(string why, bool isCertain)
    {
        lock (_lock)
        {
            (_passed, _missed) = (0, _missed + 1);
            if (State != NodeState.Ejected && (isCertain || _missed >= ProbesInARow))
            {
                Eject(why, penalty: false);
            }
        }
    }

    /// <summary>What became of a request.</summary>
    public void Tell(Told told)
    {
        lock (_lock)
        {
            var now = clock.GetTimestamp();
            _outcomes.Enqueue((now, told == Told.Answered));
            while (_outcomes.Count > 200 || clock.GetElapsedTime(_outcomes.Peek().At, now) > s_window)
            {
                _outcomes.Dequeue();
            }
            if (told == Told.Answered)
            {
                _failures = 0;
                return;
            }
            _failures++;
            var ill = _outcomes.Count(o => !o.IsWell);
            if (State != NodeState.Ejected && (told == Told.Refused || _failures >= MostFailures || (ill >= 5 && ill * 2 >= _outcomes.Count)))
            {
                Eject(Word(told), penalty: told != Told.Refused);
            }
        }
    }

    public void Hear(NodeSaid said)
    {
        lock (_lock)
        {
            Said = said;
        }
    }

    private static string Word(Told told) => told switch
    {
        Told.Refused => Trouble.Refuses,
        Told.Lost => Trouble.Reset,
        Told.Hung => Trouble.Hangs,
        _ => Trouble.Errors,
    };

    /// <param name="penalty">It passes its probes and fails its requests: it stays away for longer each time.</param>
    private void Eject(string why, bool penalty)
    {
        if (clock.GetElapsedTime(_stateAt) > s_forgiven)
        {
            _inARow = 0;
        }
        _inARow++;
        var pause = penalty ? TimeSpan.FromSeconds(Math.Min(s_longestEjection.TotalSeconds, Math.Pow(2, _inARow - 1))) : TimeSpan.Zero;
        _until = clock.GetTimestamp() + (long)(pause.TotalSeconds * clock.TimestampFrequency);
        _passed = 0;
        Ejections++;
        Become(NodeState.Ejected, why);
        // Whoever waits is woken on the pool, outside of this lock.
        _ = _gone.CancelAsync();
    }

    private void Become(NodeState state, string? why)
    {
        (State, Why, Since, _stateAt) = (state, why, clock.GetUtcNow(), clock.GetTimestamp());
    }
}

/// <summary>What a node says of itself.</summary>
/// <param name="Incarnation">Its life: what single-use items name.</param>
internal sealed record NodeSaid(string Name, string Region, string? Incarnation, string? PublicUrl);

/// <param name="SlowStart">From a tenth of its share to all of it.</param>
/// <param name="Silence">A node that lets everybody wait for that long is passed over until it answers.</param>
/// <param name="Patience">Times the deadlines of a try.</param>
internal sealed record EdgeTimes(TimeSpan SlowStart, TimeSpan Silence, double Patience);
