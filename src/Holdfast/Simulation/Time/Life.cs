namespace Holdfast.Simulation.Time;

/// <summary>One run of a process. When it is over, nothing that it had begun goes on: no continuation, no timer, no work of a lane.</summary>
internal sealed class Life
{
    private readonly World _world;

    public Life(World world, string name)
    {
        (_world, Name) = (world, name);
        Context = new LifeContext(world, this);
    }

    public string Name { get; }

    public bool IsOver { get; private set; }

    public SynchronizationContext Context { get; }

    public void End() => IsOver = true;

    /// <summary>Begins something in this life; what it throws is thrown to whoever waits for the task.</summary>
    public Task<T> StartAsync<T>(string name, Func<Task<T>> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _world.After(TimeSpan.Zero, this, name, () => _ = ForwardAsync(work, done));
        return done.Task;
    }

    private static async Task ForwardAsync<T>(Func<Task<T>> work, TaskCompletionSource<T> done)
    {
        try
        {
            done.TrySetResult(await work());
        }
        catch (Exception fault)
        {
            done.TrySetException(fault);
        }
    }
}

/// <summary>Where the awaits of a life go on: in the world's queue.</summary>
internal sealed class LifeContext(World world, Life life) : SynchronizationContext
{
    public override void Post(SendOrPostCallback d, object? state) => world.InOrder(TimeSpan.Zero, life, "continues", () => d(state));

    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException("Nothing in a simulated world waits for another.");

    public override SynchronizationContext CreateCopy() => this;
}
