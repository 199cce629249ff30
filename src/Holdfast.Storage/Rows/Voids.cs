using System.Globalization;

namespace Holdfast.Storage.Rows;

/// <summary>What does not count because the node that said it was stolen: groups stamped by a life at or after a moment (decision 0034). It goes by the stamp alone, so that it is the same in every order.</summary>
public sealed class Voids
{
    /// <summary>How far back a quarantine reaches at most: as long as what it may have replaced is kept.</summary>
    public static readonly TimeSpan Farthest = TimeSpan.FromDays(30);

    /// <summary>The most versions that are void one by one, of all quarantines: whoever makes more has made himself known.</summary>
    private const int MostOnes = 100_000;

    private readonly Dictionary<string, string> _from;
    private readonly HashSet<One> _ones;

    private Voids(Dictionary<string, string> from, HashSet<One> ones) => (_from, _ones) = (from, ones);

    /// <summary>What is void, by life: the stamp from which on.</summary>
    public IReadOnlyDictionary<string, string> From => _from;

    /// <summary>What is void besides, each by itself.</summary>
    public IReadOnlySet<One> Ones => _ones;

    /// <summary>A group of a row as one stamp has it.</summary>
    public sealed record One(string Table, string Row, string Group, string Stamp);

    /// <summary>A row counts unless a lift names its quarantine, and no life lifts its own. What reaches further back than is kept is none.</summary>
    private const string Counting = """
        q.made_stamp <> '' AND typeof(q.life) = 'text' AND typeof(q.quarantine_id) = 'text' AND typeof(q.since) = 'integer' AND q.since BETWEEN 0 AND 7000000000000
          AND NOT EXISTS (SELECT 1 FROM quarantine_lifts l WHERE l.quarantine_id = q.quarantine_id AND l.made_stamp <> '' AND substr(l.made_stamp, 18) NOT IN (SELECT o.life FROM quarantines o WHERE o.quarantine_id = q.quarantine_id))
        """;

    /// <summary>In SQL, of a row <c>q</c> of <c>quarantines</c>: whether it is in force.</summary>
    public static string InForce => Counting;

    public static Voids Of(View view)
    {
        var rows = view.Query<Row>($"SELECT q.life AS Life, q.since AS Since, q.made_stamp AS Stamp FROM quarantines q WHERE {Counting}");
        // Of those in force the one that reaches furthest back counts.
        var from = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var row in rows.Where(r => IsSound(r.Since, r.Stamp)))
        {
            var stamp = First(row.Since);
            if (!from.TryGetValue(row.Life, out var known) || string.CompareOrdinal(stamp, known) < 0)
            {
                from[row.Life] = stamp;
            }
        }
        return new Voids(from, rows.Count == 0 ? [] : [.. view.Query<One>($"{SelectOnes} ORDER BY v.id LIMIT {MostOnes}")]);
    }

    private const string SelectOnes = $"""
        SELECT v.table_name AS "Table", v.row_id AS "Row", v.group_name AS "Group", v.stamp AS Stamp FROM quarantine_voids v
        WHERE v.made_stamp <> '' AND typeof(v.table_name) = 'text' AND typeof(v.row_id) = 'text' AND typeof(v.group_name) = 'text' AND typeof(v.stamp) = 'text'
          AND EXISTS (SELECT 1 FROM quarantines q WHERE q.quarantine_id = v.quarantine_id AND {Counting})
        """;

    /// <summary>Takes one more, if its quarantine is in force; without reading all the others.</summary>
    internal One? Add(View view, string id)
    {
        var one = view.Find<One>($"{SelectOnes} AND v.id = @id", new { id });
        return one is not null && _ones.Count < MostOnes && _ones.Add(one) ? one : null;
    }

    /// <summary>Whether a session does not count, by what this state has: whether or not its row came here.</summary>
    public static bool IsVoidSession(View view, string id, string stamp) =>
        view.Find<long>("SELECT EXISTS (SELECT 1 FROM quarantines)") != 0 && Of(view) is var voids && (voids.IsVoid(stamp) || voids._ones.Contains(new One(Schema.Sessions.Name, id, "made", stamp)));

    /// <summary>Whether it reaches no further back than what it would bring back is kept (a day more, for clocks and the way here).</summary>
    public static bool IsSound(long since, string stamp) => HybridClock.MillisecondsOf(stamp) - since <= (long)(Farthest + TimeSpan.FromDays(1)).TotalMilliseconds;

    /// <summary>The smallest stamp of a millisecond.</summary>
    public static string First(long milliseconds) => string.Create(CultureInfo.InvariantCulture, $"{milliseconds << 16:x16}");

    /// <summary>Whether what this stamp stands on does not count.</summary>
    public bool IsVoid(string stamp) => _from.Count > 0 && stamp.Length > 17 && _from.TryGetValue(HybridClock.LifeOf(stamp), out var from) && string.CompareOrdinal(stamp, from) >= 0;

    /// <summary>The same of a group of a row, of those that a quarantine takes back.</summary>
    public bool IsVoid(Table table, Group group, string id, string stamp) =>
        (IsVoid(stamp) || (_ones.Count > 0 && _ones.Contains(new One(table.Name, id, group.Name, stamp)))) && Takes(table, group);

    /// <summary>Whether a quarantine takes it back. Not what was used once, which would be good again (law 5); not who the nodes are and who decides, nor quarantines; not what is told of incidents;
    /// and not times that say no more than that something was touched.</summary>
    public static bool Takes(Table table, Group group) => !s_standing.Contains(table) && group.Name is not ("touched" or "seen");

    private static readonly HashSet<Table> s_standing =
    [
        Schema.Nodes, Schema.NodeList, Schema.Spends, Schema.SessionSpends, Schema.Quarantines, Schema.QuarantineLifts, Schema.QuarantineVoids, Schema.Incidents, Schema.IncidentEntries,
    ];

    /// <summary>Without the groups that are void; null when nothing is left, the same when nothing was.</summary>
    public RowVersion? Without(RowVersion version, Action<Group, GroupVersion>? taken = null)
    {
        if (_from.Count == 0 || (_ones.Count == 0 && !Array.Exists(version.Groups, g => g is not null && IsVoid(g.Stamp))))
        {
            return version;
        }
        var (groups, isAny, isAll) = (new GroupVersion?[version.Groups.Length], false, true);
        for (var g = 0; g < groups.Length; g++)
        {
            if (version.Groups[g] is not { } group)
            {
                continue;
            }
            if (IsVoid(version.Table, version.Table.Groups[g], version.Id, group.Stamp))
            {
                isAll = false;
                taken?.Invoke(version.Table.Groups[g], group);
                continue;
            }
            (groups[g], isAny) = (group, true);
        }
        return isAll ? version : isAny ? new RowVersion(version.Table, version.Id, groups) : null;
    }

    private sealed record Row(string Life, long Since, string Stamp);
}
