using System.CommandLine;
using System.Net.Http.Headers;
using System.Text.Json;
using Holdfast.Http;
using Holdfast.Resilience;

namespace Holdfast.Verbs;

/// <summary><c>holdfast status</c>: what a node says of itself.</summary>
internal static class StatusVerb
{
    public static Command Create()
    {
        var url = new Option<string>("--url") { Description = "the node", DefaultValueFactory = _ => "http://127.0.0.1:4100" };
        var recent = new Option<bool>("--recent") { Description = "its metrics of the last 15 minutes instead, in steps of 10 s (docs/telemetry.md)" };
        var key = new Option<string?>("--key") { Description = "the operator's key (holdfast ops key), where the node is not on this machine; better as HOLDFAST_OPERATOR_KEY" };
        var command = new Command("status", "Shows what a node says of itself: its replica, its journal, what it stands on, and what is broken.") { url, recent, key };
        command.SetAction((parsed, ct) => RunAsync(parsed.GetValue(url)!, parsed.GetValue(recent), parsed.GetValue(key) ?? Environment.GetEnvironmentVariable("HOLDFAST_OPERATOR_KEY"), ct));
        return command;
    }

    private static async Task<int> RunAsync(string url, bool recent, string? key, CancellationToken ct)
    {
        if (!Uri.TryCreate(url.TrimEnd('/') + (recent ? "/metrics/recent" : "/health"), UriKind.Absolute, out var health))
        {
            await Console.Error.WriteLineAsync($"holdfast status: '{url}' is not an address.");
            return 2;
        }
        // The operator names the address, so it is allowed wherever it leads.
        using var outbound = new OutboundHttp(OutboundGuard.Read(["0.0.0.0/0:*", "::/0:*"]).Guard, TimeProvider.System);
        var node = new Dependency(Catalogue.Node, TimeProvider.System);
        try
        {
            var answer = await outbound.GetAsync(node, health, OutboundLimits.Document, ct, key is null ? null : new AuthenticationHeaderValue("Bearer", key));
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
        catch (OutboundAnswerException refused) when (refused.Status == StatusCodes.Status401Unauthorized)
        {
            await Console.Error.WriteLineAsync("holdfast status: the node asks for the operator's key. Give --key or HOLDFAST_OPERATOR_KEY.");
            return 1;
        }
        catch (Exception fault) when (fault is DependencyUnavailableException or OutboundAnswerException or JsonException)
        {
            await Console.Error.WriteLineAsync($"holdfast status: {url} does not answer.");
            return 1;
        }
    }
}
