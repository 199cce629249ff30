using System.CommandLine;
using System.Net.Http.Headers;
using System.Text.Json;
using Holdfast.Http;
using Holdfast.Incidents;
using Holdfast.Keys;
using Holdfast.Resilience;
using Holdfast.Storage;

namespace Holdfast.Verbs;

/// <summary><c>holdfast ops</c>: what only the operator does. The operator is whoever can read the cluster key file.</summary>
internal static class OpsVerb
{
    public static Command Create()
    {
        var data = new Option<string>("--data") { Description = "the node's data folder", DefaultValueFactory = _ => Environment.GetEnvironmentVariable("HOLDFAST_DATA") ?? "data", Recursive = true };
        var file = new Option<string?>("--cluster-key-file") { Description = "the cluster's keys (default <data>/cluster.key)", Recursive = true };
        var url = new Option<string>("--url") { Description = "the node", DefaultValueFactory = _ => "http://127.0.0.1:4100", Recursive = true };

        var key = new Command("key", "Prints the operator's key, for whatever reads /metrics or writes notes.");
        key.SetAction(async (parsed, _) => Key(parsed.GetValue(data)!, parsed.GetValue(file)) is { } value ? await SayAsync(value) : await RefuseAsync("there is no cluster key file there. Give --data or --cluster-key-file."));

        var edgeKey = new Command("edge-key", "Prints the edge key, for the file that 'holdfast edge --key-file' reads. It opens nothing but the map of custom domains.");
        edgeKey.SetAction(async (parsed, _) => Keys(parsed.GetValue(data)!, parsed.GetValue(file)) is { } keys ? await SayAsync(EdgeKey.Of(keys).Value) : await RefuseAsync("there is no cluster key file there. Give --data or --cluster-key-file."));

        var (id, text) = (new Argument<string>("ID") { Description = "the incident" }, new Argument<string>("TEXT") { Description = "what is to stand in its timeline" });
        var author = new Option<string?>("--author") { Description = "who writes" };
        var note = new Command("note", "Adds a note to an incident's timeline.") { id, text, author };
        note.SetAction(async (parsed, ct) => Key(parsed.GetValue(data)!, parsed.GetValue(file)) is { } value
            ? await NoteAsync(parsed.GetValue(url)!, value, parsed.GetValue(id)!, parsed.GetValue(text)!, parsed.GetValue(author), ct)
            : await RefuseAsync("there is no cluster key file there. Give --data or --cluster-key-file."));
        var incident = new Command("incident", "What people add to an incident.") { note };
        return new Command("ops", "What only the operator does.") { data, file, url, key, edgeKey, incident };
    }

    private static string? Key(string data, string? file) => Keys(data, file) is { } keys ? new OperatorKey(keys).Value : null;

    private static ClusterKeys? Keys(string data, string? file)
    {
        var path = file ?? Path.Combine(data, "cluster.key");
        try
        {
            return File.Exists(path) ? ClusterKeys.LoadOrCreate(path, Entropy.Real) : null;
        }
        catch (Exception fault) when (fault is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static async Task<int> NoteAsync(string url, string key, string id, string text, string? author, CancellationToken ct)
    {
        if (!Uri.TryCreate($"{url.TrimEnd('/')}/incidents/{Uri.EscapeDataString(id)}/notes", UriKind.Absolute, out var notes))
        {
            return await RefuseAsync($"'{url}' is not an address.", 2);
        }
        using var http = new OperatorHttp();
        var node = new Dependency(Catalogue.Node, TimeProvider.System);
        try
        {
            var answer = await http.PostAsync(
                node, notes, JsonSerializer.SerializeToUtf8Bytes(author is null ? (object)new { text } : new { text, author }, JavaScriptJson.Options),
                [new("Authorization", new AuthenticationHeaderValue("Bearer", key).ToString())], 64 * 1024, answer => answer, Catalogue.Node.Deadline, TimeProvider.System, ct);
            return answer.Status == StatusCodes.Status201Created ? await SayAsync("Noted.") : await RefuseAsync(Said(answer));
        }
        catch (DependencyUnavailableException)
        {
            return await RefuseAsync($"{url} does not answer.");
        }
    }

    private static string Said(OperatorAnswer answer)
    {
        try
        {
            using var json = JsonDocument.Parse(answer.Body);
            return json.RootElement.GetProperty("message").GetString() ?? $"it answered {answer.Status}.";
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return $"it answered {answer.Status}.";
        }
    }

    private static async Task<int> SayAsync(string line)
    {
        await Console.Out.WriteLineAsync(line);
        return 0;
    }

    private static async Task<int> RefuseAsync(string why, int exit = 1)
    {
        await Console.Error.WriteLineAsync($"holdfast ops: {why}");
        return exit;
    }
}
