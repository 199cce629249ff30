using System.Net;
using Holdfast.Http;
using Holdfast.Load;
using Holdfast.Resilience;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Holdfast.Tests.Load;

/// <summary>The same over real sockets and by the machine's clock: a disk that serves one at a time is slow for a while, and clients give up and come again at once. Little load, and ratios only.</summary>
public sealed class MetastableSocketTests
{
    private const int People = 60;                     // who come again until they are served, and then once more
    private static readonly TimeSpan Serves = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan ServesIll = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan GivesUp = TimeSpan.FromMilliseconds(800);
    private static readonly TimeSpan Stretch = TimeSpan.FromSeconds(6);

    [Fact]
    public async Task With_places_goodput_comes_back_by_itself_and_without_them_it_does_not()
    {
        var (before, after) = await RunAsync(new LoadOptions(16, 512));
        Assert.True(after >= before / 2, $"with places: {before} answers before, {after} after");

        var (naiveBefore, naiveAfter) = await RunAsync(new LoadOptions(100_000, 100_000) { Start = 100_000, OfOneTenant = 1 });
        Assert.True(naiveAfter * 4 <= naiveBefore, $"without: {naiveBefore} answers before, {naiveAfter} after");
    }

    /// <returns>Answers that reached somebody who still waited: in a stretch before the trigger with a tenth of the people, and in one that begins ten seconds after it, with all of them.</returns>
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
        var good = 0;
        async Task ComeAsync(int who)
        {
            while (!end.IsCancellationRequested)
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(end.Token);
                patience.CancelAfter(GivesUp);
                try
                {
                    using var request = new HttpRequestMessage(HttpMethod.Get, $"{app.Urls.Single()}/work/{who}");
                    using var response = await client.SendAsync(request, patience.Token);
                    if (response.IsSuccessStatusCode)
                    {
                        Interlocked.Increment(ref good);
                        continue;
                    }
                    await Task.Delay(200, end.Token);
                }
                catch (Exception gone) when (gone is OperationCanceledException or HttpRequestException)
                {
                    // It gave up, and comes again at once.
                }
            }
        }

        var people = Enumerable.Range(0, People / 10).Select(ComeAsync).ToList();
        await Task.Delay(Stretch);
        var before = Interlocked.Exchange(ref good, 0);

        serves = ServesIll;
        people.AddRange(Enumerable.Range(People / 10, People - (People / 10)).Select(ComeAsync));
        await Task.Delay(Stretch);
        serves = Serves;
        await Task.Delay(TimeSpan.FromSeconds(10));
        Interlocked.Exchange(ref good, 0);
        await Task.Delay(Stretch);
        var after = good;
        await end.CancelAsync();
        await Task.WhenAll(people);
        return (before, after);
    }
}
