using System.Net;
using Holdfast.Resilience;

namespace Holdfast.Bench;

/// <summary>A resolver of loopback (RFC 1035 §4.2.1) that can be broken in one way. Of no name it knows anything.</summary>
internal sealed class FarResolver : IDisposable
{
    private const byte NoSuchName = 3;
    private const byte Refused = 5;

    /// <summary>Slow, and still inside the patience of one question.</summary>
    private static readonly TimeSpan s_slow = TimeSpan.FromMilliseconds(540);

    private readonly LoopbackDatagrams _udp;

    public FarResolver() => _udp = new LoopbackDatagrams(AnswerAsync);

    public IPEndPoint EndPoint => _udp.EndPoint;

    public FaultKind? Fault { get; private set; }

    public void Break(FaultKind kind)
    {
        Fault = kind;
        if (kind == FaultKind.Refuse)
        {
            _udp.Dispose();
        }
    }

    /// <summary>Well again; not after it refused.</summary>
    public void Mend() => Fault = null;

    public void Dispose() => _udp.Dispose();

    private async Task<byte[]?> AnswerAsync(byte[] question, CancellationToken ct)
    {
        if (Fault == FaultKind.Hang)
        {
            return null;
        }
        if (Fault == FaultKind.Slow)
        {
            await Task.Delay(s_slow, TimeProvider.System, ct);
        }
        var answer = question.ToArray();
        (answer[2], answer[3], answer[11]) = (0x81, (byte)(0x80 | (Fault == FaultKind.Error ? Refused : NoSuchName)), 0);   // and no additional records
        return Fault == FaultKind.WrongAnswer ? [.. answer.AsSpan(0, 2), 0x81, 0x80, 0xff, 0xff, 0xff, 0xff] : answer[..QuestionEnds(answer)];
    }

    private static int QuestionEnds(byte[] query)
    {
        var end = 12;
        while (query[end] != 0)
        {
            end += query[end] + 1;
        }
        return end + 5;
    }
}
