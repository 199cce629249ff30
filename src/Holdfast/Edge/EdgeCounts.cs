namespace Holdfast.Edge;

/// <summary>What the edge has done since it began.</summary>
internal sealed class EdgeCounts
{
    public readonly Counter Requests = new();
    public readonly Counter Tries = new();

    /// <summary>Sent again to another node after bytes had gone to one.</summary>
    public readonly Counter Retries = new();

    /// <summary>Sent to another node because one took no connection.</summary>
    public readonly Counter Elsewhere = new();
    public readonly Counter Hedges = new();
    public readonly Counter HedgesWon = new();

    /// <summary>Answered with 502, 503 or 504 by the edge itself.</summary>
    public readonly Counter Failed = new();
    public readonly Counter UnknownHosts = new();
    public readonly Counter NotForOutside = new();
    public readonly Counter Malformed = new();

    /// <summary>Turned away for want of room, by priority.</summary>
    public readonly Counter[] Refused = [.. Enum.GetValues<Priority>().Select(_ => new Counter())];

    internal sealed class Counter
    {
        private long _value;

        public long Value => Interlocked.Read(ref _value);

        public void Add() => Interlocked.Increment(ref _value);
    }
}
