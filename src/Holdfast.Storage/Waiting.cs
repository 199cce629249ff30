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

/// <summary>Tells one waiter that there is news. Telling it twice before it looks is telling it once.</summary>
public sealed class Signal
{
    private TaskCompletionSource _news = New();

    public void Set() => Volatile.Read(ref _news).TrySetResult();

    /// <summary>Waits for news. What was told before it returns, the waiter finds when it then looks.</summary>
    /// <exception cref="OperationCanceledException">Told to stop waiting.</exception>
    public async Task WaitAsync(CancellationToken ct)
    {
        await Volatile.Read(ref _news).Task.Within(ct);
        Interlocked.Exchange(ref _news, New());
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
