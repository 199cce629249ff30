using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Storage.ChangeLog;

/// <summary>A place in the change log: after this row. The hash chains over all rows before it, so that a log that lost its tail is noticed.</summary>
public readonly record struct LogPosition(long Epoch, long Sequence, string Hash)
{
    /// <summary>Before the first row.</summary>
    public static LogPosition Start { get; } = new(0, 0, "");

    /// <summary>Where the log stands after one more row.</summary>
    public LogPosition Next(long epoch, string version) =>
        new(epoch, Sequence + 1, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"{Hash}\n{epoch}\n{Sequence + 1}\n{version}")))));

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Epoch}.{Sequence}");
}

/// <summary>A row of the change log: a version, or, when it is empty, the beginning of an epoch.</summary>
public sealed record LogRow(LogPosition At, string Version)
{
    /// <summary>The row tells that a new epoch began: the log before it may have lost rows.</summary>
    public bool BeginsEpoch => Version.Length == 0;

    /// <summary>Whether it is the row after this one: the next in number, and the hash chains. A log that was restored may begin later than with its first row.</summary>
    public bool Follows(LogPosition before) =>
        At.Sequence == before.Sequence + 1 ? before.Next(At.Epoch, Version) == At : before == LogPosition.Start;
}

/// <summary>What a reader at a position got.</summary>
/// <param name="Rows">The rows after the position, in order.</param>
/// <param name="Head">The last row of the log at that moment.</param>
/// <param name="Matches">False when the log does not have the reader's row at its place: it lost its tail, or is another log.</param>
public sealed record LogPage(IReadOnlyList<LogRow> Rows, LogPosition Head, bool Matches);
