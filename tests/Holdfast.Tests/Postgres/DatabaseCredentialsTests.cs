using System.Text;
using System.Text.Json;
using Holdfast.Bench;
using Holdfast.Keys;
using Holdfast.Resilience;
using Holdfast.Storage;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace Holdfast.Tests.Postgres;

/// <summary>Whatever becomes of the issuer of the database's credentials, connections stay and the last good credential is kept (decision 0023).</summary>
[Trait("Pace", "slow")]
public sealed class DatabaseCredentialsTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly List<Keeper> _keepers = [];
    private readonly PostgresProcess _postgres = postgres.Server;

    private string Role { get; } = "app_" + SamlProvider.Unique();

    private string Issued => Path.Combine(_folder, "issued");

    private string Sealed => Path.Combine(_folder, "database.credential");

    public async ValueTask InitializeAsync() => await _postgres.SqlAsync($"CREATE ROLE {Role} LOGIN PASSWORD 'one-secret'");

    public async ValueTask DisposeAsync()
    {
        foreach (var keeper in _keepers)
        {
            await keeper.DisposeAsync();
        }
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Seventy_two_hours_without_the_issuer_change_nothing()
    {
        Issue("one-secret");
        var keeper = await StartAsync();
        await keeper.NextAsync(isLatest: true);
        var backend = await keeper.BackendAsync();
        File.Delete(Issued);
        var until = _clock.GetUtcNow().AddHours(72);
        for (var n = 0; _clock.GetUtcNow() < until; n++)
        {
            _clock.Advance(TimeSpan.FromMinutes(1));
            await keeper.NextAsync(isLatest: false);
            if (n % 60 == 0)
            {
                Assert.Equal(backend, await keeper.BackendAsync());   // the same connection
            }
        }
        Assert.Equal(DependencyState.Open, keeper.Source.Dependency.Health.State);
        Assert.Equal(72, Math.Round((_clock.GetUtcNow() - keeper.Source.Dependency.Health.Since).TotalHours));
        await _postgres.CutConnectionsAsync();
        Assert.NotEqual(backend, await keeper.FreshAsync());   // a new one, by the last good credential

        // It comes back with another.
        await _postgres.SqlAsync($"ALTER ROLE {Role} PASSWORD 'two-secret'");
        Issue("two-secret");
        _clock.Advance(TimeSpan.FromMinutes(1));
        await keeper.NextAsync(isLatest: true);
        Assert.Equal("two-secret", keeper.Credentials.Current!.Password);
        await keeper.BackendAsync();
    }

    [Fact]
    public async Task A_newer_one_that_no_server_lets_in_replaces_nothing()
    {
        Issue("one-secret");
        var keeper = await StartAsync();
        await keeper.NextAsync(isLatest: true);
        var kept = await File.ReadAllBytesAsync(Sealed);
        Issue("wrong-secret");
        _clock.Advance(TimeSpan.FromMinutes(1));
        await keeper.NextAsync(isLatest: false);
        Assert.Equal("one-secret", keeper.Credentials.Current!.Password);
        Assert.Equal(kept, await File.ReadAllBytesAsync(Sealed));
        await _postgres.CutConnectionsAsync();
        await keeper.FreshAsync();
    }

    [Fact]
    public async Task A_password_that_was_changed_is_found_before_its_time_and_one_whose_issuer_is_dead_once_it_lives()
    {
        Issue("one-secret", _clock.GetUtcNow().AddHours(10));
        var keeper = await StartAsync();
        await keeper.NextAsync(isLatest: true);
        await _postgres.SqlAsync($"ALTER ROLE {Role} PASSWORD 'two-secret'");
        Issue("two-secret", _clock.GetUtcNow().AddHours(10));
        await _postgres.CutConnectionsAsync();
        _clock.Advance(TimeSpan.FromSeconds(2));   // a second passes between two questions at least
        await keeper.RefusedAsync();
        await keeper.NextAsync(isLatest: true);   // hours before its time
        await keeper.BackendAsync();

        File.Delete(Issued);
        await _postgres.SqlAsync($"ALTER ROLE {Role} PASSWORD 'three-secret'");
        await _postgres.CutConnectionsAsync();
        _clock.Advance(TimeSpan.FromSeconds(2));
        await keeper.RefusedAsync();
        await keeper.NextAsync(isLatest: false);
        Assert.Equal("two-secret", keeper.Credentials.Current!.Password);
        Issue("three-secret");
        _clock.Advance(TimeSpan.FromMinutes(1));
        await keeper.NextAsync(isLatest: true);
        await keeper.BackendAsync();
    }

    [Fact]
    public async Task A_cold_start_with_the_issuer_dead_has_the_last_good_one_sealed_on_its_disk()
    {
        Issue("one-secret");
        var keeper = await StartAsync();
        await keeper.NextAsync(isLatest: true);
        await keeper.DisposeAsync();
        _keepers.Remove(keeper);
        File.Delete(Issued);
        var again = await StartAsync();
        await again.BackendAsync();
        Assert.Equal(new DatabaseCredential(Role, "one-secret"), again.Credentials.Current);
        Assert.All(Directory.GetFiles(_folder), file => Assert.DoesNotContain("one-secret", File.ReadAllText(file), StringComparison.Ordinal));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Sealed));
        Assert.DoesNotContain("one-secret", $"{again.Credentials.Current} {new IssuedCredential(again.Credentials.Current!, null)}", StringComparison.Ordinal);

        // Another cluster's key does not open it: as if there were none.
        var other = ClusterKeys.Of(new byte[32], new byte[32], Entropy.Real);
        var foreign = new DatabaseCredentials(CredentialSource.Of($"file:{Issued}", _clock), Sealed, other, _clock);
        await foreign.LoadAsync(CancellationToken.None);
        Assert.Null(foreign.Current);
    }

    [Fact]
    public async Task A_disk_that_does_not_keep_it_costs_no_connection_and_is_tried_again()
    {
        Issue("one-secret");
        Directory.CreateDirectory(Sealed);   // no file can have that name
        var keeper = await StartAsync();
        await keeper.NextAsync(isLatest: true);
        var backend = await keeper.BackendAsync();
        for (var n = 0; n < 3; n++)
        {
            _clock.Advance(TimeSpan.FromMinutes(1));
            await keeper.NextAsync(isLatest: true);
            Assert.Equal(backend, await keeper.BackendAsync());   // the same pool
        }
        Assert.Equal(new DatabaseCredential(Role, "one-secret"), keeper.Credentials.Current);
        Directory.Delete(Sealed);
        _clock.Advance(TimeSpan.FromMinutes(1));
        await keeper.NextAsync(isLatest: true);
        Assert.True(File.Exists(Sealed));
        Assert.Equal(backend, await keeper.BackendAsync());
    }

    private void Issue(string password, DateTimeOffset? expiresAt = null) =>
        OwnFile.Write(Issued, JsonSerializer.SerializeToUtf8Bytes(new { username = Role, password, expires_at = expiresAt }));

    private async Task<Keeper> StartAsync()
    {
        var keys = ClusterKeys.Of(Encoding.ASCII.GetBytes(new string('s', 32)), Encoding.ASCII.GetBytes(new string('k', 32)), Entropy.Real);
        var source = CredentialSource.Of($"file:{Issued}", _clock);
        var credentials = new DatabaseCredentials(source, Sealed, keys, _clock);
        await credentials.LoadAsync(CancellationToken.None);
        var servers = new PostgresServers($"Host=127.0.0.1;Port={_postgres.Port};Database=postgres;Timeout=15;Command Timeout=30", "test", credentials.Current, new Dependency(Catalogue.PostgresPrimary, TimeProvider.System));
        var keeper = new Keeper(source, credentials, servers, _clock);
        _keepers.Add(keeper);
        return keeper;
    }

    /// <summary>Credentials that are kept, and the servers that they are for.</summary>
    private sealed class Keeper : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly System.Threading.Channels.Channel<bool> _told = System.Threading.Channels.Channel.CreateUnbounded<bool>();
        private readonly FakeTimeProvider _clock;
        private readonly Task _running;

        public Keeper(CredentialSource source, DatabaseCredentials credentials, PostgresServers servers, FakeTimeProvider clock)
        {
            (Source, Credentials, Servers, _clock) = (source, credentials, servers, clock);
            servers.LoginRefused = credentials.AskNow;
            credentials.Told = isLatest => _told.Writer.TryWrite(isLatest);
            _running = credentials.RunAsync(servers, (_, _) => { }, _stop.Token);
        }

        public CredentialSource Source { get; }

        public DatabaseCredentials Credentials { get; }

        public PostgresServers Servers { get; }

        /// <summary>Waits for the next question's end. Time goes on meanwhile: the keeper may not have set its timer when the test moved the clock.</summary>
        public async Task NextAsync(bool isLatest)
        {
            using var deadline = new CancellationTokenSource(Patience);
            var told = _told.Reader.ReadAsync(deadline.Token).AsTask();
            while (await Task.WhenAny(told, Task.Delay(200, CancellationToken.None)) != told)
            {
                _clock.Advance(TimeSpan.FromSeconds(1));
            }
            Assert.Equal(isLatest, await told);
        }

        /// <returns>The process that serves the connection.</returns>
        public Task<int> BackendAsync() => Servers.UseAsync(
            async (connection, ct) =>
            {
                await using var command = new NpgsqlCommand("SELECT pg_backend_pid()", connection);
                return (int)(await command.ExecuteScalarAsync(ct))!;
            },
            CancellationToken.None);

        /// <summary>A connection that works, after those that were cut.</summary>
        public async Task<int> FreshAsync()
        {
            for (var cut = 0; ; cut++)
            {
                try
                {
                    return await BackendAsync();
                }
                catch (NpgsqlException fault) when (cut < 20 && !PostgresServers.IsRefusedLogin(fault))
                {
                    // One of those.
                }
            }
        }

        /// <summary>Uses connections until the server refuses a new one.</summary>
        public async Task RefusedAsync()
        {
            for (var pooled = 0; pooled < 20; pooled++)
            {
                try
                {
                    await BackendAsync();
                }
                catch (Exception fault) when (PostgresServers.IsRefusedLogin(fault))
                {
                    return;
                }
                catch (NpgsqlException)
                {
                    // One that was cut.
                }
            }
            Assert.Fail("The server lets it in.");
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running;
            await Servers.DisposeAsync();
            Source.Dispose();
            _stop.Dispose();
        }
    }
}
