namespace Holdfast.Resilience;

/// <summary>What an endless answer may cost: a line must end within a time and a size, and there may be no silence longer than another time. Reading beyond any of them throws.</summary>
/// <remarks>A far side that sends one byte a second is never silent, and would hold a reader for ever that only waits for bytes.</remarks>
/// <param name="silence">The longest between two bytes.</param>
/// <param name="line">The longest from a line's first byte to its end.</param>
/// <param name="maxBytes">The most bytes until <see cref="Restart"/>.</param>
public sealed class DripStream(Stream inner, TimeSpan silence, TimeSpan line, long maxBytes, TimeProvider clock) : Stream
{
    private long? _lineSince;
    private long _read;

    /// <summary>When bytes last came, as a timestamp of the clock.</summary>
    public long LastByteAt { get; private set; } = clock.GetTimestamp();

    /// <summary>What was read has been dealt with: the count of bytes begins anew.</summary>
    public void Restart() => _read = 0;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var left = _lineSince is { } since ? line - clock.GetElapsedTime(since) : silence;
        if (left <= TimeSpan.Zero)
        {
            throw new OutageException(Trouble.Hangs, "A line does not end.");
        }
        using var patience = new CancellationTokenSource(left < silence ? left : silence, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        int read;
        try
        {
            read = await inner.ReadAsync(buffer, both.Token);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new OutageException(Trouble.Hangs, "The answer went silent.");
        }
        _read += read;
        if (_read > maxBytes)
        {
            throw new OutageException(Trouble.Errors, "The answer is larger than allowed.");
        }
        if (read > 0)
        {
            LastByteAt = clock.GetTimestamp();
            var end = buffer.Span[..read].LastIndexOf((byte)'\n');
            _lineSince = end == read - 1 ? null : end >= 0 ? LastByteAt : _lineSince ?? LastByteAt;
        }
        return read;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }
        base.Dispose(disposing);
    }
}
