using System.Text.Json;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Resilience;
using Holdfast.Storage;

namespace Holdfast.Edge;

/// <summary>Which names the edge answers under: the operator's, and the custom domains of environments as a node last told them. In memory and on the edge's own disk, for as long as it takes (law 6).</summary>
internal sealed class DomainMap(EdgeNodes nodes, Ways ways, EdgeSettings settings, Entropy entropy, TimeProvider clock) : BackgroundService
{
    private const string File = "domains.json";

    private static readonly TimeSpan s_every = TimeSpan.FromSeconds(10);

    private readonly string _path = Path.Combine(settings.Data, File);
    private volatile Map? _map = Load(Path.Combine(settings.Data, File));
    private int _turn;

    /// <param name="Domains">Host to environment.</param>
    internal sealed record Map(DateTimeOffset ReadAt, IReadOnlyDictionary<string, string> Domains);

    /// <summary>As a node tells it.</summary>
    private sealed record Body(IReadOnlyDictionary<string, string> Domains);

    /// <summary>What was last read; null when nothing ever was.</summary>
    public Map? Current => _map;

    /// <summary>Whether requests under this name are for us.</summary>
    /// <param name="host">Without a port.</param>
    public bool Knows(string host)
    {
        if (host.Length is 0 or > 253)
        {
            return false;
        }
        var name = host.TrimEnd('.').ToLowerInvariant();
        return settings.Hosts is { } own
            ? own.Contains("*") || own.Contains(name) || IsCustom(name)
            : IsCustom(name) || nodes.All.Any(n => n.Said?.PublicUrl is { } url && Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Host.Equals(name, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Asks one node, the next of them each time.</summary>
    public async Task ReadAsync(CancellationToken ct)
    {
        if (settings.Key is not { } key)
        {
            return;
        }
        var ready = nodes.All.Where(n => n.State == NodeState.Ready).ToList();
        if (ready.Count == 0)
        {
            return;
        }
        var answer = await ways.DomainsAsync(ready[_turn++ % ready.Count], key, clock.GetUtcNow().ToUnixTimeSeconds(), Base64.Encode(entropy.Bytes(16)), ct);
        if (answer is null || Parse(answer) is not { } body)
        {
            return;   // the last one stays
        }
        var map = new Map(clock.GetUtcNow(), body.Domains);
        _map = map;
        Keep(map);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // At once when there is a node, then at leisure.
        while (!stoppingToken.IsCancellationRequested && settings.Key is not null && !nodes.All.Any(n => n.State == NodeState.Ready))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200), clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        if (!stoppingToken.IsCancellationRequested)
        {
            await ReadAsync(stoppingToken);
            await Rounds.RunAsync(s_every, clock, ReadAsync, static _ => { }, stoppingToken);
        }
    }

    private bool IsCustom(string name) => _map?.Domains.ContainsKey(name) == true;

    private static Body? Parse(byte[] bytes)
    {
        try
        {
            return JsonSerializer.Deserialize<Body>(bytes, JavaScriptJson.Options) is { Domains: not null } body ? body : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static Map? Load(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<Map>(System.IO.File.ReadAllBytes(path), JavaScriptJson.Options) is { Domains: not null } map ? map : null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;   // a disk that is empty or damaged is filled by the next reading
        }
    }

    /// <summary>Whole or not at all; a disk that takes nothing costs the next start, and no request.</summary>
    private void Keep(Map map)
    {
        try
        {
            var next = _path + ".next";
            System.IO.File.WriteAllBytes(next, JsonSerializer.SerializeToUtf8Bytes(map, JavaScriptJson.Options));
            System.IO.File.Move(next, _path, overwrite: true);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // It stays in memory.
        }
    }
}
