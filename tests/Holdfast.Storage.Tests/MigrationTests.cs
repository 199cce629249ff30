using Holdfast.Storage.Migrations;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Tests;

public sealed class MigrationTests : IDisposable
{
    private readonly SqliteConnection _connection = SqliteFile.Open(":memory:", SqliteOpenMode.Memory, TimeSpan.FromSeconds(1), null);

    [Theory, InlineData(Migrator.Primary), InlineData(Migrator.Node)]
    public void The_tables_in_SQL_are_those_that_are_declared(string role)
    {
        MoveForward(role);
        var view = new View(_connection);
        foreach (var table in Schema.Tables)
        {
            Assert.Equal(
                ["id", .. table.Groups.SelectMany(g => (string[])[g.StampColumn, .. g.Columns])],
                view.Query<string>($"SELECT name FROM pragma_table_info('{table.Name}') ORDER BY cid"));
            Assert.Equal(["id"], view.Query<string>($"SELECT name FROM pragma_table_info('{table.Name}') WHERE pk > 0"));
            Assert.All(table.Groups, group => Assert.Equal("TEXT NOT NULL ''", view.Find<string>(
                $"SELECT type || iif(\"notnull\", ' NOT NULL ', ' ') || dflt_value FROM pragma_table_info('{table.Name}') WHERE name = '{group.StampColumn}'")));
            if (table.Expires)
            {
                Assert.Equal("BIGINT", view.Find<string>($"SELECT type FROM pragma_table_info('{table.Name}') WHERE name = 'expires_at'"));
            }
        }
    }

    [Theory, InlineData(Migrator.Primary), InlineData(Migrator.Node)]
    public void Moving_forward_twice_is_moving_once(string role)
    {
        MoveForward(role);
        var applied = new View(_connection).Query<string>("SELECT name || checksum || applied_at FROM schema_migrations ORDER BY name");
        Assert.NotEmpty(applied);
        Migrator.MoveForward(_connection, role, DateTimeOffset.UnixEpoch.AddDays(1));
        Assert.Equal(applied, new View(_connection).Query<string>("SELECT name || checksum || applied_at FROM schema_migrations ORDER BY name"));
    }

    [Fact]
    public void A_migration_that_this_release_does_not_know_is_refused()
    {
        MoveForward(Migrator.Node);
        _connection.Execute("INSERT INTO schema_migrations VALUES ('9999_future', 'x', 1)");
        Assert.Contains("9999_future", Assert.Throws<SchemaException>(() => MoveForward(Migrator.Node)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_migration_whose_text_has_changed_is_refused()
    {
        MoveForward(Migrator.Node);
        _connection.Execute("UPDATE schema_migrations SET checksum = 'other' WHERE name LIKE '0001%'");
        Assert.Contains("0001", Assert.Throws<SchemaException>(() => MoveForward(Migrator.Node)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_primary_is_not_a_nodes_disk()
    {
        MoveForward(Migrator.Primary);
        Assert.Throws<SchemaException>(() => MoveForward(Migrator.Node));
    }

    [Fact]
    public void A_move_that_fails_leaves_the_database_as_it_was()
    {
        _connection.Execute("CREATE TABLE change_log (in_the_way TEXT)");   // the last of the primary's files fails on it
        Assert.ThrowsAny<SqliteException>(() => MoveForward(Migrator.Primary));
        Assert.Equal(["change_log"], new View(_connection).Query<string>("SELECT name FROM sqlite_master"));
    }

    private void MoveForward(string role) => Migrator.MoveForward(_connection, role, DateTimeOffset.UnixEpoch);

    public void Dispose() => _connection.Dispose();
}
