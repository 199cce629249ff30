using System.IO.Compression;

namespace Holdfast.Protocols.Saml;

/// <summary>The DEFLATE encoding of the HTTP-Redirect binding (Bindings §3.4.4.1): raw DEFLATE (RFC 1951), then base64.</summary>
internal static class RedirectEncoding
{
    public static string Encode(byte[] xml)
    {
        using var bytes = new MemoryStream();
        using (var deflate = new DeflateStream(bytes, CompressionLevel.Optimal, leaveOpen: true))
        {
            deflate.Write(xml);
        }
        return Convert.ToBase64String(bytes.ToArray());
    }

    /// <param name="text">The query parameter, with its percent escapes already undone.</param>
    /// <param name="maxBytes">Of the message, before and after inflation: 64 kB can hold 64 MB.</param>
    /// <exception cref="RefusedException">TooLarge, NotBase64 or NotDeflated.</exception>
    public static byte[] Decode(string? text, int maxBytes)
    {
        var deflated = Base64Message.Decode(text, maxBytes);
        using var inflate = new DeflateStream(new MemoryStream(deflated), CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        var buffer = new byte[8192];
        try
        {
            for (int read; (read = inflate.Read(buffer)) > 0;)
            {
                if (bytes.Length + read > maxBytes)
                {
                    throw new RefusedException(SamlRefusal.TooLarge, $"The message has more than {maxBytes} bytes.");
                }
                bytes.Write(buffer, 0, read);
            }
        }
        catch (InvalidDataException)
        {
            throw new RefusedException(SamlRefusal.NotDeflated, "The message is not DEFLATE.");
        }
        return bytes.Length > 0 ? bytes.ToArray() : throw new RefusedException(SamlRefusal.NotDeflated, "The message is empty.");
    }
}
