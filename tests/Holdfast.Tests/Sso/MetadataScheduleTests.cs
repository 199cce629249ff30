using Holdfast.Sso;

namespace Holdfast.Tests.Sso;

/// <summary>When metadata addresses are read: how much at once, how often at most, and how seldom a host that fails.</summary>
public sealed class MetadataScheduleTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly SsoOptions Options = new();

    private static MetadataSchedule Schedule(int connections, int hosts, int round = 1)
    {
        var schedule = new MetadataSchedule(Options, "node");
        for (var i = 0; i < connections; i++)
        {
            schedule.Put($"conn_{i}", 1, $"host{i % hosts}", round, Now);
        }
        return schedule;
    }

    [Fact]
    public void A_start_spreads_what_it_finds_over_an_hour()
    {
        var schedule = Schedule(1000, 1000);
        var minutes = new int[61];
        for (var second = 0; second <= 3600; second++)
        {
            var now = Now + TimeSpan.FromSeconds(second);
            while (schedule.Take(now) is { Count: > 0 } taken)
            {
                foreach (var (id, host) in taken)
                {
                    minutes[second / 60]++;
                    schedule.Done(id, host, now, Options.MetadataUsual);
                }
            }
        }
        Assert.Equal(1000, minutes.Sum());
        Assert.InRange(minutes.Max(), 1, 60);
    }

    [Fact]
    public void Few_are_under_way_and_one_at_a_host()
    {
        var schedule = Schedule(100, 20);
        var later = Now + TimeSpan.FromHours(1);
        var taken = schedule.Take(later);
        Assert.Equal((MetadataSchedule.AtOnce, MetadataSchedule.AtOnce), (taken.Count, taken.Select(t => t.Host).Distinct().Count()));
        Assert.Empty(schedule.Take(later));

        // A place that is free is taken by another host: this one rests first.
        schedule.Done(taken[0].Id, taken[0].Host, later, Options.MetadataUsual);
        var next = Assert.Single(schedule.Take(later));
        Assert.DoesNotContain(next.Host, taken.Select(t => t.Host));

        var crowd = Schedule(100, 1);
        var first = Assert.Single(crowd.Take(later));
        crowd.Done(first.Id, first.Host, later, Options.MetadataUsual);
        Assert.Empty(crowd.Take(later + MetadataSchedule.BetweenCalls - TimeSpan.FromTicks(1)));
        Assert.Single(crowd.Take(later + MetadataSchedule.BetweenCalls));
    }

    [Fact]
    public void A_failing_one_is_asked_ever_more_seldom_and_one_that_is_well_as_usual()
    {
        var schedule = Schedule(1, 1);
        var now = Now + TimeSpan.FromHours(1);
        foreach (var hours in new[] { 1, 2, 4, 8, 16, 24, 24 })
        {
            Fetch(next: null, hours);
        }
        Fetch(Options.MetadataUsual, 6);
        Fetch(next: null, 1);

        void Fetch(TimeSpan? next, int hours)
        {
            var (id, host) = Assert.Single(schedule.Take(now));
            schedule.Done(id, host, now, next);
            Assert.Empty(schedule.Take(now + TimeSpan.FromHours(hours) - TimeSpan.FromTicks(1)));
            now += TimeSpan.FromHours(hours) * 1.1;   // a tenth more at most, each connection its own share of it
        }
    }

    [Theory]
    [InlineData(null, null, 6)]
    [InlineData(0.01, null, 1)]
    [InlineData(3.0, null, 3)]
    [InlineData(1000.0, null, 24)]
    [InlineData(null, 4.0, 2)]
    [InlineData(3.0, 100.0, 3)]
    [InlineData(null, 0.5, 1)]
    public void A_document_says_how_long_it_keeps_within_our_bounds(double? cacheHours, double? validHours, double hours) => Assert.Equal(
        TimeSpan.FromHours(hours),
        new MetadataSchedule(Options, "node").Interval(
            cacheHours is { } cache ? TimeSpan.FromHours(cache) : null, validHours is { } valid ? Now + TimeSpan.FromHours(valid) : null, Now));

    [Fact]
    public void What_is_gone_or_has_no_address_is_not_read()
    {
        var schedule = new MetadataSchedule(Options, "node");
        schedule.Put("conn_gone", 1, "a", 1, Now);
        schedule.Put("conn_without", 1, null, 1, Now);
        schedule.Put("conn_changed", 1, "b", 1, Now);
        Assert.True(schedule.Knows("conn_without", 1, 2));
        Assert.False(schedule.Knows("conn_changed", 2, 2));
        schedule.Put("conn_changed", 2, "c", 2, Now);
        schedule.KeepOnly(2);
        Assert.Equal([("conn_changed", "c")], schedule.Take(Now + TimeSpan.FromHours(2)));
    }

    [Fact]
    public void A_change_while_it_is_read_stands()
    {
        var schedule = Schedule(1, 1);
        var (id, host) = Assert.Single(schedule.Take(Now + TimeSpan.FromHours(1)));
        schedule.Put(id, 2, "elsewhere", 2, Now + TimeSpan.FromHours(1));
        schedule.Done(id, host, Now + TimeSpan.FromHours(1), Options.MetadataUsual);
        Assert.Equal([(id, "elsewhere")], schedule.Take(Now + TimeSpan.FromHours(1) + TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public void Nodes_do_not_come_at_the_same_moment()
    {
        DateTimeOffset FirstOf(string node)
        {
            var schedule = new MetadataSchedule(Options, node);
            schedule.Put("conn_1", 1, "a", 1, Now);
            var now = Now;
            for (; schedule.Take(now).Count == 0; now += TimeSpan.FromSeconds(1))
            {
            }
            return now;
        }
        Assert.True(new[] { "one", "two", "three" }.Select(FirstOf).Distinct().Count() == 3);
    }
}
