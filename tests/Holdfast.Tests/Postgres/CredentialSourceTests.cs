using Holdfast.Keys;
using Holdfast.Resilience;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Postgres;

/// <summary>What a file, a program or an address may answer as a credential.</summary>
public sealed class CredentialSourceTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
    private readonly FakeTimeProvider _clock = new();

    private string Issued => Path.Combine(_folder, "issued");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("""{"username":"u","password":"p"}""", "u", "p")]
    [InlineData("""{"password":"p","expires_at":"2026-01-01T01:00:00Z"}""", null, "p")]
    [InlineData("bare\n", null, "bare")]
    [InlineData("", null, null)]
    [InlineData("two\nlines", null, null)]
    [InlineData("""{"username":"u"}""", null, null)]
    [InlineData("""{"password":7}""", null, null)]
    [InlineData("""{"password":""", null, null)]
    public async Task What_a_file_or_program_says_is_a_credential_or_counts_as_a_failure(string said, string? username, string? password)
    {
        await File.WriteAllTextAsync(Issued, said);
        var program = Path.Combine(_folder, "program");
        await File.WriteAllTextAsync(program, $"#!/bin/sh\ncat '{Issued}'\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        foreach (var option in (string[])[$"file:{Issued}", $"command:{program}"])
        {
            using var source = CredentialSource.Of(option, TimeProvider.System);
            if (password is null)
            {
                var fault = await Assert.ThrowsAsync<DependencyUnavailableException>(() => source.AskAsync(CancellationToken.None));
                Assert.Equal("credentials", fault.Dependency);
                Assert.NotEqual(DependencyState.Ok, source.Dependency.Health.State);
            }
            else
            {
                Assert.Equal(new DatabaseCredential(username, password), (await source.AskAsync(CancellationToken.None)).Credential);
                Assert.Equal(DependencyState.Ok, source.Dependency.Health.State);
            }
        }
    }

    [Theory]
    [InlineData("refuses"), InlineData("errors"), InlineData("nonsense"), InlineData("large"), InlineData("hangs")]
    public async Task An_address_that_is_ill_is_named_and_one_that_is_well_is_believed(string ill)
    {
        await using var host = await MetadataHost.StartAsync();
        using var source = CredentialSource.Of(ill == "refuses" ? $"http://127.0.0.1:{HoldfastServer.FreePort()}/credential" : host.Url, _clock);
        switch (ill)
        {
            case "errors":
                host.Answer = http =>
                {
                    http.Response.StatusCode = 500;
                    return Task.CompletedTask;
                };
                break;
            case "nonsense":
                host.Say("bare words are no answer of an address");
                break;
            case "large":
                host.Say($$"""{"password":"{{new string('x', 100_000)}}"}""");
                break;
            default:
                host.Hang();
                break;
        }
        var asked = source.AskAsync(CancellationToken.None);
        if (ill == "hangs")
        {
            await host.Hung.Task.WaitAsync(Patience);
            while (await Task.WhenAny(asked, Task.Delay(100)) != asked)
            {
                _clock.Advance(TimeSpan.FromSeconds(1));   // whether or not the call has set its timer yet
            }
        }
        await Assert.ThrowsAsync<DependencyUnavailableException>(() => asked.WaitAsync(Patience));
        Assert.NotEqual(DependencyState.Ok, source.Dependency.Health.State);
        if (ill != "refuses")
        {
            host.Say("""{"username":"u","password":"p","expires_at":"2026-01-02T00:00:00Z"}""");
            var issued = await source.AskAsync(CancellationToken.None);
            Assert.Equal(new DatabaseCredential("u", "p"), issued.Credential);
            Assert.Equal(new DateTimeOffset(2026, 1, 2, 0, 0, 0, TimeSpan.Zero), issued.ExpiresAt);
            Assert.Equal(DependencyState.Ok, source.Dependency.Health.State);
        }
    }
}
