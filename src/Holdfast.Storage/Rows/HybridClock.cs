using System.Globalization;

namespace Holdfast.Storage.Rows;

/// <summary>Hybrid logical clock: stamps follow wall time, and never go back nor repeat (Kulkarni et al. 2014).</summary>
/// <remarks>A stamp is 12 hex digits of Unix milliseconds, 4 of a counter, a dot, and the incarnation that made it; its order is that of its characters.</remarks>
public sealed class HybridClock(TimeProvider clock, string incarnation)
{
    /// <summary>How far a stamp may lie ahead of this node's clock before its version waits aside.</summary>
    public static readonly TimeSpan MostAhead = TimeSpan.FromSeconds(60);

    /// <summary>A stamp as long as all that this clock makes.</summary>
    public string Sample { get; } = $"{0L:x16}.{incarnation}";

    /// <summary>What <see cref="Reach"/> grows by in a second.</summary>
    internal const long Second = 1000L << 16;

    private readonly Lock _lock = new();
    private long _last;

    /// <summary>The life whose stamps these are.</summary>
    public string Incarnation => incarnation;

    /// <summary>Goes on as another life of the same length of name.</summary>
    public void BeginLife(string life)
    {
        lock (_lock)
        {
            incarnation = life;
        }
    }

    /// <summary>The number that the next stamp begins with, or one a little below it.</summary>
    internal long Reach
    {
        get
        {
            lock (_lock)
            {
                return Math.Max(Now, _last);
            }
        }
    }

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds() << 16;

    /// <summary>Goes on above what an earlier process of this life may have given.</summary>
    internal void GoOnFrom(long mark)
    {
        lock (_lock)
        {
            _last = Math.Max(_last, mark);
        }
    }

    /// <summary>A new stamp, later than all that this clock gave or saw, and than <paramref name="after"/>. One from too far ahead is exceeded and moves no clock.</summary>
    public string Next(string after = "")
    {
        lock (_lock)
        {
            var replaced = after.Length == 0 ? 0 : Parse(after);
            if (IsFar(after) && replaced > _last)
            {
                return $"{replaced + 1:x16}.{incarnation}";
            }
            _last = Math.Max(Math.Max(Now, _last + 1), replaced + 1);
            return $"{_last:x16}.{incarnation}";
        }
    }

    /// <summary>Takes note of a stamp. One from too far ahead moves no clock, whoever made it: this clock itself does, to exceed one that it replaces.</summary>
    public void Observe(string stamp)
    {
        if (stamp.Length >= 16 && !IsFar(stamp))
        {
            lock (_lock)
            {
                _last = Math.Max(_last, Parse(stamp));
            }
        }
    }

    /// <summary>Whether the stamp was made elsewhere and lies further ahead of wall time than honest clocks do.</summary>
    public bool IsAhead(string stamp) => IsFar(stamp) && !stamp.EndsWith(incarnation, StringComparison.Ordinal);

    private bool IsFar(string stamp) => stamp.Length >= 16 && (Parse(stamp) >> 16) > (clock.GetUtcNow() + MostAhead).ToUnixTimeMilliseconds();

    /// <summary>Whether a text has a stamp's form.</summary>
    public static bool IsStamp(string? stamp) => stamp is { Length: > 17 and <= 64 } && stamp[16] == '.' && !stamp.AsSpan(0, 16).ContainsAnyExcept(s_hex) && string.CompareOrdinal(stamp, Latest) < 0;

    /// <summary>The life that made a stamp.</summary>
    public static string LifeOf(string stamp) => stamp[17..];

    /// <summary>The clock of whoever made a stamp (Unix milliseconds).</summary>
    public static long MillisecondsOf(string stamp) => Parse(stamp) >> 16;

    /// <summary>In the year 2213: whoever stamps later only wants that nobody can exceed it.</summary>
    private const string Latest = "07";

    private static readonly System.Buffers.SearchValues<char> s_hex = System.Buffers.SearchValues.Create("0123456789abcdef");

    private static long Parse(string stamp) => long.Parse(stamp.AsSpan(0, 16), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
