namespace Holdfast.Storage.Rows;

/// <summary>What a node has heard of its rows and what does not stand in them (decision 0034): so that what a stolen node replaced can stand again. Its own, and not replicated.</summary>
internal sealed class Beside(View view, TimeProvider clock)
{
    private const int MostDroppedAtOnce = 1000;

    public void Keep(RowVersion of, int group)
    {
        var only = new RowVersion(of.Table, of.Id, [.. of.Groups.Select((g, at) => at == group ? g : null)]);
        var stamp = of.Groups[group]!.Stamp;
        view.Execute("INSERT OR IGNORE INTO beside (table_name, row_id, group_name, stamp, version, life, at) VALUES (@table, @id, @group, @stamp, @version, @life, @at)",
            new { table = of.Table.Name, id = of.Id, group = of.Table.Groups[group].Name, stamp, version = only.ToJson(), life = HybridClock.LifeOf(stamp), at = clock.GetUtcNow().ToUnixTimeMilliseconds() });
    }

    /// <summary>Notes a group that a life's journal told under a stamp that does not show who spoke, or when; unless it was known here already.</summary>
    public void Doubt(RowVersion version, int group, RowVersion? held, string life, DateTimeOffset now)
    {
        var said = new { table = version.Table.Name, id = version.Id, group = version.Table.Groups[group].Name, stamp = version.Groups[group]!.Stamp, life, at = now.ToUnixTimeMilliseconds() };
        if (held?.Groups[group]?.Stamp != said.stamp
            && view.Find<long>("SELECT EXISTS (SELECT 1 FROM beside WHERE table_name = @table AND row_id = @id AND group_name = @group AND stamp = @stamp)", said) == 0)
        {
            view.Execute("INSERT OR IGNORE INTO doubtful (table_name, row_id, group_name, stamp, life, at) VALUES (@table, @id, @group, @stamp, @life, @at)", said);
        }
    }

    /// <summary>Takes out what is beside one group of a row.</summary>
    public List<RowVersion> Take(Table table, string id, string group) => Read(
        "DELETE FROM beside WHERE table_name = @table AND row_id = @id AND group_name = @group RETURNING version", new { table = table.Name, id, group });

    /// <summary>Takes out what a life said from a stamp on.</summary>
    public List<RowVersion> Take(string life, string from) => Read("DELETE FROM beside WHERE life = @life AND stamp >= @from RETURNING version", new { life, from });

    private List<RowVersion> Read(string sql, object parameters) => [.. view.Query<string>(sql, parameters).Select(text => RowVersion.FromJson(text, Schema.ByName)).OfType<RowVersion>()];

    /// <summary>Forgets what no quarantine reaches any more.</summary>
    /// <returns>Whether there may be more of it.</returns>
    public bool Prune(DateTimeOffset before) => view.Execute(
        "DELETE FROM beside WHERE (table_name, row_id, group_name, stamp, version) IN (SELECT table_name, row_id, group_name, stamp, version FROM beside WHERE at < @before ORDER BY at LIMIT @MostDroppedAtOnce)",
        new { before = before.ToUnixTimeMilliseconds(), MostDroppedAtOnce }) == MostDroppedAtOnce
        | view.Execute("DELETE FROM doubtful WHERE (table_name, row_id, group_name, stamp, life) IN (SELECT table_name, row_id, group_name, stamp, life FROM doubtful WHERE at < @before ORDER BY at LIMIT @MostDroppedAtOnce)",
            new { before = before.ToUnixTimeMilliseconds(), MostDroppedAtOnce }) == MostDroppedAtOnce;
}
