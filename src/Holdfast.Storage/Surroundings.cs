using System.Security.Cryptography;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage;

/// <summary>What a node takes from outside: time, randomness, and what its disk and machine say of themselves.</summary>
/// <remarks>One record, so that a simulated world can hand in its own (architecture, law 10).</remarks>
/// <param name="Clock">Wall time and timers.</param>
/// <param name="Entropy">Random bytes, fit for secrets.</param>
/// <param name="Disk">What the machine says about files.</param>
/// <param name="SqliteVfs">Name of the SQLite VFS that does the I/O; null is SQLite's own.</param>
public sealed record Surroundings(TimeProvider Clock, Entropy Entropy, Disk Disk, string? SqliteVfs = null)
{
    /// <summary>Makes the lane of a name, on which a writer's work runs.</summary>
    public Func<string, Lane> OpenLane { get; init; } = Lane.OnThread;

    /// <summary>How versions of a row are joined. It may be watched; only a simulated world puts another in: a wrong one, to see that it is found.</summary>
    public JoinVersions Join { get; init; } = Rows.Join.Of;

    /// <summary>The real world.</summary>
    public static Surroundings Real { get; } = new(TimeProvider.System, Entropy.Real, Disk.Real);
}

/// <summary>A source of random bytes.</summary>
public sealed class Entropy(Action<Memory<byte>> fill)
{
    /// <summary>The operating system's generator.</summary>
    public static Entropy Real { get; } = new(buffer => RandomNumberGenerator.Fill(buffer.Span));

    /// <summary>New random bytes.</summary>
    public byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        fill(bytes);
        return bytes;
    }
}
