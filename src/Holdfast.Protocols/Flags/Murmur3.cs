using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Holdfast.Protocols.Flags;

/// <summary>MurmurHash3, x86, 32 bits: how Unleash spreads people (<see href="https://docs.getunleash.io/reference/stickiness"/>).</summary>
internal static class Murmur3
{
    public static uint Hash(string text, uint seed)
    {
        Span<byte> room = stackalloc byte[512];
        var most = Encoding.UTF8.GetMaxByteCount(text.Length);
        var bytes = most <= room.Length ? room[..Encoding.UTF8.GetBytes(text, room)] : Encoding.UTF8.GetBytes(text);
        const uint C1 = 0xcc9e2d51, C2 = 0x1b873593;
        var hash = seed;
        var whole = bytes.Length & ~3;
        for (var i = 0; i < whole; i += 4)
        {
            hash ^= BitOperations.RotateLeft(BinaryPrimitives.ReadUInt32LittleEndian(bytes[i..]) * C1, 15) * C2;
            hash = (BitOperations.RotateLeft(hash, 13) * 5) + 0xe6546b64;
        }
        uint tail = 0;
        for (var i = bytes.Length - 1; i >= whole; i--)
        {
            tail = (tail << 8) | bytes[i];
        }
        hash ^= BitOperations.RotateLeft(tail * C1, 15) * C2;
        hash ^= (uint)bytes.Length;
        hash = (hash ^ (hash >> 16)) * 0x85ebca6b;
        hash = (hash ^ (hash >> 13)) * 0xc2b2ae35;
        return hash ^ (hash >> 16);
    }
}
