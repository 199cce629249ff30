using Holdfast.Http;
using Holdfast.Resilience;

namespace Holdfast.Users;

/// <summary>Where passwords are hashed: on threads of its own, so that no request that hashes nothing waits for one that does; by turns of the environments, so that no storm of one
/// starves another; and with a bound on what waits (decision 0018).</summary>
internal sealed class HashQueue : IDisposable
{
    /// <summary>How much may wait, of all environments together. Some seconds of work: who comes later is told to.</summary>
    public const int MostWaiting = 256;

    /// <summary>Of memory, beyond what hashes of ours take: the dearest hash that may be imported fits, one at a time.</summary>
    private const int SpareMegabytes = 300;

    private const int OwnMegabytes = 20;

    /// <summary>Told to those who are turned away, in seconds.</summary>
    private const int RetryAfter = 2;

    private readonly object _gate = new();
    private readonly Dictionary<string, LinkedList<Job>> _waiting = new(StringComparer.Ordinal);
    private readonly LinkedList<string> _turns = new();   // environments with something that waits; the first is next
    private readonly int _mostWaiting;
    private readonly int _mostMegabytes;
    private int _count;
    private int _megabytes;
    private bool _stopped;
    private long _refused;

    /// <param name="places">Hashes at a time; null for one a processor.</param>
    public HashQueue(int? places = null, int mostWaiting = MostWaiting)
    {
        var threads = places ?? Environment.ProcessorCount;
        (_mostWaiting, _mostMegabytes) = (mostWaiting, (threads * OwnMegabytes) + SpareMegabytes);
        for (var i = 0; i < threads; i++)
        {
            new Thread(Work) { IsBackground = true, Name = "password hashing" }.Start();
        }
    }

    /// <summary>How many wait now.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
            {
                return _count;
            }
        }
    }

    /// <summary>How many were turned away since the start.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    private abstract class Job(string environmentId, int megabytes)
    {
        public string EnvironmentId { get; } = environmentId;

        public int Megabytes { get; } = megabytes;

        public abstract void Run();

        public abstract void Fail(Exception why);
    }

    private sealed class Job<T>(string environmentId, int megabytes, Func<T> work) : Job(environmentId, megabytes)
    {
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<T> Done => _done.Task;

        public override void Run()
        {
            try
            {
                _done.TrySetResult(work());
            }
            catch (Exception fault)
            {
                _done.TrySetException(fault);
            }
        }

        public override void Fail(Exception why) => _done.TrySetException(why);
    }

    /// <summary>Does something slow when it is this environment's turn.</summary>
    /// <param name="megabytes">Of memory that it takes, about.</param>
    /// <exception cref="BusyException">Too much waits. Whose environment has the most waiting is turned away, its latest first.</exception>
    public async Task<T> RunAsync<T>(string environmentId, int megabytes, Func<T> work, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        var job = new Job<T>(environmentId, Math.Min(megabytes, _mostMegabytes), work);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopped, this);
            Add(job);
            if (_count > _mostWaiting)
            {
                var longest = _waiting.MaxBy(tenant => tenant.Value.Count).Value;
                var last = longest.Last!.Value;
                Remove(last);
                _refused++;
                last.Fail(new BusyException(RetryAfter));
            }
            Monitor.Pulse(_gate);
        }
        using var left = ct.UnsafeRegister(_ => Leave(job, ct), null);
        using var step = Spans.Step("hash password");
        using var away = Errand.Outside();   // it has bounds of its own
        return await job.Done;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _stopped = true;
            foreach (var job in _waiting.Values.SelectMany(jobs => jobs))
            {
                job.Fail(new ObjectDisposedException(nameof(HashQueue)));
            }
            _waiting.Clear();
            _turns.Clear();
            _count = 0;
            Monitor.PulseAll(_gate);
        }
    }

    private void Leave(Job job, CancellationToken ct)
    {
        lock (_gate)
        {
            if (Remove(job))
            {
                job.Fail(new OperationCanceledException(ct));   // one that has begun is finished
            }
        }
    }

    private void Add(Job job)
    {
        if (!_waiting.TryGetValue(job.EnvironmentId, out var jobs))
        {
            _waiting.Add(job.EnvironmentId, jobs = new LinkedList<Job>());
            _turns.AddLast(job.EnvironmentId);
        }
        jobs.AddLast(job);
        _count++;
    }

    private bool Remove(Job job)
    {
        if (!_waiting.TryGetValue(job.EnvironmentId, out var jobs) || !jobs.Remove(job))
        {
            return false;
        }
        _count--;
        if (jobs.Count == 0)
        {
            _waiting.Remove(job.EnvironmentId);
            _turns.Remove(job.EnvironmentId);
        }
        return true;
    }

    /// <summary>The next by turns whose memory is there; null when there is none. Its environment stands last from then on.</summary>
    private Job? Take()
    {
        for (var turn = _turns.First; turn is not null; turn = turn.Next)
        {
            var jobs = _waiting[turn.Value];
            var job = jobs.First!.Value;
            if (_megabytes + job.Megabytes > _mostMegabytes)
            {
                continue;
            }
            _turns.Remove(turn);
            jobs.RemoveFirst();
            _count--;
            if (jobs.Count > 0)
            {
                _turns.AddLast(turn);
            }
            else
            {
                _waiting.Remove(job.EnvironmentId);
            }
            _megabytes += job.Megabytes;
            return job;
        }
        return null;
    }

    private void Work()
    {
        while (true)
        {
            Job? job;
            lock (_gate)
            {
                while ((job = Take()) is null)
                {
                    if (_stopped)
                    {
                        return;
                    }
                    Monitor.Wait(_gate);
                }
            }
            job.Run();
            lock (_gate)
            {
                _megabytes -= job.Megabytes;
                Monitor.PulseAll(_gate);   // what did not fit may fit now
            }
        }
    }
}
