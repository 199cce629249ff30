using System.Globalization;

namespace Holdfast.Http.Pages;

/// <summary>A brand's colour, and what follows from it so that everybody can read it (WCAG 2.2 §1.4.3 and §1.4.11).</summary>
public readonly record struct Accent(byte Red, byte Green, byte Blue)
{
    /// <summary>Of text.</summary>
    public const double TextContrast = 4.5;

    /// <summary>Of what is no text, such as the ring around what has the focus.</summary>
    public const double ShapeContrast = 3;

    private static readonly Accent s_black = new(0, 0, 0);
    private static readonly Accent s_white = new(255, 255, 255);

    /// <summary>Ours, where there is none.</summary>
    public static Accent Default { get; } = new(0x1f, 0x5f, 0xbf);

    /// <summary>Six hexadecimal digits, with or without <c>#</c>; null for anything else.</summary>
    public static Accent? Read(string? text)
    {
        var digits = text.AsSpan();
        digits = digits is ['#', ..] ? digits[1..] : digits;
        return digits.Length == 6 && int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? new Accent((byte)(value >> 16), (byte)(value >> 8), (byte)value)
            : null;
    }

    /// <summary>Six hexadecimal digits.</summary>
    public string Hex => string.Create(CultureInfo.InvariantCulture, $"{Red:x2}{Green:x2}{Blue:x2}");

    /// <summary>Black or white, whichever reads better on it. One of the two always has 4.5 : 1.</summary>
    public Accent TextOnIt => Contrast(s_white) >= TextContrast || Contrast(s_white) >= Contrast(s_black) ? s_white : s_black;

    /// <summary>The same colour, as much darker or lighter as it must be to stand out from a ground.</summary>
    public Accent On(Accent ground, double contrast)
    {
        var towards = ground.Luminance > 0.18 ? s_black : s_white;
        for (var part = 0; part < 100; part += 2)
        {
            var mixed = Mix(towards, part);
            if (mixed.Contrast(ground) >= contrast)
            {
                return mixed;
            }
        }
        return towards;
    }

    /// <summary>From 1 (the same) to 21 (black and white).</summary>
    public double Contrast(Accent other)
    {
        var (a, b) = (Luminance, other.Luminance);
        return (Math.Max(a, b) + 0.05) / (Math.Min(a, b) + 0.05);
    }

    /// <summary>The custom properties that follow from it, for a ground: what it fills, what stands on that, what must stand out from the ground, and text.</summary>
    public string Properties(Accent ground)
    {
        return $"--accent: #{Hex}; --on-accent: #{TextOnIt.Hex}; --ring: #{On(ground, ShapeContrast).Hex}; --link: #{On(ground, TextContrast + 0.3).Hex};";
    }

    private double Luminance => (0.2126 * Linear(Red)) + (0.7152 * Linear(Green)) + (0.0722 * Linear(Blue));

    private static double Linear(byte channel) => channel / 255.0 is var c && c <= 0.04045 ? c / 12.92 : Math.Pow((c + 0.055) / 1.055, 2.4);

    private Accent Mix(Accent other, int percent) => new(Mix(Red, other.Red, percent), Mix(Green, other.Green, percent), Mix(Blue, other.Blue, percent));

    private static byte Mix(byte from, byte to, int percent) => (byte)(((from * (100 - percent)) + (to * percent)) / 100);
}
