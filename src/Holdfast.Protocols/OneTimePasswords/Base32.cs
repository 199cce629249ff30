namespace Holdfast.Protocols.OneTimePasswords;

/// <summary>Base 32 without padding (RFC 4648 §6): how apps for one-time passwords are told a secret.</summary>
public static class Base32
{
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        var text = new System.Text.StringBuilder((bytes.Length * 8 + 4) / 5);
        var (held, bits) = (0, 0);
        foreach (var next in bytes)
        {
            (held, bits) = ((held << 8) | next, bits + 8);
            while (bits >= 5)
            {
                bits -= 5;
                text.Append(Alphabet[(held >> bits) & 31]);
            }
            held &= (1 << bits) - 1;
        }
        return (bits > 0 ? text.Append(Alphabet[(held << (5 - bits)) & 31]) : text).ToString();
    }

    /// <summary>The bytes; null when it is none. Small letters and padding are taken too.</summary>
    public static byte[]? Decode(string text)
    {
        var digits = text.TrimEnd('=');
        var bytes = new byte[digits.Length * 5 / 8];
        var (held, bits, at) = (0, 0, 0);
        foreach (var digit in digits)
        {
            var value = Alphabet.IndexOf(char.ToUpperInvariant(digit), StringComparison.Ordinal);
            if (value < 0)
            {
                return null;
            }
            (held, bits) = ((held << 5) | value, bits + 5);
            if (bits >= 8)
            {
                bits -= 8;
                bytes[at++] = (byte)(held >> bits);
                held &= (1 << bits) - 1;
            }
        }
        return held == 0 && bits < 5 ? bytes : null;   // what is left over is zeros, and less than a digit
    }
}
