using System.CommandLine;
using System.Globalization;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Peers;

namespace Holdfast.Edge;

/// <summary>What one edge runs with.</summary>
/// <param name="Hosts">Names that it answers under besides custom domains; null for those of the nodes' public address.</param>
/// <param name="Key">Null where there are no custom domains.</param>
/// <param name="Authority">Who vouches for nodes that speak https; null for the system's word.</param>
internal sealed record EdgeSettings(
    IReadOnlyList<Uri> Nodes, string Urls, string Region, string Data, EdgeKey? Key, IReadOnlySet<string>? Hosts, TrustedProxies TrustedProxies, string? AdminUrls, IReadOnlySet<string> Expose,
    int MaxRequests, int MaxPerNode, int MaxConnections, TimeSpan ProbeEvery, TimeSpan ProbeDeadline, EdgeTimes Times, PeerAuthority? Authority = null);

/// <summary>The options of <c>edge</c>: from the command line, else <c>HOLDFAST_EDGE_…</c>, else the default. All faults at once.</summary>
internal sealed class EdgeOptions
{
    /// <summary>Where it listens may be a socket in the file system, for what stands before it on the same machine.</summary>
    private const string InTheFileSystem = "http://unix:/";

    private readonly Dictionary<string, Option<string?>> _options = new(StringComparer.Ordinal);

    public EdgeOptions(Command command)
    {
        Add(command, "nodes", "origins of the nodes, separated by commas (needed)");
        Add(command, "urls", "where it listens, also http://unix:/path (default http://127.0.0.1:4200)");
        Add(command, "region", "its region: nodes that say the same are near (default local)");
        Add(command, "data", "its disk: the last map of custom domains (default ./edge)");
        Add(command, "key-file", "a file with the edge key, which 'holdfast ops edge-key' prints on a node (default: none, and no custom domains)");
        Add(command, "authority-file", "who vouches for nodes that speak https: a file with what 'holdfast ops authority' prints on a node (default: whom the system trusts)");
        Add(command, "hosts", "names that it answers under besides custom domains, separated by commas; * for any (default: the hosts of the nodes' public address)");
        Add(command, "trusted-proxies", "whose X-Forwarded-For, -Proto and -Host are believed: addresses and CIDRs, separated by commas (default: nobody's)");
        Add(command, "admin-urls", "where /edge/health in full and /edge/metrics are served (default: to loopback alone, where it listens)");
        Add(command, "expose", "routes of the nodes that are otherwise not for the outside: health, metrics (default: none)");
        Add(command, "max-requests", "requests under way in all (default 1024)");
        Add(command, "max-per-node", "requests under way at one node (default 256)");
        Add(command, "max-connections", "connections that are open (default 10000)");
        Add(command, "probe-every", "how often a node is asked whether it is ready (default 1s)");
        Add(command, "probe-deadline", "how long it may take to say so (default 500ms)");
        Add(command, "slow-start", "from a tenth of its share to all of it, for a node that is new or back (default 10s)");
        Add(command, "patience", "times the deadlines of a try: more on a slow machine (default 1)");
    }

    /// <summary>The settings, or everything that is wrong with them.</summary>
    public (EdgeSettings? Settings, IReadOnlyList<string> Faults) Read(ParseResult parsed)
    {
        var faults = new List<string>();
        string? Get(string name) => parsed.GetValue(_options[name]) ?? Environment.GetEnvironmentVariable("HOLDFAST_EDGE_" + name.Replace('-', '_').ToUpperInvariant());

        var nodes = new List<Uri>();
        foreach (var text in List(Get("nodes")))
        {
            if (Origin(text) is not { } origin)
            {
                faults.Add($"--nodes: '{text}' is not an http or https origin.");
            }
            else if (nodes.Contains(origin))
            {
                faults.Add($"--nodes: '{text}' stands there twice.");
            }
            else
            {
                nodes.Add(origin);
            }
        }
        if (nodes.Count == 0 && faults.Count == 0)
        {
            faults.Add("--nodes: at least one is needed.");
        }
        string? Urls(string name, string? otherwise)
        {
            foreach (var url in List(Get(name)?.Replace(';', ',')).Where(u => Origin(u) is null && !(name == "urls" && u.StartsWith(InTheFileSystem, StringComparison.Ordinal))))
            {
                faults.Add($"--{name}: '{url}' is not an http or https address.");
            }
            return Get(name)?.Replace(',', ';') ?? otherwise;
        }

        var (urls, admin) = (Urls("urls", "http://127.0.0.1:4200")!, Urls("admin-urls", null));
        EdgeKey? key = null;
        if (Get("key-file") is { } file)
        {
            try
            {
                key = EdgeKey.Read(File.ReadAllText(file));
                if (key is null)
                {
                    faults.Add($"--key-file: {file} holds no edge key. 'holdfast ops edge-key' prints it.");
                }
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                faults.Add($"--key-file: {file} cannot be read.");
            }
        }
        PeerAuthority? authority = null;
        if (Get("authority-file") is { } vouching)
        {
            (authority, var fault) = AuthorityFile.Read(vouching);
            if (fault is not null)
            {
                faults.Add($"--authority-file: {fault}");
            }
        }
        var hosts = Get("hosts") is { } given ? List(given).Select(h => h.ToLowerInvariant()).ToHashSet(StringComparer.Ordinal) : null;
        foreach (var host in hosts?.Where(h => h != "*" && Uri.CheckHostName(h) == UriHostNameType.Unknown) ?? [])
        {
            faults.Add($"--hosts: '{host}' is not a host's name.");
        }
        var (proxies, proxyFaults) = TrustedProxies.Read(Get("trusted-proxies"));
        faults.AddRange(proxyFaults);
        var expose = List(Get("expose")).ToHashSet(StringComparer.Ordinal);
        foreach (var unknown in expose.Where(e => e is not ("health" or "metrics")))
        {
            faults.Add($"--expose: '{unknown}' is neither health nor metrics.");
        }
        int Number(string name, int otherwise)
        {
            if (Get(name) is not { } text)
            {
                return otherwise;
            }
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number is < 1 or > 1_000_000)
            {
                faults.Add($"--{name}: a number from 1 to 1000000 is needed.");
            }
            return number;
        }
        TimeSpan Time(string name, TimeSpan otherwise)
        {
            if (Get(name) is not { } text)
            {
                return otherwise;
            }
            if (Span(text) is { } span)
            {
                return span;
            }
            faults.Add($"--{name}: a time from 10ms to 1h is needed, such as 500ms or 2s.");
            return otherwise;
        }

        var (most, mostPerNode, connections) = (Number("max-requests", 1024), Number("max-per-node", 256), Number("max-connections", 10_000));
        var (every, deadline, slow) = (Time("probe-every", TimeSpan.FromSeconds(1)), Time("probe-deadline", TimeSpan.FromMilliseconds(500)), Time("slow-start", TimeSpan.FromSeconds(10)));
        if (!double.TryParse(Get("patience") ?? "1", NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var patience) || patience is < 0.1 or > 100)
        {
            faults.Add("--patience: a number from 0.1 to 100 is needed.");
        }
        return faults.Count > 0
            ? (null, faults)
            : (new EdgeSettings(
                nodes, urls, Get("region") ?? "local", Path.GetFullPath(Get("data") ?? "edge"), key, hosts, proxies, admin, expose, most, mostPerNode, connections, every, deadline,
                new EdgeTimes(slow, TimeSpan.FromMilliseconds(500) * patience, patience), authority), faults);
    }

    private static string[] List(string? text) => (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static Uri? Origin(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri) && (uri.Scheme == "http" || uri.Scheme == "https")
        && uri.AbsolutePath == "/" && uri.Query.Length == 0 && uri.UserInfo.Length == 0 && uri.Fragment.Length == 0
            ? uri
            : null;

    private static TimeSpan? Span(string text)
    {
        var (number, unit) = text.EndsWith("ms", StringComparison.Ordinal) ? (text[..^2], 1) : text.EndsWith('s') ? (text[..^1], 1000) : text.EndsWith('m') ? (text[..^1], 60_000) : (text, 0);
        return unit > 0 && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && (long)count * unit is >= 10 and <= 3_600_000 and var milliseconds
            ? TimeSpan.FromMilliseconds(milliseconds)
            : null;
    }

    private void Add(Command command, string name, string description)
    {
        var option = new Option<string?>("--" + name) { Description = description };
        command.Options.Add(option);
        _options.Add(name, option);
    }
}
