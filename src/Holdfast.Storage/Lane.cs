using System.Collections.Concurrent;

namespace Holdfast.Storage;

/// <summary>Where work is done one piece at a time, in the order it came. SQLite is synchronous, so each of its writers has a lane of its own.</summary>
/// <param name="post">Hands a piece of work over. A simulated world decides itself when it runs.</param>
public sealed class Lane(Action<Action> post, Func<bool>? close = null) : IDisposable
{
    /// <summary>How long a lane that is closed may take over the work that it has.</summary>
    public static readonly TimeSpan LastPatience = TimeSpan.FromSeconds(5);

    /// <summary>A thread of its own.</summary>
    public static Lane OnThread(string name)
    {
#pragma warning disable CA2000 // the thread disposes of it when the lane is closed
        var queue = new BlockingCollection<Action>();
#pragma warning restore CA2000
        var thread = new Thread(() =>
        {
            foreach (var work in queue.GetConsumingEnumerable())
            {
                work();
            }
            queue.Dispose();
        })
        { IsBackground = true, Name = name };
        thread.Start();
        return new Lane(
            work =>
            {
                try
                {
                    queue.Add(work);
                }
                catch (Exception closed) when (closed is InvalidOperationException or ObjectDisposedException)
                {
                    throw new StoppingException(closed);
                }
            },
            () =>
            {
                try
                {
                    queue.CompleteAdding();
                }
                catch (ObjectDisposedException)
                {
                    return true;   // closed before, and the thread has ended
                }
                return Thread.CurrentThread != thread && thread.Join(LastPatience);
            });
    }

    /// <summary>Work that must not throw.</summary>
    public void Post(Action work) => post(work);

    /// <summary>Runs on the lane; what it throws is thrown here. A caller that gives up leaves alone: work that has begun goes on.</summary>
    public Task<T> RunAsync<T>(Func<T> work, CancellationToken ct)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() =>
        {
            if (ct.IsCancellationRequested)
            {
                done.TrySetCanceled(ct);
                return;
            }
            try
            {
                done.TrySetResult(work());
            }
            catch (Exception fault)
            {
                done.TrySetException(fault);
            }
        });
        return done.Task.Within(ct);
    }

    /// <summary>Takes no more work, finishes what it has.</summary>
    /// <returns>Whether it has finished; false when a piece of work hangs.</returns>
    public bool Close() => close?.Invoke() ?? true;

    /// <summary><see cref="Close"/>, without holding the caller's thread: a file that hangs must not keep the node from stopping.</summary>
    public Task<bool> CloseAsync() => close is null ? Task.FromResult(true) : Task.Run(close);

    public void Dispose() => Close();
}
