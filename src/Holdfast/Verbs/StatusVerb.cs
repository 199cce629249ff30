using System.CommandLine;
using System.Net.Http.Headers;
using System.Text.Json;
using Holdfast.Http;
using Holdfast.Peers;
using Holdfast.Resilience;

namespace Holdfast.Verbs;

/// <summary><c>holdfast status</c>: what a node says of itself.</summary>
internal static class StatusVerb
{
    private const int MostBytes = 4 << 20;

    public static Command Create()
    {
        var url = new Option<string>("--url") { Description = "the node", DefaultValueFactory = _ => "http://127.0.0.1:4100" };
        var recent = new Option<bool>("--recent") { Description = "its metrics of the last 15 minutes instead, in steps of 10 s (docs/telemetry.md)" };
        var key = new Option<string?>("--key") { Description = "the operator's key (holdfast ops key), where the node is not on this machine; better as HOLDFAST_OPERATOR_KEY" };
        var authority = new Option<string?>("--authority-file") { Description = "who vouches for a node that speaks https: what 'holdfast ops authority' prints (default: whom the system trusts)" };
        var command = new Command("status", "Shows what a node says of itself: its replica, its journal, what it stands on, and what is broken.") { url, recent, key, authority };
        command.SetAction((parsed, ct) => RunAsync(
            parsed.GetValue(url)!, parsed.GetValue(recent), parsed.GetValue(key) ?? Environment.GetEnvironmentVariable("HOLDFAST_OPERATOR_KEY"), parsed.GetValue(authority), ct));
        return command;
    }

    private static async Task<int> RunAsync(string url, bool recent, string? key, string? authorityFile, CancellationToken ct)
    {
        if (!Uri.TryCreate(url.TrimEnd('/') + (recent ? "/metrics/recent" : "/health"), UriKind.Absolute, out var health))
        {
            await Console.Error.WriteLineAsync($"holdfast status: '{url}' is not an address.");
            return 2;
        }
        var (authority, fault) = authorityFile is null ? (null, null) : AuthorityFile.Read(authorityFile);
        using var vouching = authority;
        if (fault is not null)
        {
            await Console.Error.WriteLineAsync($"holdfast status: --authority-file: {fault}");
            return 2;
        }
        using var outbound = new OperatorHttp(authority is null ? null : authority.Accepts);
        var node = new Dependency(Catalogue.Node, TimeProvider.System);
        try
        {
            var answer = await outbound.SendAsync(
                node, HttpMethod.Get, health, null, key is null ? [] : [new("Authorization", new AuthenticationHeaderValue("Bearer", key).ToString())], MostBytes, said => said, ct);
            if (answer.Status == StatusCodes.Status401Unauthorized)
            {
                await Console.Error.WriteLineAsync("holdfast status: the node asks for the operator's key. Give --key or HOLDFAST_OPERATOR_KEY.");
                return 1;
            }
            using var json = JsonDocument.Parse(answer.Body);
            Console.WriteLine(JsonSerializer.Serialize(json.RootElement, JavaScriptJson.Indented));
            if (!json.RootElement.TryGetProperty("cause", out var cause) || cause.ValueKind != JsonValueKind.Object)
            {
                return 0;
            }
            // On a stream of its own: what reads the JSON is not disturbed, and a person need not search in it.
            await Console.Error.WriteLineAsync($"holdfast status: {cause.GetProperty("text").GetString()}");
            return 1;
        }
        catch (Exception away) when (away is DependencyUnavailableException or JsonException)
        {
            await Console.Error.WriteLineAsync($"holdfast status: {url} does not answer.");
            return 1;
        }
    }
}
