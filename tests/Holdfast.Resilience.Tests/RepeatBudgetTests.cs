using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Resilience.Tests;

/// <summary>Repeats are a share of the calls, whoever makes them.</summary>
public sealed class RepeatBudgetTests
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.Parse("2026-01-01T00:00:00Z", null));

    private Dependency Make(double? share = 0.1) => new(
        new DependencyPolicy("mail", "mail", TimeSpan.FromSeconds(10), 100, "Mail waits.", []) { OpensAfter = int.MaxValue, RepeatShare = share }, _clock);

    private static async Task CallAsync(Dependency dependency, bool works)
    {
        try
        {
            await dependency.CallAsync(_ => works ? Task.CompletedTask : throw new IOException("broken"), CancellationToken.None);
        }
        catch (DependencyUnavailableException)
        {
            // As it was wanted.
        }
    }

    [Fact]
    public async Task Callers_who_all_repeat_make_a_tenth_more_calls_and_not_twice_as_many()
    {
        var dependency = Make();
        var repeats = 0;
        for (var i = 0; i < 1000; i++)
        {
            await CallAsync(dependency, works: false);
            if (dependency.MayRepeat())
            {
                repeats++;
                await CallAsync(dependency, works: false);
            }
        }

        Assert.InRange(repeats, 100, 125);   // a tenth of the calls, repeats included, and what was saved up
        Assert.Equal(1000 - repeats, dependency.RepeatsRefused);
    }

    [Fact]
    public async Task What_is_seldom_called_may_be_repeated_once_a_second_and_what_works_costs_nothing()
    {
        var dependency = Make();
        while (dependency.MayRepeat())
        {
            // Used up.
        }
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(dependency.MayRepeat());
        Assert.False(dependency.MayRepeat());

        _clock.Advance(TimeSpan.FromSeconds(1));
        for (var i = 0; i < 100; i++)
        {
            Assert.True(dependency.MayRepeat());
            await CallAsync(dependency, works: true);
            dependency.RepeatWorked();
        }
    }

    [Fact]
    public void Whoever_repeats_without_a_declared_share_is_told() =>
        Assert.Throws<InvalidOperationException>(() => Make(share: null).MayRepeat());
}
