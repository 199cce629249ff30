using Holdfast.Bench;
using Holdfast.Keys;
using Holdfast.Verbs;

namespace Holdfast.Tests.Postgres;

/// <summary>The whole server, with PostgreSQL as its primary.</summary>
[Trait("Pace", "slow")]
public sealed class PostgresServerTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IAsyncLifetime
{
    private const string Secret = "a-secret-that-nobody-sees";

    private readonly string _data = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
    private readonly PostgresProcess _postgres = postgres.Server;

    /// <summary>The test's own role, and its database.</summary>
    private string Role { get; } = "app_" + SamlProvider.Unique();

    public enum Outage
    {
        Stopped,
        Frozen,
        Refused,
    }

    public async ValueTask InitializeAsync()
    {
        await _postgres.SqlAsync($"CREATE ROLE {Role} LOGIN PASSWORD '{Secret}'");
        await _postgres.SqlAsync($"CREATE DATABASE {Role} OWNER {Role}");
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_data, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData(Outage.Stopped), InlineData(Outage.Frozen), InlineData(Outage.Refused)]
    public async Task People_sign_in_while_the_database_is_gone_and_administrators_are_told(Outage outage)
    {
        var issued = Path.Combine(_data, "issued");
        OwnFile.Write(issued, System.Text.Encoding.UTF8.GetBytes(Secret));
        var settings = new PostgresSettings($"Host=127.0.0.1;Port={_postgres.Port};Database={Role};Timeout=15;Command Timeout=30;Username={Role}", $"file:{issued}");
        var place = new Start(Data: _data, Clock: new HeldClock(patience: 5)) { Postgres = settings };
        var doomed = "";
        NewEnvironmentOf environments;
        SamlConnection connection;
        await using (var server = await HoldfastServer.StartAsync(place))
        {
            connection = await server.SamlConnectionAsync();
            (await connection.RedeemAsync(await connection.SignInAsync())).Is(200);
            doomed = await server.OrganizationAsync("Doomed");
            await server.ShippedAsync();
            Assert.Equal(JsonNull, (await server.GetAsync("/health")).Json.GetProperty("cause").ValueKind);

            await BreakAsync(outage, issued);
            (await server.PostAsync("/organizations", new { name = "Never" })).Is(503, "primary_unavailable");
            await NamedAsync(server, outage == Outage.Refused ? "credentials" : "primary");
            for (var n = 0; n < 20; n++)
            {
                (await connection.RedeemAsync(await connection.SignInAsync())).Is(200);
            }
            (await server.DeleteAsync($"/organizations/{doomed}")).Is(202);
            (await server.GetAsync($"/organizations/{doomed}")).Is(404);
            (await server.GetAsync("/health/ready")).Is(200);
            Assert.DoesNotContain(Secret, (await server.GetAsync("/health")).Text, StringComparison.Ordinal);
            environments = new NewEnvironmentOf(server);
        }

        // A cold start in this state.
        await using (var server = await HoldfastServer.StartAsync(place, environments.A, environments.B))
        {
            (await server.PostAsync("/organizations", new { name = "Never" })).Is(503, "primary_unavailable");
            (await server.GetAsync($"/organizations/{doomed}")).Is(404);
            await NamedAsync(server, outage == Outage.Refused ? "credentials" : "primary");
            await MendAsync(outage, issued);
            await NamedAsync(server, null);
            await server.ShippedAsync();
            var made = await server.OrganizationAsync("Afterwards");
            Assert.Equal("1", await _postgres.SqlAsync($"SELECT count(*) FROM organizations WHERE id = '{made}' AND name = 'Afterwards'", Role));
            Assert.Equal("0", await _postgres.SqlAsync("SELECT count(*) FROM organizations WHERE name = 'Never'", Role));
            Assert.Equal("21", await _postgres.SqlAsync("SELECT count(*) FROM sso_codes", Role));
            Assert.Equal("1", await _postgres.SqlAsync($"SELECT count(*) FROM denies WHERE subject = '{doomed}'", Role));
            Assert.Equal("0", await _postgres.SqlAsync("SELECT count(*) FROM (SELECT FROM change_log WHERE version <> '' GROUP BY version HAVING count(*) > 1) twice", Role));
        }
    }

    [Fact]
    public async Task The_doctor_says_what_it_sees_and_makes_only_an_empty_database_the_cluster_s()
    {
        var text = $"Host=127.0.0.1;Port={_postgres.Port};Database={Role};Timeout=15;Command Timeout=30;Username={Role};Password={Secret}";
        var place = new Start(Data: _data, Clock: new HeldClock(patience: 5)) { Postgres = new PostgresSettings(text, null) };
        NewEnvironmentOf environments;
        string organization;
        await using (var server = await HoldfastServer.StartAsync(place))
        {
            environments = new NewEnvironmentOf(server);
            organization = await server.OrganizationAsync("Kept");
            await server.ShippedAsync();
        }
        var (exit, said) = await DoctorAsync(text);
        Assert.True(exit == 0, said);
        Assert.Contains("PostgreSQL 1", said, StringComparison.Ordinal);
        Assert.Contains("log ends at", said, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, said, StringComparison.Ordinal);
        (exit, said) = await DoctorAsync(text, "--restore");
        Assert.Equal((1, true), (exit, said.Contains("nothing was restored", StringComparison.Ordinal)));

        var other = Role + "_other";
        await _postgres.SqlAsync($"CREATE DATABASE {other} OWNER {Role}");
        var elsewhere = text.Replace($"Database={Role}", $"Database={other}", StringComparison.Ordinal);
        await _postgres.SqlAsync("CREATE TABLE theirs (id int)", other);
        (exit, said) = await DoctorAsync(elsewhere, "--restore");
        Assert.Equal((1, true), (exit, said.Contains("Foreign", StringComparison.Ordinal)));
        await _postgres.SqlAsync("DROP TABLE theirs", other);
        (exit, said) = await DoctorAsync(elsewhere);
        Assert.Equal((1, true), (exit, said.Contains("doctor --restore", StringComparison.Ordinal)));
        Assert.Equal("0", await _postgres.SqlAsync("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace", other));
        (exit, said) = await DoctorAsync(elsewhere, "--restore");
        Assert.True(exit == 0, said);

        await using var again = await HoldfastServer.StartAsync(place with { Postgres = new PostgresSettings(elsewhere, null) }, environments.A, environments.B);
        await NamedAsync(again, null);
        await UntilAsync(async () => await _postgres.SqlAsync($"SELECT count(*) FROM organizations WHERE id = '{organization}'", other) == "1");
        Assert.Equal("Kept", (await again.GetAsync($"/organizations/{organization}")).Is(200)["name"]);
    }

    private const System.Text.Json.JsonValueKind JsonNull = System.Text.Json.JsonValueKind.Null;

    /// <summary>The environments of a server that was stopped.</summary>
    private sealed class NewEnvironmentOf(HoldfastServer server)
    {
        public Environments.NewEnvironment A { get; } = server.A;

        public Environments.NewEnvironment B { get; } = server.B;
    }

    /// <summary>Waits until the server names this as the cause; null: none.</summary>
    private static Task NamedAsync(HoldfastServer server, string? dependency) => UntilAsync(async () =>
    {
        server.Clock.Advance(TimeSpan.FromSeconds(1));   // it stands else; and an issuer is well again when it has answered three times, which takes it minutes
        var cause = (await server.GetAsync("/health")).Json.GetProperty("cause");
        return (cause.ValueKind == JsonNull ? null : cause.GetProperty("dependency").GetString()) == dependency;
    });

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!await condition())
        {
            await Task.Delay(20, deadline.Token);
        }
    }

    private async Task<(int Exit, string Said)> DoctorAsync(string primary, params string[] more)
    {
        using var doctor = System.Diagnostics.Process.Start(DevServer.Command(["doctor", "--data", _data, "--primary", primary, .. more]))!;
        var (said, complaints) = (doctor.StandardOutput.ReadToEndAsync(), doctor.StandardError.ReadToEndAsync());
        await doctor.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        return (doctor.ExitCode, await said + await complaints);
    }

    private async Task BreakAsync(Outage outage, string issued)
    {
        switch (outage)
        {
            case Outage.Stopped:
                await _postgres.StopAsync();
                break;
            case Outage.Frozen:
                _postgres.FreezeAll();
                break;
            default:
                // The fault of that day: nobody gives credentials, and the database refuses new connections.
                File.Delete(issued);
                await _postgres.SqlAsync($"ALTER ROLE {Role} PASSWORD 'two'");
                await _postgres.CutConnectionsAsync();
                break;
        }
    }

    private async Task MendAsync(Outage outage, string issued)
    {
        switch (outage)
        {
            case Outage.Stopped:
                await _postgres.StartAgainAsync();
                break;
            case Outage.Frozen:
                _postgres.Thaw();
                break;
            default:
                OwnFile.Write(issued, "two"u8.ToArray());
                break;
        }
    }
}
