using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Users;

/// <summary>A file of passwords that are known to thieves, by their SHA-1 in hex, in ascending order, one a line; what follows a colon is not read. It is what the usual collections are
/// published as. Nothing of it is in memory: it is searched on the disk, in some thirty short reads. No password, and no part of a hash, leaves the machine.</summary>
internal sealed class BreachedPasswords
{
    private const int ShortestPrefix = 16;
    private const int LongestLine = 64;

    private static readonly SearchValues<byte> s_digits = SearchValues.Create("0123456789ABCDEFabcdef"u8);

    private readonly SafeFileHandle _file;
    private readonly long _length;

    private BreachedPasswords(SafeFileHandle file, long length) => (_file, _length) = (file, length);

    /// <summary>The list, or what is wrong with it. A file that is replaced later is read on as it was: the new one counts from the next start.</summary>
    public static (BreachedPasswords? List, string? Fault) Open(string path)
    {
        try
        {
            var file = File.OpenHandle(path);
            var list = new BreachedPasswords(file, RandomAccess.GetLength(file));
            if (list._length > 0 && list.HashAt(0) is { } first && list.LastHash() is { } last && string.CompareOrdinal(first, last) <= 0)
            {
                return (list, null);
            }
            file.Dispose();
            return (null, "the file is not a sorted list of SHA-1 hashes in hex.");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return (null, "the file cannot be read.");
        }
    }

    /// <summary>Whether it is among them.</summary>
    /// <exception cref="IOException">The disk does not give it.</exception>
    public bool Contains(string password)
    {
#pragma warning disable CA5350 // SHA-1 is what the lists are made with; nothing rests on it.
        var wanted = Convert.ToHexString(SHA1.HashData(Encoding.UTF8.GetBytes(password)));
#pragma warning restore CA5350
        // The first line whose hash is not below: between these two offsets.
        var (from, to) = (0L, _length);
        while (from < to)
        {
            var middle = from + ((to - from) / 2);
            var line = LineAfter(middle);
            if (line < _length && HashAt(line) is { } hash && Compare(hash, wanted) < 0)
            {
                from = line + 1;
            }
            else
            {
                to = middle;
            }
        }
        var at = LineAfter(from);
        return at < _length && HashAt(at) is { } found && Compare(found, wanted) == 0;
    }

    /// <summary>As far as the list's hash goes.</summary>
    private static int Compare(string hash, string wanted) => string.CompareOrdinal(hash, 0, wanted, 0, hash.Length);

    /// <summary>Where the first line begins at this offset or after it; the file's length when there is none.</summary>
    private long LineAfter(long offset)
    {
        if (offset == 0)
        {
            return 0;
        }
        Span<byte> bytes = stackalloc byte[LongestLine * 2];
        var read = bytes[..RandomAccess.Read(_file, bytes, offset - 1)];
        var end = read.IndexOf((byte)'\n');
        return end < 0 ? _length : offset + end;
    }

    private string? LastHash()
    {
        Span<byte> bytes = stackalloc byte[LongestLine * 2];
        var from = Math.Max(0, _length - bytes.Length);
        var tail = bytes[..RandomAccess.Read(_file, bytes, from)];
        var trimmed = tail.TrimEnd("\r\n"u8);
        return HashAt(from + trimmed.LastIndexOf((byte)'\n') + 1);
    }

    /// <summary>The hash that stands here, in capitals; null when none does.</summary>
    private string? HashAt(long offset)
    {
        Span<byte> bytes = stackalloc byte[LongestLine];
        var line = bytes[..RandomAccess.Read(_file, bytes, offset)];
        var end = line.IndexOfAny((byte)':', (byte)'\r', (byte)'\n');
        var hash = end < 0 ? line : line[..end];
        return hash.Length is >= ShortestPrefix and <= SHA1.HashSizeInBytes * 2 && hash.IndexOfAnyExcept(s_digits) < 0 ? Encoding.ASCII.GetString(hash).ToUpperInvariant() : null;
    }
}
