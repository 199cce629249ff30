using Holdfast.Flags.Sources;
using Holdfast.Tests.AuthKit;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Flags;

/// <summary>Sign-in beside a flag provider that accepts and never answers: what went dark for hours on the day of docs/continuity.md.</summary>
public sealed class SignInBesideFlagsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-flags-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("unleash", """{"features":[{"name":"holdfast.flags-in-tokens","enabled":false,"strategies":[]}]}""")]
    [InlineData("ofrep", """{"flags":[{"key":"holdfast.flags-in-tokens","value":false}]}""")]
    [InlineData("launchdarkly", """{"flags":{"holdfast.flags-in-tokens":{"version":1,"on":false,"variations":[true,false],"offVariation":1}}}""")]
    public async Task People_sign_in_by_what_was_last_said_while_the_provider_hangs(string kind, string document)
    {
        await using var provider = await FlagProvider.StartAsync();
        provider.Answer = FlagProvider.Say(document);
        provider.AnswerStream = provider.Hang();
        var setting = new FlagSetting(kind, provider.Url, "key");
        Environments.NewEnvironment a, b;
        await using (var server = await HoldfastServer.StartAsync(new Start(Data: _folder) { Flags = setting }))
        {
            (a, b) = (server.A, server.B);
            await HeardAsync(server);
            (await server.PostAsync("/feature-flags", new { slug = "f", enabled = true, default_value = true })).Is(201);

            provider.Answer = provider.Hang();   // in the middle of it
            Assert.Null(await SignInAsync(server));
        }

        // From before the start: what it last said is on the disk.
        await using (var again = await HoldfastServer.StartAsync(new Start(Data: _folder) { Flags = setting }, a, b))
        {
            Assert.Null(await SignInAsync(again));
            var said = (await again.GetAsync("/health")).Is(200).Json.GetProperty("flags");
            Assert.Equal(($"flags:{kind}", 1), (said.GetProperty("provider").GetString(), said.GetProperty("count").GetInt32()));
        }

        // And where it never spoke, the default in the code.
        File.Delete(Path.Combine(_folder, "flags.kept"));
        await using var bare = await HoldfastServer.StartAsync(new Start(Data: _folder) { Flags = setting }, a, b);
        Assert.Equal("f", await SignInAsync(bare));
        Assert.Equal(System.Text.Json.JsonValueKind.Null, (await bare.GetAsync("/health")).Is(200).Json.GetProperty("flags").GetProperty("count").ValueKind);
    }

    /// <summary>Hosted pages beside a provider that is sick in one way, from before the start and from the middle of the load on. What is counted is failures: how fast they are, <c>holdfast bench flags</c> measures.</summary>
    [Theory]
    [InlineData("hang")]
    [InlineData("one byte a second")]
    [InlineData("500")]
    [InlineData("401")]
    [InlineData("50 MB")]
    [InlineData("malformed")]
    public async Task No_page_fails_beside_a_sick_provider(string fault)
    {
        await using var provider = await FlagProvider.StartAsync();
        FlagSourceTests.Ail(provider, fault);
        await using (var server = await HoldfastServer.StartAsync(new Start { Flags = new FlagSetting("launchdarkly", provider.Url, "key") }))
        {
            await provider.CallAsync();   // it is being asked while people come
            Assert.Empty(await PagesAsync(server, 20));
            Assert.Null(server.Services.GetRequiredService<ProviderFlags>().HeardAt);
        }

        provider.Answer = FlagProvider.Say(FlagProvider.LaunchDarkly);
        provider.AnswerStream = provider.Stream(FlagProvider.Put());
        await using var other = await HoldfastServer.StartAsync(new Start { Flags = new FlagSetting("launchdarkly", provider.Url, "key") });
        await HeardAsync(other);
        Assert.Empty(await PagesAsync(other, 10));
        FlagSourceTests.Ail(provider, fault);
        provider.LetGo();   // the stream ends, and whoever opens the next meets it
        Assert.Empty(await PagesAsync(other, 20));
        Assert.Equal(1, other.Services.GetRequiredService<ProviderFlags>().Count);
    }

    /// <returns>What was answered where a page should have been.</returns>
    private static async Task<List<string>> PagesAsync(HoldfastServer server, int count)
    {
        var failures = new List<string>();
        for (var i = 0; i < count; i++)
        {
            var browser = new Browser(server);
            var onward = await browser.GetAsync($"/user_management/authorize?client_id={server.A.ClientId}&redirect_uri={Uri.EscapeDataString(HoldfastServer.Callback)}&response_type=code&state=s&provider=authkit");
            var page = onward.Location is { } location ? await browser.GetAsync(location) : onward;
            if (page.Status != 200 || !page.Text.Contains("name=\"email\"", StringComparison.Ordinal))
            {
                failures.Add($"{onward.Status}, then {page.Status}: {page.Text[..Math.Min(page.Text.Length, 200)]}");
            }
        }
        return failures;
    }

    [Fact]
    public async Task A_provider_s_own_flags_stand_in_tokens_only_where_its_switch_says_so_and_ours_are_never_named()
    {
        var file = Path.Combine(_folder, "switches.json");
        foreach (var (isOn, expected) in new[] { ("false", "a-ours b-both"), ("true", "a-ours b-both c-theirs") })
        {
            File.WriteAllText(file, """{"flags":{"b-both":true,"c-theirs":true,"d-off":false,"e-text":"on","holdfast.provider-flags-in-tokens":ON}}""".Replace("ON", isOn, StringComparison.Ordinal));
            await using var server = await HoldfastServer.StartAsync(new Start { Flags = new FlagSetting("file", file, null) });
            await HeardAsync(server);
            foreach (var slug in new[] { "b-both", "a-ours" })
            {
                (await server.PostAsync("/feature-flags", new { slug, enabled = true, default_value = true })).Is(201);
            }
            Assert.Equal(expected, await SignInAsync(server));
        }
    }

    /// <summary>Signs somebody in by their identity provider, and refreshes, beside a provider that is asked no more for it.</summary>
    /// <returns>The flags in the token.</returns>
    private static async Task<string?> SignInAsync(HoldfastServer server)
    {
        var session = await SignedIn.BySsoAsync(await server.SamlConnectionAsync());
        for (var i = 0; i < 5; i++)
        {
            session = new SignedIn(server, (await session.RefreshAsync()).Is(200));
        }
        return On(session);
    }

    private static string? On(SignedIn session) => session.Token.Claims.Where(c => c.Type == "feature_flags").Select(c => c.Value).ToList() is { Count: > 0 } on ? string.Join(' ', on) : null;

    private static async Task HeardAsync(HoldfastServer server)
    {
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var flags = server.Services.GetRequiredService<ProviderFlags>();
        flags.Changed = () => heard.TrySetResult();
        if (flags.Count is not null)
        {
            heard.TrySetResult();
        }
        await heard.Task.WaitAsync(Reader.Patience);
    }
}
