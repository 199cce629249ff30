using System.Buffers.Binary;
using Holdfast.Storage;

namespace Holdfast.Flags.Sources;

/// <summary>When to ask a provider again: after a success at the steady rate; after failures later and later, up to a minute; always a fifth to and fro, so that nodes do not ask in step; and never
/// within a second, whatever the provider does.</summary>
/// <param name="steady">Between two successes.</param>
internal sealed class Pace(TimeSpan steady, Entropy entropy)
{
    public static readonly TimeSpan Least = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan Most = TimeSpan.FromMinutes(1);
    private const int MostDoublings = 6;

    private int _failures;

    /// <summary>The pause after an attempt that ended so.</summary>
    public TimeSpan Next(bool isSuccess)
    {
        _failures = isSuccess ? 0 : Math.Min(_failures + 1, MostDoublings + 1);
        var pause = isSuccess ? steady : TimeSpan.FromSeconds(Math.Min(1 << (_failures - 1), Most.TotalSeconds));
        var share = 0.8 + (0.4 * BinaryPrimitives.ReadUInt32LittleEndian(entropy.Bytes(4)) / uint.MaxValue);
        return pause * share is var next && next < Least ? Least : next;
    }
}
