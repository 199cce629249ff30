using System.Diagnostics;
using Holdfast.Users;
using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Parameters;

namespace Holdfast.Bench;

/// <summary><c>password</c>: sign-ins by password, whole, against bare hashes on the same processors in the same run; and refreshes while all places hash.</summary>
internal static class PasswordBench
{
    public const string Name = "password";

    private const int People = 64;
    private const double LeastRatio = 0.9;
    private const string Password = "correct horse battery staple";

    private static readonly TimeSpan Stretch = TimeSpan.FromSeconds(5);
    private const int Rounds = 3;

    public static async Task<IReadOnlyList<Measured>> RunAsync(Action<string> progress, CancellationToken ct)
    {
        var data = Directory.CreateTempSubdirectory("holdfast-bench-").FullName;
        try
        {
            await using var server = await DevServer.StartAsync(data, DevServer.FreePort(), ct);
            var salt = new byte[16];
            Native(salt);
            // In turns, so that what the machine does meanwhile is done to both.
            var (bare, whole, managed) = (new List<double>(), new List<double>(), new List<double>());
            for (var i = 0; i < People; i++)
            {
                await server.WriteAsync("/user_management/users", new { email = Address(i), password = Password, email_verified = true }, ct);
            }
            var number = 0;
            Task SignInAsync() => server.PostAsync("/user_management/authenticate", new
            {
                grant_type = "password", client_id = server.Dev.ClientId, client_secret = server.Dev.ApiKey, email = Address(Interlocked.Increment(ref number) % People), password = Password,
            }, ct);
            await PerSecondAsync(Environment.ProcessorCount * 2, SignInAsync, ct);   // warm
            var refreshAlone = await RefreshAsync(server, ct);
            for (var round = 1; round <= Rounds; round++)
            {
                bare.Add(PerSecond(() => Native(salt)));
                whole.Add(await PerSecondAsync(Environment.ProcessorCount * 4, SignInAsync, ct));
                managed.Add(PerSecond(() => Managed(salt)));
                progress($"round {round} of {Rounds}: {whole[^1]:0.0} sign-ins, {bare[^1]:0.0} bare hashes a second");
            }
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var storm = Enumerable.Range(0, Environment.ProcessorCount * 8).Select(_ => Task.Run(async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    await SignInAsync();
                }
            }, CancellationToken.None)).ToList();
            var refreshBeside = await RefreshAsync(server, ct);
            await stop.CancelAsync();
            await Task.WhenAll(storm).ContinueWith(_ => { }, TaskScheduler.Default);
            var ratio = Percentile.Of(whole.Zip(bare, (w, b) => w / b), 0.5);
            return
            [
                Measured.AtLeast(LeastRatio, "password/ratio_to_argon2id", ratio, "", $"sign-ins by password over bare hashes (19 MiB, 2 passes) on {Environment.ProcessorCount} threads; median of {Rounds} turns"),
                Measured.Of("password/holdfast/per_second", Percentile.Of(whole, 0.5), "1/s", "over HTTP, each with a session that is on the disk"),
                Measured.Of("password/argon2id/per_second", Percentile.Of(bare, 0.5), "1/s", "libsodium"),
                Measured.Of("password/argon2id_managed/per_second", Percentile.Of(managed, 0.5), "1/s", "BouncyCastle, which imported hashes with several lanes need"),
                Measured.Of("password/native_ratio_to_managed", Percentile.Of(bare.Zip(managed, (b, m) => b / m), 0.5), ""),
                Measured.Of("refresh/alone/p99_ms", Percentile.Of(refreshAlone, 0.99), "ms"),
                Measured.Of("refresh/beside_passwords/p99_ms", Percentile.Of(refreshBeside, 0.99), "ms", $"while {Environment.ProcessorCount * 8} people sign in by password at once, all the time"),
            ];
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private static string Address(int i) => $"bench-{i}@people.test";

    private static void Native(byte[] salt) => PasswordHash.Make(Password, salt);

    private static void Managed(byte[] salt)
    {
        var generator = new Argon2BytesGenerator();
        generator.Init(new Argon2Parameters.Builder(Argon2Parameters.Argon2id).WithVersion(Argon2Parameters.Version13).WithMemoryAsKB(19_456).WithIterations(2).WithParallelism(1).WithSalt(salt).Build());
        generator.GenerateBytes(System.Text.Encoding.UTF8.GetBytes(Password), new byte[32]);
    }

    /// <summary>On as many threads as there are processors.</summary>
    private static double PerSecond(Action work)
    {
        var (done, began) = (0, Stopwatch.GetTimestamp());
        var threads = Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(() =>
        {
            while (Stopwatch.GetElapsedTime(began) < Stretch)
            {
                work();
                Interlocked.Increment(ref done);
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return done / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static async Task<double> PerSecondAsync(int atOnce, Func<Task> work, CancellationToken ct)
    {
        var (done, began) = (0, Stopwatch.GetTimestamp());
        await Task.WhenAll(Enumerable.Range(0, atOnce).Select(_ => Task.Run(async () =>
        {
            while (Stopwatch.GetElapsedTime(began) < Stretch)
            {
                await work();
                Interlocked.Increment(ref done);
            }
        }, ct)));
        return done / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    /// <summary>Milliseconds of refreshes, one after the other, for a while.</summary>
    private static async Task<List<double>> RefreshAsync(DevServer server, CancellationToken ct)
    {
        var times = new List<double>();
        string? token = null;
        for (var (i, began) = (0, Stopwatch.GetTimestamp()); Stopwatch.GetElapsedTime(began) < Stretch; i++)
        {
            // A new session now and then: how often one is refreshed is bounded.
            token = token is null || i % 500 == 0
                ? (await server.PostAsync("/user_management/authenticate", new
                {
                    grant_type = "password", client_id = server.Dev.ClientId, client_secret = server.Dev.ApiKey, email = Address(i / 500), password = Password,
                }, ct)).GetProperty("refresh_token").GetString()!
                : token;
            var start = Stopwatch.GetTimestamp();
            token = (await server.PostAsync("/user_management/authenticate", new
            {
                grant_type = "refresh_token", client_id = server.Dev.ClientId, client_secret = server.Dev.ApiKey, refresh_token = token,
            }, ct)).GetProperty("refresh_token").GetString()!;
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        return times;
    }
}
