using System.Globalization;
using System.Net;
using System.Text;
using Holdfast.Http;

namespace Holdfast.Edge;

/// <summary>What the edge says of itself: to anybody whether it serves, to the operator the rest.</summary>
internal sealed class EdgeReport(EdgeNodes nodes, Ways ways, Admission admission, EdgeCounts counts, DomainMap domains, EdgeSettings settings, TimeProvider clock)
{
    private readonly HashSet<int> _adminPorts = [.. (settings.AdminUrls ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries).Select(u => new Uri(u).Port)];

    public async Task HandleAsync(HttpContext http, RequestDelegate next)
    {
        var isAdmin = _adminPorts.Contains(http.Connection.LocalPort);
        var path = http.Request.Path.Value ?? "";
        if (!HttpMethods.IsGet(http.Request.Method) || !path.StartsWith("/edge/", StringComparison.Ordinal))
        {
            await (isAdmin ? ApiError.OfStatus(404).ExecuteAsync(http) : next(http));
            return;
        }
        var mayAll = _adminPorts.Count > 0 ? isAdmin : IsLocal(http);
        switch (path)
        {
            case "/edge/live":
                await ApiAnswer.Ok(new { status = "live" }).ExecuteAsync(http);
                break;
            case "/edge/ready":
                await Ready().ExecuteAsync(http);
                break;
            case "/edge/health":
                await (mayAll ? ApiAnswer.Ok(Describe()) : Ready()).ExecuteAsync(http);
                break;
            case "/edge/metrics" when mayAll:
                http.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
                await http.Response.WriteAsync(Metrics(), http.RequestAborted);
                break;
            default:
                await ApiError.OfStatus(404).ExecuteAsync(http);
                break;
        }
    }

    private ApiAnswer Ready() => nodes.All.Any(n => n.State == NodeState.Ready) ? ApiAnswer.Ok(new { status = "ready" }) : ApiError.Unavailable("no_node", "No node is ready.", retryAfter: 1);

    /// <summary>From this machine, without a proxy in between.</summary>
    private static bool IsLocal(HttpContext http) => http.Connection.RemoteIpAddress is { } from && IPAddress.IsLoopback(from) && !TrustedProxies.IsSentOn(http.Request)
        && (http.Request.Host.Host == "localhost" || (IPAddress.TryParse(http.Request.Host.Host.Trim('[', ']'), out var named) && IPAddress.IsLoopback(named)));

    internal sealed record Body(
        string Status, string Region, string Version, IReadOnlyList<NodeBody> Nodes, int UnderWay, IReadOnlyDictionary<string, long> Counts, IReadOnlyDictionary<string, long> Refused, DomainsBody? Domains);

    internal sealed record NodeBody(
        string Address, string? Node, string? Region, string? Incarnation, string State, DateTimeOffset Since, string? Why, double Weight, int UnderWay, double SilentForSeconds, long Ejections);

    internal sealed record DomainsBody(int Count, DateTimeOffset ReadAt, double AgeSeconds);

    private Body Describe() => new(
        nodes.All.Any(n => n.State == NodeState.Ready) ? "ready" : "no_node", settings.Region, HealthEndpoints.Version,
        [.. nodes.All.Select(n => new NodeBody(
            n.Address.GetLeftPart(UriPartial.Authority), n.Said?.Name, n.Said?.Region, n.Said?.Incarnation, Word(n.State), n.Since, n.Why, Math.Round(n.Weight, 2), n.UnderWay,
            Math.Round(ways.SilenceOf(n).TotalSeconds, 1), n.Ejections))],
        admission.UnderWay,
        Counted().ToDictionary(c => c.Name, c => c.Value, StringComparer.Ordinal),
        Enum.GetValues<Priority>().ToDictionary(p => Word(p), p => counts.Refused[(int)p].Value, StringComparer.Ordinal),
        domains.Current is { } map ? new DomainsBody(map.Domains.Count, map.ReadAt, Math.Round(Math.Max(0, (clock.GetUtcNow() - map.ReadAt).TotalSeconds), 1)) : null);

    private IEnumerable<(string Name, long Value)> Counted() =>
    [
        ("requests", counts.Requests.Value), ("tries", counts.Tries.Value), ("retries", counts.Retries.Value), ("elsewhere", counts.Elsewhere.Value), ("hedges", counts.Hedges.Value),
        ("hedges_won", counts.HedgesWon.Value), ("failed", counts.Failed.Value), ("unknown_hosts", counts.UnknownHosts.Value), ("not_for_outside", counts.NotForOutside.Value),
        ("malformed", counts.Malformed.Value),
    ];

    /// <summary>Prometheus' text format, 0.0.4.</summary>
    private string Metrics()
    {
        var text = new StringBuilder();
        foreach (var (name, value) in Counted())
        {
            text.Append(CultureInfo.InvariantCulture, $"# TYPE holdfast_edge_{name}_total counter\nholdfast_edge_{name}_total {value}\n");
        }
        text.Append("# TYPE holdfast_edge_refused_total counter\n");
        foreach (var priority in Enum.GetValues<Priority>())
        {
            text.Append(CultureInfo.InvariantCulture, $"holdfast_edge_refused_total{{priority=\"{Word(priority)}\"}} {counts.Refused[(int)priority].Value}\n");
        }
        text.Append(CultureInfo.InvariantCulture, $"# TYPE holdfast_edge_under_way gauge\nholdfast_edge_under_way {admission.UnderWay}\n");
        void PerNode(string name, string type, Func<EdgeNode, double> value)
        {
            text.Append(CultureInfo.InvariantCulture, $"# TYPE holdfast_edge_node_{name} {type}\n");
            foreach (var node in nodes.All)
            {
                text.Append(CultureInfo.InvariantCulture, $"holdfast_edge_node_{name}{{address=\"{node.Address.Authority}\"}} {value(node)}\n");
            }
        }

        PerNode("ready", "gauge", n => n.State == NodeState.Ready ? 1 : 0);
        PerNode("weight", "gauge", n => n.Weight);
        PerNode("under_way", "gauge", n => n.UnderWay);
        PerNode("ejections_total", "counter", n => n.Ejections);
        if (domains.Current is { } map)
        {
            text.Append(CultureInfo.InvariantCulture, $"# TYPE holdfast_edge_domains_age_seconds gauge\nholdfast_edge_domains_age_seconds {Math.Max(0, (clock.GetUtcNow() - map.ReadAt).TotalSeconds):0.0}\n");
        }
        return text.ToString();
    }

    private static string Word(Enum value) => value.ToString().ToLowerInvariant();
}
