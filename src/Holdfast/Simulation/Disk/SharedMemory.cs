using System.Runtime.InteropServices;

namespace Holdfast.Simulation.Disk;

/// <summary>What the connections of one file in WAL mode share: the index of the log, and its eight locks. It goes with the last that uses it.</summary>
/// <remarks>A connection whose process was killed still points into it, so it is freed when that connection is closed and no sooner.</remarks>
internal sealed unsafe class SharedMemory
{
    private const int Locks = 8;

    private readonly List<nint> _regions = [];
    private readonly int[] _readers = new int[Locks];
    private readonly bool[] _writer = new bool[Locks];
    private int _users;

    public void Join() => _users++;

    /// <returns>Whether nobody is left.</returns>
    public bool Leave(int shared, int exclusive)
    {
        Release(shared, exclusive);
        if (--_users > 0)
        {
            return false;
        }
        foreach (var region in _regions)
        {
            NativeMemory.Free((void*)region);
        }
        _regions.Clear();
        return true;
    }

    /// <summary>A region of memory; zero when it is not there and shall not be made.</summary>
    public nint Map(int index, int bytes, bool mayExtend)
    {
        while (_regions.Count <= index)
        {
            if (!mayExtend)
            {
                return 0;
            }
            _regions.Add((nint)NativeMemory.AllocZeroed((nuint)bytes));
        }
        return _regions[index];
    }

    /// <param name="slots">A bit for each lock wanted: free of writers.</param>
    public bool TryShare(int slots) => Take(slots, forWriting: false);

    /// <param name="slots">A bit for each lock wanted: free of all others.</param>
    public bool TryOwn(int slots) => Take(slots, forWriting: true);

    public void Release(int shared, int exclusive)
    {
        for (var i = 0; i < Locks; i++)
        {
            _readers[i] -= (shared >> i) & 1;
            _writer[i] &= ((exclusive >> i) & 1) == 0;
        }
    }

    private bool Take(int slots, bool forWriting)
    {
        for (var i = 0; i < Locks; i++)
        {
            if (((slots >> i) & 1) != 0 && (_writer[i] || (forWriting && _readers[i] > 0)))
            {
                return false;
            }
        }
        for (var i = 0; i < Locks; i++)
        {
            if (((slots >> i) & 1) == 0)
            {
                continue;
            }
            if (forWriting)
            {
                _writer[i] = true;
            }
            else
            {
                _readers[i]++;
            }
        }
        return true;
    }
}
