namespace Holdfast.Simulation.Disk;

/// <summary>Bytes that grow and shrink without being moved. Chunks are small enough for the garbage collector's young, and used again by the thread's next disk.</summary>
internal sealed class Chunks
{
    private const int ChunkBytes = 32 * 1024;
    private const int MostSpare = 1024;

    [ThreadStatic]
    private static Stack<byte[]>? _spare;

    private readonly List<byte[]> _chunks = [];

    public int Length { get; private set; }

    /// <summary>Longer, it reads as zeros.</summary>
    public void Resize(int length)
    {
        var from = Length;
        Extend(length);
        Length = length;
        while (from < length)
        {
            var part = At(from, length - from);
            part.Clear();   // a longer file may have stood here before
            from += part.Length;
        }
    }

    public void Write(ReadOnlySpan<byte> bytes, int offset)
    {
        if (offset > Length)
        {
            Resize(offset);
        }
        var end = checked(offset + bytes.Length);
        Extend(end);
        Length = Math.Max(Length, end);
        while (bytes.Length > 0)
        {
            var part = At(offset, bytes.Length);
            bytes[..part.Length].CopyTo(part);
            bytes = bytes[part.Length..];
            offset += part.Length;
        }
    }

    /// <summary>Writes bytes of another.</summary>
    public void Write(Chunks from, int place, int count, int offset)
    {
        while (count > 0)
        {
            var part = from.At(place, count);
            Write(part, offset);
            (place, count, offset) = (place + part.Length, count - part.Length, offset + part.Length);
        }
    }

    /// <summary>Reads as many as there are.</summary>
    public int Read(Span<byte> into, long offset)
    {
        var there = (int)Math.Clamp(Length - offset, 0, into.Length);
        var left = into[..there];
        var from = (int)Math.Min(offset, Length);
        while (left.Length > 0)
        {
            var part = At(from, left.Length);
            part.CopyTo(left);
            left = left[part.Length..];
            from += part.Length;
        }
        return there;
    }

    public byte[] ToArray()
    {
        var all = new byte[Length];
        Read(all, 0);
        return all;
    }

    /// <summary>Gives the chunks away; nobody may read here any more.</summary>
    public void GiveAway()
    {
        var spare = _spare ??= new Stack<byte[]>();
        foreach (var chunk in _chunks)
        {
            if (spare.Count < MostSpare)
            {
                spare.Push(chunk);
            }
        }
        _chunks.Clear();
        Length = 0;
    }

    private Span<byte> At(int offset, int most)
    {
        var inside = offset % ChunkBytes;
        return _chunks[offset / ChunkBytes].AsSpan(inside, Math.Min(most, ChunkBytes - inside));
    }

    private void Extend(int length)
    {
        while ((long)_chunks.Count * ChunkBytes < length)
        {
            _chunks.Add(_spare is { Count: > 0 } ? _spare.Pop() : GC.AllocateUninitializedArray<byte>(ChunkBytes));
        }
    }
}
