using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Holdfast.Dev;
using Holdfast.Http;
using Holdfast.Resilience;
using Holdfast.Sso;
using Holdfast.Storage.Node;
using Holdfast.Verbs;

namespace Holdfast.Bench;

/// <summary><c>metadata</c>: 5,000 connections with metadata addresses, a third of them hanging or answering nonsense: the traffic that their refreshing makes, the memory that it takes, and the same
/// sign-ins with it and without it, in turns.</summary>
internal static class MetadataBench
{
    public const string Name = "metadata";

    private const int Connections = 5000;
    private const int Rounds = 5;
    private const int SignInsPerSlice = 500;
    private const int WarmUp = 2000;
    private const int AtOnce = 4;
    private const double MostRatio = 1.25;
    private const double MostMegabytes = 16;

    /// <summary>When no further round is begun.</summary>
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(130);

    public static async Task<IReadOnlyList<Measured>> RunAsync(Action<string> progress, CancellationToken ct)
    {
        var (data, began) = (Directory.CreateTempSubdirectory("holdfast-bench-").FullName, Stopwatch.GetTimestamp());
        try
        {
            await using var hosts = await MetadataHosts.StartAsync(ct);
            var url = $"http://127.0.0.1:{DevServer.FreePort()}";
            var settings = new Settings(
                url, url, data, Path.Combine(data, "primary.db"), "bench", "local", "bench", Path.Combine(data, "cluster.key"), OutboundGuard.Read(["127.0.0.0/8:*"]).Guard,
                1e6, new JournalLimits(1L << 33), IsDev: true);
            await using var server = await Server.StartAsync(settings, ct, configure: builder => builder.Logging.ClearProviders());
            var dev = await Demo.PrepareAsync(server.App, settings, ct);
            server.Readiness.IsPrepared = true;
            using var http = new LoopbackClient();
            var refresh = server.App.Services.GetRequiredService<RefreshMetadata>();
            await refresh.RoundAsync(ct);   // the first look is a start's, which spreads what it finds over an hour
            await refresh.StopAsync(ct);
            progress($"making {Connections} connections");
            await ConnectAsync(http, dev, hosts, ct);
            hosts.FallIll();
            var signIns = new SignInClient(http, dev);
            progress($"warming up: {WarmUp} sign-ins");
            await SignInLoad.RunAsync(signIns, [SignInMethod.Saml], WarmUp, AtOnce, "warm", ct);

            var (before, refreshing, ratios, failures) = (Megabytes(), TimeSpan.Zero, new List<double>(), new List<string>());
            var (still, busy) = (new List<double>(), new List<double>());
            for (var round = 0; round < Rounds && (round < 2 || Stopwatch.GetElapsedTime(began) < Enough); round++)
            {
                SignInLoad.Result? with = null, without = null;
                // Which comes first changes: neither arm is always the one with the younger data.
                for (var arm = 0; arm < 2; arm++)
                {
                    var who = string.Create(CultureInfo.InvariantCulture, $"{round}-{arm}");
                    if ((round + arm) % 2 == 0)
                    {
                        without = await SignInLoad.RunAsync(signIns, [SignInMethod.Saml], SignInsPerSlice, AtOnce, who, ct);
                        continue;
                    }
                    await refresh.StartAsync(ct);
                    var from = Stopwatch.GetTimestamp();
                    with = await SignInLoad.RunAsync(signIns, [SignInMethod.Saml], SignInsPerSlice, AtOnce, who, ct);
                    refreshing += Stopwatch.GetElapsedTime(from);
                    await refresh.StopAsync(ct);
                }
                still.AddRange(without!.Milliseconds);
                busy.AddRange(with!.Milliseconds);
                failures.AddRange(without.Failures.Concat(with.Failures));
                ratios.Add(Percentile.Of(with.Milliseconds, 0.99) / Percentile.Of(without.Milliseconds, 0.99));
                progress(string.Create(CultureInfo.InvariantCulture, $"round {round + 1} of {Rounds}: p99 times {ratios[^1]:0.00}, {hosts.Calls} calls so far"));
            }
            var after = Megabytes();
            return
            [
                Measured.AtMost(0, "metadata_refresh/sso/holdfast/failed", failures.Count, "", failures.FirstOrDefault()),
                Measured.AtMost(MostRatio, "sign_in/ratio_to_without_refresh", Percentile.Of(ratios, 0.5), "",
                    $"p99 with it over p99 without; median of {string.Join(", ", ratios.Select(r => r.ToString("0.00", CultureInfo.InvariantCulture)))}"),
                Measured.Of("sign_in/without_refresh/p99_ms", Percentile.Of(still, 0.99), "ms", $"{still.Count} sign-ins, SAML, {AtOnce} at once; the load generator and the hosts are in the same process"),
                Measured.Of("sign_in/with_refresh/p99_ms", Percentile.Of(busy, 0.99), "ms"),
                Measured.Of("metadata/calls_per_minute", hosts.Calls / refreshing.TotalMinutes, "1/min", $"all of {Connections} due within the first minute, a sixth hangs, a sixth answers nonsense"),
                Measured.AtMost(MetadataSchedule.AtOnce, "metadata/calls_at_once", hosts.MostAtOnce, ""),
                Measured.AtMost(1, "metadata/calls_at_once_to_one_host", hosts.MostAtOneHost, "", $"{MetadataHosts.Hosts} hosts"),
                Measured.Of("metadata/heap_before_mb", before, "MB", "managed, collected"),
                Measured.Of("metadata/heap_after_mb", after, "MB"),
                Measured.AtMost(MostMegabytes, "metadata/heap_growth_mb", after - before, "MB", "the sign-ins' own rows are on the disk"),
            ];
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private static Task ConnectAsync(LoopbackClient http, DevFile dev, MetadataHosts hosts, CancellationToken ct) =>
        // No more at once than an environment may have metadata read at once.
        Parallel.ForEachAsync(Enumerable.Range(0, Connections), new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = ct }, async (customer, token) =>
        {
            var body = new
            {
                organization_id = dev.OrganizationId,
                connection_type = "GenericSAML",
                name = $"Customer {customer}",
                saml = new { metadata_url = hosts.UrlOf(customer), metadata_keys = MetadataKeyRule.Follow },
            };
            using var request = new HttpRequestMessage(HttpMethod.Post, $"{dev.BaseUrl}/connections")
            {
                Content = new StringContent(JsonSerializer.Serialize(body, JavaScriptJson.Options), Encoding.UTF8, "application/json"),
            };
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", dev.ApiKey);
            using var answer = await http.SendAsync(request, token);
            if (!answer.IsSuccessStatusCode)
            {
                throw new InvalidOperationException($"POST /connections answered {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync(token)}");
            }
        });

    private static double Megabytes()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true) / 1e6;
    }
}
