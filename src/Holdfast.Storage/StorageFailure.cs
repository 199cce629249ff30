namespace Holdfast.Storage;

/// <summary>Something that storage stands on is away. Caught once, at the HTTP floor: 503 and <c>Retry-After</c>.</summary>
public abstract class StorageUnavailableException(string message, Exception? inner) : Exception(message, inner)
{
    /// <summary>Its own code, where it is not this node that is the trouble; null where it is.</summary>
    public virtual string? Code => null;
}

/// <summary>The primary did not answer, or must not be written to. Whether it wrote may be unknown: repeat only what is safe to repeat.</summary>
public sealed class PrimaryUnavailableException(PrimaryFault fault, string message, Exception? inner = null)
    : StorageUnavailableException(message, inner)
{
    public PrimaryFault Fault { get; } = fault;
}

/// <summary>Why the primary cannot be used.</summary>
public enum PrimaryFault
{
    /// <summary>Locked, hung, slow, unreachable: it may come back by itself.</summary>
    Unreachable,

    /// <summary>Its file is not there, or its owner may not read and write it.</summary>
    Unreadable,

    /// <summary>It is there and empty, though this cluster has written to it. A person decides: <c>holdfast doctor</c>.</summary>
    Empty,

    /// <summary>It is cut off or corrupt. A person decides.</summary>
    Damaged,

    /// <summary>It belongs to another cluster. A person decides.</summary>
    Foreign,

    /// <summary>A younger release has migrated it.</summary>
    TooNew,

    /// <summary>An operator has closed the way to it, for a time.</summary>
    Closed,
}

/// <summary>The node is stopping, and takes no more work.</summary>
public sealed class StoppingException(Exception? inner = null) : StorageUnavailableException("The node is stopping.", inner);

/// <summary>This node's own disk does not take writes.</summary>
public sealed class JournalUnavailableException(string message, Exception? inner = null) : StorageUnavailableException(message, inner);

/// <summary>The share of the journal that this kind of fact may use is full. Denies still go in.</summary>
public sealed class JournalFullException(string message) : StorageUnavailableException(message, null);

/// <summary>This node's clock runs ahead of its peers': what a later stamp decides is not decided here. People still sign in, and denies are taken.</summary>
public sealed class ClockAheadException() : StorageUnavailableException("This node's clock runs ahead of its peers'. Another node takes this.", null);

/// <summary>This node's clock is so far behind that what others write lies in its future: it waits aside here, and is not seen.</summary>
public sealed class ClockBehindException() : StorageUnavailableException("This node's clock is more than a minute behind: what others wrote cannot be taken yet.", null);
