using Holdfast.Bench;

namespace Holdfast.Storage.Tests.Postgres;

/// <summary>A pooler between nodes and PostgreSQL: its own credentials die, and it keeps no session.</summary>
[Collection(nameof(KillTests))]
[Trait("Pace", "slow")]
public sealed class PgBouncerTests : IAsyncLifetime
{
    private const int Facts = 40;

    private PostgresProcess _server = null!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(PgBouncer.Missing is not null, PgBouncer.Missing ?? "");
        _server = await PostgresProcess.StartAsync();
        await _server.MakeDatabaseAsync("holdfast");
    }

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>What happened on 20 October: the pooler was well, the database was well, and the one did not let the other in.</summary>
    [Theory]
    [InlineData("session"), InlineData("transaction")]
    public async Task With_the_pooler_s_own_credentials_dead_a_node_goes_on_and_comes_back_when_they_are_healed(string mode)
    {
        await using var bouncer = await PgBouncer.StartAsync(_server, mode);
        await using var node = await PostgresNode.StartAsync(bouncer.ConnectionString());
        await node.NameOrganizationOnceBackAsync("org_before");

        await _server.ChangePasswordAsync("the-next-one");
        await _server.CutConnectionsAsync();
        await Until.TrueAsync(
            async () =>
            {
                try
                {
                    await node.NameOrganizationAsync("org_never");
                    return false;
                }
                catch (PrimaryUnavailableException)
                {
                    return true;
                }
            },
            () => "The write was taken.");
        for (var n = 0; n < Facts; n++)
        {
            await node.RecordEventAsync($"event_{n}");
        }

        await bouncer.LearnAsync(_server, mode, _server.Password);
        await node.NameOrganizationOnceBackAsync("org_after");
        await node.AssertThereOnceAsync([.. Enumerable.Range(0, Facts).Select(n => $"event_{n}"), "org_before", "org_after"]);
        Assert.Equal($"{Facts}", await _server.SqlAsync("SELECT count(*) FROM events WHERE id LIKE 'event_%'", "holdfast"));
    }

    /// <summary>Prepared statements stand in a session of the server, and another transaction comes to another: the node finds that out and does without.</summary>
    [Fact]
    public async Task Behind_a_pooler_that_keeps_no_session_two_nodes_write_and_read_without_being_told()
    {
        await using var bouncer = await PgBouncer.StartAsync(_server, "transaction");
        await using var one = await PostgresNode.StartAsync(bouncer.ConnectionString(), "node-1");
        await using var two = await PostgresNode.StartAsync(bouncer.ConnectionString(), "node-2");
        await Task.WhenAll(Enumerable.Range(0, Facts).Select(n => one.NameOrganizationOnceBackAsync($"org_one_{n}")).Concat(Enumerable.Range(0, Facts).Select(n => two.NameOrganizationOnceBackAsync($"org_two_{n}"))));
        await Task.WhenAll(Enumerable.Range(0, Facts).Select(n => one.RecordEventAsync($"event_one_{n}")).Concat(Enumerable.Range(0, Facts).Select(n => two.RecordEventAsync($"event_two_{n}"))));
        await one.LevelAsync();
        await two.LevelAsync();
        Assert.Equal(one.Host.Node.Digest(), two.Host.Node.Digest());
        Assert.Equal($"{2 * Facts}", await _server.SqlAsync("SELECT count(*) FROM organizations WHERE name = 'Acme'", "holdfast"));
        Assert.Equal("0", await _server.SqlAsync("SELECT count(*) FROM (SELECT FROM change_log WHERE version <> '' GROUP BY version HAVING count(*) > 1) twice", "holdfast"));

        // From here on nothing fails any more for want of a session: writes are taken the first time.
        for (var n = 0; n < Facts; n++)
        {
            await one.NameOrganizationAsync($"org_later_{n}");
        }
    }
}
