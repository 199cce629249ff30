using System.Text;
using QRCoder;

namespace Holdfast.MultiFactor;

/// <summary>Text as a picture that a camera reads (ISO/IEC 18004), with the quiet zone around it.</summary>
internal static class QrCode
{
    private const int PixelsPerModule = 4;

    /// <summary>A PNG, as a data URI.</summary>
    public static string DataUri(string text)
    {
        using var code = Of(text);
        using var png = new PngByteQRCode(code);
        return "data:image/png;base64," + Convert.ToBase64String(png.GetGraphic(PixelsPerModule));
    }

    /// <summary>The same as lines of an SVG, which stands in a page without being loaded.</summary>
    /// <returns>The length of a side, and the data of a path that fills what is dark.</returns>
    public static (int Side, string Path) Lines(string text)
    {
        using var code = Of(text);
        var (side, path) = (code.ModuleMatrix.Count, new StringBuilder());
        for (var y = 0; y < side; y++)
        {
            for (var x = 0; x < side; x++)
            {
                if (code.ModuleMatrix[y][x])
                {
                    path.Append(System.Globalization.CultureInfo.InvariantCulture, $"M{x} {y}h1v1h-1z");
                }
            }
        }
        return (side, path.ToString());
    }

    private static QRCodeData Of(string text) => QRCodeGenerator.GenerateQrCode(text, QRCodeGenerator.ECCLevel.L, forceUtf8: true);
}
