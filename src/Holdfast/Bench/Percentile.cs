namespace Holdfast.Bench;

internal static class Percentile
{
    /// <summary>The nearest rank: the smallest value that at least this share of all do not exceed.</summary>
    public static double Of(IEnumerable<double> values, double share)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0 ? double.NaN : sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Length) - 1)];
    }
}
