using System.Globalization;
using Holdfast.Storage.Migrations;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Tests;

/// <summary>Versions of rows of the real tables, thrown by dice so that they meet: few ids, few stamps, few values.</summary>
internal static class Versions
{
    private static readonly string[] Texts = ["", "a", "b", "é", "{\"quoted\":\"\\u001f\"}", "a\u001fb", "\u001f"];
    private static readonly long[] Numbers = [-1, 0, 1, 2, 10, long.MaxValue];

    /// <summary>The columns of a table in SQL that hold numbers.</summary>
    public static IReadOnlySet<(string Table, string Column)> Numeric { get; } = ReadNumeric();

    public static List<RowVersion> Throw(Dice dice, int count, DateTimeOffset now) => [.. Enumerable.Range(0, count).Select(_ => ThrowOne(dice, now))];

    private static RowVersion ThrowOne(Dice dice, DateTimeOffset now)
    {
        var table = dice.Pick(Schema.Tables);
        var groups = table.Groups.Select(group => dice.OneIn(3) ? null : ThrowGroup(dice, table, group, now)).ToArray();
        var certain = dice.Below(groups.Length);
        groups[certain] ??= ThrowGroup(dice, table, table.Groups[certain], now);
        return new RowVersion(table, $"{table.Name}_{dice.Below(2)}", groups);
    }

    private static GroupVersion ThrowGroup(Dice dice, Table table, Group group, DateTimeOffset now)
    {
        // A stamp that two writers share now and then: they are not honest, and still all must choose alike.
        var stamp = string.Create(CultureInfo.InvariantCulture, $"{(now.ToUnixTimeMilliseconds() << 16) - dice.Below(8):x16}.{dice.Pick(["aaaaaaaaaaaa", "bbbbbbbbbbbb"])}");
        return new GroupVersion(stamp, [.. group.Columns.Select(column => ThrowValue(dice, table, column, now))]);
    }

    private static object? ThrowValue(Dice dice, Table table, string column, DateTimeOffset now) =>
        column == "expires_at" ? now.AddHours(1 + dice.Below(3)).ToUnixTimeMilliseconds()
        : dice.OneIn(5) ? null
        : Numeric.Contains((table.Name, column)) ? dice.Pick(Numbers)
        : dice.Pick(Texts);

    /// <summary>The same versions as others may bring them: in any order, some twice, some group by group.</summary>
    public static List<RowVersion> Rearranged(Dice dice, IReadOnlyList<RowVersion> versions) => dice.Shuffled(
        versions.SelectMany(v => dice.OneIn(2) ? [v] : Split(v)).SelectMany(v => dice.OneIn(3) ? [v, v] : (IEnumerable<RowVersion>)[v]));

    private static IEnumerable<RowVersion> Split(RowVersion version) => Enumerable.Range(0, version.Groups.Length)
        .Where(place => version.Groups[place] is not null)
        .Select(place => new RowVersion(version.Table, version.Id, [.. version.Groups.Select((one, g) => g == place ? one : null)]));

    private static HashSet<(string, string)> ReadNumeric()
    {
        using var connection = SqliteFile.Open(":memory:", SqliteOpenMode.Memory, TimeSpan.FromSeconds(1), null);
        Migrator.MoveForward(connection, Migrator.Primary, DateTimeOffset.UnixEpoch);
        var view = new View(connection);
        return [.. Schema.Tables.SelectMany(table =>
            view.Query<string>($"SELECT name FROM pragma_table_info('{table.Name}') WHERE type = 'BIGINT'").Select(column => (table.Name, column)))];
    }
}
