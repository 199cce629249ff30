using System.Text.Json;
using Holdfast.Bench;
using Holdfast.Causes;
using Holdfast.Incidents;
using Holdfast.Resilience;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Incidents;

/// <summary>Incidents, the status page and people's notes, with the primary locked all the while: none of it needs it (decision 0026).</summary>
public sealed class IncidentTests
{
    private static Dependency Dns(HoldfastServer server)
    {
        Assert.True(server.Services.GetRequiredService<Dependencies>().TryFind("dns", out var dns));
        dns.Probe = null;   // no resolver listens there, and the node's own probes would say so between the test's words
        return dns;
    }

    private static async Task RoundAsync(HoldfastServer server, TimeSpan later)
    {
        server.Clock.Advance(later);
        server.Services.GetRequiredService<Finder>().Look();
        await server.Services.GetRequiredService<KeepIncidents>().RoundAsync();
    }

    private static async Task BreakAsync(HoldfastServer server)
    {
        for (var i = 0; i < 3; i++)
        {
            Dns(server).Report(false, Trouble.Refuses);
        }
        await RoundAsync(server, TimeSpan.Zero);
        await RoundAsync(server, TimeSpan.FromSeconds(2));
    }

    private static async Task MendAsync(HoldfastServer server)
    {
        for (var i = 0; i < 3; i++)
        {
            Dns(server).Report(true);
        }
        await RoundAsync(server, TimeSpan.FromSeconds(6));
    }

    /// <summary>The incident of DNS: that of the locked primary stands beside it.</summary>
    private static async Task<JsonElement> OfDnsAsync(HoldfastServer server) =>
        Assert.Single((await server.SendAsync("GET", "/incidents", null)).Is(200).Json.GetProperty("data").EnumerateArray(), i => i.GetProperty("cause").GetProperty("dependency").GetString() == "dns");

    private static string Key(HoldfastServer server) => server.Services.GetRequiredService<OperatorKey>().Value;

    [Fact]
    public async Task An_incident_is_opened_told_of_noted_closed_and_opened_again_with_the_primary_gone()
    {
        await using var server = await HoldfastServer.StartAsync();
        server.Clock.Advance(TimeSpan.FromMinutes(1));   // what was before it is none of its impact
        using var gone = new PrimaryLock(Path.Combine(server.Data, "primary.db"));
        await BreakAsync(server);
        (await server.GetAsync("/organizations")).Is(200);

        var open = await OfDnsAsync(server);
        Assert.Equal(("open", "refuses", "region", "node"), (Text(open, "status"), open.GetProperty("cause").GetProperty("how").GetString(), Text(open, "region"), Text(open, "node")));
        Assert.Equal(["domains"], open.GetProperty("products").EnumerateArray().Select(p => p.GetString()));
        var path = $"/incidents/{Text(open, "id")}";

        (await server.SendAsync("POST", path + "/notes", Key(server), new { text = "The resolver's machine is being restarted.", author = "Ada" })).Is(201);
        await MendAsync(server);

        var closed = (await server.SendAsync("GET", path, null)).Is(200).Json;
        Assert.Equal("closed", Text(closed, "status"));
        Assert.Equal(["began", "named", "note", "closed"], closed.GetProperty("timeline").EnumerateArray().Select(e => Text(e, "kind")));
        Assert.Equal(("Ada", "The resolver's machine is being restarted."), (Text(closed.GetProperty("timeline")[2], "author"), Text(closed.GetProperty("timeline")[2], "text")));
        var impact = Assert.Single(closed.GetProperty("impact").EnumerateArray());
        Assert.Equal(("administration", 1, 0), (Text(impact, "product"), impact.GetProperty("requests").GetInt32(), impact.GetProperty("failed").GetInt32()));

        server.Clock.Advance(TimeSpan.FromMinutes(5));
        await BreakAsync(server);
        Assert.Equal(("open", Text(open, "id"), Text(open, "began_at")), (Text(await OfDnsAsync(server), "status"), Text(await OfDnsAsync(server), "id"), Text(await OfDnsAsync(server), "began_at")));

        await MendAsync(server);
        server.Clock.Advance(TimeSpan.FromMinutes(11));
        await BreakAsync(server);
        await RoundAsync(server, TimeSpan.FromSeconds(3));   // after so long a pause the primary's own trouble may be told anew, and DNS waits a moment beside it
        Assert.Equal(2, (await server.SendAsync("GET", "/incidents", null)).Json.GetProperty("data").EnumerateArray().Count(i => i.GetProperty("cause").GetProperty("dependency").GetString() == "dns"));
    }

    [Fact]
    public async Task What_flaps_for_an_hour_is_one_incident_with_two_hundred_entries_at_most()
    {
        await using var server = await HoldfastServer.StartAsync();
        for (var i = 0; i < KeepIncidents.MostEntries; i++)
        {
            await BreakAsync(server);
            await MendAsync(server);
        }
        var closed = await OfDnsAsync(server);
        Assert.Equal("closed", Text(closed, "status"));
        var path = $"/incidents/{Text(closed, "id")}";
        Assert.Equal(KeepIncidents.MostEntries + 1, (await server.SendAsync("GET", path, null)).Is(200).Json.GetProperty("timeline").GetArrayLength());   // and its beginning, which is no entry

        await BreakAsync(server);
        Assert.Equal("open", Text(await OfDnsAsync(server), "status"));
        (await server.SendAsync("POST", path + "/notes", Key(server), new { text = "A loose cable." })).Is(201);
    }

    [Fact]
    public async Task Health_and_status_wait_for_no_look_that_is_under_way()
    {
        await using var server = await HoldfastServer.StartAsync();
        using var held = new Held();
        var broken = server.Services.GetRequiredService<Dependencies>().Add(new Dependency(Catalogue.Telemetry with { Name = "held", StandsOn = held }, server.Clock));
        for (var i = 0; i < 3; i++)
        {
            broken.Report(false, Trouble.Refuses);
        }
        var finder = server.Services.GetRequiredService<Finder>();
        var look = Task.Run(() =>
        {
            finder.Look();
            server.Clock.Advance(TimeSpan.FromSeconds(2));   // what is found has settled by now
            finder.Look();
        });
        await held.Begun.WaitAsync(TimeSpan.FromSeconds(30));

        foreach (var path in new[] { "/health", "/status.json", "/status" })
        {
            (await server.SendAsync("GET", path, null).WaitAsync(TimeSpan.FromSeconds(30))).Is(200);
        }
        held.Release();
        await look;
    }

    [Fact]
    public async Task What_lasts_less_than_two_seconds_is_no_incident()
    {
        await using var server = await HoldfastServer.StartAsync();
        for (var i = 0; i < 3; i++)
        {
            Dns(server).Report(false, Trouble.Refuses);
        }
        await RoundAsync(server, TimeSpan.Zero);

        Assert.Empty((await server.SendAsync("GET", "/incidents", null)).Is(200).Json.GetProperty("data").EnumerateArray());
        Assert.Equal("dns", (await server.SendAsync("GET", "/health", null)).Json.GetProperty("cause").GetProperty("dependency").GetString());
    }

    [Fact]
    public async Task One_customer_s_provider_is_no_incident_and_not_on_the_status_page()
    {
        await using var server = await HoldfastServer.StartAsync();
        var token = server.Services.GetRequiredService<Dependencies>().GetOrAdd(Catalogue.IdpToken.Of("conn_secret", "org_secret"), server.Clock);
        for (var i = 0; i < 5; i++)
        {
            token.Report(false, Trouble.Errors);
        }
        await RoundAsync(server, TimeSpan.Zero);
        await RoundAsync(server, TimeSpan.FromSeconds(3));

        Assert.Contains(server.Services.GetRequiredService<Finder>().All, c => c.Dependency == "idp_token:conn_secret");
        foreach (var path in new[] { "/incidents", "/status.json", "/status", "/health" })
        {
            Assert.DoesNotContain("conn_secret", (await server.SendAsync("GET", path, null)).Is(200).Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_restarted_node_takes_its_incident_up_or_closes_it()
    {
        var data = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        try
        {
            var clock = new HeldClock();
            Holdfast.Environments.NewEnvironment a, b;
            await using (var before = await HoldfastServer.StartAsync(new Start(Data: data, Clock: clock)))
            {
                (a, b) = (before.A, before.B);
                await BreakAsync(before);
            }
            await using var after = await HoldfastServer.StartAsync(new Start(Data: data, Clock: clock), a, b);
            var left = await OfDnsAsync(after);
            Assert.Equal("open", Text(left, "status"));

            await BreakAsync(after);
            var taken = await OfDnsAsync(after);
            Assert.Equal((Text(left, "id"), "open"), (Text(taken, "id"), Text(taken, "status")));

            await MendAsync(after);
            await RoundAsync(after, KeepIncidents.TakesUpWithin);
            Assert.Equal("closed", Text(await OfDnsAsync(after), "status"));
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Theory]
    [InlineData(null, "{\"text\":\"x\"}", 401)]
    [InlineData("api", "{\"text\":\"x\"}", 401)]
    [InlineData("op_0", "{\"text\":\"x\"}", 401)]
    [InlineData("op", "{\"text\":\"\"}", 422)]
    [InlineData("op", "{}", 422)]
    [InlineData("op", "{\"text\":7}", 422)]
    [InlineData("op", "{\"text\":\"a\\u0000b\"}", 422)]
    [InlineData("op", "[]", 400)]
    [InlineData("op", "{\"text\":\"x\"}", 404)]
    public async Task A_note_that_cannot_be_taken_changes_nothing(string? key, string body, int status)
    {
        await using var server = await HoldfastServer.StartAsync();
        var shown = key switch { "api" => server.A.ApiKey, "op" => Key(server), _ => key };

        (await server.WithoutEffectAsync(() => server.SendAsync("POST", "/incidents/incident_unknown/notes", shown, body))).Is(status);
        (await server.WithoutEffectAsync(() => server.SendAsync("POST", "/incidents/incident_unknown/notes", Key(server), new { text = new string('x', 2001) }))).Is(422);
    }

    [Fact]
    public async Task The_status_page_says_what_is_broken_for_whom_without_a_script()
    {
        await using var server = await HoldfastServer.StartAsync();
        var well = (await server.SendAsync("GET", "/status", null)).Is(200).Text;
        Assert.Contains("Everything works", well, StringComparison.Ordinal);
        using var gone = new PrimaryLock(Path.Combine(server.Data, "primary.db"));
        await BreakAsync(server);

        var page = (await server.SendAsync("GET", "/status", null)).Is(200).Text;
        var json = (await server.SendAsync("GET", "/status.json", null)).Is(200).Json;

        Assert.Contains("Name resolution (DNS) refuses connections", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        Assert.DoesNotContain("style=", page, StringComparison.Ordinal);
        var products = json.GetProperty("regions")[0].GetProperty("products").EnumerateArray().ToDictionary(p => Text(p, "product"), p => p);
        Assert.Equal(("degraded", "operational", "operational"), (Text(products["domains"], "status"), Text(products["sso"], "status"), Text(products["authkit"], "status")));
        Assert.Equal(90, products["domains"].GetProperty("days").GetArrayLength());
        Assert.Equal("minor", products["domains"].GetProperty("days")[89].GetString());
        Assert.Equal("none", products["domains"].GetProperty("days")[88].GetString());
        Assert.Equal(("works", 0), (Text(json.GetProperty("sign_in"), "status"), json.GetProperty("sign_in").GetProperty("failed").GetInt32()));
        Assert.Matches("(?s)<h1.*Sign-in works. Something else is broken.*</h1>.*<h3>Name resolution", page);   // in this order
        Assert.Contains("Look at the resolvers", page, StringComparison.Ordinal);
        Assert.Contains("Domain verification", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_status_is_read_once_a_second_however_many_ask()
    {
        await using var server = await HoldfastServer.StartAsync();
        var kept = server.Services.GetRequiredService<KeptStatus>();
        var first = kept.Now();
        Assert.Same(first, kept.Now());
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        var second = kept.Now();
        Assert.NotSame(first, second);
        await BreakAsync(server);
        Assert.NotSame(second, kept.Now());   // what is found is told at once
    }

    [Fact]
    public async Task An_incident_is_a_page_that_reads_as_a_post_mortem_in_the_reader_s_language()
    {
        await using var server = await HoldfastServer.StartAsync();
        await BreakAsync(server);
        var id = Text((await server.SendAsync("GET", "/incidents", null)).Is(200).Json.GetProperty("data")[0], "id");
        (await server.SendAsync("POST", $"/incidents/{id}/notes", Key(server), new { text = "I look at the <resolver>.", author = "Ada" })).Is(201);

        var english = (await server.SendAsync("GET", $"/status/incidents/{id}", null)).Is(200).Text;
        Assert.Matches("(?s)<h1>Name resolution \\(DNS\\) refuses connections</h1>.*What it did to each product.*Cause.*Domain verification.*What happened when \\(UTC\\).*Began.*The first call failed.*Named.*Note.*Ada", english);
        Assert.Contains("I look at the &lt;resolver&gt;.", english, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", english, StringComparison.Ordinal);
        var german = (await server.SendAsync("GET", $"/status/incidents/{id}", null, headers: [("Accept-Language", "de")])).Is(200).Text;
        Assert.Contains("<h1>Die Namensauflösung (DNS) weist Verbindungen ab</h1>", System.Net.WebUtility.HtmlDecode(german), StringComparison.Ordinal);
        Assert.Contains("Anmelden funktioniert. Etwas anderes ist gestört.", System.Net.WebUtility.HtmlDecode((await server.SendAsync("GET", "/status", null, headers: [("Accept-Language", "de-AT")])).Is(200).Text), StringComparison.Ordinal);

        Assert.Contains("There is no such incident", (await server.SendAsync("GET", "/status/incidents/incident_unknown", null)).Is(404).Text, StringComparison.Ordinal);
    }

    /// <summary>Whatever can be found is said in every language: a page must not break at night for a word that it lacks.</summary>
    [Fact]
    public void Every_cause_product_and_way_of_failing_has_its_words()
    {
        string[] names = [.. Catalogue.All.Select(p => p.Name.Replace("{", "", StringComparison.Ordinal).Replace("}", "", StringComparison.Ordinal)), "peer:http://10.0.0.1:4100", "zone:a", "region:north", "credential:relay", "host", "network", "time", "peers", "flags:unleash"];
        string[] ways = [.. typeof(Trouble).GetFields().Select(f => (string)f.GetValue(null)!), "damaged", "unrecognized"];
        foreach (var texts in Holdfast.Http.Pages.Texts.All.Values)
        {
            foreach (var name in names)
            {
                Assert.All(ways, way => Assert.DoesNotContain("{", Holdfast.Incidents.Pages.StatusWords.Sentence(texts, name, way), StringComparison.Ordinal));
                Assert.NotEmpty(Holdfast.Incidents.Pages.StatusWords.Meanwhile(texts, name) + Holdfast.Incidents.Pages.StatusWords.ToDo(texts, name));
            }
            Assert.All(Products.Shown, p => Assert.NotEmpty(texts[$"status.product_{p.Name}"]));
        }
    }

    /// <summary>What a dependency says it is needed by, and what requests are counted under, is shown.</summary>
    [Fact]
    public void Every_product_that_anything_names_is_shown()
    {
        var shown = Products.Shown.Select(p => p.Name).ToList();
        Assert.Empty(Catalogue.All.SelectMany(p => p.NeededBy).Except(shown));
        Assert.Empty(typeof(Products).GetFields().Where(f => f.IsLiteral).Select(f => (string)f.GetValue(null)!).Except(shown));
    }

    private static string Text(JsonElement of, string name) => of.GetProperty(name).GetString()!;

    /// <summary>What a dependency stands on, which keeps whoever reads it until it is let go.</summary>
    private sealed class Held : IReadOnlyList<string>, IDisposable
    {
        private readonly ManualResetEventSlim _letGo = new();
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Begun => _begun.Task;

        public int Count => 0;

        public string this[int index] => throw new ArgumentOutOfRangeException(nameof(index));

        public void Release() => _letGo.Set();

        public IEnumerator<string> GetEnumerator()
        {
            _begun.TrySetResult();
            _letGo.Wait();
            return Enumerable.Empty<string>().GetEnumerator();
        }

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();

        public void Dispose()
        {
            _letGo.Set();
            _letGo.Dispose();
        }
    }
}
