using System.Net;
using System.Net.Sockets;

namespace Holdfast.Resilience;

/// <summary>Answers datagrams on a port of loopback: the far end of what is measured and drilled. It asks nobody.</summary>
public sealed class LoopbackDatagrams : IDisposable
{
    private readonly CancellationTokenSource _over = new();
    private readonly Func<byte[], CancellationToken, Task<byte[]?>> _answer;
#pragma warning disable RS0030 // Loopback alone, and only to whoever has asked.
    private readonly UdpClient _udp = new(new IPEndPoint(IPAddress.Loopback, 0));

    /// <param name="answer">Null for silence.</param>
    public LoopbackDatagrams(Func<byte[], CancellationToken, Task<byte[]?>> answer)
    {
        _answer = answer;
        EndPoint = (IPEndPoint)_udp.Client.LocalEndPoint!;
        _ = ServeAsync();
    }

    public IPEndPoint EndPoint { get; }

    /// <summary>From now on the port refuses.</summary>
    public void Dispose()
    {
        _over.Cancel();
        _udp.Dispose();
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
            // Disposed.
        }
    }

    private async Task AnswerAsync(UdpReceiveResult got)
    {
        try
        {
            if (await _answer(got.Buffer, _over.Token) is { } answer)
            {
                await _udp.SendAsync(new ReadOnlyMemory<byte>(answer), got.RemoteEndPoint, _over.Token);
            }
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Disposed.
        }
    }
#pragma warning restore RS0030
}
