namespace Holdfast.Storage.Rows;

/// <summary>Joins what is held (null when nothing is) with what comes, and says whether it differs from what is held.</summary>
public delegate (RowVersion Joined, bool Differs) JoinVersions(RowVersion? held, RowVersion incoming);

/// <summary>The join of two versions of one row: commutative, associative, idempotent (decision 0001).</summary>
public static class Join
{
    /// <summary>The join, and whether it differs from <paramref name="held"/>.</summary>
    /// <param name="held">What is there; null when nothing is.</param>
    public static (RowVersion Joined, bool Differs) Of(RowVersion? held, RowVersion incoming)
    {
        if (held is null)
        {
            return (incoming, true);
        }
        var groups = new GroupVersion?[held.Groups.Length];
        var differs = false;
        for (var g = 0; g < groups.Length; g++)
        {
            var (a, b) = (held.Groups[g], incoming.Groups[g]);
            if (held.Table.Groups[g].Rule == MergeRule.Same && a is not null && b is not null)
            {
                groups[g] = OneOf(a, b);
                differs |= groups[g]!.Stamp != a.Stamp || !groups[g]!.Values.SequenceEqual(a.Values);
                continue;
            }
            var incomingStays = b is not null && (a is null || Precedence(held.Table.Groups[g].Rule, b, a) > 0);
            groups[g] = incomingStays ? b : a;
            differs |= incomingStays;
        }
        return (new RowVersion(held.Table, held.Id, groups), differs);
    }

    /// <summary>Whether two versions say of one row what only one of them can have from its one writer.</summary>
    public static bool Contradict(RowVersion x, RowVersion y)
    {
        for (var g = 0; g < x.Groups.Length; g++)
        {
            if (x.Table.Groups[g].Rule == MergeRule.Same && x.Groups[g] is { } a && y.Groups[g] is { } b
                && !IsNothing(a) && !IsNothing(b) && !a.Values.SequenceEqual(b.Values))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>The later stamp; and the one value, or none.</summary>
    private static GroupVersion OneOf(GroupVersion a, GroupVersion b)
    {
        var stamp = string.CompareOrdinal(a.Stamp, b.Stamp) >= 0 ? a.Stamp : b.Stamp;
        return new GroupVersion(stamp, IsNothing(a) ? b.Values : IsNothing(b) || a.Values.SequenceEqual(b.Values) ? a.Values : [.. a.Values.Select((_, c) => c == 0 ? "" : null)]);
    }

    private static bool IsNothing(GroupVersion group) => group.Values.All(v => v is null);

    /// <summary>Above 0 when <paramref name="x"/> stays, below when <paramref name="y"/> does, 0 when they are the same.</summary>
    private static int Precedence(MergeRule rule, GroupVersion x, GroupVersion y)
    {
        var later = string.CompareOrdinal(x.Stamp, y.Stamp);
        var order = rule switch
        {
            MergeRule.Later => later,
            MergeRule.First => -later,
            MergeRule.Greatest => Compare(x.Values[0], y.Values[0]) is var c and not 0 ? c : later,
            MergeRule.Least => -Compare(x.Values[0], y.Values[0]) is var c and not 0 ? c : later,
            MergeRule.Claim =>
                Compare(x.Values[1], y.Values[1]) is var term and not 0 ? term
                : Compare(x.Values[2], y.Values[2]) is var verified and not 0 ? verified
                : -later,
            _ => throw new ArgumentOutOfRangeException(nameof(rule)),
        };
        // No honest writer gives one stamp to two values. Should it happen, every node must still choose alike.
        for (var v = 0; order == 0 && v < x.Values.Length; v++)
        {
            order = Compare(x.Values[v], y.Values[v]);
        }
        return order;
    }

    /// <summary>Nothing, then numbers, then texts: an order whatever the kinds are.</summary>
    private static int Compare(object? x, object? y) => (x, y) switch
    {
        (null, null) => 0,
        (null, _) => -1,
        (_, null) => 1,
        (long a, long b) => a.CompareTo(b),
        (long, _) => -1,
        (_, long) => 1,
        _ => string.CompareOrdinal((string)x, (string)y),
    };
}
