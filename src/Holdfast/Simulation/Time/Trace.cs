using System.Globalization;

namespace Holdfast.Simulation.Time;

/// <summary>What happened: always as a fingerprint, in words where somebody will read them.</summary>
internal sealed class Trace(World world, bool keeps)
{
    private Fingerprint _fingerprint = new();

    /// <summary>Whether lines are kept, and so worth writing.</summary>
    public bool Keeps { get; } = keeps;

    public List<string> Lines { get; } = [];

    public ulong Fingerprint => _fingerprint.Value;

    /// <summary>A piece of work: too many to be told, and all of them counted.</summary>
    public void Count(long at, string who, string what)
    {
        _fingerprint.Add((ulong)at);
        _fingerprint.Add(who);
        _fingerprint.Add(what);
    }

    /// <summary>Something that a reader wants to know.</summary>
    /// <param name="details">Only for the reader, and so only worth making when <see cref="Keeps"/>.</param>
    public void Note(string who, string what, string? details = null)
    {
        _fingerprint.Add(who);
        _fingerprint.Add(what);
        if (Keeps)
        {
            Lines.Add(string.Create(CultureInfo.InvariantCulture, $"{world.Now.TotalSeconds,9:0.0000} s  {who,-10} {what}{(details is null ? "" : $": {details}")}"));
        }
    }
}
