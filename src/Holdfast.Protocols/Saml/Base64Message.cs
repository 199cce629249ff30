namespace Holdfast.Protocols.Saml;

/// <summary>A message in base64 (RFC 4648 §4), as a form field or a query parameter holds it.</summary>
internal static class Base64Message
{
    /// <param name="maxBytes">Of what comes out; a text that must hold more is refused undecoded.</param>
    /// <exception cref="RefusedException">TooLarge or NotBase64.</exception>
    public static byte[] Decode(string? text, int maxBytes)
    {
        // Two characters of line break in every 64: the shortest lines that encoders make.
        var encoded = (maxBytes + 2L) / 3 * 4;
        if (text is null || text.Length > encoded + encoded / 32 + 2)
        {
            throw text is null
                ? new RefusedException(SamlRefusal.NotBase64, "There is no message.")
                : new RefusedException(SamlRefusal.TooLarge, $"The message has more than {maxBytes} bytes.");
        }
        return TryDecode(text) switch
        {
            null or [] => throw new RefusedException(SamlRefusal.NotBase64, "The message is not base64."),
            var bytes when bytes.Length > maxBytes => throw new RefusedException(SamlRefusal.TooLarge, $"The message has more than {maxBytes} bytes."),
            var bytes => bytes,
        };
    }

    /// <summary>White space is allowed in it; null when it is not base64.</summary>
    public static byte[]? TryDecode(string text)
    {
        var bytes = new byte[text.Length / 4 * 3 + 3];
        return Convert.TryFromBase64String(text, bytes, out var length) ? bytes[..length] : null;
    }
}
