namespace Holdfast.Storage.Rows;

/// <summary>Which of two values of a column group stays when versions meet (decision 0001).</summary>
public enum MergeRule
{
    /// <summary>The one with the later stamp.</summary>
    Later,

    /// <summary>The one with the smaller stamp: what is immutable.</summary>
    First,

    /// <summary>The greater value of the group's first column, then the later stamp.</summary>
    Greatest,

    /// <summary>The smaller value of the group's first column, then the later stamp.</summary>
    Least,

    /// <summary>Columns (holder, term, verified, …): higher term, then verified, then smaller stamp.</summary>
    Claim,

    /// <summary>One value for good. Nothing yields to it; and of two that differ neither stays: the first column is empty text from then on, the others null.</summary>
    Same,
}

/// <summary>What a version of the table costs the journal, and so which share of it may be used (architecture §2).</summary>
public enum JournalShare
{
    /// <summary>At most nine tenths of the journal.</summary>
    Fact,

    /// <summary>At most half of it.</summary>
    Audit,

    /// <summary>All of it: a deny is always writable (law 4).</summary>
    Deny,
}

/// <summary>Columns that are written together and carry one stamp.</summary>
public sealed record Group(string Name, MergeRule Rule, params string[] Columns)
{
    /// <summary>The column that holds the group's stamp.</summary>
    public string StampColumn => Name + "_stamp";

    /// <summary>Whether nodes write it as facts, where they write the table at all (<see cref="Belief"/>).</summary>
    public bool FromNodes { get; init; } = true;
}

/// <summary>A table's declaration: what <c>apply</c>, the digest and the migrations' test go by.</summary>
/// <param name="Name">Its name in SQL.</param>
/// <param name="Groups">Its column groups. Beside them stands only <c>id</c>.</param>
/// <param name="Share">The journal's share that its versions count to.</param>
/// <param name="Expires">Whether it has <c>expires_at</c> (Unix milliseconds), after which each database forgets the row by itself.</param>
/// <param name="FromNodes">Whether nodes write it, as facts. The others are the primary's alone, and no peer is believed about them.</param>
/// <param name="NeedsCopy">Whether its facts wait for a copy in another failure domain (law 3).</param>
public sealed record Table(
    string Name, Group[] Groups, JournalShare Share = JournalShare.Fact, bool Expires = false, bool FromNodes = false, bool NeedsCopy = false)
{
    /// <summary>What of the table nodes write, where a column says what a row is; null where it does not matter.</summary>
    public Kinds? Kinds { get; init; }

    private readonly Dictionary<string, (int Group, int Column)> _places = Groups
        .SelectMany((group, g) => group.Columns.Select((column, c) => (column, g, c)))
        .ToDictionary(p => p.column, p => (p.g, p.c), StringComparer.Ordinal);

    /// <summary>Where a column stands.</summary>
    /// <exception cref="ArgumentException">The table has no such column.</exception>
    public (int Group, int Column) Place(string column) =>
        _places.TryGetValue(column, out var place) ? place : throw new ArgumentException($"Table {Name} has no column {column}.", nameof(column));

    /// <summary>The place of a group by its name; -1 when an elder or younger release knows it and this one does not.</summary>
    public int GroupAt(string name) => Array.FindIndex(Groups, g => g.Name == name);

    public override string ToString() => Name;
}

/// <summary>Kinds of a table's rows, and what a node may write of each as a fact. Of a kind that is not named here, nothing.</summary>
/// <param name="Column">Says the kind. A fact that touches <paramref name="Group"/> names it.</param>
/// <param name="Group">The group that is judged.</param>
/// <param name="Any">Kinds of which a node may write anything.</param>
/// <param name="Ending">Kinds of which it may write no more than that a value is given up: the group's first column null.</param>
public sealed record Kinds(string Column, string Group, string[] Any, string[] Ending);
