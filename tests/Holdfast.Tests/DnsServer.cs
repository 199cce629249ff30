using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Holdfast.Tests;

/// <summary>What a resolver answers about one name.</summary>
internal abstract record DnsReply
{
    /// <summary>TXT records, each cut into strings of at most 255 bytes. Over UDP more than 512 bytes are cut, and the bit for that is set (RFC 1035 §4.2.1).</summary>
    /// <param name="Alias">The name that really has them, told by a CNAME before them; null for the name itself.</param>
    public sealed record Texts(IReadOnlyList<string> Values, string? Alias = null) : DnsReply;

    /// <summary>An error without records.</summary>
    public sealed record Code(int Number) : DnsReply;

    /// <summary>These bytes behind the right id.</summary>
    public sealed record Bytes(byte[] Value) : DnsReply;

    /// <summary>Nothing, for ever.</summary>
    public sealed record Silence : DnsReply;

    public static DnsReply Text(params string[] values) => new Texts(values);
}

/// <summary>A resolver on loopback, over UDP and TCP. A name that was not given to it does not exist.</summary>
internal sealed class DnsServer : IDisposable
{
    private const int LargestDatagram = 512;

#pragma warning disable RS0030 // The far side of what is tested.
    private readonly UdpClient _udp;
    private readonly TcpListener _tcp;
    private readonly ConcurrentQueue<(string Name, bool OverTcp)> _asked = new();

    public DnsServer()
    {
        for (var tries = 0; ; tries++)
        {
            _tcp = new TcpListener(IPAddress.Loopback, 0);
            _tcp.Start();
            EndPoint = (IPEndPoint)_tcp.LocalEndpoint;
            try
            {
                _udp = new UdpClient(EndPoint);
                break;
            }
            catch (SocketException) when (tries < 20)
            {
                _tcp.Stop();   // somebody has that port over UDP
            }
        }
        _ = ServeUdpAsync();
        _ = ServeTcpAsync();
    }

    public IPEndPoint EndPoint { get; }

    /// <summary>By name, in lower case.</summary>
    public ConcurrentDictionary<string, DnsReply> Replies { get; } = new(StringComparer.Ordinal);

    /// <summary>What is answered about all names; null for what is told of each.</summary>
    public DnsReply? Always { get; set; }

    public IReadOnlyList<(string Name, bool OverTcp)> Asked => [.. _asked];

    public void Dispose()
    {
        _udp.Dispose();
        _tcp.Dispose();
    }

    private async Task ServeUdpAsync()
    {
        try
        {
            while (true)
            {
                var got = await _udp.ReceiveAsync();
                if (Answer(got.Buffer, overTcp: false) is { } answer)
                {
                    await _udp.SendAsync(answer, got.RemoteEndPoint);
                }
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task ServeTcpAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _tcp.AcceptSocketAsync());
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using var stream = new NetworkStream(socket, ownsSocket: true);
        var length = new byte[2];
        try
        {
            while (true)
            {
                await stream.ReadExactlyAsync(length);
                var question = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
                await stream.ReadExactlyAsync(question);
                if (Answer(question, overTcp: true) is { } answer)
                {
                    BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)answer.Length);
                    await stream.WriteAsync((byte[])[.. length, .. answer]);
                }
            }
        }
        catch (Exception fault) when (fault is IOException or ObjectDisposedException)
        {
            // The caller has what it wanted.
        }
    }

#pragma warning restore RS0030

    private byte[]? Answer(byte[] query, bool overTcp)
    {
        var end = 12;
        var labels = new List<string>();
        while (query[end] != 0)
        {
            labels.Add(Encoding.ASCII.GetString(query, end + 1, query[end]));
            end += query[end] + 1;
        }
        var question = query[12..(end + 5)];   // the name's last zero, its type and its class
        var name = string.Join('.', labels).ToLowerInvariant();
        _asked.Enqueue((name, overTcp));
        return (Always ?? Replies.GetValueOrDefault(name) ?? new DnsReply.Code(3)) switch
        {
            DnsReply.Texts texts => Message(query, question, 0, Records(texts), overTcp),
            DnsReply.Code code => Message(query, question, code.Number, [], overTcp),
            DnsReply.Bytes bytes => [.. query.AsSpan(0, 2), .. bytes.Value],
            _ => null,
        };
    }

    private static byte[] Message(byte[] query, byte[] question, int code, List<byte[]> records, bool overTcp)
    {
        var isCut = !overTcp && 12 + question.Length + records.Sum(r => r.Length) > LargestDatagram;
        var header = new byte[12];
        query.AsSpan(0, 2).CopyTo(header);
        header[2] = (byte)(0x81 | (isCut ? 0x02 : 0));   // an answer, recursion desired; perhaps cut
        header[3] = (byte)(0x80 | code);
        header[5] = 1;
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(6), (ushort)(isCut ? 0 : records.Count));
        return [.. header, .. question, .. isCut ? [] : records.SelectMany(r => r)];
    }

    private static List<byte[]> Records(DnsReply.Texts texts)
    {
        byte[] owner = texts.Alias is null ? [0xc0, 12] : Name(texts.Alias);
        var records = new List<byte[]>();
        if (texts.Alias is not null)
        {
            records.Add(Record([0xc0, 12], 5, owner));
        }
        records.AddRange(texts.Values.Select(text => Record(owner, 16, [.. Encoding.UTF8.GetBytes(text).Chunk(255).SelectMany(c => (byte[])[(byte)c.Length, .. c])])));
        return records;
    }

    private static byte[] Record(byte[] owner, byte type, byte[] data) =>
        [.. owner, 0, type, 0, 1, 0, 0, 0, 60, (byte)(data.Length >> 8), (byte)data.Length, .. data];

    private static byte[] Name(string name) => [.. name.Split('.').SelectMany(l => (byte[])[(byte)l.Length, .. Encoding.ASCII.GetBytes(l)]), 0];
}
