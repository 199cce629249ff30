using Holdfast.Sso;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Sso;

/// <summary>What a sign-in and what feeds it do while the node's own disk is busy or away for a moment.</summary>
public sealed class OutageOfTheNodeTests
{
    [Fact]
    public async Task A_sign_in_that_met_a_busy_disk_ends_when_the_page_is_reloaded()
    {
        await using var server = await HoldfastServer.StartAsync();
        var connection = await server.SamlConnectionAsync();
        var begun = await connection.BeginAsync();
        var response = connection.Response(begun, "ada@acme.test");
        Task<Answer> PostAsync() => begun.Browser.PostAsync(
            connection.AcsUrl, [new("SAMLResponse", response), new("RelayState", begun.RelayState)], ("Accept", "text/html"));
        using (var other = Open(server))
        {
            Execute(other, "BEGIN IMMEDIATE");
            var away = await PostAsync();
            away.Is(503);
            Assert.StartsWith("text/html", away.ContentType, StringComparison.Ordinal);
            Assert.Contains("reload this page", away.Text, StringComparison.Ordinal);
            Assert.NotNull(away.Headers.RetryAfter);
            Assert.Empty(begun.Browser.LastSetCookies);
        }
        Assert.NotNull((await PostAsync()).Is(302).Sent("code"));
        Assert.NotEmpty(begun.Browser.LastSetCookies);   // and now it is gone
    }

    [Fact]
    public async Task A_made_up_code_does_not_reach_the_writer()
    {
        await using var server = await HoldfastServer.StartAsync();
        var connection = await server.SamlConnectionAsync();
        using var entered = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        var held = server.Storage.Database.RecordAsync(_ =>
        {
            entered.Set();
            release.Wait(TimeSpan.FromSeconds(60));
            return Decide.Nothing(true);
        });
        entered.Wait();
        try
        {
            var stranger = connection.RedeemAsync("made-up", ("client_secret", null), ("code_verifier", "verifier-verifier-verifier-verifier-verifier"));
            (await stranger.WaitAsync(TimeSpan.FromSeconds(20))).IsOAuth("invalid_grant");
        }
        finally
        {
            release.Set();
            await held;
        }
    }

    [Fact]
    public async Task A_round_that_cannot_read_does_not_stop_the_rounds()
    {
        await using var server = await HoldfastServer.StartAsync();
        var clock = new FastTimers();
        using var documents = ActivatorUtilities.CreateInstance<ProviderDocuments>(server.Services, clock);
        using (var other = Open(server))
        {
            Execute(other, "ALTER TABLE connections RENAME TO connections_away");
            await documents.StartAsync(CancellationToken.None);
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            while (clock.Ticks < 5)
            {
                await Task.Delay(10, deadline.Token);
            }
            Assert.False(documents.ExecuteTask!.IsCompleted, $"{documents.ExecuteTask.Exception}");
            Execute(other, "ALTER TABLE connections_away RENAME TO connections");
        }
        await documents.StopAsync(CancellationToken.None);
    }

    private static SqliteConnection Open(HoldfastServer server)
    {
        var connection = new SqliteConnection($"Data Source={Path.Combine(server.Data, "node.db")};Pooling=False");
        connection.Open();
        return connection;
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // the test's own text
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    /// <summary>Timers that are due every few milliseconds, and are counted.</summary>
    private sealed class FastTimers : TimeProvider
    {
        private int _ticks;

        public int Ticks => Volatile.Read(ref _ticks);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => base.CreateTimer(
            s =>
            {
                Interlocked.Increment(ref _ticks);
                callback(s);
            },
            state, TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(20));
    }
}
