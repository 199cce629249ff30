using System.Globalization;
using Holdfast.Storage.Migrations;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Tests;

/// <summary>What a stolen node said is as if it had never come, in whatever order it, what it replaced, the quarantine and its end are heard (decision 0034).</summary>
public sealed class QuarantineTests
{
    private const string Thief = "aaaaaaaaaaaa";
    private const string Honest = "bbbbbbbbbbbb";

    private static readonly DateTimeOffset s_now = DateTimeOffset.UnixEpoch.AddYears(60);
    private static readonly long s_moment = s_now.ToUnixTimeMilliseconds();

    public static TheoryData<ulong> Seeds => [.. Enumerable.Range(1, 12).Select(n => (ulong)n)];

    [Theory, MemberData(nameof(Seeds))]
    public void Any_order_of_facts_quarantines_and_lifts_gives_the_same_rows(ulong seed)
    {
        var dice = new Dice(seed);
        for (var round = 0; round < 3; round++)
        {
            // Stamps are of this millisecond and of the one before: a quarantine since this one takes some of a life's, and since the one before all.
            var versions = Versions.Throw(dice, 1 + dice.Below(80), s_now).Where(v => !IsOrder(v)).ToList();
            List<RowVersion> orders = [.. Enumerable.Range(0, 1 + dice.Below(3)).Select(n => Quarantine($"quarantine_{n}", dice.Pick([Thief, Thief, Honest]), s_moment - dice.Below(2)))];
            orders.AddRange(orders.Where(_ => dice.OneIn(3)).Select(q => Lift((string)q.Value("quarantine_id")!, dice.Pick([Thief, "cccccccccccc"]))).ToList());
            orders.AddRange(versions.Where(_ => dice.OneIn(6)).Select(v => One($"quarantine_{dice.Below(4)}", v, dice.Below(v.Groups.Length))).OfType<RowVersion>().ToList());
            var expected = Expected(versions, orders);
            for (var again = 0; again < 3; again++)
            {
                using var node = new Rows();
                Versions.Rearranged(dice, [.. versions, .. orders]).ForEach(v => node.Writer.Apply(v));
                Assert.Equal(expected, node.Text());
            }
        }
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Nodes_that_heard_it_at_other_times_are_level_once_they_have_heard_the_same(ulong seed)
    {
        var dice = new Dice(seed);
        var versions = Versions.Throw(dice, 60, s_now).Where(v => !IsOrder(v)).ToList();
        List<RowVersion> orders = [Quarantine("quarantine_1", Thief, s_moment - 1), Quarantine("quarantine_2", Thief, s_moment)];
        using var first = new Rows();
        using var last = new Rows();
        orders.ForEach(q => first.Writer.Apply(q));
        versions.ForEach(v => first.Writer.Apply(v));
        dice.Shuffled(versions).ForEach(v => last.Writer.Apply(v));
        Assert.NotEqual(first.Text(), last.Text());
        orders.ForEach(q => last.Writer.Apply(q));
        Assert.Equal(first.Text(), last.Text());
        // The wider one is lifted, and the other holds; then that one too, and all is as if there had been none.
        RowVersion[] lifts = [Lift("quarantine_1", Honest), Lift("quarantine_2", Honest)];
        foreach (var lift in lifts)
        {
            first.Writer.Apply(lift);
            last.Writer.Apply(lift);
            Assert.Equal(first.Text(), last.Text());
        }
        using var never = new Rows();
        versions.ForEach(v => never.Writer.Apply(v));
        orders.Concat(lifts).ToList().ForEach(o => never.Writer.Apply(o));
        Assert.Equal(never.Text(), first.Text());
    }

    [Fact]
    public void What_was_replaced_stands_again_and_what_was_made_is_gone()
    {
        using var node = new Rows();
        node.Writer.Apply(User("user_1", Honest, -9, "theirs"));
        node.Writer.Apply(User("user_1", Thief, -8, "before it was stolen"));
        node.Writer.Apply(User("user_1", Thief, 0, "the thief's"));
        node.Writer.Apply(User("user_2", Thief, 1, "the thief's"));
        Assert.Equal("the thief's", node.Email("user_1"));
        node.Writer.Apply(Quarantine("quarantine_1", Thief, s_moment));
        Assert.Equal(("before it was stolen", null), (node.Email("user_1"), node.Email("user_2")));
        Assert.Equal(["user_1"], node.View.Query<string>("SELECT id FROM users"));
        var restored = Assert.Single(node.Restored);
        Assert.Equal("quarantine_1", restored.Cause.Value("quarantine_id"));
        Assert.Equal(["before it was stolen"], restored.Versions.Select(v => v.Value("email")));
        // What an honest node says later is no part of it.
        node.Writer.Apply(User("user_2", Honest, 2, "an honest one"));
        node.Writer.Apply(Lift("quarantine_1", Honest));
        Assert.Equal(("the thief's", "an honest one"), (node.Email("user_1"), node.Email("user_2")));
    }

    [Fact]
    public void A_life_does_not_lift_its_own_quarantine()
    {
        using var node = new Rows();
        node.Writer.Apply(User("user_1", Thief, 0, "the thief's"));
        node.Writer.Apply(Lift("quarantine_1", Thief));
        node.Writer.Apply(Quarantine("quarantine_1", Thief, s_moment));
        Assert.Null(node.Email("user_1"));
    }

    [Fact]
    public void One_that_reaches_further_back_than_what_it_replaced_is_kept_is_none()
    {
        using var node = new Rows();
        node.Writer.Apply(User("user_1", Thief, 0, "theirs"));
        node.Writer.Apply(Quarantine("quarantine_1", Thief, s_moment - (long)TimeSpan.FromDays(32).TotalMilliseconds));
        node.Writer.Apply(new RowVersion(Schema.Quarantines, "no one", [new GroupVersion(Stamp(Honest, 9), ["q", "n", Thief, "yesterday", "a", "r", 1L])]));
        Assert.Equal("theirs", node.Email("user_1"));
    }

    [Fact]
    public void What_was_used_once_stays_used()
    {
        using var node = new Rows();
        node.Writer.Apply(Change.To(Schema.Spends, "code_1", ("environment_id", "e"), ("kind", "code"), ("request", null), ("created_at", 1L), ("expires_at", long.MaxValue)).Stamped(Stamp(Thief, 1)));
        node.Writer.Apply(Quarantine("quarantine_1", Thief, s_moment));
        Assert.Equal(1, node.View.Find<long>("SELECT count(*) FROM spends"));
    }

    private static bool IsOrder(RowVersion version) => version.Table == Schema.Quarantines || version.Table == Schema.QuarantineLifts || version.Table == Schema.QuarantineVoids;

    /// <summary>A quarantine's word about one group of one version.</summary>
    private static RowVersion? One(string id, RowVersion version, int group) => version.Groups[group] is not { } said ? null : Change.To(Schema.QuarantineVoids, $"{id}/{version.Table.Name}/{version.Id}/{group}/{said.Stamp}",
        ("quarantine_id", id), ("table_name", version.Table.Name), ("row_id", version.Id), ("group_name", version.Table.Groups[group].Name), ("stamp", said.Stamp), ("created_at", 1L)).Stamped(Stamp("cccccccccccc", 300));

    private static string Stamp(string life, int after) => string.Create(CultureInfo.InvariantCulture, $"{(s_moment << 16) + after:x16}.{life}");

    private static RowVersion User(string id, string life, int after, string email) => Change.To(Schema.Users, id, ("email", email)).Stamped(Stamp(life, after));

    internal static RowVersion Quarantine(string id, string life, long since) => Change.To(Schema.Quarantines, $"{id}/{life}",
        ("quarantine_id", id), ("node", "stolen"), ("life", life), ("since", since), ("author", "Ada"), ("reason", "stolen"), ("created_at", s_moment)).Stamped(Stamp("cccccccccccc", 100));

    internal static RowVersion Lift(string id, string by) => Change.To(Schema.QuarantineLifts, $"lift_{id}{by}",
        ("quarantine_id", id), ("author", "Ada"), ("reason", "found"), ("created_at", s_moment)).Stamped(Stamp(by, 200));

    /// <summary>The join of what does not come from a thief: the law itself, without a database.</summary>
    private static string Expected(IReadOnlyList<RowVersion> versions, IReadOnlyList<RowVersion> orders)
    {
        var lifted = orders.Where(o => o.Table == Schema.QuarantineLifts).Select(l => (Of: l.Value("quarantine_id"), By: HybridClock.LifeOf(l.LatestStamp))).ToList();
        var inForce = orders.Where(o => o.Table == Schema.Quarantines).Where(q => !lifted.Exists(l => Equals(l.Of, q.Value("quarantine_id")) && !Equals(l.By, q.Value("life")))).ToList();
        var ones = orders.Where(o => o.Table == Schema.QuarantineVoids && inForce.Exists(q => Equals(q.Value("quarantine_id"), o.Value("quarantine_id"))))
            .Select(o => (o.Value("table_name"), o.Value("row_id"), o.Value("group_name"), o.Value("stamp"))).ToHashSet();
        bool IsVoid(RowVersion of, Group group, GroupVersion said) => Voids.Takes(of.Table, group) && (ones.Contains((of.Table.Name, of.Id, group.Name, said.Stamp)) || IsOf(said));
        bool IsOf(GroupVersion said) => inForce.Exists(q => HybridClock.LifeOf(said.Stamp) == (string)q.Value("life")! && HybridClock.MillisecondsOf(said.Stamp) >= (long)q.Value("since")!);
        var rows = new Dictionary<(string, string), RowVersion>();
        foreach (var version in versions.Concat(orders))
        {
            var groups = version.Groups.Select((g, at) => g is not null && IsVoid(version, version.Table.Groups[at], g) ? null : g).ToArray();
            if (groups.Any(g => g is not null))
            {
                var key = (version.Table.Name, version.Id);
                rows[key] = Join.Of(rows.GetValueOrDefault(key), new RowVersion(version.Table, version.Id, groups)).Joined;
            }
        }
        return string.Join('\n', rows.Values.Select(r => r.ToJson()).Order(StringComparer.Ordinal));
    }

    /// <summary>A node's rows in memory.</summary>
    private sealed class Rows : IDisposable
    {
        private readonly SqliteConnection _connection = SqliteFile.Open(":memory:", SqliteOpenMode.Memory, TimeSpan.FromSeconds(1), null);

        public Rows()
        {
            Migrator.MoveForward(_connection, Migrator.Node, s_now);
            View = new View(_connection);
            Writer = new RowWriter(_connection) { Beside = new Beside(View, TimeProvider.System), Restored = (cause, versions) => Restored.Add((cause, versions)) };
        }

        public View View { get; }

        public RowWriter Writer { get; }

        public List<(RowVersion Cause, IReadOnlyList<RowVersion> Versions)> Restored { get; } = [];

        public string? Email(string user) => View.Find<string>("SELECT email FROM users WHERE id = @user", new { user });

        public string Text() => string.Join('\n', Schema.Tables.SelectMany(table => Writer.ReadAll(table)).Select(r => r.ToJson()).Order(StringComparer.Ordinal));

        public void Dispose()
        {
            Writer.Dispose();
            View.Dispose();
            _connection.Dispose();
        }
    }
}
