using System.Globalization;
using System.Text.Json;
using Holdfast.Keys;
using Holdfast.Resilience;

namespace Holdfast.Edge;

/// <summary>The ways to the nodes: everything that the edge calls goes by here, as a dependency of the catalogue.</summary>
internal sealed class Ways : IDisposable
{
    private const int MostSaid = 1 << 20;

    private readonly EdgeHttp _http;
    private readonly Dictionary<EdgeNode, (Dependency Requests, Dependency Probes, Dependency Domains)> _ways;

    public Ways(IReadOnlyList<EdgeNode> nodes, EdgeSettings settings, TimeProvider clock)
    {
        _http = new EdgeHttp(TimeSpan.FromSeconds(1) * settings.Times.Patience, settings.Authority is { } authority ? authority.Accepts : null);
        _ways = nodes.ToDictionary(n => n, n => (
            new Dependency(Catalogue.EdgeNode.Of(n.Address.Authority) with { Deadline = Catalogue.EdgeNode.Deadline * settings.Times.Patience, MaxConcurrent = 2 * settings.MaxPerNode }, clock),
            new Dependency(Catalogue.EdgeProbe.Of(n.Address.Authority) with { Deadline = settings.ProbeDeadline }, clock),
            new Dependency(Catalogue.EdgeDomains.Of(n.Address.Authority), clock)));
    }

    /// <summary>For how long a node has answered nobody although somebody waits.</summary>
    public TimeSpan SilenceOf(EdgeNode node) => _ways[node].Requests.Silence;

    /// <exception cref="DependencyUnavailableException">No answer.</exception>
    public Task<HttpResponseMessage> SendAsync(EdgeNode node, HttpRequestMessage request, CancellationToken ct) => _http.SendAsync(_ways[node].Requests, request, ct);

    /// <summary>Whether it is ready; why it is not, and whether that is certain.</summary>
    public async Task<(bool IsReady, string Why, bool IsCertain)> ProbeAsync(EdgeNode node, CancellationToken ct)
    {
        try
        {
            var answer = await AskAsync(node, "/health/ready", ct);
            return answer.Status == StatusCodes.Status200OK ? (true, "", true) : (false, Code(answer) ?? answer.Status.ToString(CultureInfo.InvariantCulture), true);
        }
        catch (DependencyUnavailableException away)
        {
            return (false, away.How, away.How == Trouble.Refuses);
        }
    }

    /// <summary>What a node says of itself; null when it does not say so now.</summary>
    public async Task<NodeSaid?> DescribeAsync(EdgeNode node, CancellationToken ct)
    {
        try
        {
            var answer = await AskAsync(node, "/health", ct);
            using var json = JsonDocument.Parse(answer.Body);
            string? Text(string name) => json.RootElement.TryGetProperty(name, out var value) ? value.GetString() : null;
            return answer.Status == StatusCodes.Status200OK && Text("node") is { } name && Text("region") is { } region ? new NodeSaid(name, region, Text("incarnation"), Text("public_url")) : null;
        }
        catch (Exception fault) when (fault is DependencyUnavailableException or JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>The map of domains, if the node gives it under the edge's key; null otherwise.</summary>
    public async Task<byte[]?> DomainsAsync(EdgeNode node, EdgeKey key, long time, string nonce, CancellationToken ct)
    {
        try
        {
            var answer = await _http.AskAsync(_ways[node].Domains, new Uri(node.Address, EdgeKey.DomainsPath), [new(EdgeKey.Header, key.Ask(time, nonce))], EdgeKey.MostBytes, ct);
            return answer.Status == StatusCodes.Status200OK && key.Answers(nonce, answer.Body, answer.Headers.GetValueOrDefault(EdgeKey.Header, "")) ? answer.Body : null;
        }
        catch (DependencyUnavailableException)
        {
            return null;
        }
    }

    /// <summary>The code that stands in an answer's JSON; null for none.</summary>
    public static string? Code(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("code", out var code) && code.ValueKind == JsonValueKind.String ? code.GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public void Dispose() => _http.Dispose();

    private static string? Code(OperatorAnswer answer) => Code(answer.Body);

    private Task<OperatorAnswer> AskAsync(EdgeNode node, string path, CancellationToken ct) => _http.AskAsync(_ways[node].Probes, new Uri(node.Address, path), [], MostSaid, ct);
}
