using System.Net;
using Holdfast.Http;
using Holdfast.Load;
using Holdfast.Resilience;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Holdfast.Tests.Load;

/// <summary>The same over real sockets and by the machine's clock: a disk that serves one at a time is slow for a while, and clients give up and come again at once. Little load, and ratios only.</summary>
public sealed class MetastableSocketTests
{
    private const int MostWaiting = 120;                                    // who is not served yet; beyond, nobody comes
    private static readonly TimeSpan Serves = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan ServesIll = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Comes = TimeSpan.FromMilliseconds(80);   // somebody: six tenths of what the disk can do
    private static readonly TimeSpan GivesUp = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan ComesAgain = TimeSpan.FromSeconds(1);    // who was refused; who gave up comes at once
    private static readonly TimeSpan Before = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan Trigger = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan Settles = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task With_places_goodput_comes_back_by_itself_and_without_them_it_does_not()
    {
        var (before, after) = await RunAsync(new LoadOptions(16, 512));
        Assert.True(after >= before / 2, $"with places: {before} answers before, {after} after");

        var (naiveBefore, naiveAfter) = await RunAsync(new LoadOptions(100_000, 100_000) { Start = 100_000, OfOneTenant = 1 });
        Assert.True(naiveAfter * 4 <= naiveBefore, $"without: {naiveBefore} answers before, {naiveAfter} after");
    }

    /// <returns>Answers that reached somebody who still waited, before the trigger and from ten seconds after its end, over as long a time.</returns>
    private static async Task<(int Before, int After)> RunAsync(LoadOptions options)
    {
        using var disk = new SemaphoreSlim(1);
        var serves = Serves;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddLoad(options);
        await using var app = builder.Build();
        app.UseRouting();
        app.Use(async (http, next) =>
        {
            try
            {
                await next(http);
            }
            catch (Exception refused) when (refused is OverloadedException or BusyException)
            {
                http.Response.StatusCode = 503;
            }
        });
        app.UseLoad();
        app.MapGet("/work/{id}", async (string id) =>
        {
            await disk.WaitAsync();   // whoever has gone is served too: the disk does not know
            try
            {
                await Task.Delay(serves);
            }
            finally
            {
                disk.Release();
            }
            return id;
        });
        await app.StartAsync();
        using var client = new LoopbackClient();
        using var end = new CancellationTokenSource();
        var (good, waiting) = (0, 0);
        async Task ComeAsync()
        {
            for (var isServed = false; !isServed && !end.IsCancellationRequested;)
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(end.Token);
                patience.CancelAfter(GivesUp);
                try
                {
                    using var request = new HttpRequestMessage(HttpMethod.Get, $"{app.Urls.Single()}/work/one");
                    using var response = await client.SendAsync(request, patience.Token);
                    isServed = response.IsSuccessStatusCode;
                    if (!isServed)
                    {
                        await Task.Delay(ComesAgain, end.Token);
                    }
                }
                catch (Exception gone) when (gone is OperationCanceledException or HttpRequestException)
                {
                    // It gave up, and comes again at once.
                }
            }
            Interlocked.Add(ref good, end.IsCancellationRequested ? 0 : 1);
            Interlocked.Decrement(ref waiting);
        }

        var people = new List<Task>();
        async Task ArriveAsync()
        {
            while (!end.IsCancellationRequested)
            {
                if (Volatile.Read(ref waiting) < MostWaiting)
                {
                    Interlocked.Increment(ref waiting);
                    people.Add(ComeAsync());
                }
                await Task.Delay(Comes, CancellationToken.None);
            }
        }

        var arriving = ArriveAsync();
        await Task.Delay(Before);
        var before = Interlocked.Exchange(ref good, 0);
        serves = ServesIll;
        await Task.Delay(Trigger);
        serves = Serves;
        await Task.Delay(Settles);
        Interlocked.Exchange(ref good, 0);
        await Task.Delay(Before);
        var after = good;
        await end.CancelAsync();
        await arriving;
        await Task.WhenAll(people);
        return (before, after);
    }
}
