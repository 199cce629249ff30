using System.Globalization;
using Holdfast.Http.Pages;

namespace Holdfast.Incidents.Pages;

/// <summary>What the status pages say of causes, products and times, in the reader's language. Whole sentences are put together of a subject and what it does: both are texts.</summary>
internal static class StatusWords
{
    /// <summary>Those causes of which there is more to say than their name.</summary>
    private static readonly string[] s_kinds =
        ["primary", "credentials", "dns", "network", "time", "peers", "peer", "zone", "region", "credential", "host", "mail", "flags", "telemetry"];

    private static readonly string[] s_ways =
        ["refuses", "hangs", "slow", "errors", "wrong_answers", "reset", "unresolved", "certificate", "denied", "unreachable", "unreadable", "empty", "damaged", "foreign",
            "toonew", "unrecognized"];

    public static string Subject(Texts t, string dependency)
    {
        var (kind, name) = Parts(dependency);
        return t.Of($"status.subject_{kind}", ("name", name));
    }

    /// <summary>What goes on meanwhile.</summary>
    public static string Meanwhile(Texts t, string dependency) => t[$"status.meanwhile_{Parts(dependency).Kind}"];

    public static string ToDo(Texts t, string dependency) => t[$"status.do_{Parts(dependency).Kind}"];

    public static string Sentence(Texts t, string dependency, string how) => t.Of("status.cause",
        ("subject", Subject(t, dependency)), ("how", s_ways.Contains(how) ? t[$"status.how_{how}"] : t.Of("status.how_other", ("how", how.Replace('_', ' ')))));

    public static string Product(Texts t, string product) => Holdfast.Causes.Products.Shown.Any(p => p.Name == product) ? t[$"status.product_{product}"] : product;

    public static string Products(Texts t, IReadOnlyList<string> products) => products.Count == 0 ? t["status.nobody"] : string.Join(", ", products.Select(p => Product(t, p)));

    public static string Date(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    public static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>As programs read it.</summary>
    public static string Exact(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    public static string Percent(double share) => (share * 100).ToString("0.##", CultureInfo.InvariantCulture) + " %";

    public static string Span(TimeSpan time) => time.TotalSeconds switch
    {
        < 120 => $"{(long)Math.Max(0, time.TotalSeconds)} s",
        < 7200 => $"{(long)time.TotalMinutes} min",
        _ => $"{(long)time.TotalHours} h {time.Minutes} min",
    };

    private static (string Kind, string Name) Parts(string dependency)
    {
        var colon = dependency.IndexOf(':', StringComparison.Ordinal);
        var (kind, name) = colon < 0 ? (dependency, "") : (dependency[..colon], dependency[(colon + 1)..]);
        return s_kinds.Contains(kind) ? (kind, name.Replace("http://", "", StringComparison.Ordinal).Replace("https://", "", StringComparison.Ordinal)) : ("other", dependency);
    }
}
