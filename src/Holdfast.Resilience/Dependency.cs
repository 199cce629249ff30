namespace Holdfast.Resilience;

/// <summary>One thing outside this process that Holdfast calls: its deadline, breaker, bulkhead and fallback, declared in one place.</summary>
public sealed class Dependency
{
    /// <summary>On the caller's context where there is one: a simulated world has one, and a server none.</summary>
    private const ConfigureAwaitOptions Quietly = ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext;

    /// <summary>A probe that was given up and hangs on says so again after this; one slow answer must not look like two that hang.</summary>
    private static readonly TimeSpan StillHanging = TimeSpan.FromSeconds(2);

    private readonly TimeProvider _clock;
    private readonly Breaker _breaker;
    private readonly bool _onCallersThread;
    private readonly RepeatBudget? _repeats;
    private int _underWay;
    private int _waiting;
    private int _probing;
    private volatile bool _hasKnockFailed;   // since the last call
    private long _reached = long.MinValue;
    private long _probeTold;
    private long _quietSince;
    private long _used = long.MinValue;
    private volatile ByHand? _byHand;
    private bool _hasAnswered;
    private Uri? _at;

    /// <param name="onCallersThread">Begins a call on the thread that asks for it: for a simulated world, which has one. A callee that blocks is then not abandoned.</param>
    /// <exception cref="ArgumentException">The policy has an empty text, a deadline that is not positive, or a bound below one.</exception>
    public Dependency(DependencyPolicy policy, TimeProvider clock, bool onCallersThread = false)
    {
        policy.Check();
        _onCallersThread = onCallersThread;
        Policy = policy;
        _clock = clock;
        _breaker = new Breaker(policy, clock);
        _repeats = policy.RepeatShare is { } share ? new RepeatBudget(share, clock) : null;
    }

    public DependencyPolicy Policy { get; }

    public string Name => Policy.Name;

    /// <summary>Never blocks and never asks the dependency: what the last calls showed.</summary>
    public DependencyHealth Health => _breaker.Health;

    /// <summary>Calls that have not ended, those that nobody waits for any more included.</summary>
    public int UnderWay => Volatile.Read(ref _underWay);

    /// <summary>What the last calls came to.</summary>
    public CallWindow Calls { get; } = new();

    /// <summary>Who was last called, as host and port; null when the call does not say.</summary>
    public string? Host => At?.Authority;

    /// <summary>The address that was last called, of which only scheme, host and port are worth anything; null when the call does not say.</summary>
    public Uri? At => Volatile.Read(ref _at);

    /// <summary>What anybody may read of it, by GET and without a credential, a JSON object; null where there is no such thing. For knocks.</summary>
    public Uri? Document { get; set; }

    /// <summary>What is the matter, as whoever drives it says it; null while nothing is, or nobody says.</summary>
    public string? Detail { get; private set; }

    /// <summary>What a person has decided about it; null for nothing, and after its end.</summary>
    public ByHand? ByHand
    {
        get => _byHand is { } hand && _clock.GetUtcNow() < hand.Until ? hand : null;
        set => _byHand = value;
    }

    /// <summary>Asks whether it is there, without doing anything; null where there is no such question. See <see cref="ProbeAsync"/>.</summary>
    public Func<CancellationToken, Task>? Probe { get; set; }

    /// <summary>Whether <see cref="Probe"/> only hears if anybody is there. Then its answer acquits nobody who was called and failed, and its failures count as a knock's.</summary>
    public bool IsProbeAKnock { get; init; }

    /// <summary>Told of every outcome, in the flow of whoever called. Must not throw, nor wait.</summary>
    internal Action<Dependency, CallOutcome>? Told { get; set; }

    /// <summary>When somebody last had use for it, in timestamps of the clock; null when nobody had yet. A probe is no use.</summary>
    public long? UsedAt => Volatile.Read(ref _used) is var at && at == long.MinValue ? null : at;

    /// <summary>When somebody last answered a knock there, in timestamps of the clock; null when nobody has. Says nothing of the dependency, and something of the way to it.</summary>
    public long? ReachedAt => Volatile.Read(ref _reached) is var at && at == long.MinValue ? null : at;

    /// <summary>Whether it has ever answered, if only a probe.</summary>
    public bool HasAnswered => Volatile.Read(ref _hasAnswered);

    /// <summary>How many callers wait now.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>For how long there has been no outcome although somebody waited all the while; zero when nobody waits.</summary>
    public TimeSpan Silence => Waiting == 0 ? TimeSpan.Zero : _clock.GetElapsedTime(Volatile.Read(ref _quietSince));

    /// <summary>How many repeats the budget did not allow.</summary>
    public long RepeatsRefused => _repeats?.Refused ?? 0;

    /// <summary>To be asked before a call that failed is made again: false when those who repeat have had their share. Then it is for later, or for never.</summary>
    /// <exception cref="InvalidOperationException">The policy says that nobody repeats its calls.</exception>
    public bool MayRepeat() => (_repeats ?? throw new InvalidOperationException($"The policy of '{Name}' has no share for repeats.")).Take();

    /// <summary>A repeat was answered.</summary>
    public void RepeatWorked() => _repeats?.GiveBack();

    /// <summary>Calls the dependency. Returns or throws by the deadline even when <paramref name="call"/> blocks its thread or ignores its token:
    /// the call is then abandoned, and keeps its place in the bulkhead until it truly ends, so that a hang cannot pile up.</summary>
    /// <param name="call">Runs on the thread pool. Its token ends with the deadline and with <paramref name="ct"/>.</param>
    /// <param name="at">Where it goes, if one call may go elsewhere than another.</param>
    /// <exception cref="DependencyUnavailableException">Deadline, closed by hand, open breaker, full bulkhead, or an exception that the policy does not call an answer.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> was cancelled; says nothing about the dependency.</exception>
    public async Task<T> CallAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken ct, Uri? at = null)
    {
        ct.ThrowIfCancellationRequested();
        var hand = ByHand;
        if (hand is { IsOpen: false })
        {
            throw new DependencyUnavailableException(Name, Trouble.Closed, Policy.OpenFor);
        }
        if (Interlocked.Increment(ref _underWay) > Policy.MaxConcurrent)
        {
            Interlocked.Decrement(ref _underWay);
            throw new DependencyUnavailableException(Name, Health.How ?? Trouble.Full, Policy.OpenFor);
        }
        var admission = hand is null ? _breaker.Enter() : new Breaker.Admission(Admitted: true, Trial: false, TimeSpan.Zero);
        if (!admission.Admitted)
        {
            Interlocked.Decrement(ref _underWay);
            throw new DependencyUnavailableException(Name, Health.How ?? Trouble.Errors, admission.RetryAfter);
        }

        if (at is { IsAbsoluteUri: true } && (_at is not { } before || before.Authority != at.Authority || before.Scheme != at.Scheme))
        {
            Volatile.Write(ref _at, at);
        }
        var began = _clock.GetTimestamp();
        Volatile.Write(ref _used, began);
        _repeats?.Earn();
        if (Interlocked.Increment(ref _waiting) == 1)
        {
            Volatile.Write(ref _quietSince, began);
        }
        using var step = Spans.Step(Policy.Declared, System.Diagnostics.ActivityKind.Client);
        step?.SetTag("holdfast.dependency", Policy.Declared);
        using var away = Errand.Outside();   // who waits for it holds no place of the node meanwhile
        var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        // On the pool, because a client library may block before it returns its task, and then no deadline would hold.
        var running = _onCallersThread ? BegunAsync(call, stop.Token) : Task.Run(() => call(stop.Token), CancellationToken.None);
        try
        {
            await ((Task)running).WaitAsync(Policy.Deadline, _clock, ct).ConfigureAwait(Quietly);
            return await OutcomeAsync(running, began, admission.Trial, ct);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
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
    public Task CallAsync(Func<CancellationToken, Task> call, CancellationToken ct, Uri? at = null) =>
        CallAsync(
            async token =>
            {
                await call(token);
                return true;
            },
            ct, at);

    /// <summary>For callers that are driven outside <see cref="CallAsync{T}"/> (a listener, a loop of its own): one outcome, counted as a call's would be.</summary>
    /// <param name="how">How it failed; null for <see cref="Trouble.Errors"/>. Ignored on success.</param>
    /// <param name="detail">The same in a sentence, for the operator.</param>
    public void Report(bool success, string? how = null, string? detail = null)
    {
        Detail = success ? null : detail;
        Volatile.Write(ref _used, _clock.GetTimestamp());
        if (success)
        {
            _breaker.Succeeded();
        }
        else
        {
            _breaker.Failed(how ?? Trouble.Errors, trial: false);
        }
        Tell(null, success ? null : how ?? Trouble.Errors);
    }

    /// <summary>What its caller found of an answer that came well: it is of no use. For the finder of causes; the breaker does not hear it.</summary>
    public void Note(string how) => Told?.Invoke(this, Calls.Amend(how, _clock.GetTimestamp()));

    /// <summary>What a knock at its host came to. For the finder of causes; the breaker does not hear it.</summary>
    /// <param name="how">In the exact word; null when it was answered.</param>
    public void Heard(TimeSpan took, string? how) => Tell(took, how, isKnock: true);

    /// <summary>Runs <see cref="Probe"/>, one at a time, past breaker and bulkhead: nobody's call waits behind it, and none is refused for its sake. Never throws.</summary>
    /// <param name="within">How long it may take.</param>
    public async Task ProbeAsync(TimeSpan within, CancellationToken ct)
    {
        if (Probe is not { } probe || ByHand is { IsOpen: false })
        {
            return;
        }
        var began = _clock.GetTimestamp();
        if (Interlocked.Exchange(ref _probing, 1) == 1)
        {
            if (_clock.GetElapsedTime(Volatile.Read(ref _probeTold), began) >= StillHanging)
            {
                Volatile.Write(ref _probeTold, began);
                TellOfProbe(within, Trouble.Hangs);   // the last one minds no token, and hangs still
            }
            return;
        }
        Volatile.Write(ref _probeTold, began + (long)(within.TotalSeconds * _clock.TimestampFrequency));   // then it tells that it hangs
        var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var running = _onCallersThread ? BegunAsync(Answering, stop.Token) : Task.Run(() => Answering(stop.Token), CancellationToken.None);
        await ((Task)running).WaitAsync(within, _clock, ct).ConfigureAwait(Quietly);
        if (!ct.IsCancellationRequested)
        {
            TellOfProbe(_clock.GetElapsedTime(began), running switch
            {
                { IsCompletedSuccessfully: true } => null,
                { Exception.InnerException: { } failure } when !Policy.IsAnswer(failure) => Trouble.Exactly(failure),
                { Exception: not null } => null,
                _ => Trouble.Hangs,
            });
        }
        _ = EndAsync();

        async Task<bool> Answering(CancellationToken token)
        {
            await probe(token);
            return true;
        }

        async Task EndAsync()
        {
            var stopping = StopAsync(stop);
            await ((Task)running).ConfigureAwait(Quietly);
            Volatile.Write(ref _probing, 0);
            await stopping.ConfigureAwait(Quietly);
            stop.Dispose();
        }
    }

    /// <summary>Callbacks of the callee may block, so nobody waits for them here.</summary>
    private Task StopAsync(CancellationTokenSource stop)
    {
        if (!_onCallersThread)
        {
            return stop.CancelAsync();
        }
        stop.Cancel();
        return Task.CompletedTask;
    }

    private static async Task<T> BegunAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken ct) => await call(ct);

    private void TellOfProbe(TimeSpan took, string? how)
    {
        if (IsProbeAKnock && how is null)
        {
            Volatile.Write(ref _reached, _clock.GetTimestamp());
        }
        if (!IsProbeAKnock)
        {
            Tell(took, how);
        }
        else if (how is not null || took > Policy.SlowAfter || _hasKnockFailed)
        {
            Tell(took, how, isKnock: true);
            _hasKnockFailed = true;   // until it is called, knocks say whether it is back
        }
    }

    private void Tell(TimeSpan? took, string? how, bool isKnock = false)
    {
        if (!isKnock)
        {
            _hasKnockFailed = false;
        }
        if (how is null)
        {
            Volatile.Write(ref _hasAnswered, true);
        }
        else if ((!isKnock || IsProbeAKnock) && !HasAnswered && UsedAt is null)
        {
            return;   // a probe of what may not be there at all, and of what nobody has had use for
        }
        var outcome = new CallOutcome(_clock.GetTimestamp(), took, how, isKnock);
        if (!isKnock)
        {
            Volatile.Write(ref _quietSince, outcome.At);   // those who wait have not been answered by a knock
        }
        Calls.Add(outcome);
        Told?.Invoke(this, outcome);
    }

    private void Succeeded(long began, bool trial)
    {
        var took = _clock.GetElapsedTime(began);
        if (Policy is { OpensOnSlow: true, SlowAfter: { } slow } && took > slow)
        {
            _breaker.Failed(Trouble.Slow, trial);
        }
        else
        {
            _breaker.Succeeded();
        }
        Tell(took, null);
    }

    private void Failed(long began, string how, string exactly, bool trial)
    {
        _breaker.Failed(how, trial);
        Spans.Fail(exactly);
        Tell(_clock.GetElapsedTime(began), exactly);
    }

    private async Task<T> OutcomeAsync<T>(Task<T> running, long began, bool trial, CancellationToken ct)
    {
        if (!running.IsCompleted)
        {
            if (ct.IsCancellationRequested)
            {
                _breaker.Left(trial);
                throw new OperationCanceledException(ct);
            }
            Failed(began, Trouble.Hangs, Trouble.Hangs, trial);
            throw new DependencyUnavailableException(Name, Trouble.Hangs, Policy.OpenFor);
        }
        try
        {
            var value = await running;
            Succeeded(began, trial);
            return value;
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            _breaker.Left(trial);
            throw;
        }
        catch (Exception fault) when (Policy.IsJudgedByItsDriver && Policy.IsAnswer(fault))
        {
            _breaker.Left(trial);   // neither well nor ill: whoever drives it says what it is
            throw;
        }
        catch (Exception answer) when (Policy.IsAnswer(answer))
        {
            Succeeded(began, trial);
            throw;
        }
        catch (Exception failure)
        {
            var how = Trouble.Of(failure);
            Failed(began, how, Trouble.Exactly(failure), trial);
            throw new DependencyUnavailableException(Name, how, Policy.OpenFor, failure);
        }
    }

    private async Task AbandonAsync(Task running, CancellationTokenSource stop)
    {
        var stopping = StopAsync(stop);
        await running.ConfigureAwait(Quietly);
        Interlocked.Decrement(ref _underWay);
        await stopping.ConfigureAwait(Quietly);
        stop.Dispose();
    }
}
