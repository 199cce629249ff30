using System.Net;
using System.Net.Sockets;

namespace Holdfast.Bench;

/// <summary>A resolver of loopback (RFC 1035 §4.2.1) that can be broken in one way. Of no name it knows anything.</summary>
internal sealed class FarResolver : IDisposable
{
    private const byte NoSuchName = 3;
    private const byte Refused = 5;

    /// <summary>Slow, and still inside the patience of one question.</summary>
    private static readonly TimeSpan s_slow = TimeSpan.FromMilliseconds(540);

    private readonly CancellationTokenSource _over = new();
#pragma warning disable RS0030 // The far end of a benchmark, on loopback.
    private readonly UdpClient _udp = new(new IPEndPoint(IPAddress.Loopback, 0));

    public FarResolver()
    {
        EndPoint = (IPEndPoint)_udp.Client.LocalEndPoint!;
        _ = ServeAsync();
    }

    public IPEndPoint EndPoint { get; }

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

    public void Dispose()
    {
        _over.Cancel();
        _udp.Dispose();
        _over.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var got = await _udp.ReceiveAsync(_over.Token);
                _ = AnswerAsync(got);
            }
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Refuses, or the run is over.
        }
    }

    private async Task AnswerAsync(UdpReceiveResult got)
    {
        try
        {
            if (Fault == FaultKind.Hang)
            {
                return;
            }
            if (Fault == FaultKind.Slow)
            {
                await Task.Delay(s_slow, TimeProvider.System, _over.Token);
            }
            var answer = got.Buffer.ToArray();
            (answer[2], answer[3], answer[11]) = (0x81, (byte)(0x80 | (Fault == FaultKind.Error ? Refused : NoSuchName)), 0);   // and no additional records
            await _udp.SendAsync(new ReadOnlyMemory<byte>(Fault == FaultKind.WrongAnswer ? [.. answer.AsSpan(0, 2), 0x81, 0x80, 0xff, 0xff, 0xff, 0xff] : answer[..QuestionEnds(answer)]), got.RemoteEndPoint, _over.Token);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The same.
        }
    }
#pragma warning restore RS0030

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
