using System.Buffers.Text;

namespace Holdfast.Keys;

/// <summary>Base64 with the URL's alphabet and no padding (RFC 4648 §5).</summary>
public static class Base64
{
    public static string Encode(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);

    /// <summary>Null when it is not that.</summary>
    public static byte[]? Decode(string text)
    {
        try
        {
            return Base64Url.IsValid(text) && !text.AsSpan().ContainsAny(" \t\r\n=") ? Base64Url.DecodeFromChars(text) : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
