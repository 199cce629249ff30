using Holdfast.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Http;

/// <summary>A process that stood still does nothing for those who have gone.</summary>
public sealed class AwakeTests : IDisposable
{
    private readonly FakeTimeProvider _clock = new();
    private readonly Awake _awake;
    private int _done;

    public AwakeTests() => _awake = new Awake(_clock, NullLogger<Awake>.Instance);

    public void Dispose() => _awake.Dispose();

    [Theory, InlineData(true, 0), InlineData(false, 1)]
    public async Task Of_what_was_asked_before_only_that_is_done_for_which_somebody_waits(bool hasGone, int done)
    {
        _clock.Advance(TimeSpan.FromSeconds(12));

        await AskAsync(hasGone);

        Assert.Equal(done, _done);
    }

    [Fact]
    public async Task Who_was_awake_waits_for_nothing()
    {
        for (var i = 0; i < 60; i++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(250));
            Assert.False(_awake.Look());
        }

        var asked = _awake.LetPass(new DefaultHttpContext(), Do);

        Assert.True(asked.IsCompletedSuccessfully);
        await asked;
        Assert.Equal(1, _done);
    }

    [Fact]
    public void A_moment_later_all_is_as_before()
    {
        _clock.Advance(TimeSpan.FromSeconds(12));
        Assert.True(_awake.Look());
        for (var i = 0; i < 13; i++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(250));
            _awake.Look();
        }

        Assert.False(_awake.Look());
    }

    private async Task AskAsync(bool hasGone)
    {
        using var gone = new CancellationTokenSource();
        var asked = _awake.LetPass(new DefaultHttpContext { RequestAborted = gone.Token }, Do);
        Assert.False(asked.IsCompleted);
        if (hasGone)
        {
            await gone.CancelAsync();
        }
        _clock.Advance(TimeSpan.FromSeconds(1));
        await asked;
    }

    private Task Do(HttpContext http)
    {
        _done++;
        return Task.CompletedTask;
    }
}
