using System.Diagnostics;
using Holdfast.Tests;

namespace Holdfast.Drills;

/// <summary>The primary is gone, in each way, and the hosts of metadata, discovery and keys hang: every kind of Single Sign-On goes on, in and out, also after a cold start in that state.</summary>
[Collection(nameof(AloneOnTheMachine))]
public sealed class EveryKindGone(ITestOutputHelper output) : IDisposable
{
    /// <summary>Of each kind, in each part of the drill.</summary>
    private const int Times = 10;

    private readonly string _data = Directory.CreateTempSubdirectory("holdfast-drill-").FullName;

    public static TheoryData<Outage> Ways => [.. Enum.GetValues<Outage>()];

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Every_kind_of_sign_in_and_of_sign_out_goes_on(Outage outage)
    {
        var clock = new HeldClock(patience: 2);
        var server = await StartAsync(clock);
        var made = (server.A, server.B);
        var table = new Table();
        await using var kinds = await KindsOfSignIn.SetUpAsync(server);
        try
        {
            await RunAsync(kinds, table, "there");
            await server.ShippedAsync();
            kinds.HangDocuments();
            using (var broken = BrokenPrimary.By(outage, Path.Combine(_data, "primary.db")))
            {
                (await server.PostAsync("/organizations", new { name = "Never" })).Is(503, "primary_unavailable");
                clock.Advance(TimeSpan.FromHours(71));   // no age evicts what was read (law 6)
                await RunAsync(kinds, table, "gone");
                (await server.PostAsync("/organizations", new { name = "Never" })).Is(503, "primary_unavailable");

                await server.DisposeAsync();
                server = await StartAsync(clock, made);
                kinds.GoOnAt(server);
                (await server.GetAsync("/health/ready")).Is(200);
                await RunAsync(kinds, table, "restarted");
                (await server.PostAsync("/organizations", new { name = "Never" })).Is(503, "primary_unavailable");
            }
            if (BrokenPrimary.IsLost(outage))
            {
                await server.DisposeAsync();
                Restore();
                server = await StartAsync(clock, made);
                kinds.GoOnAt(server);
            }
            await server.ShippedAsync();
            await RunAsync(kinds, table, "back");
            await server.ShippedAsync();
        }
        finally
        {
            await server.DisposeAsync();
            output.WriteLine(table.Write(outage));
        }
        Assert.Empty(table.Failures);
        Assert.Equal(kinds.All.Count * Times * 4, table.Count);
        Stores.AssertLevel(_data, clock);
    }

    private Task<HoldfastServer> StartAsync(HeldClock clock, (Environments.NewEnvironment A, Environments.NewEnvironment B)? made = null) =>
        HoldfastServer.StartAsync(new Start(IsDev: true, Data: _data, Clock: clock), made?.A, made?.B);

    private static async Task RunAsync(KindsOfSignIn kinds, Table table, string when)
    {
        foreach (var kind in kinds.All)
        {
            for (var n = 1; n <= Times; n++)
            {
                await table.CountAsync(kind.Name, when, () => kind.RunAsync(n));
            }
        }
    }

    /// <summary>What is lost, a person with the doctor brings back.</summary>
    private void Restore()
    {
        using var doctor = Process.Start(Bench.DevServer.Command("doctor", "--data", _data, "--restore"))!;
        var said = doctor.StandardOutput.ReadToEnd() + doctor.StandardError.ReadToEnd();
        doctor.WaitForExit();
        Assert.True(doctor.ExitCode == 0, said);
    }

    public void Dispose() => Directory.Delete(_data, recursive: true);
}
