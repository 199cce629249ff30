using System.Security.Cryptography;
using Holdfast.Bench;
using SignInMethod = Holdfast.Bench.SignInMethod;

namespace Holdfast.Drills;

/// <summary>The primary is gone: nobody who signs in notices, administrators are told at once, denies are taken, and afterwards everything is there once.</summary>
[Collection(nameof(AloneOnTheMachine))]
public sealed class PrimaryGone(ITestOutputHelper output) : IDisposable
{
    private const int SignIns = 200;
    private const int AtOnce = 6;

    /// <summary>An administrator's write is answered within one second (Database.WriteDeadline is 0.8 s); the rest is what a busy machine with two cores may take to schedule it.</summary>
    private static readonly TimeSpan WriteAnswered = TimeSpan.FromSeconds(1) + SchedulingAllowance;

    private static readonly TimeSpan SchedulingAllowance = TimeSpan.FromSeconds(1);

    /// <summary>The goal for the name of the cause (contract §5).</summary>
    private static readonly TimeSpan CauseNamed = TimeSpan.FromSeconds(10);

    private readonly string _data = Directory.CreateTempSubdirectory("holdfast-drill-").FullName;
    private readonly int _port = DevServer.FreePort();

    public static TheoryData<Outage, string> All()
    {
        var all = new TheoryData<Outage, string>();
        foreach (var outage in Enum.GetValues<Outage>())
        {
            foreach (var method in Enum.GetNames<SignInMethod>())
            {
                all.Add(outage, method);
            }
        }
        return all;
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task Sign_ins_go_on_and_nothing_is_lost(Outage outage, string method)
    {
        var ct = TestContext.Current.CancellationToken;
        SignInMethod[] methods = [Enum.Parse<SignInMethod>(method)];
        var signedIn = new List<SignInClient.SignedIn>();
        var denied = new List<string>();
        var primary = Path.Combine(_data, "primary.db");

        await using var server = await DevServer.StartAsync(_data, _port, ct);
        var administrator = new Administrator(server);
        signedIn.AddRange(await SignInAsync(server, methods, 20, "healthy"));
        var organization = await administrator.MakeOrganizationAsync("Kept");
        var doomed = await administrator.MakeOrganizationAsync("Doomed");
        var connection = await administrator.MakeConnectionAsync(organization);
        var doomedConnection = await administrator.MakeConnectionAsync(organization);
        var uri = await administrator.MakeRedirectUriAsync("http://127.0.0.1:4199/other");

        using (var broken = BrokenPrimary.By(outage, primary))
        {
            var asBroken = BrokenPrimary.IsLost(outage) ? SHA256.HashData(await File.ReadAllBytesAsync(primary, ct)) : null;

            // Administrators are told at once, also the first one, who finds it out.
            await AssertWritesAreRefusedAsync(administrator, organization, connection);
            var named = await server.UntilPrimaryAsync(isGone: true, CauseNamed, ct);
            signedIn.AddRange(await SignInAsync(server, methods, SignIns, "gone"));
            await AssertWritesAreRefusedAsync(administrator, organization, connection);

            // Denies and deletions are taken, and count.
            Assert.Equal(202, (await administrator.SendAsync("DELETE", $"/organizations/{doomed}")).Status);
            Assert.Equal(404, (await administrator.SendAsync("GET", $"/organizations/{doomed}")).Status);
            Assert.Equal(204, (await administrator.SendAsync("DELETE", $"/connections/{doomedConnection}")).Status);
            Assert.Equal(404, (await administrator.SendAsync("GET", $"/connections/{doomedConnection}")).Status);
            Assert.Equal(204, (await administrator.SendAsync("DELETE", $"/user_management/redirect_uris/{uri}")).Status);
            var inactive = await administrator.SendAsync("PUT", $"/connections/{connection}", new { state = "inactive" });
            Assert.True(inactive.Status == 200, $"Deactivation answered {inactive.Status}: {inactive.Body}");
            Assert.Equal("inactive", inactive.Body.GetProperty("state").GetString());
            denied.AddRange([doomed, doomedConnection, uri, connection]);

            await AssertToldAsync(server, administrator);

            // A cold start in this state.
            await server.StopAsync();
            await using var again = await DevServer.StartAsync(_data, _port, ct);
            signedIn.AddRange(await SignInAsync(again, methods, 20, "restarted"));
            await again.UntilPrimaryAsync(isGone: true, CauseNamed, ct);
            Assert.Equal(200, (await new Administrator(again).SendAsync("GET", "/health/ready")).Status);
            Assert.Equal(404, (await new Administrator(again).SendAsync("GET", $"/organizations/{doomed}")).Status);

            if (asBroken is not null)
            {
                Assert.Equal(asBroken, SHA256.HashData(await File.ReadAllBytesAsync(primary, ct)));
                await AssertDoctorRestoresAsync();
            }
            broken.Dispose();

            // It comes back while the node runs.
            var back = await again.UntilPrimaryAsync(isGone: false, TimeSpan.FromSeconds(30), ct);
            await new Administrator(again).MakeOrganizationAsync("Afterwards");
            signedIn.AddRange(await SignInAsync(again, methods, 20, "afterwards"));
            await again.UntilPrimaryAsync(isGone: false, TimeSpan.FromSeconds(30), ct);
            await again.StopAsync();
            output.WriteLine($"{outage}, {method}: named after {named.TotalSeconds:0.00} s, level again after {back.TotalSeconds:0.00} s");
        }
        AssertThereOnce(signedIn, denied);
    }

    private async Task<IReadOnlyList<SignInClient.SignedIn>> SignInAsync(DevServer server, SignInMethod[] methods, int count, string when)
    {
        var load = await SignInLoad.RunAsync(server.SignIns, methods, count, AtOnce, when, TestContext.Current.CancellationToken);
        output.WriteLine($"{when}: {load.SignedIn.Count} sign-ins by {methods[0]}, {load.Failures.Count} failed, {load.Took.TotalSeconds:0.0} s");
        Assert.Empty(load.Failures);
        Assert.Equal(count, load.SignedIn.Count);
        return load.SignedIn;
    }

    private async Task AssertWritesAreRefusedAsync(Administrator administrator, string organization, string connection)
    {
        var slowest = TimeSpan.Zero;
        foreach (var (method, path, body) in ((string, string, object)[])
        [
            ("POST", "/organizations", new { name = "Never" }),
            ("PUT", $"/organizations/{organization}", new { name = "Never" }),
            ("POST", "/connections", new
            {
                organization_id = organization, connection_type = "GenericOIDC", name = "Never",
                oidc = new { issuer = "https://idp.acme.test", client_id = "c", client_secret = "s" },
            }),
            ("PUT", $"/connections/{connection}", new { name = "Never" }),
            ("POST", "/user_management/redirect_uris", new { uri = "http://127.0.0.1:4199/never" }),
        ])
        {
            var answer = await administrator.SendAsync(method, path, body);
            Assert.True(answer.Status == 503 && answer.Code == "primary_unavailable", $"{method} {path} answered {answer.Status}: {answer.Body}");
            Assert.NotNull(answer.RetryAfter);
            Assert.True(answer.Took <= WriteAnswered, $"{method} {path} was answered after {answer.Took.TotalSeconds:0.00} s.");
            slowest = answer.Took > slowest ? answer.Took : slowest;
        }
        output.WriteLine($"writes refused, the slowest after {slowest.TotalMilliseconds:0} ms");
    }

    private static async Task AssertToldAsync(DevServer server, Administrator administrator)
    {
        Assert.Equal(200, (await administrator.SendAsync("GET", "/health/ready")).Status);
        await Nodes.UntilAsync("the node names the cause", TimeSpan.FromSeconds(10), async () =>
            (await server.HealthAsync(TestContext.Current.CancellationToken)).GetProperty("cause") is { ValueKind: System.Text.Json.JsonValueKind.Object } cause
            && cause.GetProperty("dependency").GetString() == "primary");
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        string? stale;
        while ((stale = (await administrator.SendAsync("GET", "/organizations")).Stale) is null)
        {
            await Task.Delay(100, deadline.Token);   // a label of age: it begins when the answer is older than the replication goal
        }
        Assert.Matches(@"^\d+; cause=primary$", stale);
    }

    private async Task AssertDoctorRestoresAsync()
    {
        var (exit, said) = await DoctorAsync();
        Assert.NotEqual(0, exit);
        Assert.Contains("doctor --restore", said, StringComparison.Ordinal);
        (exit, said) = await DoctorAsync("--restore");
        Assert.True(exit == 0, $"doctor --restore ended with {exit}: {said}");
        output.WriteLine(said.ReplaceLineEndings(" "));
    }

    private async Task<(int Exit, string Said)> DoctorAsync(params string[] more)
    {
        using var doctor = System.Diagnostics.Process.Start(DevServer.Command(["doctor", "--data", _data, .. more]))!;
        var (said, complaints) = (doctor.StandardOutput.ReadToEndAsync(), doctor.StandardError.ReadToEndAsync());
        await doctor.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        return (doctor.ExitCode, await said + await complaints);
    }

    private void AssertThereOnce(List<SignInClient.SignedIn> signedIn, List<string> denied)
    {
        Stores.AssertLevel(_data);
        var told = Stores.Told(_data);
        foreach (var one in signedIn)
        {
            Assert.Equal(1, told[("sso_codes", Stores.RowOf(one.Code))]);
            Assert.Equal(1, told[("spends", Stores.RowOf(one.Code))]);
        }
        var file = Path.Combine(_data, "primary.db");
        Assert.Empty(Stores.Missing(file, "profiles", "id", signedIn.Select(s => s.ProfileId)));
        Assert.Empty(Stores.Missing(file, "denies", "subject", denied));
        var events = Stores.Column(file, "SELECT event || ' ' || json_extract(data, '$.id') FROM events");
        Assert.Single(events, $"organization.deleted {denied[0]}");
        Assert.Single(events, $"connection.deleted {denied[1]}");
        Assert.Single(events, $"connection.deactivated {denied[3]}");
        output.WriteLine($"{signedIn.Count} sign-ins and {denied.Count} denies are in the primary, each once");
    }

    public void Dispose() => Directory.Delete(_data, recursive: true);
}
