namespace Holdfast.Storage.Rows;

/// <summary>Forgetting rows whose time is over. Each database does it alone: such a row has no effect any more, and no digest counts it.</summary>
internal static class Expiry
{
    /// <summary>How long a row is kept after its time: a clock that is a little wrong must not drop what is in use elsewhere.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromHours(1);

    /// <summary>Deletes up to so many rows per table.</summary>
    /// <returns>Whether a table had that many, and so may have more.</returns>
    public static bool Prune(View view, DateTimeOffset expiredBefore, int most)
    {
        var more = false;
        foreach (var table in Schema.Tables.Where(t => t.Expires))
        {
            more |= view.Execute(
                $"DELETE FROM {table.Name} WHERE id IN (SELECT id FROM {table.Name} WHERE expires_at < @before LIMIT @most)",
                new { before = expiredBefore.ToUnixTimeMilliseconds(), most }) == most;
        }
        return more;
    }
}
