using System.CommandLine;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using Holdfast.Http;
using Holdfast.Incidents;
using Holdfast.Keys;
using Holdfast.Orders;
using Holdfast.Peers;
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

        var authority = new Command("authority", "Prints the certificate of the authority that vouches for nodes that speak https, for the file that 'holdfast edge --authority-file' reads. It is no secret, and the same for all nodes.");
        authority.SetAction(async (parsed, _) =>
        {
            if (Keys(parsed.GetValue(data)!, parsed.GetValue(file)) is not { } keys)
            {
                return await RefuseAsync("there is no cluster key file there. Give --data or --cluster-key-file.");
            }
            using var own = PeerAuthority.Of(keys);
            await Console.Out.WriteAsync(own.Pem);
            return 0;
        });

        var (id, text) = (new Argument<string>("ID") { Description = "the incident" }, new Argument<string>("TEXT") { Description = "what is to stand in its timeline" });
        var author = new Option<string?>("--author") { Description = "who writes" };
        var note = new Command("note", "Adds a note to an incident's timeline.") { id, text, author };
        note.SetAction(async (parsed, ct) => Keys(parsed.GetValue(data)!, parsed.GetValue(file)) is { } keys
            ? await NoteAsync(new Node(parsed.GetValue(url)!, keys), parsed.GetValue(id)!, parsed.GetValue(text)!, parsed.GetValue(author), ct)
            : await RefuseAsync("there is no cluster key file there. Give --data or --cluster-key-file."));
        var incident = new Command("incident", "What people add to an incident.") { note };

        async Task<int> WithKeyAsync(ParseResult parsed, Func<Node, Task<int>> work) => Keys(parsed.GetValue(data)!, parsed.GetValue(file)) is { } keys
            ? await work(new Node(parsed.GetValue(url)!, keys))
            : await RefuseAsync("there is no cluster key file there. Give --data or --cluster-key-file.");
        Command Order(string name, string says, string kind, Argument<string>? target, string? setting, Argument<string>? level = null)
        {
            var (node, region) = (new Option<string?>("--node") { Description = "the one node that it is for (default: every node)" }, new Option<string?>("--region") { Description = "the region that it is for" });
            var lasts = new Option<string>("--for") { Description = "how long, such as 90s, 30m, 1h or 7d (7d at most)", DefaultValueFactory = _ => "1h" };
            var (why, by) = (new Option<string>("--why") { Description = "the reason; it stands in /health", Required = true }, new Option<string>("--by") { Description = "who orders it", DefaultValueFactory = _ => Environment.UserName });
            var command = new Command(name, says) { node, region, lasts, why, by };
            if (target is not null)
            {
                command.Arguments.Add(target);
            }
            if (level is not null)
            {
                command.Arguments.Add(level);
            }
            command.SetAction((parsed, ct) => WithKeyAsync(parsed, async at => Span(parsed.GetValue(lasts)!) is not { } seconds
                ? await RefuseAsync("--for: a number of seconds, minutes, hours or days is needed, such as 30m.", 2)
                : await GiveAsync(at, new Dictionary<string, object?>
                {
                    ["kind"] = kind, ["target"] = target is null ? null : parsed.GetValue(target), ["setting"] = level is null ? setting : parsed.GetValue(level), ["node"] = parsed.GetValue(node),
                    ["region"] = parsed.GetValue(region), ["lasts_s"] = seconds, ["author"] = parsed.GetValue(by), ["reason"] = parsed.GetValue(why),
                }, ct)));
            return command;
        }
        Argument<string> Name(string says) => new("NAME") { Description = says };
        var all = new Option<bool>("--all") { Description = "those that are over, too" };
        var list = new Command("list", "Shows what is ordered.") { all };
        list.SetAction((parsed, ct) => WithKeyAsync(parsed, at => ListAsync(at, parsed.GetValue(all), ct)));
        var (lifted, lifter) = (new Argument<string>("ID") { Description = "the order" }, new Option<string>("--by") { Description = "who lifts it", DefaultValueFactory = _ => Environment.UserName });
        var lift = new Command("lift", "Takes an order back before its end.") { lifted, lifter };
        lift.SetAction((parsed, ct) => WithKeyAsync(parsed, at => LiftAsync(at, parsed.GetValue(lifted)!, parsed.GetValue(lifter)!, ct)));
        var (name, why, by) = (new Argument<string>("NODE") { Description = "its name" }, new Option<string>("--why") { Description = "the reason", Required = true },
            new Option<string>("--by") { Description = "who orders it", DefaultValueFactory = _ => Environment.UserName });
        var end = new Command("end", "Puts a node out for good, stolen or lost: its lives are denied, and it leaves the node list.") { name, why, by };
        end.SetAction((parsed, ct) => WithKeyAsync(parsed, at => EndAsync(at, parsed.GetValue(name)!, parsed.GetValue(why)!, parsed.GetValue(by)!, ct)));
        var since = new Option<string>("--since") { Description = "the moment that it was stolen, such as 2026-01-31T17:00:00Z, or how long ago, such as 90m (30d at most). Nothing counts that it said from then on", Required = true };
        var quarantine = new Command("quarantine", "Puts a stolen node out, and takes back what it said since a moment, at every node and in the primary.") { name, since, why, by };
        quarantine.SetAction((parsed, ct) => WithKeyAsync(parsed, at => QuarantineAsync(at, parsed.GetValue(name)!, Moment(parsed.GetValue(since)!), parsed.GetValue(why)!, parsed.GetValue(by)!, ct)));
        var quarantines = new Command("quarantines", "Shows which nodes are in quarantine, and how much of what they said is taken back.");
        quarantines.SetAction((parsed, ct) => WithKeyAsync(parsed, at => QuarantinesAsync(at, ct)));
        var one = new Argument<string>("ID") { Description = "the quarantine" };
        var taken = new Command("taken", "Lists what a quarantine has taken back at the node that is asked: tables, ids and times, no values.") { one };
        taken.SetAction((parsed, ct) => WithKeyAsync(parsed, at => TakenAsync(at, parsed.GetValue(one)!, ct)));
        var liftQuarantine = new Command("lift-quarantine", "Lets what a node said count after all. The node stays out: it comes back under another name.") { one, why, by };
        liftQuarantine.SetAction((parsed, ct) => WithKeyAsync(parsed, async at => await AskAsync(at, HttpMethod.Post, $"/quarantines/{Uri.EscapeDataString(parsed.GetValue(one)!)}/lift", new { author = parsed.GetValue(by), reason = parsed.GetValue(why) }, ct) is not { } answer
            ? await RefuseAsync($"{at.Url} does not answer.")
            : answer.Status == StatusCodes.Status200OK ? await SayAsync(QuarantineLine(Read(answer))) : await RefuseAsync(Said(answer))));
        var begun = new Option<string?>("--since") { Description = "only those since then, such as 2026-01-31T17:00:00Z or 90m ago (default: all that go on)" };
        var endSessions = new Command("end-sessions", "Ends the sessions that began at a node: whoever has them signs in again.") { name, begun, why, by };
        endSessions.SetAction((parsed, ct) => WithKeyAsync(parsed, at => EndSessionsAsync(at, parsed.GetValue(name)!, parsed.GetValue(begun) is { } from ? Moment(from) : null, parsed.GetValue(why)!, parsed.GetValue(by)!, ct)));
        return new Command("ops", "What only the operator does.")
        {
            data, file, url, key, edgeKey, authority, incident,
            Order("close", "Keeps nodes from calling a dependency: its fallback serves.", OrderKind.Dependency, Name("its name in the catalogue, such as mail or flags:unleash"), "closed"),
            Order("open", "Has nodes call a dependency whatever its breaker counts.", OrderKind.Dependency, Name("its name in the catalogue"), "open"),
            Order("drain", "Has a node, or a region, say that it is not ready, with why. It goes on serving what comes.", OrderKind.Drain, null, "drained"),
            Order("poll-flags", "Has the flag provider polled, and no stream of it kept open.", OrderKind.Flags, null, "polling"),
            Order("log", "Logs more of a category of ours.", OrderKind.Log, new Argument<string>("CATEGORY") { Description = "such as Holdfast.Mail" }, null, new Argument<string>("LEVEL") { Description = "trace, debug or information" }),
            list, lift, end, quarantine, quarantines, taken, liftQuarantine, endSessions,
        };
    }

    /// <summary>Seconds; null for what is no span of time.</summary>
    private static long? Span(string text)
    {
        var unit = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86_400, _ => 0 };
        return unit > 0 && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? (long)number * unit : null;
    }

    /// <summary>A node, and the keys of its cluster: the operator's comes from them, and who vouches for it.</summary>
    private sealed record Node(string Url, ClusterKeys Keys)
    {
        public string Key => new OperatorKey(Keys).Value;
    }

    private static async Task<int> GiveAsync(Node node, IReadOnlyDictionary<string, object?> order, CancellationToken ct) => await AskAsync(node, HttpMethod.Post, "/orders", order, ct) is not { } answer
        ? await RefuseAsync($"{node.Url} does not answer.")
        : answer.Status == StatusCodes.Status201Created ? await SayAsync(Line(Read(answer))) : await RefuseAsync(Said(answer));

    private static async Task<int> LiftAsync(Node node, string id, string author, CancellationToken ct) => await AskAsync(node, HttpMethod.Post, $"/orders/{Uri.EscapeDataString(id)}/lift", new { author }, ct) is not { } answer
        ? await RefuseAsync($"{node.Url} does not answer.")
        : answer.Status == StatusCodes.Status200OK ? await SayAsync(Line(Read(answer))) : await RefuseAsync(Said(answer));

    private static async Task<int> EndAsync(Node node, string name, string reason, string author, CancellationToken ct)
    {
        if (await AskAsync(node, HttpMethod.Post, $"/nodes/{Uri.EscapeDataString(name)}/end", new { author, reason }, ct) is not { } answer)
        {
            return await RefuseAsync($"{node.Url} does not answer.");
        }
        if (answer.Status != StatusCodes.Status200OK)
        {
            return await RefuseAsync(Said(answer));
        }
        await SayAsync($"{Read(answer).GetProperty("ended_lives").GetInt32()} lives of {name} are over.");
        return Read(answer).GetProperty("left_node_list").GetBoolean() ? 0 : await RefuseAsync($"{name} is in the node list still. Ask again when the primary is back, or the list has settled.");
    }

    /// <summary>A time as it was given, or that of so long ago.</summary>
    private static string Moment(string text) => Span(text) is { } seconds ? (TimeProvider.System.GetUtcNow() - TimeSpan.FromSeconds(seconds)).ToString("O", CultureInfo.InvariantCulture) : text;

    private static async Task<int> QuarantineAsync(Node node, string name, string since, string reason, string author, CancellationToken ct)
    {
        if (await AskAsync(node, HttpMethod.Post, $"/nodes/{Uri.EscapeDataString(name)}/quarantine", new { since, author, reason }, ct) is not { } answer)
        {
            return await RefuseAsync($"{node.Url} does not answer.");
        }
        if (answer.Status != StatusCodes.Status200OK)
        {
            return await RefuseAsync(Said(answer));
        }
        await SayAsync(QuarantineLine(Read(answer)));
        return Read(answer).GetProperty("left_node_list") is not { ValueKind: JsonValueKind.False } ? 0
            : await RefuseAsync($"{name} is in the node list still. Run 'holdfast ops end {name}' when the primary is back, or the list has settled.");
    }

    private static async Task<int> QuarantinesAsync(Node node, CancellationToken ct)
    {
        if (await AskAsync(node, HttpMethod.Get, "/quarantines", null, ct) is not { } answer)
        {
            return await RefuseAsync($"{node.Url} does not answer.");
        }
        if (answer.Status != StatusCodes.Status200OK)
        {
            return await RefuseAsync(Said(answer));
        }
        foreach (var quarantine in Read(answer).GetProperty("data").EnumerateArray())
        {
            await Console.Out.WriteLineAsync(QuarantineLine(quarantine));
        }
        return 0;
    }

    private static async Task<int> TakenAsync(Node node, string id, CancellationToken ct)
    {
        for (string? after = ""; after is not null;)
        {
            if (await AskAsync(node, HttpMethod.Get, $"/quarantines/{Uri.EscapeDataString(id)}/taken?after={Uri.EscapeDataString(after)}", null, ct) is not { } answer)
            {
                return await RefuseAsync($"{node.Url} does not answer.");
            }
            if (answer.Status != StatusCodes.Status200OK)
            {
                return await RefuseAsync(Said(answer));
            }
            foreach (var one in Read(answer).GetProperty("data").EnumerateArray())
            {
                await Console.Out.WriteLineAsync($"{one.GetProperty("said").GetString()}  {one.GetProperty("table").GetString()}  {one.GetProperty("id").GetString()}  {one.GetProperty("group").GetString()}  {one.GetProperty("life").GetString()}");
            }
            after = Read(answer).GetProperty("after").GetString();
        }
        return 0;
    }

    private static async Task<int> EndSessionsAsync(Node node, string name, string? since, string reason, string author, CancellationToken ct)
    {
        for (var ended = 0; ;)
        {
            if (await AskAsync(node, HttpMethod.Post, $"/nodes/{Uri.EscapeDataString(name)}/end_sessions", since is null ? new { author, reason } : (object)new { since, author, reason }, ct) is not { } answer)
            {
                return await RefuseAsync($"{node.Url} does not answer; {ended} sessions are ended.");
            }
            if (answer.Status != StatusCodes.Status200OK)
            {
                return await RefuseAsync(Said(answer));
            }
            ended += Read(answer).GetProperty("ended_sessions").GetInt32();
            if (!Read(answer).GetProperty("more").GetBoolean())
            {
                return await SayAsync($"{ended} sessions that began at {name} are ended.");
            }
        }
    }

    private static string QuarantineLine(JsonElement quarantine)
    {
        string? Of(string name) => quarantine.GetProperty(name).GetString();
        var taken = string.Join(", ", quarantine.GetProperty("taken_back").EnumerateArray().Select(t => $"{t.GetProperty("rows").GetInt64()} {t.GetProperty("table").GetString()}"));
        return $"{Of("id")}  {Of("status")}  {Of("node")}  since {Of("since")}  by {Of("author")}: {Of("reason")}  taken back at this node: {(taken.Length == 0 ? "nothing" : taken)}";
    }

    private static async Task<int> ListAsync(Node node, bool all, CancellationToken ct)
    {
        if (await AskAsync(node, HttpMethod.Get, all ? "/orders?all=true" : "/orders", null, ct) is not { } answer)
        {
            return await RefuseAsync($"{node.Url} does not answer.");
        }
        if (answer.Status != StatusCodes.Status200OK)
        {
            return await RefuseAsync(Said(answer));
        }
        foreach (var order in Read(answer).GetProperty("data").EnumerateArray())
        {
            await Console.Out.WriteLineAsync(Line(order));
        }
        return 0;
    }

    private static JsonElement Read(OperatorAnswer answer) => JsonElement.Parse(answer.Body);

    private static string Line(JsonElement order)
    {
        string? Of(string name) => order.GetProperty(name).GetString();
        return $"{Of("id")}  {Of("status")}  {string.Join(' ', new[] { Of("kind"), Of("target"), Of("setting") }.Where(w => w is not null))}  {(Of("scope") == "all" ? "every node" : $"{Of("scope")} {Of("place")}")}"
            + $"  until {Of("ends_at")}  by {Of("author")}: {Of("reason")}";
    }

    /// <returns>Null when there is no answer.</returns>
    private static async Task<OperatorAnswer?> AskAsync(Node node, HttpMethod method, string path, object? body, CancellationToken ct)
    {
        if (!Uri.TryCreate($"{node.Url.TrimEnd('/')}/ops{path}", UriKind.Absolute, out var ops))
        {
            return null;
        }
        using var authority = PeerAuthority.Of(node.Keys);
        using var http = new OperatorHttp(authority.Accepts);
        try
        {
            return await http.SendAsync(
                new Dependency(Catalogue.Node, TimeProvider.System), method, ops, body is null ? null : JsonSerializer.SerializeToUtf8Bytes(body, JavaScriptJson.Options),
                [new("Authorization", new AuthenticationHeaderValue("Bearer", node.Key).ToString())], 1024 * 1024, answer => answer, ct);
        }
        catch (DependencyUnavailableException)
        {
            return null;
        }
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

    private static async Task<int> NoteAsync(Node at, string id, string text, string? author, CancellationToken ct)
    {
        if (!Uri.TryCreate($"{at.Url.TrimEnd('/')}/incidents/{Uri.EscapeDataString(id)}/notes", UriKind.Absolute, out var notes))
        {
            return await RefuseAsync($"'{at.Url}' is not an address.", 2);
        }
        using var authority = PeerAuthority.Of(at.Keys);
        using var http = new OperatorHttp(authority.Accepts);
        var node = new Dependency(Catalogue.Node, TimeProvider.System);
        try
        {
            var answer = await http.PostAsync(
                node, notes, JsonSerializer.SerializeToUtf8Bytes(author is null ? (object)new { text } : new { text, author }, JavaScriptJson.Options),
                [new("Authorization", new AuthenticationHeaderValue("Bearer", at.Key).ToString())], 64 * 1024, answer => answer, Catalogue.Node.Deadline, TimeProvider.System, ct);
            return answer.Status == StatusCodes.Status201Created ? await SayAsync("Noted.") : await RefuseAsync(Said(answer));
        }
        catch (DependencyUnavailableException)
        {
            return await RefuseAsync($"{at.Url} does not answer.");
        }
    }

    private static string Said(OperatorAnswer answer)
    {
        try
        {
            using var json = JsonDocument.Parse(answer.Body);
            var faults = json.RootElement.TryGetProperty("errors", out var errors) && errors.ValueKind == JsonValueKind.Array
                ? errors.EnumerateArray().Select(e => $" {e.GetProperty("field").GetString()}: {e.GetProperty("code").GetString()}.")
                : [];
            return (json.RootElement.GetProperty("message").GetString() ?? $"it answered {answer.Status}.") + string.Concat(faults);
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
