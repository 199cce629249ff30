using System.Diagnostics;
using Holdfast.Bench;
using Holdfast.Resilience;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using SignInMethod = Holdfast.Bench.SignInMethod;

namespace Holdfast.Drills;

/// <summary>The customer's identity provider hangs, in part: the server stands behind a proxy at its public address, and the proxy keeps what it is told to from being answered.</summary>
[Collection(nameof(AloneOnTheMachine))]
public sealed class ProviderGone(ITestOutputHelper output) : IAsyncLifetime
{
    private const string Provider = "/dev/idp/oidc";
    private const string Token = Provider + "/token";

    private static readonly string[] Documents = [Provider + "/.well-known/openid-configuration", Provider + "/jwks"];

    /// <summary>A sign-in may wait this long for its provider's token endpoint (law 1), and this much longer for a busy machine.</summary>
    private static readonly TimeSpan TokenDeadline = TimeSpan.FromSeconds(2) + TimeSpan.FromSeconds(1.5);

    private readonly string _data = Directory.CreateTempSubdirectory("holdfast-drill-").FullName;
    private readonly int _port = DevServer.FreePort();
    private readonly int _publicPort = DevServer.FreePort();
    private readonly LoopbackClient _behind = new();
    private volatile string[] _hanging = [];
    private int _hung;
    private WebApplication _proxy = null!;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{_publicPort}");
        _proxy = builder.Build();
        _proxy.Run(ForwardAsync);
        await _proxy.StartAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task With_its_documents_hanging_sign_ins_go_on_with_the_last_good_ones()
    {
        var ct = TestContext.Current.CancellationToken;
        await using (var server = await StartAsync())
        {
            await SignInAsync(server, 20, "healthy");
            _hanging = Documents;
            await ReadAnewAsync(server);
            await SignInAsync(server, 200, "hanging");
            await server.StopAsync();
        }
        // A cold start in this state: the documents are on the node's disk.
        await using var again = await StartAsync();
        await SignInAsync(again, 50, "restarted");
        output.WriteLine($"{_hung} requests for documents were left hanging");
        Assert.True(_hung > 0);
        var health = await again.HealthAsync(ct);
        Assert.Equal(System.Text.Json.JsonValueKind.Null, health.GetProperty("cause").ValueKind);
    }

    [Fact]
    public async Task With_its_token_endpoint_hanging_its_own_sign_ins_are_answered_in_time_and_others_do_not_notice()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var server = await StartAsync();
        await SignInAsync(server, 20, "healthy");
        _hanging = [Token];
        var began = Stopwatch.GetTimestamp();
        var refused = Task.WhenAll(Enumerable.Range(0, 20).Select(async n =>
        {
            var fault = await Assert.ThrowsAsync<SignInFailedException>(() => server.SignIns.ObtainCodeAsync(SignInMethod.OpenIdConnect, $"stuck-{n}@acme.test", ct));
            return (fault.Message, Took: Stopwatch.GetElapsedTime(began));
        }));
        var others = await SignInLoad.RunAsync(server.SignIns, [SignInMethod.Saml], 100, 4, "others", ct);
        Assert.Empty(others.Failures);
        var slowest = (await refused).Max(r => r.Took);
        Assert.True(slowest <= TokenDeadline, $"The last was answered after {slowest.TotalSeconds:0.00} s: {(await refused)[0].Message}");
        output.WriteLine($"20 sign-ins by a provider that hangs were told so, the slowest after {slowest.TotalSeconds:0.00} s; 100 of 100 by another connection went on, p99 {Percentile.Of(others.Milliseconds, 0.99):0} ms");

        // It comes back: so do its sign-ins, within the time that its breaker waits.
        _hanging = [];
        while (true)
        {
            try
            {
                await server.SignIns.SignInAsync(SignInMethod.OpenIdConnect, "back@acme.test", ct);
                break;
            }
            catch (SignInFailedException) when (Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(30))
            {
                await Task.Delay(200, ct);
            }
        }
    }

    private Task<DevServer> StartAsync() => DevServer.StartAsync(_data, _port, TestContext.Current.CancellationToken, start =>
    {
        start.ArgumentList.Add("--public-url");
        start.ArgumentList.Add($"http://127.0.0.1:{_publicPort}");
    });

    /// <summary>Makes the node ask for the documents, which it does by itself every ten minutes, and after a change of the connection unless it just did.</summary>
    private async Task ReadAnewAsync(DevServer server)
    {
        var administrator = new Administrator(server);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (Volatile.Read(ref _hung) == 0)
        {
            var saved = await administrator.SendAsync("PUT", $"/connections/{server.Dev.Connections.Oidc}", new { oidc = new { discovery_url = server.Dev.BaseUrl + Documents[0] } });
            Assert.True(saved.Status == 200, $"Saving the connection answered {saved.Status}: {saved.Body}");
            await Task.Delay(500, deadline.Token);
        }
    }

    private async Task SignInAsync(DevServer server, int count, string when)
    {
        var load = await SignInLoad.RunAsync(server.SignIns, [SignInMethod.OpenIdConnect], count, 4, when, TestContext.Current.CancellationToken);
        output.WriteLine($"{when}: {load.SignedIn.Count} sign-ins, {load.Failures.Count} failed, p99 {Percentile.Of(load.Milliseconds, 0.99):0} ms");
        Assert.Empty(load.Failures);
    }

    private async Task ForwardAsync(HttpContext http)
    {
        if (_hanging.Contains(http.Request.Path.Value))
        {
            Interlocked.Increment(ref _hung);
            await Task.Delay(Timeout.Infinite, http.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            http.Abort();
            return;
        }
        using var request = new HttpRequestMessage(new HttpMethod(http.Request.Method), $"http://127.0.0.1:{_port}{http.Request.Path}{http.Request.QueryString}");
        if (http.Request.ContentLength > 0 || http.Request.Headers.TransferEncoding.Count > 0)
        {
            request.Content = new StreamContent(http.Request.Body);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", http.Request.ContentType);
        }
        foreach (var name in (string[])["Authorization", "Cookie"])
        {
            if (http.Request.Headers.TryGetValue(name, out var value))
            {
                request.Headers.TryAddWithoutValidation(name, value.ToString());
            }
        }
        using var answer = await _behind.SendAsync(request, http.RequestAborted);
        http.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers).Where(h => h.Key is "Location" or "Set-Cookie" or "Content-Type" or "Retry-After"))
        {
            http.Response.Headers[name] = values.ToArray();
        }
        await answer.Content.CopyToAsync(http.Response.Body, http.RequestAborted);
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.StopAsync();
        await _proxy.DisposeAsync();
        _behind.Dispose();
        Directory.Delete(_data, recursive: true);
    }
}
