using Holdfast.Load;

namespace Holdfast.Tests.Load;

/// <summary>Who comes in, who waits, who is refused; on a clock that only the test moves.</summary>
public sealed class PlacesTests
{
    private static readonly LoadOptions Ten = new(10, 10) { Start = 10, Standing = TimeSpan.FromMilliseconds(100) };

    private readonly VirtualClock _clock = new();

    [Fact]
    public void As_the_node_fills_the_lowest_priority_is_held_up_first_and_sessions_last()
    {
        var places = new Places(Ten with { OfOneTenant = 1 }, _clock);
        var let = new Dictionary<Priority, int>();
        foreach (var priority in PriorityWords.All.Reverse())
        {
            while (Come(places, priority).IsInside)
            {
                let[priority] = let.GetValueOrDefault(priority) + 1;
            }
        }

        Assert.Equal([1, 1, 1, 2, 5], PriorityWords.All.Select(p => let.GetValueOrDefault(p)));
    }

    [Fact]
    public void A_place_that_is_given_back_goes_to_the_dearest_who_waits()
    {
        var places = new Places(Ten with { OfOneTenant = 1 }, _clock);
        var inside = Enumerable.Range(0, 10).Select(_ => Come(places, Priority.Session)).ToList();
        var read = Come(places, Priority.Read);
        var session = Come(places, Priority.Session);

        places.Leave(inside[0].Visit);

        Assert.True(session.IsInside);
        Assert.False(read.IsInside);
    }

    [Fact]
    public void One_tenant_cannot_have_all_places_and_in_the_queue_tenants_take_turns()
    {
        var places = new Places(Ten, _clock);
        var storm = Enumerable.Range(0, 14).Select(_ => Come(places, Priority.Session, "storm")).ToList();
        Assert.Equal(8, storm.Count(s => s.IsInside));
        Assert.True(Come(places, Priority.Session, "calm").IsInside);
        Assert.True(Come(places, Priority.Session, "calm").IsInside);
        var waits = Come(places, Priority.Session, "calm");
        Assert.False(waits.IsInside);

        places.Leave(storm[0].Visit);
        places.Leave(storm[1].Visit);

        Assert.True(waits.IsInside);
    }

    [Fact]
    public void A_deny_with_a_shown_key_comes_in_however_full_it_is_up_to_a_bound_of_its_own()
    {
        var places = new Places(Ten with { OfOneTenant = 0.5, MostDenies = 4 }, _clock);
        foreach (var tenant in (string[])["a", "b"])
        {
            Assert.All(Enumerable.Range(0, 5), _ => Assert.True(Come(places, Priority.Session, tenant).IsInside));
        }
        Assert.False(Come(places, Priority.Session, "c").IsInside);

        var denies = ((string[])["c", "c", "d"]).Select(t => Come(places, Priority.Session, "deny " + t, isDeny: true)).ToList();
        Assert.All(denies, d => Assert.True(d.IsInside));
        var third = Come(places, Priority.Session, "deny c", isDeny: true);
        Assert.False(third.IsInside);   // one tenant has half of these too
        Assert.True(Come(places, Priority.Session, "deny e", isDeny: true).IsInside);
        Assert.False(Come(places, Priority.Session, "deny f", isDeny: true).IsInside);

        places.Leave(denies[0].Visit);
        Assert.True(third.IsInside);
    }

    [Fact]
    public async Task Who_waits_for_a_copy_on_another_node_holds_no_place()
    {
        var copies = new Holdfast.Storage.Peers.Copies("here", "zone", _clock);
        var other = new Holdfast.Storage.Peers.NodeIdentity("other", "there", "zone-2", "1");
        copies.Confirm(other, 1);
        var told = new List<string>();
        Holdfast.Resilience.Errand.Current = new(() => told.Add("out"), () => told.Add("back"));
        Assert.True(await copies.WaitAsync(1));
        Assert.Empty(told);

        var waits = copies.WaitAsync(2);
        Assert.Equal(["out"], told);
        copies.Confirm(other, 2);
        Assert.True(await waits);
        Assert.Equal(["out", "back"], told);
    }

    [Fact]
    public void The_queue_is_bounded_and_who_came_first_of_the_tenant_with_the_most_waiting_gives_way()
    {
        var places = new Places(Ten, _clock);
        var storm = Enumerable.Range(0, 18).Select(_ => Come(places, Priority.Read, "storm")).ToList();
        for (var i = 0; i < 10; i++)
        {
            Come(places, Priority.Session, $"other-{i}");
        }
        var calm = Come(places, Priority.Read, "calm");

        Assert.Null(calm.Refusal);
        Assert.NotNull(storm.First(s => !s.IsInside).Refusal);
        Assert.True(places.State.Waiting <= 10);
    }

    [Fact]
    public void When_nothing_but_dearer_ones_waits_a_cheaper_one_is_refused_at_once()
    {
        var places = new Places(Ten with { OfOneTenant = 1 }, _clock);
        var sessions = Enumerable.Range(0, 20).Select(_ => Come(places, Priority.Session)).ToList();

        Assert.NotNull(Come(places, Priority.Administration).Refusal);
        Assert.All(sessions, s => Assert.Null(s.Refusal));
    }

    [Fact]
    public void Who_has_waited_too_long_is_refused_and_with_a_standing_queue_sooner_and_the_latest_comes_first()
    {
        var places = new Places(Ten with { OfOneTenant = 1 }, _clock);
        var inside = Enumerable.Range(0, 10).Select(_ => Come(places, Priority.Session)).ToList();
        var early = Come(places, Priority.Session);
        _clock.Advance(TimeSpan.FromMilliseconds(90));
        var (middle, late) = (Come(places, Priority.Session), Come(places, Priority.Session));
        _clock.Advance(TimeSpan.FromMilliseconds(20));
        places.Sweep();

        Assert.NotNull(early.Refusal);
        places.Leave(inside[0].Visit);
        Assert.True(late.IsInside);
        Assert.False(middle.IsInside);
    }

    [Fact]
    public void Whoever_has_gone_waits_no_more()
    {
        var places = new Places(Ten with { OfOneTenant = 1 }, _clock);
        var inside = Enumerable.Range(0, 10).Select(_ => Come(places, Priority.Session)).ToList();
        var (gone, stays) = (Come(places, Priority.Session), Come(places, Priority.Session));

        places.Leave(gone.Visit);
        places.Leave(inside[0].Visit);

        Assert.False(gone.IsInside);
        Assert.True(stays.IsInside);
        Assert.Equal(1, places.State.Counts.Single(c => c.Priority == Priority.Session).Left);
    }

    [Fact]
    public void Who_waits_for_somebody_else_holds_no_place_and_what_it_waited_is_none_of_its_cost()
    {
        var places = new Places(Ten with { OfOneTenant = 1 }, _clock);
        for (var i = 0; i < 200; i++)
        {
            var asks = Come(places, Priority.Session);
            Assert.True(asks.IsInside);
            places.GoOut(asks.Visit);
        }
        Assert.Equal((0, 200), (places.State.Inside, places.State.Outside));

        var limit = places.State.Limit;
        var slow = Enumerable.Range(0, 10).Select(_ => Come(places, Priority.SignIn)).Where(s => s.IsInside).ToList();
        foreach (var one in slow)
        {
            places.GoOut(one.Visit);
        }
        _clock.Advance(TimeSpan.FromSeconds(2));
        foreach (var one in slow)
        {
            places.ComeBack(one.Visit);
            places.Leave(one.Visit);
        }
        Assert.Equal(limit, places.State.Limit);
    }

    [Fact]
    public void The_limit_falls_when_things_hold_each_other_up_and_grows_again_when_they_do_not()
    {
        var places = new Places(new LoadOptions(4, 200) { Start = 100, OfOneTenant = 1 }, _clock);
        Round(1, TimeSpan.FromMilliseconds(2), 50);   // alone
        Round(60, TimeSpan.FromMilliseconds(400), 10);
        Assert.InRange(places.State.Limit, 4, 20);

        for (var i = 0; i < 400; i++)
        {
            Round((places.State.Limit / 2) + 1, TimeSpan.FromMilliseconds(3), 1);
        }
        Assert.True(places.State.Limit > 20, $"{places.State.Limit}");

        void Round(int atOnce, TimeSpan takes, int times)
        {
            for (var i = 0; i < times; i++)
            {
                var round = Enumerable.Range(0, atOnce).Select(_ => Come(places, Priority.Session)).ToList();
                _clock.Advance(takes);
                round.ForEach(r => places.Leave(r.Visit));
            }
        }
    }

    [Fact]
    public void A_burst_is_no_overload_and_what_lasts_is_named_with_its_beginning()
    {
        var places = new Places(Ten with { OfOneTenant = 1 }, _clock);
        for (var i = 0; i < 30; i++)
        {
            Come(places, Priority.Read);
        }
        Assert.False(places.State.IsOverloaded);

        var since = _clock.GetUtcNow();
        for (var i = 0; i < 12; i++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(200));
            Come(places, Priority.Read);
        }
        Assert.True(places.State.IsOverloaded);
        Assert.Equal(since, places.State.OverloadedSince);
        Assert.Equal([Priority.Read], places.State.Refused);

        _clock.Advance(TimeSpan.FromSeconds(6));
        Assert.False(places.State.IsOverloaded);
        Assert.Null(places.State.OverloadedSince);
    }

    private static Caller Come(Places places, Priority priority, string tenant = "tenant", bool isDeny = false)
    {
        var caller = new Caller();
        caller.Visit = new Visit(priority, "operation", tenant, why => (caller.IsInside, caller.Refusal) = (why is null, why), isDeny);
        if (places.Enter(caller.Visit, out var refusal) is { } inside)
        {
            (caller.IsInside, caller.Refusal) = (inside, refusal);
        }
        return caller;
    }

    private sealed class Caller
    {
        public Visit Visit { get; set; } = null!;

        public bool IsInside { get; set; }

        public Refusal? Refusal { get; set; }
    }
}
