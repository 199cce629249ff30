using System.Net;

namespace Holdfast.Http;

/// <summary>Host names that the operator uses: the public address, where nodes listen and reach each other, and what else is named. None of them is anybody's custom domain, nor is what lies below or above one.</summary>
internal sealed class OwnHosts(IEnumerable<string> urls, IEnumerable<string> names)
{
    private readonly HashSet<string> _all = [.. urls.Select(u => Uri.TryCreate(u, UriKind.Absolute, out var uri) ? uri.IdnHost : "").Concat(names)
        .Select(Normal).Where(h => h.Length > 0 && !IPAddress.TryParse(h, out _))];

    public static string Normal(string host) => host.Trim('[', ']').TrimEnd('.').ToLowerInvariant();

    /// <param name="host">As <see cref="Normal"/> gives it.</param>
    public bool Takes(string host) => _all.Any(own => own == host || host.EndsWith("." + own, StringComparison.Ordinal) || own.EndsWith("." + host, StringComparison.Ordinal));
}
