using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;

namespace Holdfast.Bench;

/// <summary><c>refresh</c>: refreshes of sessions by a server on one processor, against bare RS256 signatures on one processor in the same run; and what each costs in time and on the disk.</summary>
internal static class RefreshBench
{
    public const string Name = "refresh";

    private const double LeastRatio = 0.67;
    private const int AtOnce = 16;
    private const int Rounds = 5;
    private const string Password = "correct horse battery staple";

    /// <summary>A session is refreshed so often and is then left: how often is bounded (<c>RateLimits.RefreshesPerSession</c>).</summary>
    private const int RefreshesOfOne = 300;

    private static readonly TimeSpan Stretch = TimeSpan.FromSeconds(6);

    public static async Task<IReadOnlyList<Measured>> RunAsync(Action<string> progress, CancellationToken ct)
    {
        var data = Directory.CreateTempSubdirectory("holdfast-bench-").FullName;
        try
        {
            var server = await DevServer.StartAsync(data, DevServer.FreePort(), ct, OnOneProcessor);
            await using var ends = server;
            var sessions = new ConcurrentQueue<string>();
            progress("signing people in");
            await SignInAsync(server, sessions, AtOnce * 3 * (Rounds + 1), ct);
            await RefreshAsync(server, sessions, ct);   // warm
            var (bare, whole, times, processor) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
            var (done, before) = (0, Bytes(data));
            for (var round = 1; round <= Rounds; round++)
            {
                bare.Add(SignaturesPerSecond());
                var spent = Spent(server);
                var (per, took) = await RefreshAsync(server, sessions, ct);
                whole.Add(per);
                processor.Add((Spent(server) - spent).TotalMicroseconds / took.Count);
                times.AddRange(took);
                done += took.Count;
                progress(string.Create(CultureInfo.InvariantCulture, $"round {round} of {Rounds}: {per:0} refreshes, {bare[^1]:0} bare signatures a second"));
            }
            await server.StopAsync();   // what the disk holds is told when nothing is under way
            return
            [
                Measured.AtLeast(LeastRatio, "refresh/ratio_to_rs256", Percentile.Of(whole.Zip(bare, (w, b) => w / b), 0.5), "", $"whole refreshes over HTTP by a server on one processor, over bare signatures (2048 bits) on one; median of {Rounds} turns"),
                Measured.Of("refresh/holdfast/per_second", Percentile.Of(whole, 0.5), "1/s", $"{AtOnce} at once, in a closed loop"),
                Measured.Of("refresh/rs256/per_second", Percentile.Of(bare, 0.5), "1/s"),
                Measured.Of("refresh/holdfast/processor_us", Percentile.Of(processor, 0.5), "µs", "of the server, each"),
                Measured.Of("refresh/holdfast/p99_ms", Percentile.Of(times, 0.99), "ms"),
                Measured.Of("refresh/holdfast/disk_bytes", (Bytes(data) - before) / (double)done, "B", "on the disk of node and primary together, each: replica, journal of 24 h, change log"),
            ];
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    /// <summary>The server alone on a processor, so that the ratio is one of like and like. The load is this process, wherever there is room.</summary>
    private static void OnOneProcessor(ProcessStartInfo start)
    {
        string[] rest = ["-c", "0", start.FileName, .. start.ArgumentList, "--rate-limit-factor", "100000"];
        start.FileName = "taskset";
        start.ArgumentList.Clear();
        foreach (var argument in rest)
        {
            start.ArgumentList.Add(argument);
        }
    }

    private static double SignaturesPerSecond()
    {
        using var key = RSA.Create(2048);
        var (text, done) = (new byte[600], 0);
        key.SignData(text, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var began = Stopwatch.GetTimestamp();
        for (; Stopwatch.GetElapsedTime(began) < Stretch / 2; done++)
        {
            key.SignData(text, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
        return done / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static TimeSpan Spent(DevServer server)
    {
        server.Process.Refresh();
        return server.Process.TotalProcessorTime;
    }

    private static long Bytes(string data) => new DirectoryInfo(data).EnumerateFiles("*.db*", SearchOption.AllDirectories).Sum(file => file.Length);

    private static async Task SignInAsync(DevServer server, ConcurrentQueue<string> sessions, int count, CancellationToken ct)
    {
        const string Address = "bench@people.test";
        await server.PostAsync("/user_management/users", new { email = Address, password = Password, email_verified = true }, ct);
        for (var i = 0; i < count; i++)
        {
            sessions.Enqueue((await server.PostAsync("/user_management/authenticate", new
            {
                grant_type = "password", client_id = server.Dev.ClientId, client_secret = server.Dev.ApiKey, email = Address, password = Password,
            }, ct)).GetProperty("refresh_token").GetString()!);
        }
    }

    private static async Task<(double PerSecond, IReadOnlyList<double> Milliseconds)> RefreshAsync(DevServer server, ConcurrentQueue<string> sessions, CancellationToken ct)
    {
        var (times, began) = (new ConcurrentQueue<double>(), Stopwatch.GetTimestamp());
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => Task.Run(async () =>
        {
            string? token = null;
            for (var i = 0; Stopwatch.GetElapsedTime(began) < Stretch; i++)
            {
                if (i % RefreshesOfOne == 0 && !sessions.TryDequeue(out token))
                {
                    return;
                }
                var start = Stopwatch.GetTimestamp();
                token = (await server.PostAsync("/user_management/authenticate", new
                {
                    grant_type = "refresh_token", client_id = server.Dev.ClientId, client_secret = server.Dev.ApiKey, refresh_token = token,
                }, ct)).GetProperty("refresh_token").GetString()!;
                times.Enqueue(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
            sessions.Enqueue(token!);
        }, ct)));
        return (times.Count / Stopwatch.GetElapsedTime(began).TotalSeconds, [.. times]);
    }
}
