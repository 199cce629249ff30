using System.CommandLine;
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
        var command = new Command("status", "Shows what a node says of itself: its replica, its journal, what it stands on, and what is broken.") { url };
        command.SetAction((parsed, ct) => RunAsync(parsed.GetValue(url)!, ct));
        return command;
    }

    private static async Task<int> RunAsync(string url, CancellationToken ct)
    {
        if (!Uri.TryCreate(url.TrimEnd('/') + "/health", UriKind.Absolute, out var health))
        {
            await Console.Error.WriteLineAsync($"holdfast status: '{url}' is not an address.");
            return 2;
        }
        // The operator names the address, so it is allowed wherever it leads.
        using var outbound = new OutboundHttp(OutboundGuard.Read(["0.0.0.0/0:*", "::/0:*"]).Guard, TimeProvider.System);
        var node = new Dependency(Catalogue.Node, TimeProvider.System);
        try
        {
            var answer = await outbound.GetAsync(node, health, OutboundLimits.Document, ct);
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
        catch (Exception fault) when (fault is DependencyUnavailableException or OutboundAnswerException or JsonException)
        {
            await Console.Error.WriteLineAsync($"holdfast status: {url} does not answer.");
            return 1;
        }
    }
}
