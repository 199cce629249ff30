namespace Holdfast.Resilience;

/// <summary>Of a request that this node works on: whether it works, or waits for somebody else. What waits costs this node nothing, and says nothing of how busy it is.</summary>
/// <param name="left">Is told when it begins to wait.</param>
/// <param name="back">Is told when it goes on.</param>
public sealed class Errand(Action left, Action back)
{
    private static readonly AsyncLocal<Errand?> s_current = new();

    private int _away;

    /// <summary>Of whoever runs now; null for work that is no request's.</summary>
    public static Errand? Current
    {
        get => s_current.Value;
        set => s_current.Value = value;
    }

    /// <summary>From here until it is disposed of, whoever runs waits for somebody else. Several at once are one.</summary>
    public static Away Outside()
    {
        var errand = s_current.Value;
        if (errand is not null && Interlocked.Increment(ref errand._away) == 1)
        {
            errand.Left();
        }
        return new Away(errand);
    }

    private void Left() => left();

    /// <summary>A wait for somebody else; its end is the end of the wait.</summary>
    public readonly record struct Away(Errand? Of) : IDisposable
    {
        public void Dispose()
        {
            if (Of is { } errand && Interlocked.Decrement(ref errand._away) == 0)
            {
                errand.Back();
            }
        }
    }

    private void Back() => back();
}
