using System.IO.Pipelines;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Resilience.Tests;

/// <summary>An endless answer is read within its bounds, and left where it goes beyond one.</summary>
public sealed class DripStreamTests : IAsyncDisposable
{
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Line = TimeSpan.FromSeconds(30);

    private readonly FakeTimeProvider _clock = new();
    private readonly Pipe _pipe = new();
    private readonly DripStream _drip;
    private readonly byte[] _buffer = new byte[64];

    public DripStreamTests() => _drip = new DripStream(_pipe.Reader.AsStream(), Silence, Line, maxBytes: 100, _clock);

    public ValueTask DisposeAsync() => _drip.DisposeAsync();

    [Fact] // OAUTH-050
    public async Task A_byte_a_second_is_left_when_its_line_does_not_end()
    {
        for (var second = 0; second < Line.TotalSeconds; second++)
        {
            Assert.Equal(1, await ReadAsync("x"));
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(Trouble.Hangs, (await Assert.ThrowsAsync<OutageException>(() => ReadAsync("x"))).How);
    }

    [Fact]
    public async Task Lines_that_end_may_come_for_ever()
    {
        for (var i = 0; i < 1000; i++)
        {
            Assert.Equal(2, await ReadAsync(":\n"));
            _drip.Restart();
            _clock.Advance(Line * 2);
        }
    }

    [Fact]
    public async Task Silence_is_left_when_it_lasts()
    {
        Assert.Equal(2, await ReadAsync("x\n"));
        var read = _drip.ReadAsync(_buffer).AsTask();
        _clock.Advance(Silence - TimeSpan.FromSeconds(1));
        Assert.False(read.IsCompleted);
        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(Trouble.Hangs, (await Assert.ThrowsAsync<OutageException>(() => read)).How);
    }

    [Fact]
    public async Task More_than_allowed_is_left_and_what_was_dealt_with_does_not_count()
    {
        Assert.Equal(60, await ReadAsync(new string('x', 59) + "\n"));
        _drip.Restart();
        Assert.Equal(60, await ReadAsync(new string('x', 59) + "\n"));
        Assert.Equal(Trouble.Errors, (await Assert.ThrowsAsync<OutageException>(() => ReadAsync(new string('x', 60)))).How);
    }

    [Fact]
    public async Task Who_leaves_is_not_told_that_the_far_side_hangs()
    {
        using var leave = new CancellationTokenSource();
        var read = _drip.ReadAsync(_buffer, leave.Token).AsTask();
        await leave.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
    }

    private async Task<int> ReadAsync(string text)
    {
        await _pipe.Writer.WriteAsync(System.Text.Encoding.ASCII.GetBytes(text));
        return await _drip.ReadAsync(_buffer);
    }
}
