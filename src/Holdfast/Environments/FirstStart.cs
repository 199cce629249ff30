using Holdfast.Storage;

namespace Holdfast.Environments;

/// <summary>What the first start writes to the primary. Nobody waits for it as somebody waits for an answer: on a machine that is slow for a moment, it asks again.</summary>
internal static class FirstStart
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(250);

    /// <param name="write">Safe to repeat, whether or not it was done.</param>
    /// <exception cref="PrimaryUnavailableException">Not done, or unknown, for a minute; or at once, when time does not mend it.</exception>
    public static async Task<T> WriteAsync<T>(Func<Task<T>> write, TimeProvider clock, CancellationToken ct)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            try
            {
                return await write();
            }
            catch (PrimaryUnavailableException away) when (away.Fault == PrimaryFault.Unreachable && clock.GetElapsedTime(began) < s_patience)
            {
                await Task.Delay(s_pause, clock, ct);
            }
        }
    }
}
