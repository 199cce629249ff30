using System.Text;
using System.Text.Json;
using Holdfast.Http;

namespace Holdfast.Causes;

/// <summary>What was named, on this node's disk: two files that take turns, so that it never grows. It survives a restart, a dead telemetry service and a dead database;
/// if the disk itself is the trouble, the log has it.</summary>
/// <remarks>One line of JSON each. A line that was cut off by a power cut is passed over.</remarks>
internal sealed class CauseRing(string folder, int mostBytes = CauseRing.MostBytes)
{
    /// <summary>Of each of the two files.</summary>
    public const int MostBytes = 256 * 1024;

    private readonly Lock _gate = new();

    private string Young => Path.Combine(folder, "causes.jsonl");

    private string Old => Path.Combine(folder, "causes.old.jsonl");

    /// <exception cref="IOException">The disk did not take it.</exception>
    public void Append(Entry entry)
    {
        var line = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(entry, JavaScriptJson.Options) + "\n");
        lock (_gate)
        {
            if (new FileInfo(Young) is { Exists: true } young && young.Length + line.Length > mostBytes)
            {
                File.Move(Young, Old, overwrite: true);
            }
            using var file = new FileStream(Young, FileMode.Append, FileAccess.Write, FileShare.Read);
            if (file.Position > 0 && !EndsALine())
            {
                file.WriteByte((byte)'\n');   // the last line was cut off; this one begins anew
            }
            file.Write(line);
            file.Flush(flushToDisk: true);
        }
    }

    /// <summary>What it holds, the eldest first.</summary>
    public IReadOnlyList<Entry> Read()
    {
        lock (_gate)
        {
            return [.. new[] { Old, Young }.Where(File.Exists).SelectMany(File.ReadAllLines).Select(Parse).OfType<Entry>()];
        }
    }

    private bool EndsALine()
    {
        using var file = new FileStream(Young, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        file.Seek(-1, SeekOrigin.End);
        return file.ReadByte() == '\n';
    }

    private static Entry? Parse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize<Entry>(line, JavaScriptJson.Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <param name="At">UTC.</param>
    /// <param name="Change"><c>named</c>, <c>known_better</c>, <c>over</c> or <c>joined</c>.</param>
    internal sealed record Entry(
        DateTimeOffset At, string Change, string Id, string Dependency, string How, DateTimeOffset Since, string Scope, string Text, string? Detail, IReadOnlyList<string> Symptoms);
}
