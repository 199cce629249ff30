using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading.Channels;
using Holdfast.Resilience;

namespace Holdfast.Tests;

/// <summary>What a mail server does with one connection.</summary>
internal enum SmtpHabit
{
    Takes,

    /// <summary>Accepts the connection and says nothing.</summary>
    Hangs,

    /// <summary>Says its greeting byte by byte, one each time that it is told to (<see cref="SmtpHost.Drip"/>).</summary>
    Drips,

    /// <summary>451 to the recipient.</summary>
    Later,

    /// <summary>550 to the recipient.</summary>
    Never,

    /// <summary>421 in place of a greeting.</summary>
    Closed,

    /// <summary>Breaks off in the middle of DATA.</summary>
    BreaksOff,

    /// <summary>Takes the mail, and breaks off before it says so.</summary>
    TakesAndBreaksOff,

    /// <summary>Takes the mail, and says nothing to QUIT.</summary>
    TakesAndStays,

    /// <summary>535 to the password.</summary>
    Denies,
}

/// <summary>A mail server on loopback (RFC 5321). Each connection goes by the next habit that was queued; without one it takes mail.</summary>
internal sealed class SmtpHost : IDisposable
{
#pragma warning disable RS0030 // The far side of what is tested.
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentQueue<SmtpHabit> _habits = new();
    private readonly Channel<Received> _mail = Channel.CreateUnbounded<Received>();
    private readonly Channel<string> _connections = Channel.CreateUnbounded<string>();
    private readonly SemaphoreSlim _drops = new(0);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<TcpClient> _open = [];
    private int _sessions;

    /// <summary>One mail as it came.</summary>
    /// <param name="Sender">MAIL FROM.</param>
    /// <param name="Data">Headers and body, dots taken away.</param>
    public sealed record Received(string Sender, string Recipient, string Data, bool OverTls, string? User)
    {
        /// <summary>A header, folded lines joined; null when it is not there.</summary>
        public string? Header(string name) => Headers().FirstOrDefault(h => h.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))?[(name.Length + 1)..].Trim();

        public IReadOnlyList<string> Headers() => Data[..Data.IndexOf("\r\n\r\n", StringComparison.Ordinal)].Replace("\r\n ", " ", StringComparison.Ordinal).Replace("\r\n\t", " ", StringComparison.Ordinal).Split("\r\n");
    }

    public SmtpHost()
    {
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Offered by STARTTLS; null for none.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>TLS from the first byte.</summary>
    public bool IsImplicit { get; init; }

    /// <summary>Whether it takes letters beyond ASCII (RFC 6531).</summary>
    public bool IsInternational { get; init; }

    /// <summary>Connections so far.</summary>
    public int Sessions => Volatile.Read(ref _sessions);

    public SmtpHost Then(params SmtpHabit[] habits)
    {
        Array.ForEach(habits, _habits.Enqueue);
        return this;
    }

    public SmtpSettings Settings(string? more = null, string scheme = "smtp") => SmtpSettings.Read($"{scheme}://127.0.0.1:{Port}{more}", "id.holdfast.test").Settings!;

    /// <summary>The next mail that comes.</summary>
    public ValueTask<Received> NextAsync() => _mail.Reader.ReadAsync();

    /// <summary>All that has come and was not read.</summary>
    public IReadOnlyList<Received> Rest()
    {
        var all = new List<Received>();
        while (_mail.Reader.TryRead(out var mail))
        {
            all.Add(mail);
        }
        return all;
    }

    /// <summary>Waits for the next connection.</summary>
    public ValueTask<string> ConnectedAsync() => _connections.Reader.ReadAsync();

    /// <summary>Lets one more byte go.</summary>
    public void Drip() => _drops.Release();

    /// <summary>A certificate for a name.</summary>
    public static X509Certificate2 CertificateFor(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(name, out var address))
        {
            names.AddIpAddress(address);
        }
        else
        {
            names.AddDnsName(name);
        }
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var made = request.CreateSelfSigned(new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(2099, 1, 1, 0, 0, 0, TimeSpan.Zero));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        lock (_open)
        {
            _open.ForEach(client => client.Dispose());
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync();
                lock (_open)
                {
                    _open.Add(client);
                }
                Interlocked.Increment(ref _sessions);
                _ = ServeAsync(client, _habits.TryDequeue(out var habit) ? habit : SmtpHabit.Takes);
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(TcpClient client, SmtpHabit habit)
    {
        using var owned = client;
        Stream stream = client.GetStream();
        _connections.Writer.TryWrite(habit.ToString());
        try
        {
            if (IsImplicit)
            {
                stream = await TlsAsync(stream);
            }
            await SpeakAsync(stream, habit);
        }
        catch (Exception fault) when (fault is IOException or SocketException or OperationCanceledException or System.Security.Authentication.AuthenticationException or ObjectDisposedException)
        {
            // The other side went away, or did not trust the certificate.
        }
    }

    private async Task<SslStream> TlsAsync(Stream stream)
    {
        var tls = new SslStream(stream);
        await tls.AuthenticateAsServerAsync(Certificate!);
        return tls;
    }

    private async Task SpeakAsync(Stream stream, SmtpHabit habit)
    {
        var (overTls, user, sender, recipient) = (IsImplicit, (string?)null, "", "");
        async Task SayAsync(string line) => await stream.WriteAsync(Encoding.UTF8.GetBytes(line + "\r\n"));
        if (habit == SmtpHabit.Hangs)
        {
            await Task.Delay(Timeout.Infinite, _stop.Token);
        }
        if (habit == SmtpHabit.Drips)
        {
            foreach (var one in Encoding.ASCII.GetBytes("220-" + new string('x', 500)))
            {
                await _drops.WaitAsync(_stop.Token);
                await stream.WriteAsync(new[] { one });
            }
        }
        await SayAsync(habit == SmtpHabit.Closed ? "421 closing" : "220 test");
        var reader = new StreamReader(stream, Encoding.UTF8);
        while (await reader.ReadLineAsync() is { } line)
        {
            switch (line.Split(' ', ':')[0].ToUpperInvariant())
            {
                case "EHLO":
                    await SayAsync("250-test");
                    if (Certificate is not null && !overTls)
                    {
                        await SayAsync("250-STARTTLS");
                    }
                    if (IsInternational)
                    {
                        await SayAsync("250-SMTPUTF8");
                    }
                    await SayAsync("250-8BITMIME\r\n250 AUTH PLAIN");
                    break;
                case "STARTTLS":
                    await SayAsync("220 go");
                    stream = await TlsAsync(stream);
                    (overTls, reader) = (true, new StreamReader(stream, Encoding.UTF8));
                    break;
                case "AUTH":
                    user = Encoding.UTF8.GetString(Convert.FromBase64String(line.Split(' ')[2])).Split('\0')[1];
                    await SayAsync(habit == SmtpHabit.Denies ? $"535 no, {line}" : "235 ok");
                    break;
                case "MAIL":
                    sender = line[(line.IndexOf('<', StringComparison.Ordinal) + 1)..line.IndexOf('>', StringComparison.Ordinal)];
                    await SayAsync("250 ok");
                    break;
                case "RCPT":
                    recipient = line[(line.IndexOf('<', StringComparison.Ordinal) + 1)..line.LastIndexOf('>')];
                    await SayAsync(habit switch { SmtpHabit.Later => "451 later", SmtpHabit.Never => "550 nobody", _ => "250 ok" });
                    break;
                case "DATA":
                    await SayAsync("354 go");
                    if (habit == SmtpHabit.BreaksOff)
                    {
                        await reader.ReadLineAsync();
                        return;
                    }
                    var data = new StringBuilder();
                    while (await reader.ReadLineAsync() is { } text && text != ".")
                    {
                        data.Append(text.StartsWith('.') ? text[1..] : text).Append("\r\n");
                    }
                    _mail.Writer.TryWrite(new Received(sender, recipient, data.ToString(), overTls, user));
                    if (habit == SmtpHabit.TakesAndBreaksOff)
                    {
                        return;
                    }
                    await SayAsync("250 taken");
                    break;
                case "QUIT":
                    if (habit == SmtpHabit.TakesAndStays)
                    {
                        await Task.Delay(Timeout.Infinite, _stop.Token);
                    }
                    await SayAsync("221 bye");
                    return;
                default:
                    await SayAsync("250 ok");
                    break;
            }
        }
    }
#pragma warning restore RS0030
}
