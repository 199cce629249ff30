using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Protocols.OneTimePasswords;

/// <summary>One-time passwords by the time (RFC 6238), as every app computes them: SHA-1, six digits, steps of 30 seconds.</summary>
public static class Totp
{
    /// <summary>Of a secret that we make; as many as the hash has (RFC 4226 §4).</summary>
    public const int SecretBytes = 20;

    /// <summary>The length of a step, in seconds.</summary>
    public const int StepSeconds = 30;

    private const int Digits = 6;

    /// <summary>The step that this time is in.</summary>
    public static long StepAt(DateTimeOffset time) => time.ToUnixTimeSeconds() / StepSeconds;

    /// <summary>When a step begins.</summary>
    public static DateTimeOffset BeginOf(long step) => DateTimeOffset.FromUnixTimeSeconds(step * StepSeconds);

    /// <summary>The password of a step.</summary>
    public static string Code(ReadOnlySpan<byte> secret, long step)
    {
        Span<byte> counter = stackalloc byte[8];
        Span<byte> hash = stackalloc byte[HMACSHA1.HashSizeInBytes];
        BinaryPrimitives.WriteInt64BigEndian(counter, step);
#pragma warning disable CA5350 // The apps know no other; what is asked of the hash here, SHA-1 gives (RFC 4226 appendix B).
        HMACSHA1.HashData(secret, counter, hash);
#pragma warning restore CA5350
        var number = BinaryPrimitives.ReadInt32BigEndian(hash[(hash[^1] & 15)..]) & int.MaxValue;
        return (number % 1_000_000).ToString("D6", CultureInfo.InvariantCulture);
    }

    /// <summary>The step whose password this is: the present one, or the one before or after, for clocks that are off; null when it is none of theirs.</summary>
    public static long? Find(ReadOnlySpan<byte> secret, string code, DateTimeOffset now)
    {
        if (code.Length != Digits || !code.All(char.IsAsciiDigit))
        {
            return null;
        }
        long? found = null;
        var present = StepAt(now);
        for (var step = present - 1; step <= present + 1; step++)
        {
            if (CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Code(secret, step)), Encoding.ASCII.GetBytes(code)))
            {
                found = step;
            }
        }
        return found;
    }

    /// <summary>What an app reads from the picture.</summary>
    /// <param name="user">The name that the app shows beside the issuer's.</param>
    public static string Uri(string issuer, string user, ReadOnlySpan<byte> secret) =>
        $"otpauth://totp/{System.Uri.EscapeDataString(issuer)}:{System.Uri.EscapeDataString(user)}?secret={Base32.Encode(secret)}&issuer={System.Uri.EscapeDataString(issuer)}";
}
