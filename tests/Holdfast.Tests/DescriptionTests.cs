using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Holdfast.Http;
using Holdfast.Http.Pages;
using Microsoft.AspNetCore.Routing;

namespace Holdfast.Tests;

/// <summary>The files that describe the API say what the server does. <c>HOLDFAST_UPDATE=1</c> writes them anew.</summary>
public sealed class DescriptionTests(Shared shared) : IClassFixture<Shared>
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly string[] Unsafe = ["POST", "PUT", "PATCH", "DELETE"];

    [Fact]
    public async Task The_committed_description_is_the_server_s()
    {
        var answer = (await shared.Server.SendAsync("GET", "/openapi.json", null)).Is(200);
        var text = JsonNode.Parse(answer.Text)!.ToJsonString(Indented) + "\n";

        AssertFile("openapi.json", text);
    }

    [Fact]
    public async Task The_description_shows_fields_as_what_they_hold()
    {
        var description = (await shared.Server.SendAsync("GET", "/openapi.json", null)).Json;
        var schemas = description.GetProperty("components").GetProperty("schemas");
        var input = Resolve(schemas, RequestBody(description, "/organizations", "post"));

        Assert.Equal(["string", "null"], Types(input.GetProperty("properties").GetProperty("name")).Order().Reverse());
        Assert.Equal(["boolean", "null"], Types(input.GetProperty("properties").GetProperty("allow_profiles_outside_organization")).Order());
        Assert.DoesNotContain("GivenOf", description.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("\"is\"", input.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_description_names_everything_in_snake_case()
    {
        var description = (await shared.Server.SendAsync("GET", "/openapi.json", null)).Json;
        var names = description.GetProperty("components").GetProperty("schemas").EnumerateObject()
            .Where(s => s.Value.TryGetProperty("properties", out _))
            .SelectMany(s => s.Value.GetProperty("properties").EnumerateObject().Select(p => p.Name))
            .Where(n => n is not ("x5t#S256"));

        Assert.All(names, n => Assert.Matches("^[a-z0-9_]+$", n));
    }

    [Fact]
    public async Task Every_described_operation_has_its_body_its_success_and_its_refusals()
    {
        var description = (await shared.Server.SendAsync("GET", "/openapi.json", null)).Json;
        foreach (var path in description.GetProperty("paths").EnumerateObject())
        {
            foreach (var operation in path.Value.EnumerateObject())
            {
                var place = $"{operation.Name} {path.Name}";
                var responses = operation.Value.GetProperty("responses").EnumerateObject().ToDictionary(r => r.Name, r => r.Value);
                Assert.True(responses.Keys.Any(k => k[0] is '2' or '3'), place);
                Assert.True(responses.TryGetValue("default", out var refusal) && refusal.GetProperty("content").TryGetProperty("application/json", out _), place);
                if (operation.Name is "post" or "put" && shared.Server.Routes.Single(r => Template(r) == path.Name && Methods(r).Contains(operation.Name.ToUpperInvariant()))
                    .Metadata.GetMetadata<ApiKeyRequired>() is not null)
                {
                    Assert.True(operation.Value.GetProperty("requestBody").GetProperty("content").TryGetProperty("application/json", out _), place);
                }
            }
        }
    }

    [Fact]
    public async Task Every_route_of_the_api_is_described()
    {
        var description = (await shared.Server.SendAsync("GET", "/openapi.json", null)).Json.GetProperty("paths");
        foreach (var route in shared.Server.Routes.Where(r => !IsPeers(r) && r.Metadata.GetMetadata<PageRoute>() is null && !Template(r).StartsWith("/assets/", StringComparison.Ordinal) && !Template(r).StartsWith("/{documentName}", StringComparison.Ordinal)))
        {
            Assert.True(description.TryGetProperty(Template(route), out var path), Template(route));
            Assert.All(Methods(route), m => Assert.True(path.TryGetProperty(m.ToLowerInvariant(), out _), $"{m} {Template(route)}"));
        }
    }

    [Fact]
    public void Every_operation_that_may_write_says_how()
    {
        Assert.Empty(
            from route in shared.Server.Routes
            where !IsPeers(route) && Methods(route).Any(Unsafe.Contains) && route.Metadata.GetMetadata<Writes>() is null
            select $"{string.Join(' ', Methods(route))} {Template(route)}");
    }

    [Fact]
    public void The_page_on_writes_lists_every_route_that_may_write()
    {
        var page = new StringBuilder("""
            # What every write is

            Made from the routes; a test compares. The classes: a *primary write* needs the primary database and is answered when it has it. A *journaled
            fact* and a *journaled deny* are decided and kept by the node alone, and reach the primary when it is there.

            | method | path | class | without the primary |
            |---|---|---|---|

            """);
        var rows =
            from route in shared.Server.Routes
            from method in Methods(route)
            where route.Metadata.GetMetadata<Writes>() is not null
            orderby Template(route), method
            select $"| {method} | `{Template(route)}` | {route.Metadata.GetMetadata<Writes>()!.Class} | {route.Metadata.GetMetadata<Writes>()!.WithoutPrimary} |\n";
        foreach (var row in rows)
        {
            page.Append(row);
        }

        AssertFile("docs/writes.md", page.ToString());
    }

    /// <summary>What nodes ask each other is no part of the API.</summary>
    internal static bool IsPeers(RouteEndpoint route) => Template(route).StartsWith("/peers/", StringComparison.Ordinal) || Template(route) == Keys.EdgeKey.DomainsPath;

    internal static string Template(RouteEndpoint route) => "/" + route.RoutePattern.RawText!.Trim('/');

    internal static IReadOnlyList<string> Methods(RouteEndpoint route) => route.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? [];

    private static void AssertFile(string name, string expected)
    {
        var path = Path.Combine(FloorsTests.Root, name);
        if (Environment.GetEnvironmentVariable("HOLDFAST_UPDATE") == "1")
        {
            File.WriteAllText(path, expected);
        }
        Assert.True(File.Exists(path) && File.ReadAllText(path) == expected, $"{name} is not what the server says. Run this test with HOLDFAST_UPDATE=1, and look at what changes.");
    }

    private static JsonElement RequestBody(JsonElement description, string path, string method) => description.GetProperty("paths").GetProperty(path).GetProperty(method)
        .GetProperty("requestBody").GetProperty("content").GetProperty("application/json").GetProperty("schema");

    private static JsonElement Resolve(JsonElement schemas, JsonElement schema) =>
        schema.TryGetProperty("$ref", out var reference) ? schemas.GetProperty(reference.GetString()!.Split('/')[^1]) : schema;

    private static List<string> Types(JsonElement schema) => schema.GetProperty("type") is { ValueKind: JsonValueKind.Array } many
        ? [.. many.EnumerateArray().Select(t => t.GetString()!)]
        : [schema.GetProperty("type").GetString()!];
}
