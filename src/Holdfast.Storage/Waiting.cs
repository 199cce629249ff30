namespace Holdfast.Storage;

/// <summary>Waiting with an end to it.</summary>
/// <remarks>Not <c>Task.WaitAsync</c>, <c>Task.WhenAny</c> or a semaphore: those go on in the thread pool, whoever awaits them, and then nothing that runs this
/// code in one thread could say in which order things happened (decision 0006).</remarks>
public static class Waiting
{
    /// <summary>The task's result; or, once <paramref name="ct"/> says so, no longer waiting for it. The task itself goes on.</summary>
    /// <exception cref="OperationCanceledException">Told to stop waiting.</exception>
    public static Task<T> Within<T>(this Task<T> task, CancellationToken ct)
    {
        if (task.IsCompleted || !ct.CanBeCanceled)
        {
            return task;
        }
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = ForwardAsync(task, done, ct);
        return done.Task;
    }

    /// <inheritdoc cref="Within{T}"/>
    public static Task Within(this Task task, CancellationToken ct) => task.IsCompleted || !ct.CanBeCanceled ? task : AsResultAsync(task).Within(ct);

    private static async Task<bool> AsResultAsync(Task task)
    {
        await task;
        return true;
    }

    private static async Task ForwardAsync<T>(Task<T> task, TaskCompletionSource<T> done, CancellationToken ct)
    {
        using var giveUp = ct.UnsafeRegister(_ => done.TrySetCanceled(ct), null);
        try
        {
            done.TrySetResult(await task);
        }
        catch (OperationCanceledException canceled)
        {
            done.TrySetCanceled(canceled.CancellationToken);
        }
        catch (Exception fault)
        {
            done.TrySetException(fault);
        }
    }
}

/// <summary>Tells those who wait that there is news. Telling it twice before they look is telling it once.</summary>
public sealed class Signal
{
    private readonly Lock _lock = new();
    private readonly List<TaskCompletionSource> _waiting = [];
    private long _told;

    /// <summary>How often there was news. Whoever notes it before looking, and then waits for more, misses nothing.</summary>
    public long Told
    {
        get
        {
            lock (_lock)
            {
                return _told;
            }
        }
    }

    public void Set()
    {
        List<TaskCompletionSource> waiting;
        lock (_lock)
        {
            _told++;
            waiting = [.. _waiting];
            _waiting.Clear();
        }
        waiting.ForEach(w => w.TrySetResult());
    }

    /// <summary>Waits for more news than were told, or until the time is over or somebody says stop. No exception for either: idle nodes wait all day.</summary>
    public async Task WaitAsync(long told, TimeSpan most, TimeProvider clock, CancellationToken ct)
    {
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_told != told)
            {
                return;
            }
            _waiting.Add(over);
        }
        using var timer = clock.CreateTimer(_ => over.TrySetResult(), null, most, Timeout.InfiniteTimeSpan);
        using var stop = ct.UnsafeRegister(_ => over.TrySetResult(), null);
        await over.Task;
        lock (_lock)
        {
            _waiting.Remove(over);
        }
    }
}
