namespace Holdfast.Resilience;

/// <summary>One thing outside this process that Holdfast calls: its deadline, breaker, bulkhead and fallback, declared in one place.</summary>
public sealed class Dependency
{
    private readonly TimeProvider _clock;
    private readonly Breaker _breaker;
    private int _underWay;

    /// <exception cref="ArgumentException">The policy has an empty text, a deadline that is not positive, or a bound below one.</exception>
    public Dependency(DependencyPolicy policy, TimeProvider clock)
    {
        policy.Check();
        Policy = policy;
        _clock = clock;
        _breaker = new Breaker(policy, clock);
    }

    public DependencyPolicy Policy { get; }

    public string Name => Policy.Name;

    /// <summary>Never blocks and never asks the dependency: what the last calls showed.</summary>
    public DependencyHealth Health => _breaker.Health;

    /// <summary>Calls that have not ended, those that nobody waits for any more included.</summary>
    public int UnderWay => Volatile.Read(ref _underWay);

    /// <summary>Calls the dependency. Returns or throws by the deadline even when <paramref name="call"/> blocks its thread or ignores its token:
    /// the call is then abandoned, and keeps its place in the bulkhead until it truly ends, so that a hang cannot pile up.</summary>
    /// <param name="call">Runs on the thread pool. Its token ends with the deadline and with <paramref name="ct"/>.</param>
    /// <exception cref="DependencyUnavailableException">Deadline, open breaker, full bulkhead, or an exception that the policy does not call an answer.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> was cancelled; says nothing about the dependency.</exception>
    public async Task<T> CallAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        if (Interlocked.Increment(ref _underWay) > Policy.MaxConcurrent)
        {
            Interlocked.Decrement(ref _underWay);
            throw new DependencyUnavailableException(Name, Health.How ?? Trouble.Full, Policy.OpenFor);
        }
        var admission = _breaker.Enter();
        if (!admission.Admitted)
        {
            Interlocked.Decrement(ref _underWay);
            throw new DependencyUnavailableException(Name, Health.How ?? Trouble.Errors, admission.RetryAfter);
        }

        var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        // On the pool, because a client library may block before it returns its task, and then no deadline would hold.
        var running = Task.Run(() => call(stop.Token), CancellationToken.None);
        try
        {
            await ((Task)running).WaitAsync(Policy.Deadline, _clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return await OutcomeAsync(running, admission.Trial, ct);
        }
        finally
        {
            if (running.IsCompleted)
            {
                stop.Dispose();
                Interlocked.Decrement(ref _underWay);
            }
            else
            {
                _ = AbandonAsync(running, stop);
            }
        }
    }

    /// <summary>Calls a dependency that answers nothing.</summary>
    /// <inheritdoc cref="CallAsync{T}"/>
    public Task CallAsync(Func<CancellationToken, Task> call, CancellationToken ct) =>
        CallAsync(
            async token =>
            {
                await call(token);
                return true;
            },
            ct);

    /// <summary>For callers that are driven outside <see cref="CallAsync{T}"/> (a listener, a background probe): one outcome, counted as a call's would be.</summary>
    /// <param name="how">How it failed; null for <see cref="Trouble.Errors"/>. Ignored on success.</param>
    public void Report(bool success, string? how = null)
    {
        if (success)
        {
            _breaker.Succeeded();
        }
        else
        {
            _breaker.Failed(how ?? Trouble.Errors, trial: false);
        }
    }

    private async Task<T> OutcomeAsync<T>(Task<T> running, bool trial, CancellationToken ct)
    {
        if (!running.IsCompleted)
        {
            if (ct.IsCancellationRequested)
            {
                _breaker.Left(trial);
                throw new OperationCanceledException(ct);
            }
            _breaker.Failed(Trouble.Hangs, trial);
            throw new DependencyUnavailableException(Name, Trouble.Hangs, Policy.OpenFor);
        }
        try
        {
            var value = await running;
            _breaker.Succeeded();
            return value;
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            _breaker.Left(trial);
            throw;
        }
        catch (Exception answer) when (Policy.IsAnswer(answer))
        {
            _breaker.Succeeded();
            throw;
        }
        catch (Exception failure)
        {
            var how = Trouble.Of(failure);
            _breaker.Failed(how, trial);
            throw new DependencyUnavailableException(Name, how, Policy.OpenFor, failure);
        }
    }

    private async Task AbandonAsync(Task running, CancellationTokenSource stop)
    {
        var stopping = stop.CancelAsync();   // callbacks of the callee may block, so nobody waits for them here
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Interlocked.Decrement(ref _underWay);
        await stopping.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stop.Dispose();
    }
}
