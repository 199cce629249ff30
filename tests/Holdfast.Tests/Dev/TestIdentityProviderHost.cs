using System.Net;
using System.Text.RegularExpressions;
using Holdfast.Dev;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Dev;

/// <summary>The test identity providers alone, in memory, with a clock that stands still and a browser without scripts.</summary>
internal sealed partial class TestIdentityProviderHost : IAsyncDisposable
{
    public const string PublicUrl = "http://127.0.0.1:4100";

    private static readonly Lazy<TestIdentityProviderKeys> s_keys = new(MakeKeys);   // slow to make, so all tests share a set

    private readonly WebApplication _app;

    /// <param name="keys">Null for the set that all tests share.</param>
    public TestIdentityProviderHost(TestIdentityProviderKeys? keys = null)
    {
        Keys = keys ?? s_keys.Value;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseTestServer();
        _app = builder.Build();
        _app.MapTestIdentityProviders(Keys, PublicUrl, Clock);
        _app.Start();
        Browser = _app.GetTestClient();
        Browser.BaseAddress = new Uri(PublicUrl);
    }

    public FakeTimeProvider Clock { get; } = new(DateTimeOffset.Parse("2026-01-01T00:00:00Z", null));

    public TestIdentityProviderKeys Keys { get; }

    /// <summary>Follows no redirect by itself.</summary>
    public HttpClient Browser { get; }

    public async ValueTask DisposeAsync()
    {
        Browser.Dispose();
        await _app.DisposeAsync();
    }

    /// <summary>Those of a folder that nobody else has.</summary>
    public static TestIdentityProviderKeys MakeKeys()
    {
        var folder = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        try
        {
            return TestIdentityProviderKeys.LoadOrCreate(folder, TimeProvider.System);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The one form of a page: where it leads, and its fields with what stands in them.</summary>
    public static (string Action, Dictionary<string, string> Fields) Form(string html)
    {
        var fields = Input().Matches(html).Select(m => m.Value)
            .ToDictionary(tag => Attribute(tag, "name"), tag => Attribute(tag, "value"), StringComparer.Ordinal);
        return (Attribute(FormTag().Match(html).Value, "action"), fields);
    }

    private static string Attribute(string tag, string name) =>
        WebUtility.HtmlDecode(Regex.Match(tag, $" {name}=\"([^\"]*)\"", RegexOptions.None, TimeSpan.FromSeconds(1)).Groups[1].Value);

    [GeneratedRegex("<input [^>]*>")]
    private static partial Regex Input();

    [GeneratedRegex("<form [^>]*>")]
    private static partial Regex FormTag();
}
