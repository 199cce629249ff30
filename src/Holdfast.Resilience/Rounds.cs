namespace Holdfast.Resilience;

/// <summary>Work in the background that comes round again and again, whatever becomes of one round.</summary>
public static class Rounds
{
    /// <summary>Goes round until it is told to stop; the first round begins after one pause. Ends without an exception.</summary>
    /// <param name="every">The pause between beginnings; a round that takes longer is followed by the next at once.</param>
    /// <param name="cutOff">Is told what ended a round early: the next one tries again.</param>
    public static async Task RunAsync(TimeSpan every, TimeProvider clock, Func<CancellationToken, Task> round, Action<Exception> cutOff, CancellationToken ct)
    {
        using var timer = new PeriodicTimer(every, clock);
        while (await timer.WaitForNextTickAsync(ct).AsTask().ContinueWith(t => t.IsCompletedSuccessfully && t.Result, TaskScheduler.Default))
        {
            try
            {
                await round(ct);
            }
            catch (Exception fault)
            {
                cutOff(fault);
            }
        }
    }
}
