namespace Holdfast.Simulation.Disk;

/// <summary>A file as one connection holds it open: its locks, and the life of the process that it belongs to.</summary>
/// <remarks>The levels are SQLite's: 0 none, 1 SHARED, 2 RESERVED, 3 PENDING, 4 EXCLUSIVE. A lock that is taken answers BUSY at once.</remarks>
internal sealed class OpenFile(SimulatedDisk disk, SimulatedFile file, string path, bool deleteOnClose)
{
    private const int Shared = 1;
    private const int Reserved = 2;
    private const int Pending = 3;
    private const int Exclusive = 4;

    private readonly int _life = disk.Life;
    private int _level;
    private SharedMemory? _memory;
    private int _sharedSlots;
    private int _ownSlots;

    public SimulatedDisk Disk => disk;

    private bool IsDead => disk.Life != _life;

    public int Read(Span<byte> buffer, long offset)
    {
        lock (disk.Gate)
        {
            return IsDead ? SqliteCode.IoError : file.Read(buffer, offset) ? SqliteCode.Ok : SqliteCode.ShortRead;
        }
    }

    public int Write(ReadOnlySpan<byte> bytes, long offset)
    {
        lock (disk.Gate)
        {
            if (IsDead)
            {
                return SqliteCode.IoError;
            }
            var growth = Math.Max(0, offset + bytes.Length - file.Length);
            if (!disk.HasRoom(growth))
            {
                return SqliteCode.Full;
            }
            file.Write(bytes, offset);
            return disk.Did('w', file, offset, bytes.Length);
        }
    }

    public int Truncate(long length)
    {
        lock (disk.Gate)
        {
            if (IsDead)
            {
                return SqliteCode.IoError;
            }
            file.Truncate(length);
            return disk.Did('t', file, length, 0);
        }
    }

    public int Sync()
    {
        lock (disk.Gate)
        {
            if (IsDead)
            {
                return SqliteCode.IoError;
            }
            var answer = disk.Did('s', file, 0, 0);   // a cut comes before its end: after it, is a cut in the next call
            if (answer == SqliteCode.Ok)
            {
                disk.Sync(path, file);
            }
            return answer;
        }
    }

    public int FindSize(out long size)
    {
        lock (disk.Gate)
        {
            size = file.Length;
            return IsDead ? SqliteCode.IoError : SqliteCode.Ok;
        }
    }

    public int Lock(int level)
    {
        lock (disk.Gate)
        {
            if (IsDead)
            {
                return SqliteCode.IoError;
            }
            if (_level >= level)
            {
                return SqliteCode.Ok;
            }
            var other = file.Writer == this ? null : file.Writer;
            if (level == Shared)
            {
                if (other is { _level: >= Pending })
                {
                    return SqliteCode.Busy;
                }
                file.Readers++;
                _level = Shared;
                return SqliteCode.Ok;
            }
            if (other is not null)
            {
                return SqliteCode.Busy;
            }
            file.Writer = this;
            if (level == Exclusive && file.Readers > 1)
            {
                _level = Pending;   // kept: no new reader comes, so those who are there will be the last
                return SqliteCode.Busy;
            }
            _level = level;
            return SqliteCode.Ok;
        }
    }

    public int Unlock(int level)
    {
        lock (disk.Gate)
        {
            if (!IsDead)
            {
                LowerTo(level);
            }
            return SqliteCode.Ok;
        }
    }

    public int FindReserved(out bool isReserved)
    {
        lock (disk.Gate)
        {
            isReserved = file.Writer is not null;
            return IsDead ? SqliteCode.IoError : SqliteCode.Ok;
        }
    }

    /// <summary>Whether another file, or none, stands at its path now.</summary>
    public bool HasMoved()
    {
        lock (disk.Gate)
        {
            return disk.FileAt(path) != file;
        }
    }

    public int MapMemory(int index, int bytes, bool mayExtend, out nint region)
    {
        lock (disk.Gate)
        {
            region = 0;
            if (IsDead)
            {
                return SqliteCode.IoError;
            }
            if (_memory is null)
            {
                _memory = file.Memory ??= new SharedMemory();
                _memory.Join();
            }
            region = _memory.Map(index, bytes, mayExtend);
            return SqliteCode.Ok;
        }
    }

    public int LockMemory(int slots, bool isLock, bool isShared)
    {
        lock (disk.Gate)
        {
            if (IsDead || _memory is null)
            {
                return SqliteCode.IoError;
            }
            if (!isLock)
            {
                var (shared, own) = (slots & _sharedSlots, slots & _ownSlots);
                _memory.Release(shared, own);
                (_sharedSlots, _ownSlots) = (_sharedSlots & ~shared, _ownSlots & ~own);
                return SqliteCode.Ok;
            }
            ref var held = ref isShared ? ref _sharedSlots : ref _ownSlots;
            var wanted = slots & ~held;
            if (!(isShared ? _memory.TryShare(wanted) : _memory.TryOwn(wanted)))
            {
                return SqliteCode.Busy;
            }
            held |= wanted;
            return SqliteCode.Ok;
        }
    }

    public void UnmapMemory()
    {
        lock (disk.Gate)
        {
            if (_memory is { } memory)
            {
                if (memory.Leave(_sharedSlots, _ownSlots) && file.Memory == memory)
                {
                    file.Memory = null;
                }
                (_memory, _sharedSlots, _ownSlots) = (null, 0, 0);
            }
        }
    }

    public void Close()
    {
        lock (disk.Gate)
        {
            UnmapMemory();
            if (!IsDead)
            {
                LowerTo(0);
                if (deleteOnClose)
                {
                    disk.Delete(path, mustLast: false);
                }
            }
        }
    }

    private void LowerTo(int level)
    {
        if (_level > Shared && level <= Shared)
        {
            file.Writer = null;
        }
        if (_level >= Shared && level < Shared)
        {
            file.Readers--;
        }
        _level = Math.Min(_level, level);
    }
}
