using System.Collections.Concurrent;
using Holdfast.Storage;

namespace Holdfast.Simulation.Disk;

/// <summary>A disk in memory, for SQLite's own code to run on, whose power can be cut and which can be full, old, or new.</summary>
/// <remarks>
/// <para>What a file's writer was told is synced survives every cut. Of what was written since, chance keeps nothing, all, the first so many, or any, for each file
/// by itself, and may tear a write between two sectors: a disk orders nothing between two syncs.</para>
/// <para>A file's name lasts from the file's first sync; a deletion from the next sync of any file, or at once where SQLite asks for that. Before, chance decides.</para>
/// <para>A disk belongs to one world and so to one thread; others only close what they find forgotten.</para>
/// </remarks>
internal sealed class SimulatedDisk : IDisposable
{
    /// <summary>What a disk writes whole or not at all.</summary>
    public const int SectorBytes = 512;

    private const int NeverFails = -1;

    private static readonly ConcurrentDictionary<string, SimulatedDisk> All = new(StringComparer.Ordinal);

    private readonly Dictionary<string, SimulatedFile> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SimulatedFile> _lastingFiles = new(StringComparer.Ordinal);
    private readonly List<(string Path, SimulatedFile File)> _deleted = [];   // since the last sync
    private readonly Func<DateTimeOffset> _now;
    private readonly DiskDice _dice;
    private readonly DiskDice _entropy;
    private ulong _lastInode = 1;
    private int _failsAfter = NeverFails;
    private bool _failsWithPower;

    /// <param name="id">A file's path begins with it: <c>/id/node.db</c>. Without a slash, and no other disk's at the time. Take an id again when its
    /// disk is disposed: Dapper compiles every query anew for each connection string that it meets, and keeps it.</param>
    /// <param name="seed">Of everything that chance decides here, where nobody hands in other chance.</param>
    public SimulatedDisk(string id, int seed, Func<DateTimeOffset> now)
        : this(id, seed, now, isScratch: false)
    {
        SqliteVfs.Register();
        if (id.Contains('/', StringComparison.Ordinal) || !All.TryAdd(id, this))
        {
            throw new ArgumentException($"The disk {id} is there already, or its name has a slash.", nameof(id));
        }
    }

    private SimulatedDisk(string id, int seed, Func<DateTimeOffset> now, bool isScratch)
    {
        (Id, _now, IsScratch, _dice, _entropy) = (id, now, isScratch, new DiskDice(seed), new DiskDice(~seed));
    }

    /// <summary>The name of the VFS: for <see cref="Surroundings.SqliteVfs"/>.</summary>
    public static string Vfs => SqliteVfs.Name;

    public string Id { get; }

    /// <summary>Whether every connection is dead, and none is given until <see cref="Revive"/>.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Whether nothing may grow. What fits into a file as it is, is still written.</summary>
    public bool IsFull { get; set; }

    /// <summary>The most that all files may have together.</summary>
    public long CapacityBytes { get; set; } = long.MaxValue;

    /// <summary>A planted fault: syncing does nothing, and says that it did.</summary>
    public bool SkipSync { get; set; }

    /// <summary>Bytes of all files.</summary>
    public long UsedBytes => _files.Values.Sum(f => (long)f.Length);

    /// <summary>Writes, truncations, syncs and deletions so far: what <see cref="FailAfter"/> counts.</summary>
    public int Operations { get; private set; }

    /// <summary>A hash over what was done where, in order; the same for the same seed. Of a write it takes the place and the length: the bytes of a journal and
    /// a log hold salts that SQLite draws for the whole process.</summary>
    public ulong Trace { get; private set; } = 0xcbf29ce484222325;

    /// <summary>What the simulation itself got wrong while SQLite was calling; SQLite was told of an I/O error.</summary>
    public Exception? Fault { get; set; }

    internal Lock Gate { get; } = new();

    /// <summary>Which life of the process; a connection belongs to one.</summary>
    internal int Life { get; private set; }

    internal bool IsScratch { get; }

    /// <summary>The path of a file here, for a connection string.</summary>
    public string PathOf(string name) => $"/{Id}/{name}";

    /// <summary>What a machine says of its files, on whichever simulated disk they are.</summary>
    public static Storage.Disk AsDisk(Func<string> bootId) => new(path => Find(path)?.Look(path), bootId);

    /// <summary>The power is cut: connections are dead, and what was not synced is up to chance.</summary>
    /// <param name="below">A number from 0 up to, not including, its argument; null is the disk's own chance.</param>
    public void PowerCut(Func<int, int>? below = null)
    {
        lock (Gate)
        {
            below ??= _dice.Below;
            var after = new Dictionary<string, SimulatedFile>(_lastingFiles, StringComparer.Ordinal);
            foreach (var (path, file) in _deleted)
            {
                if (below(2) == 0 && after.GetValueOrDefault(path) == file)
                {
                    after.Remove(path);
                }
            }
            foreach (var (path, file) in _files)
            {
                if (!file.IsNameLasting && below(2) == 0)
                {
                    after[path] = file;
                }
            }
            _files.Clear();
            foreach (var (path, file) in after)
            {
                file.Cut(below);
                _files.Add(path, file);
            }
            LastAsTheyAre();
            EndLife();
        }
    }

    /// <summary>The process is killed: connections are dead, and everything written stands, synced or not.</summary>
    public void KillProcess()
    {
        lock (Gate)
        {
            EndLife();
        }
    }

    /// <summary>So many more writes, truncations, syncs and deletions are done; the next ends in the middle: the power is cut, or the process killed.</summary>
    public void FailAfter(int operations, bool withPower = true) => (_failsAfter, _failsWithPower) = (operations, withPower);

    /// <summary>A new life: connections are given again. What <see cref="FailAfter"/> planned for the old one is forgotten.</summary>
    public void Revive() => (IsCut, _failsAfter) = (false, NeverFails);

    /// <summary>A new disk: no files.</summary>
    public void Empty()
    {
        lock (Gate)
        {
            _files.Clear();
            LastAsTheyAre();
        }
    }

    /// <summary>The names of all files.</summary>
    public IReadOnlyList<string> Names => [.. _files.Keys.Select(NameOf).Order(StringComparer.Ordinal)];

    /// <summary>A file's bytes, as a process sees them; null when it is not there.</summary>
    public byte[]? Read(string name) => _files.GetValueOrDefault(PathOf(name))?.ToArray();

    /// <summary>Somebody puts other bytes into a file, or makes it; for good.</summary>
    public void Overwrite(string name, ReadOnlySpan<byte> bytes)
    {
        lock (Gate)
        {
            var path = PathOf(name);
            var file = FindOrMake(path, inode: null);
            file.Become(bytes);
            Settle();
            NameLasts(path, file);
        }
    }

    /// <summary>Somebody deletes a file, for good.</summary>
    public void Delete(string name)
    {
        lock (Gate)
        {
            Unlink(PathOf(name));
            Settle();
        }
    }

    /// <summary>All files as they are seen now.</summary>
    public DiskSnapshot Snapshot()
    {
        lock (Gate)
        {
            return new DiskSnapshot([.. _files.Select(f => new DiskSnapshot.File(NameOf(f.Key), f.Value.Inode, f.Value.ToArray()))]);
        }
    }

    /// <summary>The files of a snapshot and no others, for good.</summary>
    /// <param name="sameInodes">As a restored machine has them; else as copied back one by one. A connection that is open on the same inode sees the old bytes.</param>
    public void Restore(DiskSnapshot snapshot, bool sameInodes = false)
    {
        lock (Gate)
        {
            var before = new Dictionary<string, SimulatedFile>(_files, StringComparer.Ordinal);
            _files.Clear();
            foreach (var kept in snapshot.Files)
            {
                var path = PathOf(kept.Name);
                if (sameInodes && before.TryGetValue(path, out var known) && known.Inode == kept.Inode)
                {
                    _files.Add(path, known);
                }
                FindOrMake(path, sameInodes ? kept.Inode : null).Become(kept.Bytes.Span);
            }
            LastAsTheyAre();
        }
    }

    public void Dispose()
    {
        lock (Gate)
        {
            EndLife();
            foreach (var file in _files.Values)
            {
                file.GiveAway();
            }
            _files.Clear();
        }
        All.TryRemove(new KeyValuePair<string, SimulatedDisk>(Id, this));
    }

    /// <summary>The disk of a path; null when there is none.</summary>
    internal static SimulatedDisk? Find(ReadOnlySpan<char> path)
    {
        if (path is not ['/', .. var rest])
        {
            return null;
        }
        var slash = rest.IndexOf('/');
        return slash > 0 && All.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(rest[..slash], out var disk) ? disk : null;
    }

    /// <summary>A file without a name, for SQLite's own passing needs. It does not count, and fails never.</summary>
    internal static OpenFile OpenScratch() =>
        new(new SimulatedDisk("", 0, () => DateTimeOffset.UnixEpoch, isScratch: true), new SimulatedFile(0, isScratch: true), "", deleteOnClose: false);

    /// <summary>The time of the disk, in milliseconds of the Julian day, as SQLite wants it.</summary>
    internal long JulianMilliseconds() => 210_866_760_000_000 + _now().ToUnixTimeMilliseconds();

    internal void FillRandom(Span<byte> bytes)
    {
        foreach (ref var b in bytes)
        {
            b = (byte)_entropy.Next();
        }
    }

    /// <summary>Opens a file.</summary>
    /// <returns>Null when it is not there and may not be made, or when the disk is cut.</returns>
    internal OpenFile? Open(string path, bool mayMake, bool mustMake, bool deleteOnClose)
    {
        lock (Gate)
        {
            var known = _files.GetValueOrDefault(path);
            return IsCut || (known is null && !mayMake) || (known is not null && mustMake)
                ? null
                : new OpenFile(this, FindOrMake(path, inode: null), path, deleteOnClose);
        }
    }

    internal SimulatedFile? FileAt(string path) => _files.GetValueOrDefault(path);

    /// <summary>Takes a name away.</summary>
    /// <returns>What SQLite is told.</returns>
    internal int Delete(string path, bool mustLast)
    {
        lock (Gate)
        {
            if (IsCut)
            {
                return SqliteCode.IoError;
            }
            if (Unlink(path) is not { } file)
            {
                return SqliteCode.DeleteOfNothing;
            }
            var answer = Did('d', file, 0, 0);
            if (answer == SqliteCode.Ok && mustLast && !SkipSync)
            {
                Settle();
            }
            return answer;
        }
    }

    /// <summary>Whether a file with anything in it is there: an empty one is none to SQLite, which looks for journals so.</summary>
    internal int FindContent(string path, out bool isThere)
    {
        lock (Gate)
        {
            isThere = _files.TryGetValue(path, out var file) && file.Length > 0;
            return IsCut ? SqliteCode.IoError : SqliteCode.Ok;
        }
    }

    internal void Sync(string path, SimulatedFile file)
    {
        if (SkipSync)
        {
            return;
        }
        file.Sync();
        Settle();
        if (!file.IsNameLasting && _files.GetValueOrDefault(path) == file)
        {
            NameLasts(path, file);
        }
    }

    internal bool HasRoom(long growth) => growth == 0 || IsScratch || (!IsFull && (CapacityBytes == long.MaxValue || UsedBytes + growth <= CapacityBytes));

    /// <summary>Notes an operation, and lets it be the last where that was asked for.</summary>
    /// <returns>What SQLite is told.</returns>
    internal int Did(char what, SimulatedFile file, long offset, int length)
    {
        Operations++;
        const ulong prime = 0x100000001b3;
        Trace = ((((Trace ^ what) * prime ^ file.Inode) * prime ^ (ulong)offset) * prime ^ (uint)length) * prime;
        if (_failsAfter == NeverFails || _failsAfter-- > 0)
        {
            return SqliteCode.Ok;
        }
        if (_failsWithPower)
        {
            PowerCut();
        }
        else
        {
            EndLife();
        }
        return SqliteCode.IoError;
    }

    private FileFacts? Look(string path)
    {
        lock (Gate)
        {
            return IsCut || !_files.TryGetValue(path, out var file) ? null : new FileFacts(Id, file.Inode, file.Length, IsRegular: true, OwnerMayReadAndWrite: true);
        }
    }

    private SimulatedFile FindOrMake(string path, ulong? inode)
    {
        if (!_files.TryGetValue(path, out var file))
        {
            file = new SimulatedFile(inode ?? ++_lastInode);
            _lastInode = Math.Max(_lastInode, file.Inode);
            _files.Add(path, file);
        }
        return file;
    }

    private SimulatedFile? Unlink(string path)
    {
        if (_lastingFiles.TryGetValue(path, out var lasting))
        {
            _deleted.Add((path, lasting));
        }
        return _files.Remove(path, out var file) ? file : null;
    }

    /// <summary>What was deleted stays so.</summary>
    private void Settle()
    {
        foreach (var (path, file) in _deleted)
        {
            if (_lastingFiles.GetValueOrDefault(path) == file)
            {
                _lastingFiles.Remove(path);
            }
        }
        _deleted.Clear();
    }

    private void LastAsTheyAre()
    {
        _deleted.Clear();
        _lastingFiles.Clear();
        foreach (var (path, file) in _files)
        {
            NameLasts(path, file);
        }
    }

    private void NameLasts(string path, SimulatedFile file)
    {
        _lastingFiles[path] = file;
        file.IsNameLasting = true;
    }

    private void EndLife()
    {
        Life++;
        (IsCut, _failsAfter) = (true, NeverFails);
        foreach (var file in _files.Values)
        {
            file.EndLife();
        }
    }

    private string NameOf(string path) => path[(Id.Length + 2)..];
}
