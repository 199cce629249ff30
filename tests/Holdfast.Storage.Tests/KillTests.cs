using System.Diagnostics;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Tests;

[CollectionDefinition(nameof(KillTests), DisableParallelization = true)]
public class AloneOnTheMachine;

/// <summary>What was acknowledged was kept (law 3): a node is killed again and again while it records, by SIGKILL, and in the second test its disk forgets
/// what was not synced.</summary>
[Collection(nameof(KillTests))]
public class KillTests(ITestOutputHelper output)
{
    private const int MostAcknowledgedBeforeKill = 600;
    private const int MostMillisecondsBeforeKill = 500;

    [Fact]
    public async Task Killed_fifty_times_it_has_lost_nothing_that_was_acknowledged()
    {
        await using var storage = new TestStorage();
        var acknowledged = await KillAsync(storage, times: 50, seed: 20251020, disk: null);
        Assert.Empty(await FindLostAsync(storage, acknowledged));
    }

    [Fact]
    public async Task Killed_fifty_times_on_a_disk_that_forgets_it_has_lost_nothing_that_was_acknowledged()
    {
        await using var storage = new TestStorage();
        using var disk = new ForgetfulDisk(storage.Folder);
        var acknowledged = await KillAsync(storage, times: 50, seed: 185503, disk);
        Assert.Empty(await FindLostAsync(storage, acknowledged));
    }

    /// <summary>The test above can fail.</summary>
    [Fact]
    public async Task A_node_that_does_not_wait_for_such_a_disk_is_found_out()
    {
        await using var storage = new TestStorage();
        using var disk = new ForgetfulDisk(storage.Folder);
        var acknowledged = await KillAsync(storage, times: 5, seed: 7, disk, KilledChild.Careless);
        Assert.NotEmpty(await FindLostAsync(storage, acknowledged));
    }

    private async Task<List<string>> KillAsync(TestStorage storage, int times, ulong seed, ForgetfulDisk? disk, params string[] planted)
    {
        var dice = new Dice(seed);
        var acknowledged = new List<string>();
        var forgotten = 0;
        for (var run = 0; run < times; run++)
        {
            // Most are killed at work, after so many acknowledgements; some a while after their start, wherever they are then.
            var (acknowledgements, milliseconds) = dice.OneIn(5) ? (int.MaxValue, 100 + dice.Below(MostMillisecondsBeforeKill)) : (1 + dice.Below(MostAcknowledgedBeforeKill), int.MaxValue);
            acknowledged.AddRange(await RunAndKillAsync([storage.Folder, $"{run}", .. planted], acknowledgements, milliseconds, disk));
            forgotten += disk?.Forget() ?? 0;
        }
        output.WriteLine($"seed {seed}: killed {times} times, {acknowledged.Count} acknowledged, {forgotten} changes forgotten");
        Assert.True(acknowledged.Count > 10 * times);
        return acknowledged;
    }

    private static async Task<List<string>> RunAndKillAsync(string[] arguments, int acknowledgements, int milliseconds, ForgetfulDisk? disk)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [KilledChild.Switch, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        disk?.Under(start);
        using var child = Process.Start(start)!;
        var complaints = child.StandardError.ReadToEndAsync();
        using var moment = new CancellationTokenSource(milliseconds == int.MaxValue ? (int)Until.Deadline.TotalMilliseconds : milliseconds);
        await using var kill = moment.Token.Register(child.Kill);
        var said = new List<string>();
        var text = "";
        var buffer = new char[4096];
        while (await child.StandardOutput.ReadAsync(buffer) is var read and > 0)
        {
            // What it had said by the moment that it died counts; a line that is cut off does not.
            text += new string(buffer, 0, read);
            var lines = text.Split('\n');
            said.AddRange(lines[..^1]);
            text = lines[^1];
            if (said.Count > acknowledgements)
            {
                child.Kill();
            }
        }
        await child.WaitForExitAsync();
        Assert.True(child.ExitCode == 128 + 9, $"It ended by itself ({child.ExitCode}): {await complaints}");
        Assert.True(said.Count > 0 || milliseconds != int.MaxValue, $"It did not start: {await complaints}");
        return [.. said.Where(line => line != "started")];
    }

    /// <summary>Starts on the same data, waits until the primary has everything, and compares.</summary>
    private async Task<List<string>> FindLostAsync(TestStorage storage, List<string> acknowledged)
    {
        var here = Ids(storage.NodeFile, "SELECT id FROM events UNION ALL SELECT id FROM organizations");   // before anything could mend it
        await storage.StartedAsync();
        await storage.LevelAsync();
        var there = Ids(storage.PrimaryFile, "SELECT id FROM events UNION ALL SELECT id FROM organizations");
        var logged = Ids(storage.PrimaryFile, "SELECT json_extract(version, '$.i') FROM change_log WHERE version <> ''");
        Assert.Equal(logged.Count, logged.ToHashSet().Count);   // each exactly once
        Assert.Equal(storage.PrimaryDigest(), storage.Host.Node.Digest());
        var (hereSet, thereSet, loggedSet) = (here.ToHashSet(), there.ToHashSet(), logged.ToHashSet());
        var lost = acknowledged.Where(id => !(hereSet.Contains(id) && thereSet.Contains(id) && loggedSet.Contains(id))).ToList();
        output.WriteLine($"{lost.Count} of {acknowledged.Count} lost");
        return lost;
    }

    private static List<string> Ids(string file, string sql)
    {
        using var connection = SqliteFile.Open(file, SqliteOpenMode.ReadWrite, TimeSpan.FromSeconds(5), null);
        return new View(connection).Query<string>(sql);
    }
}
