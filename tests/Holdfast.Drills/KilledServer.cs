using System.Collections.Concurrent;
using System.Globalization;
using Holdfast.Bench;
using Holdfast.Storage.Tests;
using SignInMethod = Holdfast.Bench.SignInMethod;

namespace Holdfast.Drills;

/// <summary>A server is killed again and again while people sign in and administrators delete: by SIGKILL, and then on a disk that forgets what was not synced.
/// What was acknowledged is there afterwards, once (law 3).</summary>
[Collection(nameof(AloneOnTheMachine))]
public sealed class KilledServer(ITestOutputHelper output) : IDisposable
{
    private const int SignInWorkers = 4;
    private const int MostAcknowledgedBeforeKill = 120;
    private const int MostMillisecondsAtWork = 1500;
    private const int MostMillisecondsOfStart = 600;
    private const int MostPatience = 10_000;   // ms
    private const int MostReplaysTried = 8;

    private readonly string _data = Directory.CreateTempSubdirectory("holdfast-drill-").FullName;
    private readonly int _port = DevServer.FreePort();

    [Fact]
    public async Task Killed_fifty_times_it_has_lost_nothing_and_done_nothing_twice()
    {
        var all = await RunAsync(times: 50, seed: 20251020, disk: null, isCareless: false);
        Assert.Empty(all.Lost);
        await AssertThereOnceAsync(all);
    }

    [Fact]
    public async Task Killed_fifteen_times_on_a_disk_that_forgets_it_has_lost_nothing_and_done_nothing_twice()
    {
        await PrepareAsync();
        using var disk = new ForgetfulDisk(_data);
        var all = await RunAsync(times: 15, seed: 185503, disk, isCareless: false);
        Assert.Empty(all.Lost);
        await AssertThereOnceAsync(all);
    }

    /// <summary>The test above can fail.</summary>
    [Fact]
    public async Task A_server_that_does_not_wait_for_such_a_disk_is_found_out()
    {
        await PrepareAsync();
        using var disk = new ForgetfulDisk(_data);
        var all = await RunAsync(times: 2, seed: 7, disk, isCareless: true);
        Assert.NotEmpty(all.Lost);
    }

    /// <summary>What was acknowledged, over all rounds.</summary>
    private sealed class Acknowledged
    {
        public ConcurrentQueue<SignInClient.SignedIn> SignedIn { get; } = new();

        public int Count => SignedIn.Count + Deleted.Count;

        /// <summary>Codes that a browser brought back and nobody redeemed.</summary>
        public ConcurrentQueue<string> Codes { get; } = new();

        public ConcurrentQueue<string> Organizations { get; } = new();

        public ConcurrentQueue<string> Deleted { get; } = new();

        /// <summary>Answered otherwise than a sign-in must be, while the server lived.</summary>
        public ConcurrentQueue<string> Wrong { get; } = new();

        /// <summary>Not on the node's disk right after the kill.</summary>
        public List<string> Lost { get; } = [];
    }

    /// <summary>A first start, on a disk that remembers: keys and settings are not what is tried.</summary>
    private async Task PrepareAsync()
    {
        await using var server = await DevServer.StartAsync(_data, _port, TestContext.Current.CancellationToken);
        await server.StopAsync();
    }

    private async Task<Acknowledged> RunAsync(int times, ulong seed, ForgetfulDisk? disk, bool isCareless)
    {
        var dice = new Dice(seed);
        var all = new Acknowledged();
        var (forgotten, duringStart) = (0, 0);
        for (var round = 0; round < times; round++)
        {
            if (!isCareless && dice.OneIn(5))
            {
                duringStart++;
                await KillDuringStartAsync(1 + dice.Below(MostMillisecondsOfStart), disk);
                forgotten += disk?.Forget() ?? 0;
                continue;
            }
            var before = (SignedIn: all.SignedIn.Count, Codes: all.Codes.Count, Organizations: all.Organizations.Count, Deleted: all.Deleted.Count);
            await using (var server = await StartAsync(disk, isCareless))
            {
                await TryTwiceAsync(server, all, dice);
                var load = LoadAsync(server, all, $"r{round}");
                // Most are killed after so many acknowledgements, some a while after they began, wherever they are then.
                var (enough, milliseconds) = dice.OneIn(4) ? (int.MaxValue, 1 + dice.Below(MostMillisecondsAtWork)) : (all.Count + 1 + dice.Below(MostAcknowledgedBeforeKill), MostPatience);
                for (var began = Environment.TickCount64; all.Count < enough && Environment.TickCount64 - began < milliseconds;)
                {
                    await Task.Delay(1);
                }
                await server.KillAsync();
                await load;
            }
            forgotten += disk?.Forget() ?? 0;
            FindLost(all, all.SignedIn.Skip(before.SignedIn), all.Codes.Skip(before.Codes), all.Organizations.Skip(before.Organizations), all.Deleted.Skip(before.Deleted));
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"seed {seed}: killed {times} times ({duringStart} during the start); acknowledged: {all.SignedIn.Count} sign-ins, {all.Codes.Count} codes, {all.Organizations.Count} organizations, {all.Deleted.Count} deletions; {forgotten} changes forgotten; {all.Lost.Count} lost"));
        if (!isCareless)
        {
            Assert.Empty(all.Wrong);   // a careless server also takes a code twice: it forgot that it was spent
        }
        Assert.True(all.SignedIn.Count > times, "The load was too small to show anything.");
        return all;
    }

    private Task<DevServer> StartAsync(ForgetfulDisk? disk, bool isCareless) => DevServer.StartAsync(_data, _port, TestContext.Current.CancellationToken, start =>
    {
        disk?.Under(start);
        if (isCareless)
        {
            var arguments = start.ArgumentList.Skip(2).ToList();   // after the assembly and "dev"
            start.FileName = Environment.ProcessPath!;
            start.ArgumentList.Clear();
            foreach (var argument in (string[])[CarelessServer.Switch, .. arguments])
            {
                start.ArgumentList.Add(argument);
            }
        }
    });

    private async Task KillDuringStartAsync(int milliseconds, ForgetfulDisk? disk)
    {
        var start = DevServer.Command("dev", "--data", _data, "--port", _port.ToString(CultureInfo.InvariantCulture));
        disk?.Under(start);
        using var process = System.Diagnostics.Process.Start(start)!;
        var said = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await Task.Delay(milliseconds);
        process.Kill();
        await process.WaitForExitAsync();
        await said;
    }

    /// <summary>What was redeemed before the kill is not redeemable after it; what was only issued is, once.</summary>
    private static async Task TryTwiceAsync(DevServer server, Acknowledged all, Dice dice)
    {
        var ct = TestContext.Current.CancellationToken;
        var redeemed = all.SignedIn.ToArray();
        for (var tried = 0; tried < Math.Min(MostReplaysTried, redeemed.Length); tried++)
        {
            var (status, body) = await server.SignIns.TryRedeemAsync(redeemed[redeemed.Length - 1 - dice.Below(Math.Min(redeemed.Length, 40))].Code, ct);
            if (status != 400)
            {
                all.Wrong.Enqueue($"A code was redeemed twice: {status} {body}");
            }
        }
        if (all.Codes.LastOrDefault() is { } code && all.SignedIn.All(s => s.Code != code))
        {
            var (status, body) = await server.SignIns.TryRedeemAsync(code, ct);
            if (status == 200)
            {
                all.SignedIn.Enqueue(await ReadAsync(code, body));
                (status, body) = await server.SignIns.TryRedeemAsync(code, ct);
            }
            // Issued and perhaps redeemed with the answer lost: either way it is used up now.
            if (status != 400)
            {
                all.Wrong.Enqueue($"A code was redeemed twice: {status} {body}");
            }
        }
    }

    private static Task<SignInClient.SignedIn> ReadAsync(string code, string body)
    {
        using var json = System.Text.Json.JsonDocument.Parse(body);
        return Task.FromResult(new SignInClient.SignedIn(
            code, json.RootElement.GetProperty("profile").GetProperty("id").GetString()!, json.RootElement.GetProperty("access_token").GetString()!));
    }

    private static Task LoadAsync(DevServer server, Acknowledged all, string round) => Task.WhenAll(
        [.. Enumerable.Range(0, SignInWorkers).Select(worker => UntilKilledAsync(all, number => SignInOnceAsync(server, all, worker, $"{round}-{worker}-{number}@acme.test"))),
            UntilKilledAsync(all, number => DeleteOnceAsync(server, all, $"{round}-{number}"))]);

    private static async Task SignInOnceAsync(DevServer server, Acknowledged all, int worker, string email)
    {
        var ct = TestContext.Current.CancellationToken;
        var code = await server.SignIns.ObtainCodeAsync(worker % 2 == 0 ? SignInMethod.Saml : SignInMethod.OpenIdConnect, email, ct);
        all.Codes.Enqueue(code);
        all.SignedIn.Enqueue(await server.SignIns.RedeemAsync(code, ct));
    }

    private static async Task DeleteOnceAsync(DevServer server, Acknowledged all, string name)
    {
        var administrator = new Administrator(server);
        var made = await administrator.SendAsync("POST", "/organizations", new { name });
        if (made.Status == 503)
        {
            await Task.Delay(20);   // not done or unknown: nothing is said of it
            return;
        }
        Assert.Equal(201, made.Status);
        all.Organizations.Enqueue(made.Id);
        Assert.Equal(202, (await administrator.SendAsync("DELETE", $"/organizations/{made.Id}")).Status);
        all.Deleted.Enqueue(made.Id);
    }

    private static async Task UntilKilledAsync(Acknowledged all, Func<int, Task> once)
    {
        for (var number = 0; ; number++)
        {
            try
            {
                await once(number);
            }
            catch (Exception dead) when (dead is HttpRequestException or IOException)
            {
                return;   // what was under way was not acknowledged
            }
            catch (Exception wrong)
            {
                all.Wrong.Enqueue(wrong.Message);
                return;
            }
        }
    }

    /// <summary>Looks at a copy of the node's disk as the kill left it, before the next start could mend anything from the primary.</summary>
    private void FindLost(
        Acknowledged all, IEnumerable<SignInClient.SignedIn> signedIn, IEnumerable<string> codes, IEnumerable<string> organizations, IEnumerable<string> deleted)
    {
        var copy = Directory.CreateTempSubdirectory("holdfast-copy-").FullName;
        try
        {
            foreach (var file in (string[])["node.db", "node.db-wal"])
            {
                if (File.Exists(Path.Combine(_data, file)))
                {
                    File.Copy(Path.Combine(_data, file), Path.Combine(copy, file));
                }
            }
            all.Lost.AddRange(Missing(Path.Combine(copy, "node.db"), [.. signedIn], codes, organizations, deleted));
        }
        finally
        {
            Directory.Delete(copy, recursive: true);
        }
    }

    private static IEnumerable<string> Missing(
        string file, IReadOnlyList<SignInClient.SignedIn> signedIn, IEnumerable<string> codes, IEnumerable<string> organizations, IEnumerable<string> deleted) =>
    [
        .. Stores.Missing(file, "profiles", "id", signedIn.Select(s => s.ProfileId)),
        .. Stores.Missing(file, "spends", "id", signedIn.Select(s => Stores.RowOf(s.Code))),
        .. Stores.Missing(file, "sso_codes", "id", codes.Select(Stores.RowOf)),
        .. Stores.Missing(file, "organizations", "id", organizations),
        .. Stores.Missing(file, "denies", "subject", deleted),
    ];

    private async Task AssertThereOnceAsync(Acknowledged all)
    {
        await using (var server = await DevServer.StartAsync(_data, _port, TestContext.Current.CancellationToken))
        {
            await server.UntilPrimaryAsync(isGone: false, TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
            await server.StopAsync();
        }
        Assert.Empty(Missing(Path.Combine(_data, "primary.db"), [.. all.SignedIn], all.Codes, all.Organizations, all.Deleted));
        Assert.Empty(Missing(Path.Combine(_data, "node.db"), [.. all.SignedIn], all.Codes, all.Organizations, all.Deleted));
        Stores.AssertLevel(_data);
        var told = Stores.Told(_data);
        Assert.All(all.SignedIn, s => Assert.Equal(1, told[("spends", Stores.RowOf(s.Code))]));
        Assert.All(all.Codes, c => Assert.Equal(1, told[("sso_codes", Stores.RowOf(c))]));
        Assert.All(all.Organizations, o => Assert.Equal(1, told[("organizations", o)]));
        var subjects = Stores.Column(Path.Combine(_data, "primary.db"), "SELECT subject FROM denies");
        Assert.All(all.Deleted, d => Assert.Single(subjects, d));
    }

    public void Dispose() => Directory.Delete(_data, recursive: true);
}
