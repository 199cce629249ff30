namespace Holdfast.Storage.Rows;

/// <summary>What a node is believed about: which tables, groups and kinds of rows it may write as facts (decision 0029). Everything else is the primary's.</summary>
/// <remarks>It goes by the version alone, and not by what is held: else two nodes that hear in another order would believe differently, and never be one again.</remarks>
public static class Belief
{
    /// <summary>What no node may write of this version, by its name in the schema; null when it may be a fact.</summary>
    public static string? Refused(RowVersion version)
    {
        for (var g = 0; g < version.Groups.Length; g++)
        {
            if (version.Groups[g] is not null && Refused(version.Table, version.Table.Groups[g], version.Value) is { } refused)
            {
                return refused;
            }
        }
        return version.Table.FromNodes ? null : version.Table.Name;
    }

    /// <summary>The same of a change that is to become one.</summary>
    public static string? Refused(Change change)
    {
        foreach (var group in change.Table.Groups)
        {
            if (change.Touches(group) && Refused(change.Table, group, column => change.Values.GetValueOrDefault(column)) is { } refused)
            {
                return refused;
            }
        }
        return change.Table.FromNodes ? null : change.Table.Name;
    }

    private static string? Refused(Table table, Group group, Func<string, object?> value)
    {
        if (!table.FromNodes)
        {
            return table.Name;
        }
        if (!group.FromNodes)
        {
            return $"{table.Name}.{group.Name}";
        }
        if (table.Kinds is not { } kinds || group.Name != kinds.Group)
        {
            return null;
        }
        var kind = value(kinds.Column) as string;
        return kinds.Any.Contains(kind) || (kinds.Ending.Contains(kind) && value(group.Columns[0]) is null)
            ? null
            : $"{table.Name}.{group.Name} of the kind '{(kind is { Length: <= 100 } ? kind : "")}'";
    }
}
