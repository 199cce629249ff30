using System.Buffers.Binary;
using System.Text;
using Holdfast.Storage;

namespace Holdfast.Simulation.Time;

/// <summary>Chance from a seed: SplitMix64 (Steele, Lea, Flood 2014). The same seed throws the same, on every machine.</summary>
internal sealed class Dice(ulong seed)
{
    private ulong _state = seed;

    /// <summary>Dice of their own, so that what one part throws does not change what another does.</summary>
    public static Dice Of(ulong seed, string name) => new(new Dice(seed ^ Fingerprint.Of(name)).Next());

    public ulong Next()
    {
        _state += 0x9e3779b97f4a7c15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    /// <summary>From 0 to below <paramref name="end"/>.</summary>
    public int Below(int end) => (int)(Next() % (ulong)end);

    /// <summary>Both ends are possible.</summary>
    public int Between(int least, int most) => least + Below(most - least + 1);

    public TimeSpan Between(TimeSpan least, TimeSpan most) => least + TimeSpan.FromTicks((long)(Next() % (ulong)((most - least).Ticks + 1)));

    public bool Chance(double probability) => probability > 0 && (Next() >> 11) * (1.0 / (1UL << 53)) < probability;

    public T Pick<T>(IReadOnlyList<T> among) => among[Below(among.Count)];

    public Entropy AsEntropy() => new(buffer =>
    {
        Span<byte> block = stackalloc byte[8];
        for (var rest = buffer.Span; !rest.IsEmpty; rest = rest[Math.Min(8, rest.Length)..])
        {
            BinaryPrimitives.WriteUInt64LittleEndian(block, Next());
            block[..Math.Min(8, rest.Length)].CopyTo(rest);
        }
    });
}

/// <summary>A running hash (FNV-1a, 64 bits): two runs that did the same have the same.</summary>
internal struct Fingerprint()
{
    private const ulong Prime = 0x100000001b3;

    public ulong Value { get; private set; } = 0xcbf29ce484222325;

    public void Add(ulong number)
    {
        for (var i = 0; i < 8; i++)
        {
            Value = (Value ^ (byte)(number >> (8 * i))) * Prime;
        }
    }

    public void Add(string text)
    {
        foreach (var c in text)
        {
            Value = (Value ^ c) * Prime;
        }
    }

    public static ulong Of(string text)
    {
        var fingerprint = new Fingerprint();
        fingerprint.Add((ulong)Encoding.UTF8.GetByteCount(text));
        fingerprint.Add(text);
        return fingerprint.Value;
    }
}
