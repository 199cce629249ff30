using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Holdfast.Flags.Sources;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Load;
using Holdfast.Resilience;
using Holdfast.Storage.Node;
using Holdfast.Users;

namespace Holdfast.Verbs;

/// <summary>What one node runs with: from the command line, else <c>HOLDFAST_…</c>, else <c>holdfast.json</c>, else the default. Checked at start, all faults at once.</summary>
internal sealed record Settings(
    string Urls, string PublicUrl, string Data, string PrimaryFile, string Node, string Region, string Zone, string ClusterKeyFile, OutboundGuard Guard,
    double RateLimitFactor, JournalLimits Journal, bool IsDev)
{
    /// <summary>Origins of the cluster's other nodes.</summary>
    public IReadOnlyList<Uri> Peers { get; init; } = [];

    /// <summary>Resolvers that are asked for the proofs of domains; none for the system's.</summary>
    public IReadOnlyList<IPEndPoint> Dns { get; init; } = [];

    /// <summary>Where mail is handed in; null for nowhere.</summary>
    public SmtpSettings? Mail { get; init; }

    /// <summary>A sorted list of passwords that are known to thieves; null for none.</summary>
    public BreachedPasswords? Breached { get; init; }

    /// <summary>The oldest data that signs a person in, where an environment or an organization says no other (law 6).</summary>
    public TimeSpan MaxStaleness { get; init; } = DefaultMaxStaleness;

    /// <summary>How long the node still serves after it was told to stop, while it says at <c>/health/ready</c> that it goes: whoever chooses a node has chosen another one before this one's connections end.</summary>
    public TimeSpan StopAfter { get; init; }

    public static readonly TimeSpan DefaultMaxStaleness = TimeSpan.FromHours(72);

    /// <summary>The flag provider; null for none.</summary>
    public FlagSetting? Flags { get; init; }

    /// <summary>Origin of the operator's OpenTelemetry collector; null for none.</summary>
    public Uri? Collector { get; init; }

    /// <summary>The most requests that are worked on at once.</summary>
    public int MostAtOnce { get; init; } = LoadOptions.Default.Most;

    /// <summary>Whose word about a request's sender is believed.</summary>
    public TrustedProxies TrustedProxies { get; init; } = TrustedProxies.None;

    /// <summary>Names that the operator uses besides those of its addresses: no environment takes them.</summary>
    public IReadOnlyList<string> ReservedHosts { get; init; } = [];

    /// <summary>Origin of the node that has the primary; null when it is this one's own.</summary>
    public Uri? PrimaryNode { get; init; }

    /// <summary>PostgreSQL as the primary; null when it is a file, or another node's.</summary>
    public PostgresSettings? Postgres { get; init; }
}

/// <summary>How PostgreSQL is reached.</summary>
/// <param name="ConnectionString">As of Npgsql. It may hold a password.</param>
/// <param name="Credentials">Where credentials come from; null for the connection string.</param>
internal sealed record PostgresSettings(string ConnectionString, string? Credentials)
{
    public override string ToString() => "(PostgreSQL)";   // what is printed in passing holds no secret
}

/// <summary>The options of <c>serve</c> and <c>dev</c>.</summary>
internal sealed class SettingsOptions
{
    private const string Sqlite = "sqlite:";
    private const string OfNode = "node:";

    private readonly Dictionary<string, Option<string?>> _options = new(StringComparer.Ordinal);
    private readonly bool _isDev;

    public SettingsOptions(Command command, bool isDev)
    {
        _isDev = isDev;
        Add(command, "urls", "where it listens (default http://127.0.0.1:4100); https is for nodes and the edge: its certificate is the cluster's own");
        Add(command, "public-url", "what it calls itself in tokens, metadata and links (default: the first of --urls)");
        Add(command, "data", "this node's disk (default ./data)");
        Add(command, "primary", "the primary database (default sqlite:<data>/primary.db), a PostgreSQL connection string (Host=a,b;Database=…), or node:URL: that of another node");
        Add(command, "credentials", "where PostgreSQL's user name and password come from: file:PATH, command:PROGRAM, or an http(s) address (default: the connection string)");
        Add(command, "node", "this node's name (default: the host name)");
        Add(command, "region", "its region (default local)");
        Add(command, "zone", "its failure domain (default: the host name)");
        Add(command, "peers", "base URLs of the cluster's other nodes, separated by commas");
        Add(command, "cluster-key-file", "the cluster's keys; made on the first start (default <data>/cluster.key)");
        Add(command, "reserved-hosts", "host names that no environment may take as a custom domain, nor one below or above them, separated by commas: those of the edge's --hosts (always: those of --urls, --public-url, --peers and --primary)");
        Add(command, "trusted-proxies", "whose X-Forwarded-For, -Proto and -Host are believed: addresses and CIDRs, separated by commas (default: nobody's)");
        Add(command, "outbound-allow", "exceptions from the guard on outbound addresses: CIDR:port, separated by commas");
        Add(command, "dns", "resolvers that are asked for the proofs of domains: IP[:port], separated by commas (default: the system's)");
        Add(command, "smtp", "the mail server: smtp://user:password@host:port (STARTTLS) or smtps://… (TLS at once), with ?from=ADDRESS, ?tls=start|implicit|none, ?ca=FILE; better as HOLDFAST_SMTP, which no list of processes shows (default: none)");
        Add(command, "breached-passwords", "a file of SHA-1 hashes in hex, whole or their first 16 digits or more, one a line in ascending order, each perhaps with ':' and a count: new passwords must not be among them (default: none)");
        Add(command, "flags", "the flag provider: file:PATH, unleash:URL, launchdarkly:URL or ofrep:URL; its key from HOLDFAST_FLAGS_KEY (default: none)");
        Add(command, "otlp", "OpenTelemetry collector that metrics are sent to by OTLP over HTTP: its origin (default: none)");
        Add(command, "rate-limit-factor", $"times the documented rate limits (default {(isDev ? 100 : 1)})");
        Add(command, "most-at-once", $"the most requests that are worked on at once; how many below that, the node finds by itself (default {LoadOptions.Default.Most})");
        Add(command, "max-staleness", "the oldest data that signs a person in, such as 72h, 90m or 7d (default 72h)");
        Add(command, "stop-after", $"how long it still serves after it was told to stop, while /health/ready says that it goes: 0s to 60s (default {(isDev ? "0s" : "3s")})");
        Add(command, "journal-max-bytes", "what the journal may hold until the primary is back (default 8 GiB)");
        if (isDev)
        {
            Add(command, "port", "the port on 127.0.0.1 (default 4100)");
        }
    }

    /// <summary>The settings, or everything that is wrong with them.</summary>
    public (Settings? Settings, IReadOnlyList<string> Faults) Read(ParseResult parsed)
    {
        var faults = new List<string>();
        var file = ReadFile(faults);
        string? Get(string name) =>
            parsed.GetValue(_options[name]) ?? Environment.GetEnvironmentVariable("HOLDFAST_" + name.Replace('-', '_').ToUpperInvariant()) ?? file.GetValueOrDefault(name);

        var urls = Get("urls") ?? $"http://127.0.0.1:{(_isDev ? Get("port") ?? "4100" : "4100")}";
        foreach (var url in urls.Split(';', ','))
        {
            if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || (uri.Scheme != "http" && uri.Scheme != "https"))
            {
                faults.Add($"--urls: '{url}' is not an http or https address.");
            }
            else if (_isDev && !(IPAddress.TryParse(uri.Host.Trim('[', ']'), out var ip) ? IPAddress.IsLoopback(ip) : uri.Host == "localhost"))
            {
                faults.Add($"--urls: dev listens on loopback only, and '{url}' is not that.");
            }
        }
        var publicUrl = (Get("public-url") ?? urls.Split(';', ',')[0]).TrimEnd('/');
        if (!Uri.TryCreate(publicUrl, UriKind.Absolute, out var named) || (named.Scheme != "http" && named.Scheme != "https") || named.Query.Length > 0 || named.AbsolutePath != "/")
        {
            faults.Add($"--public-url: '{publicUrl}' is not an http or https origin.");
        }
        var data = Path.GetFullPath(Get("data") ?? "data");
        var primary = Get("primary") ?? $"sqlite:{Path.Combine(data, "primary.db")}";
        var peers = ReadPeers(Get("peers"), faults);
        var postgres = ReadPostgres(primary, Get("credentials"), faults);
        var primaryNode = postgres is null ? ReadPrimary(primary, faults) : null;
        var resolvers = ReadResolvers(Get("dns"), faults);
        var mail = ReadMail(Get("smtp"), named?.Host ?? "localhost", faults);
        var breached = ReadBreached(Get("breached-passwords"), faults);
        var (flags, flagsFault) = FlagSetting.Read(Get("flags"), Environment.GetEnvironmentVariable("HOLDFAST_FLAGS_KEY"));
        if (flagsFault is not null)
        {
            faults.Add(flagsFault);
        }
        var guard = OutboundGuard.Read((Get("outbound-allow") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Concat(_isDev ? ["127.0.0.0/8:*", "::1/128:*"] : (string[])[]));
        faults.AddRange(guard.Faults.Select(f => $"--outbound-allow: {f}"));
        if (!double.TryParse(Get("rate-limit-factor") ?? (_isDev ? "100" : "1"), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var factor) || factor <= 0)
        {
            faults.Add("--rate-limit-factor: a number above 0 is needed.");
        }
        if (!long.TryParse(Get("journal-max-bytes") ?? new JournalLimits().MaxBytes.ToString(CultureInfo.InvariantCulture), NumberStyles.None, CultureInfo.InvariantCulture, out var journal) || journal < 1 << 20)
        {
            faults.Add("--journal-max-bytes: at least 1048576 is needed.");
        }
        if (!int.TryParse(Get("most-at-once") ?? LoadOptions.Default.Most.ToString(CultureInfo.InvariantCulture), NumberStyles.None, CultureInfo.InvariantCulture, out var mostAtOnce) || mostAtOnce is < 1 or > 100_000)
        {
            faults.Add("--most-at-once: a number from 1 to 100000 is needed.");
        }
        if (ReadSpan(Get("max-staleness") ?? "72h") is not { } maxStaleness)
        {
            faults.Add("--max-staleness: a number of seconds, minutes, hours or days is needed, such as 72h; a minute at least, a year at most.");
            maxStaleness = default;
        }
        if (ReadSpan(Get("stop-after") ?? (_isDev ? "0s" : "3s"), least: 0, most: 60) is not { } stopAfter)
        {
            faults.Add("--stop-after: 0s to 60s are needed, such as 3s.");
            stopAfter = default;
        }
        var reserved = (Get("reserved-hosts") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        faults.AddRange(reserved.Where(h => Uri.CheckHostName(h) == UriHostNameType.Unknown).Select(h => $"--reserved-hosts: '{h}' is not a host's name."));
        var (proxies, proxyFaults) = TrustedProxies.Read(Get("trusted-proxies"));
        faults.AddRange(proxyFaults);
        var collector = Get("otlp") is { } otlp ? ReadOrigin(otlp) : null;
        if (Get("otlp") is { } given && collector is null)
        {
            faults.Add($"--otlp: '{given}' is not an http or https origin.");
        }
        var host = Environment.MachineName;
        return faults.Count > 0
            ? (null, faults)
            : (new Settings(
                urls, publicUrl, data, primaryNode is null && postgres is null ? Path.GetFullPath(primary[Sqlite.Length..]) : "", Get("node") ?? host, Get("region") ?? "local", Get("zone") ?? host,
                Path.GetFullPath(Get("cluster-key-file") ?? Path.Combine(data, "cluster.key")), guard.Guard, factor, new JournalLimits(journal), _isDev)
            { Peers = peers, PrimaryNode = primaryNode, Postgres = postgres, Dns = resolvers, Mail = mail, Breached = breached, MaxStaleness = maxStaleness, StopAfter = stopAfter, Flags = flags, Collector = collector, MostAtOnce = mostAtOnce, TrustedProxies = proxies, ReservedHosts = reserved }, faults);
    }

    private List<Uri> ReadPeers(string? text, List<string> faults)
    {
        var peers = new List<Uri>();
        foreach (var url in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (ReadOrigin(url) is not { } origin)
            {
                faults.Add($"--peers: '{url}' is not an http or https origin.");
            }
            else if (peers.Contains(origin))
            {
                faults.Add($"--peers: '{url}' stands there twice.");
            }
            else
            {
                peers.Add(origin);
            }
        }
        if (_isDev && peers.Count > 0)
        {
            faults.Add("--peers: dev is one node, and its keys are lying about. Use 'holdfast serve'.");
        }
        return peers;
    }

    private static List<IPEndPoint> ReadResolvers(string? text, List<string> faults)
    {
        const int Port = 53;
        var resolvers = new List<IPEndPoint>();
        foreach (var item in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (IPEndPoint.TryParse(item, out var resolver))
            {
                resolvers.Add(resolver.Port == 0 ? new IPEndPoint(resolver.Address, Port) : resolver);
            }
            else
            {
                faults.Add($"--dns: '{item}' is not an address, with a port or without.");
            }
        }
        return resolvers;
    }

    private static BreachedPasswords? ReadBreached(string? path, List<string> faults)
    {
        if (string.IsNullOrEmpty(path))
        {
            return null;
        }
        var (list, fault) = BreachedPasswords.Open(Path.GetFullPath(path));
        if (fault is not null)
        {
            faults.Add($"--breached-passwords: {fault}");
        }
        return list;
    }

    private static SmtpSettings? ReadMail(string? text, string publicHost, List<string> faults)
    {
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }
        var (settings, fault) = SmtpSettings.Read(text, publicHost);
        if (fault is not null)
        {
            faults.Add($"--smtp: {fault}");
        }
        return settings;
    }

    /// <summary>PostgreSQL, when that is the primary.</summary>
    private PostgresSettings? ReadPostgres(string primary, string? credentials, List<string> faults)
    {
        var isPostgres = !primary.StartsWith(Sqlite, StringComparison.Ordinal) && !primary.StartsWith(OfNode, StringComparison.Ordinal) && primary.Contains('=', StringComparison.Ordinal);
        if (!isPostgres)
        {
            if (credentials is not null)
            {
                faults.Add("--credentials: they are of a PostgreSQL primary, and --primary names none.");
            }
            return null;
        }
        if (_isDev)
        {
            faults.Add("--primary: dev keeps its primary itself. Use 'holdfast serve'.");
        }
        if (PostgresServers.FaultOf(primary) is { } fault)
        {
            faults.Add($"--primary: {fault}");   // without the text: it may hold a password
        }
        if (credentials is not null && CredentialSource.FaultOf(credentials) is { } wrong)
        {
            faults.Add($"--credentials: {wrong}");
        }
        return new PostgresSettings(primary, credentials);
    }

    /// <summary>The node that has the primary; null when it is a file of this one.</summary>
    private Uri? ReadPrimary(string primary, List<string> faults)
    {
        if (primary.StartsWith(Sqlite, StringComparison.Ordinal))
        {
            return null;
        }
        if (!primary.StartsWith(OfNode, StringComparison.Ordinal))
        {
            faults.Add("--primary: only sqlite:PATH, node:URL and a connection string of PostgreSQL (Host=…;Database=…) are known.");
            return null;
        }
        if (_isDev)
        {
            faults.Add("--primary: dev keeps its primary itself. Use 'holdfast serve'.");
        }
        var origin = ReadOrigin(primary[OfNode.Length..]);
        if (origin is null)
        {
            faults.Add($"--primary: '{primary[OfNode.Length..]}' is not an http or https origin.");
        }
        return origin;
    }

    /// <summary>A length of time: a whole number and its unit.</summary>
    private static TimeSpan? ReadSpan(string text, int least = 60, int most = 365 * 86_400)
    {
        var unit = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86_400, _ => 0 };
        return unit > 0 && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && (long)number * unit is var seconds && seconds >= least && seconds <= most
                ? TimeSpan.FromSeconds(seconds)
                : null;
    }

    private static Uri? ReadOrigin(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri) && (uri.Scheme == "http" || uri.Scheme == "https")
        && uri.AbsolutePath == "/" && uri.Query.Length == 0 && uri.UserInfo.Length == 0 && uri.Fragment.Length == 0
            ? uri
            : null;

    private void Add(Command command, string name, string description)
    {
        var option = new Option<string?>("--" + name) { Description = description };
        command.Options.Add(option);
        _options.Add(name, option);
    }

    private static Dictionary<string, string> ReadFile(List<string> faults)
    {
        const string Name = "holdfast.json";
        if (!File.Exists(Name))
        {
            return [];
        }
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(Name));
            return json.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.ToString(), StringComparer.Ordinal);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or ArgumentException)
        {
            faults.Add($"{Name}: not a JSON object.");
            return [];
        }
    }
}
