namespace Holdfast.Simulation.Disk;

/// <summary>One file: its bytes as a process sees them, its bytes as a power cut would leave them, and the changes between the two.</summary>
internal sealed class SimulatedFile(ulong inode, bool isScratch = false)
{
    private readonly List<Unsynced> _unsynced = [];
    private readonly Chunks _now = new();
    private readonly Chunks _lasting = new();
    private readonly Chunks _written = new();   // the bytes of unsynced writes, one after the other

    public ulong Inode => inode;

    public int Length => _now.Length;

    /// <summary>Whether its name is on the disk for good.</summary>
    public bool IsNameLasting { get; set; }

    /// <summary>How many connections hold SHARED or more.</summary>
    public int Readers { get; set; }

    /// <summary>The one connection that holds RESERVED or more.</summary>
    public OpenFile? Writer { get; set; }

    public SharedMemory? Memory { get; set; }

    public byte[] ToArray() => _now.ToArray();

    /// <returns>Whether there were so many bytes; where not, zeros.</returns>
    public bool Read(Span<byte> buffer, long offset)
    {
        var there = _now.Read(buffer, offset);
        buffer[there..].Clear();
        return there == buffer.Length;
    }

    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        _now.Write(bytes, checked((int)offset));
        if (!isScratch)
        {
            _unsynced.Add(new Unsynced((int)offset, _written.Length, bytes.Length));
            _written.Write(bytes, _written.Length);
        }
    }

    public void Truncate(long length)
    {
        _now.Resize(checked((int)length));
        if (!isScratch)
        {
            _unsynced.Add(new Unsynced((int)length, 0, Unsynced.IsTruncation));
        }
    }

    public void Sync()
    {
        foreach (var change in _unsynced)
        {
            Keep(change, change.Offset, change.Offset + change.Length);
        }
        Forget();
    }

    /// <summary>Makes it these bytes, for good.</summary>
    public void Become(ReadOnlySpan<byte> bytes)
    {
        foreach (var side in (ReadOnlySpan<Chunks>)[_now, _lasting])
        {
            side.Resize(0);
            side.Write(bytes, 0);
        }
        Forget();
    }

    /// <summary>The power is cut: of what was not synced, chance keeps nothing, all, the first so many, or any; and may tear a write between two sectors.</summary>
    public void Cut(Func<int, int> below)
    {
        if (_unsynced.Count > 0)
        {
            var (all, first, any) = below(4) switch
            {
                0 => (false, 0, false),
                1 => (true, 0, false),
                2 => (false, below(_unsynced.Count + 1), false),
                _ => (false, 0, true),
            };
            for (var i = 0; i < _unsynced.Count; i++)
            {
                var fate = any ? below(4) : all || i < first ? 0 : i == first && first > 0 ? 3 : 2;
                if (fate is 0 or 1)
                {
                    Keep(_unsynced[i], _unsynced[i].Offset, _unsynced[i].Offset + _unsynced[i].Length);
                }
                else if (fate == 3)
                {
                    KeepTorn(_unsynced[i], mayBeItsTail: any, below);
                }
            }
            Forget();
        }
        _now.Resize(0);
        _now.Write(_lasting, 0, _lasting.Length, 0);
        EndLife();
    }

    /// <summary>Its process is gone, and with it every lock.</summary>
    public void EndLife() => (Readers, Writer, Memory) = (0, null, null);

    /// <summary>The disk is no more.</summary>
    public void GiveAway()
    {
        foreach (var side in (ReadOnlySpan<Chunks>)[_now, _lasting, _written])
        {
            side.GiveAway();
        }
        _unsynced.Clear();
    }

    private void KeepTorn(Unsynced change, bool mayBeItsTail, Func<int, int> below)
    {
        if (change.Length == Unsynced.IsTruncation)
        {
            return;
        }
        var end = change.Offset + change.Length;
        var firstEdge = ((change.Offset / SimulatedDisk.SectorBytes) + 1) * SimulatedDisk.SectorBytes;
        var edges = end > firstEdge ? ((end - firstEdge - 1) / SimulatedDisk.SectorBytes) + 1 : 0;
        if (edges == 0)
        {
            return;   // inside one sector: it did not reach the disk
        }
        var edge = firstEdge + (below(edges) * SimulatedDisk.SectorBytes);
        if (mayBeItsTail && below(2) == 0)
        {
            Keep(change, edge, end);
        }
        else
        {
            Keep(change, change.Offset, edge);
        }
    }

    private void Keep(Unsynced change, int from, int to)
    {
        if (change.Length == Unsynced.IsTruncation)
        {
            _lasting.Resize(change.Offset);
        }
        else
        {
            _lasting.Write(_written, change.Place + (from - change.Offset), to - from, from);
        }
    }

    private void Forget()
    {
        _unsynced.Clear();
        _written.Resize(0);
    }

    /// <param name="Place">Where its bytes are among the written.</param>
    /// <param name="Length">In bytes; below zero for a truncation to the offset.</param>
    private readonly record struct Unsynced(int Offset, int Place, int Length)
    {
        public const int IsTruncation = -1;
    }
}
