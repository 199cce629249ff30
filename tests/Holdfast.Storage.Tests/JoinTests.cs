using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests;

/// <summary>Decision 0001, case 1, on the join alone; and the clock that stamps what is joined (cases 2 and 3).</summary>
public class JoinTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch.AddYears(60);

    public static TheoryData<ulong> Seeds => [.. Enumerable.Range(1, 40).Select(n => (ulong)n)];

    [Theory, MemberData(nameof(Seeds))]
    public void Any_order_repetition_and_splitting_of_versions_joins_to_the_same(ulong seed)
    {
        var dice = new Dice(seed);
        for (var round = 0; round < 20; round++)
        {
            var versions = Versions.Throw(dice, 1 + dice.Below(60), Now);
            var expected = Text(JoinAll(versions));
            for (var again = 0; again < 4; again++)
            {
                Assert.Equal(expected, Text(JoinAll(Versions.Rearranged(dice, versions))));
            }
        }
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Databases_that_joined_apart_join_to_the_same(ulong seed)
    {
        var dice = new Dice(seed);
        var versions = Versions.Throw(dice, 80, Now);
        var here = JoinAll(dice.Shuffled(versions.Where(_ => dice.OneIn(2))));
        var there = JoinAll(dice.Shuffled(versions));
        Assert.Equal(Text(there), Text(JoinAll([.. here.Values, .. there.Values])));
        Assert.Equal(Text(there), Text(JoinAll([.. there.Values, .. here.Values])));
    }

    [Fact]
    public void A_join_says_that_nothing_differs_exactly_when_nothing_does()
    {
        var dice = new Dice(7);
        for (var round = 0; round < 2000; round++)
        {
            var versions = Versions.Throw(dice, 30, Now);
            var held = JoinAll(versions[1..]).Values.FirstOrDefault(v => v.Table == versions[0].Table && v.Id == versions[0].Id);
            var (joined, differs) = Join.Of(held, versions[0]);
            Assert.Equal(held?.ToJson() != joined.ToJson(), differs);
        }
    }

    [Fact]
    public void Values_of_different_kinds_under_one_stamp_have_an_order()
    {
        var table = new Table("things", [new("thing", MergeRule.Later, "one", "two")]);
        object?[][] values = [[9L, "x"], [10L, "x"], ["1x", "x"], ["9", "x"], ["10", null], [null, "\u001f"], ["a\u001fb", "c"], ["a", "b\u001fc"], ["a", "\u0000"], ["a", null]];
        var versions = values.Select(v => new RowVersion(table, "thing_1", [new GroupVersion("0000000000000001.aaaaaaaaaaaa", v)])).ToList();
        var dice = new Dice(3);
        var expected = Text(JoinAll(versions));
        for (var round = 0; round < 500; round++)
        {
            Assert.Equal(expected, Text(JoinAll(dice.Shuffled(versions))));
        }
    }

    [Fact]
    public void A_version_is_read_from_its_text_as_it_was_written()
    {
        foreach (var version in Versions.Throw(new Dice(11), 2000, Now))
        {
            Assert.Equal(version.ToJson(), RowVersion.FromJson(version.ToJson(), Schema.ByName)!.ToJson());
        }
    }

    [Fact]
    public void A_writer_whose_clock_is_behind_still_exceeds_what_it_replaces()
    {
        var ahead = new HybridClock(new MovedClock(TimeSpan.FromSeconds(50)), "aaaaaaaaaaaa");
        var behind = new HybridClock(new MovedClock(TimeSpan.FromDays(-400)), "bbbbbbbbbbbb");
        var replaced = ahead.Next();
        Assert.True(string.CompareOrdinal(behind.Next(replaced), replaced) > 0);
    }

    [Fact]
    public void Stamps_of_one_clock_never_go_back_nor_repeat_when_the_machines_does()
    {
        var machine = new MovedClock();
        var clock = new HybridClock(machine, "aaaaaaaaaaaa");
        var last = "";
        foreach (var hours in (int[])[0, 5, -5, 0, 1000, -1000])
        {
            machine.Ahead = TimeSpan.FromHours(hours);
            for (var i = 0; i < 100; i++)
            {
                var next = clock.Next();
                Assert.True(string.CompareOrdinal(next, last) > 0);
                last = next;
            }
        }
    }

    [Fact]
    public void A_stamp_from_far_ahead_is_exceeded_and_moves_no_clock()
    {
        var clock = new HybridClock(TimeProvider.System, "aaaaaaaaaaaa");
        var strange = new HybridClock(new MovedClock(TimeSpan.FromDays(9)), "bbbbbbbbbbbb").Next();
        Assert.True(clock.IsAhead(strange));
        Assert.True(string.CompareOrdinal(clock.Next(after: strange), strange) > 0);
        Assert.True(string.CompareOrdinal(clock.Next(), strange) < 0);
    }

    [Fact]
    public void A_row_that_does_not_say_when_it_expires_has_not_expired()
    {
        var table = new Table("things", [new("made", MergeRule.First, "expires_at"), new("named", MergeRule.Later, "name")], Expires: true);
        Assert.False(Digest.HasExpired(new RowVersion(table, "thing_1", [null, new GroupVersion("1", ["a"])]), Now));
        Assert.True(Digest.HasExpired(new RowVersion(table, "thing_1", [new GroupVersion("1", [1L]), null]), Now));
    }

    [Fact]
    public void A_change_that_names_half_of_a_group_is_refused()
    {
        var half = Change.To(Schema.RedirectUris, "redirect_uri_1", ("is_default", true));
        Assert.Throws<ArgumentException>(() => half.Stamped("1"));
    }

    private static Dictionary<(string, string), RowVersion> JoinAll(IEnumerable<RowVersion> versions)
    {
        var rows = new Dictionary<(string, string), RowVersion>();
        foreach (var version in versions)
        {
            rows[(version.Table.Name, version.Id)] = Join.Of(rows.GetValueOrDefault((version.Table.Name, version.Id)), version).Joined;
        }
        return rows;
    }

    private static string Text(Dictionary<(string, string), RowVersion> rows) => string.Join('\n', rows.Values.Select(r => r.ToJson()).Order(StringComparer.Ordinal));
}
