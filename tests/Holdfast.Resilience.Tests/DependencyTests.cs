using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Resilience.Tests;

public sealed class DependencyTests
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.Parse("2026-01-01T00:00:00Z", null));

    private Dependency Make(int maxConcurrent = 100, Func<Exception, bool>? isAnswer = null) => new(
        new DependencyPolicy("mail", "mail", TimeSpan.FromSeconds(10), maxConcurrent, "Mail waits in the queue.", ["AuthKit"])
        {
            IsAnswer = isAnswer ?? (_ => false),
        },
        _clock);

    private static Task<int> Answers(CancellationToken _) => Task.FromResult(1);

    private static Task<int> Breaks(CancellationToken _) => throw new IOException("broken");

    /// <summary>Ignores its token, as some client libraries do.</summary>
    private static Func<CancellationToken, Task<int>> HangsUntil(TaskCompletionSource<int> end) => _ => end.Task;

    private static async Task<DependencyUnavailableException> Unavailable(Task call) =>
        await Assert.ThrowsAsync<DependencyUnavailableException>(() => call.WaitAsync(TimeSpan.FromSeconds(30)));

    private async Task<DependencyUnavailableException> HangAsync(Dependency dependency, TaskCompletionSource<int> end)
    {
        var call = dependency.CallAsync(HangsUntil(end), CancellationToken.None);
        _clock.Advance(TimeSpan.FromSeconds(10));
        return await Unavailable(call);
    }

    [Fact]
    public async Task An_answer_is_passed_on()
    {
        var dependency = Make();

        Assert.Equal(1, await dependency.CallAsync(Answers, CancellationToken.None));
        Assert.Equal(new DependencyHealth(DependencyState.Ok, _clock.GetUtcNow(), null), dependency.Health);
        Assert.Equal(0, dependency.UnderWay);
    }

    [Fact]
    public async Task The_deadline_holds_for_a_callee_that_ignores_its_token()
    {
        var dependency = Make();
        var end = new TaskCompletionSource<int>();
        var call = dependency.CallAsync(HangsUntil(end), CancellationToken.None);

        _clock.Advance(TimeSpan.FromSeconds(9.999));
        Assert.False(call.IsCompleted);
        _clock.Advance(TimeSpan.FromSeconds(0.001));

        var refused = await Unavailable(call);
        Assert.Equal(("mail", Trouble.Hangs), (refused.Dependency, refused.How));
        Assert.Equal((DependencyState.Failing, Trouble.Hangs), (dependency.Health.State, dependency.Health.How));
    }

    [Fact]
    public async Task The_deadline_holds_for_a_callee_that_blocks_its_thread()
    {
        var dependency = Make();
        using var end = new ManualResetEventSlim();
        var call = dependency.CallAsync(
            _ =>
            {
                end.Wait(CancellationToken.None);
                return Task.FromResult(1);
            },
            CancellationToken.None);

        _clock.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(Trouble.Hangs, (await Unavailable(call)).How);
        end.Set();
        await EventuallyAsync(() => dependency.UnderWay == 0);
    }

    [Fact]
    public async Task The_deadline_ends_the_callees_token()
    {
        var dependency = Make();
        var stopped = new TaskCompletionSource();
        var call = dependency.CallAsync(
            async token =>
            {
                await using var _ = token.Register(() => stopped.TrySetResult());
                await Task.Delay(Timeout.Infinite, token);
                return 1;
            },
            CancellationToken.None);
        _clock.Advance(TimeSpan.FromSeconds(10));

        await Unavailable(call);
        await stopped.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await EventuallyAsync(() => dependency.UnderWay == 0);
    }

    [Fact]
    public async Task Abandoned_calls_fill_the_bulkhead_until_they_end()
    {
        var dependency = Make(maxConcurrent: 2);
        var end = new TaskCompletionSource<int>();
        await HangAsync(dependency, end);
        await HangAsync(dependency, end);

        var refused = await Unavailable(dependency.CallAsync(Answers, CancellationToken.None));
        Assert.Equal(Trouble.Hangs, refused.How);   // not "full": that it is full comes of the hang
        Assert.Equal(2, dependency.UnderWay);

        end.SetResult(1);
        await EventuallyAsync(() => dependency.UnderWay == 0);
        Assert.Equal(1, await dependency.CallAsync(Answers, CancellationToken.None));
    }

    [Fact]
    public async Task A_full_bulkhead_refuses_at_once_and_is_no_failure()
    {
        var dependency = Make(maxConcurrent: 1);
        var end = new TaskCompletionSource<int>();
        var first = dependency.CallAsync(HangsUntil(end), CancellationToken.None);

        Assert.Equal(Trouble.Full, (await Unavailable(dependency.CallAsync(Answers, CancellationToken.None))).How);
        Assert.Equal(DependencyState.Ok, dependency.Health.State);

        end.SetResult(7);
        Assert.Equal(7, await first);
    }

    [Fact]
    public async Task Five_failures_in_a_row_open_the_breaker_however_far_apart()
    {
        var dependency = Make();
        for (var i = 0; i < 5; i++)
        {
            Assert.NotEqual(DependencyState.Open, dependency.Health.State);
            await Unavailable(dependency.CallAsync(Breaks, CancellationToken.None));
            _clock.Advance(TimeSpan.FromHours(i < 4 ? 1 : 0));
        }

        var calls = 0;
        var refused = await Unavailable(dependency.CallAsync(_ => Task.FromResult(++calls), CancellationToken.None));
        Assert.Equal(0, calls);
        Assert.Equal((Trouble.Errors, TimeSpan.FromSeconds(1)), (refused.How, refused.RetryAfter));
        Assert.Equal(DependencyState.Open, dependency.Health.State);
        Assert.Equal(_clock.GetUtcNow() - TimeSpan.FromHours(4), dependency.Health.Since);   // since the first failure, not since it opened
    }

    [Fact]
    public async Task Hangs_open_the_breaker_too()
    {
        var dependency = Make();
        var end = new TaskCompletionSource<int>();
        for (var i = 0; i < 5; i++)
        {
            await HangAsync(dependency, end);
        }
        Assert.Equal((DependencyState.Open, Trouble.Hangs), (dependency.Health.State, dependency.Health.How));
    }

    [Fact]
    public async Task A_success_between_failures_starts_the_count_anew()
    {
        var dependency = Make();
        for (var i = 0; i < 12; i++)
        {
            if (i % 5 == 4)
            {
                await dependency.CallAsync(Answers, CancellationToken.None);
            }
            else
            {
                await Unavailable(dependency.CallAsync(Breaks, CancellationToken.None));
            }
        }
        Assert.Equal(DependencyState.Failing, dependency.Health.State);
    }

    [Fact]
    public async Task After_a_second_one_trial_goes_through_and_its_success_closes_the_breaker()
    {
        var dependency = await OpenAsync();
        _clock.Advance(TimeSpan.FromSeconds(1));

        var end = new TaskCompletionSource<int>();
        var trial = dependency.CallAsync(HangsUntil(end), CancellationToken.None);
        await Unavailable(dependency.CallAsync(Answers, CancellationToken.None));   // one at a time
        end.SetResult(3);

        Assert.Equal(3, await trial);
        Assert.Equal(DependencyState.Ok, dependency.Health.State);
        Assert.Equal(1, await dependency.CallAsync(Answers, CancellationToken.None));
    }

    [Fact]
    public async Task A_failed_trial_opens_it_for_another_second()
    {
        var dependency = await OpenAsync();
        _clock.Advance(TimeSpan.FromSeconds(1));
        await Unavailable(dependency.CallAsync(Breaks, CancellationToken.None));

        _clock.Advance(TimeSpan.FromSeconds(0.9));
        var refused = await Unavailable(dependency.CallAsync(Answers, CancellationToken.None));
        Assert.Equal(TimeSpan.FromSeconds(0.1), refused.RetryAfter);

        _clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(1, await dependency.CallAsync(Answers, CancellationToken.None));
    }

    [Fact]
    public async Task A_trial_whose_caller_walks_away_proves_nothing_and_leaves_room_for_the_next()
    {
        var dependency = await OpenAsync();
        _clock.Advance(TimeSpan.FromSeconds(1));
        using var caller = new CancellationTokenSource();
        var trial = dependency.CallAsync(HangsUntil(new TaskCompletionSource<int>()), caller.Token);
        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => trial);
        Assert.Equal(DependencyState.Open, dependency.Health.State);
        Assert.Equal(1, await dependency.CallAsync(Answers, CancellationToken.None));
    }

    [Fact]
    public async Task A_straggler_does_not_put_off_the_trial()
    {
        var dependency = Make();
        var end = new TaskCompletionSource<int>();
        var straggler = dependency.CallAsync(HangsUntil(end), CancellationToken.None);
        for (var i = 0; i < 5; i++)
        {
            await Unavailable(dependency.CallAsync(Breaks, CancellationToken.None));
        }
        _clock.Advance(TimeSpan.FromSeconds(0.9));
        end.SetException(new IOException("late"));
        await Unavailable(straggler);
        _clock.Advance(TimeSpan.FromSeconds(0.1));

        Assert.Equal(1, await dependency.CallAsync(Answers, CancellationToken.None));
    }

    [Fact]
    public async Task An_answer_in_the_form_of_an_exception_passes_through_and_counts_as_a_success()
    {
        var dependency = Make(isAnswer: e => e is InvalidOperationException);
        await Unavailable(dependency.CallAsync(Breaks, CancellationToken.None));

        await Assert.ThrowsAsync<InvalidOperationException>(
            () => dependency.CallAsync<int>(_ => throw new InvalidOperationException("there is one already"), CancellationToken.None));

        Assert.Equal(DependencyState.Ok, dependency.Health.State);
    }

    [Fact]
    public async Task Outcomes_seen_elsewhere_open_and_close_the_breaker()
    {
        var dependency = Make();
        for (var i = 0; i < 5; i++)
        {
            dependency.Report(success: false, Trouble.Refuses);
        }
        Assert.Equal((DependencyState.Open, Trouble.Refuses), (dependency.Health.State, dependency.Health.How));
        await Unavailable(dependency.CallAsync(Answers, CancellationToken.None));

        dependency.Report(success: true);
        Assert.Equal(DependencyState.Ok, dependency.Health.State);
        Assert.Equal(1, await dependency.CallAsync(Answers, CancellationToken.None));
    }

    [Fact]
    public async Task How_it_fails_is_told_in_words()
    {
        await Says(Trouble.Refuses, new IOException("x", new SocketException((int)SocketError.ConnectionRefused)));
        await Says(Trouble.Unresolved, new SocketException((int)SocketError.HostNotFound));
        await Says(Trouble.Hangs, new TimeoutException());
        await Says(Trouble.Errors, new IOException("x"));
        await Says("says no", new OutageException("says no", "x"));

        async Task Says(string how, Exception failure) =>
            Assert.Equal(how, (await Unavailable(Make().CallAsync<int>(_ => throw failure, CancellationToken.None))).How);
    }

    [Fact]
    public void The_catalogue_refuses_a_second_one_of_a_name()
    {
        var all = new Dependencies();
        var mail = all.Add(Make());

        Assert.Throws<InvalidOperationException>(() => all.Add(Make()));
        Assert.Equal([mail], all.All);
    }

    [Fact]
    public void What_tenants_make_is_made_once_and_told_in_sum_only()
    {
        var all = new Dependencies();
        var first = all.GetOrAdd(Make().Policy with { Name = "idp:conn_1" }, _clock);
        Assert.Same(first, all.GetOrAdd(first.Policy, _clock));
        Assert.NotSame(first, all.GetOrAdd(first.Policy with { Name = "idp:conn_2" }, _clock));
        Assert.Empty(all.All);
        Assert.Equal([(first.Policy.Kind, 2, 0)], all.OfTenants);
    }

    [Fact]
    public void Of_what_tenants_make_only_so_many_are_kept()
    {
        var all = new Dependencies();
        for (var i = 0; i <= Dependencies.MostOfTenants; i++)
        {
            all.GetOrAdd(Make().Policy with { Name = $"idp:{i}" }, _clock);
        }
        Assert.Equal(1, all.OfTenants.Sum(k => k.Count));   // those that are well and idle went when there were too many
    }

    [Theory]
    [InlineData("", 1, 1)]
    [InlineData("mail", 0, 1)]
    [InlineData("mail", 1, 0)]
    public void A_policy_that_bounds_nothing_is_refused(string name, int deadlineSeconds, int maxConcurrent) =>
        Assert.ThrowsAny<ArgumentException>(() => new Dependency(
            new DependencyPolicy(name, "mail", TimeSpan.FromSeconds(deadlineSeconds), maxConcurrent, "None.", []), _clock));

    private async Task<Dependency> OpenAsync()
    {
        var dependency = Make();
        for (var i = 0; i < 5; i++)
        {
            await Unavailable(dependency.CallAsync(Breaks, CancellationToken.None));
        }
        return dependency;
    }

    private static async Task EventuallyAsync(Func<bool> holds)
    {
        for (var i = 0; i < 3000 && !holds(); i++)
        {
            await Task.Delay(10);
        }
        Assert.True(holds());
    }
}
