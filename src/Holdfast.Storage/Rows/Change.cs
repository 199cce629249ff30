namespace Holdfast.Storage.Rows;

/// <summary>A wish to change a row: the columns named take these values, stamped by whoever applies it. Other groups stay as they are.</summary>
/// <param name="Values">Text, 64-bit integer, boolean or null by column; a group is named whole or not at all.</param>
public sealed record Change(Table Table, string Id, IReadOnlyDictionary<string, object?> Values)
{
    /// <summary>A refreshment of what is there already: left out when this node's clock cannot be trusted to say what is later.</summary>
    public bool MayBeLeftOut { get; init; }

    /// <summary>The stamp that it must carry; null for a new one, as nearly always.</summary>
    public string? Stamp { get; private init; }

    /// <param name="values">Columns and their values.</param>
    public static Change To(Table table, string id, params ReadOnlySpan<(string Column, object? Value)> values)
    {
        var map = new Dictionary<string, object?>(values.Length, StringComparer.Ordinal);
        foreach (var (column, value) in values)
        {
            map.Add(column, value switch { bool flag => flag ? 1L : 0L, int number => (long)number, _ => value });
        }
        return new Change(table, id, map);
    }

    /// <summary>The same change under a stamp that was made elsewhere: an immutable row that travelled by another way than the journal (a session in its refresh
    /// token) is written as the row it was, so that it joins with its own original.</summary>
    /// <exception cref="ArgumentException">It touches a group that is not immutable, where an old stamp would lose or undo.</exception>
    public Change At(string stamp) => Table.Groups.Any(g => Touches(g) && g.Rule != MergeRule.First)
        ? throw new ArgumentException($"A change of {Table.Name} that is not of immutable groups alone takes its stamp where it is kept.", nameof(stamp))
        : this with { Stamp = stamp };

    /// <summary>The version that it becomes, under one stamp.</summary>
    internal RowVersion Stamped(string stamp)
    {
        var groups = new GroupVersion?[Table.Groups.Length];
        foreach (var (column, value) in Values)
        {
            var (g, c) = Table.Place(column);
            (groups[g] ??= new GroupVersion(stamp, new object?[Table.Groups[g].Columns.Length])).Values[c] = value;
        }
        if (groups.Where(group => group is not null).Sum(group => group!.Values.Length) != Values.Count)
        {
            throw new ArgumentException($"The change of {Table.Name} names only some columns of a group; the others would become null.");
        }
        return new RowVersion(Table, Id, groups);
    }

    /// <summary>Whether the change speaks of this group.</summary>
    internal bool Touches(Group group) => Values.ContainsKey(group.Columns[0]);
}

/// <summary>What a decision came to: the answer, and the changes that must be kept before it is given.</summary>
public sealed record Decision<T>(T Answer, IReadOnlyList<Change> Changes);

/// <summary>A decision that is on this node's disk.</summary>
/// <param name="Position">Where the journal stands after its facts; 0 when none of them needs a copy.</param>
/// <param name="NeedsCopy">Whether some of its facts wait for a copy elsewhere (law 3).</param>
public sealed record Recorded<T>(T Answer, long Position, bool NeedsCopy);

/// <summary>Ways to write a decision down.</summary>
public static class Decide
{
    /// <summary>An answer that changes nothing.</summary>
    public static Decision<T> Nothing<T>(T answer) => new(answer, []);

    /// <summary>An answer and what it changes.</summary>
    public static Decision<T> To<T>(T answer, params IReadOnlyList<Change> changes) => new(answer, changes);
}
