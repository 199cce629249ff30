using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Connections;

namespace Holdfast.Bench;

/// <summary>A host of loopback, with an address of its own, that can be broken in one way. What it speaks: HTTP, with or without TLS, or SMTP with TLS from the first byte.</summary>
internal sealed class FarHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly X509Certificate2? _sound;
    private readonly X509Certificate2? _expired;
    private readonly CancellationTokenSource _over = new();
    private CancellationTokenSource _hanging = new();

    /// <param name="name">Of its certificate; null for no TLS. Of a mail server, its address.</param>
    private FarHost(IPAddress address, string? name, FarAuthority authority, bool isMail)
    {
        Address = address;
        (Name, _sound, _expired) = (name, name is null ? null : authority.Issue(name, isExpired: false), name is null ? null : authority.Issue(name, isExpired: true));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(address, 0, listen =>
        {
            if (name is not null)
            {
                listen.UseHttps(https => https.ServerCertificateSelector = (_, _) => Fault == FaultKind.Certificate ? _expired : _sound);
            }
            if (isMail)
            {
                listen.Run(TakeMailAsync);
            }
        }));
        _app = builder.Build();
        _app.Run(AnswerAsync);
    }

    public string? Name { get; }

    public IPAddress Address { get; }

    public string Url { get; private set; } = "";

    public int Port => new Uri(Url).Port;

    public FaultKind? Fault { get; set; }

    /// <summary>Only what is asked for under this path is broken; null for all of it.</summary>
    public string? Only { get; set; }

    /// <summary>How long a slow answer takes.</summary>
    public TimeSpan SlowFor { get; init; } = TimeSpan.FromSeconds(1.25);

    /// <summary>What it answers when it is well.</summary>
    public string Says { get; init; } = "{}";

    public static IPAddress AddressOf(int number) => new([127, 1, (byte)(number / 250), (byte)((number % 250) + 1)]);

    public static async Task<FarHost> StartAsync(int number, string? name, FarAuthority authority, CancellationToken ct, TimeSpan? slowFor = null, string says = "{}", bool isMail = false)
    {
        var address = AddressOf(number);
        var host = new FarHost(address, name, authority, isMail) { SlowFor = slowFor ?? TimeSpan.FromSeconds(1.25), Says = says };
        await host._app.StartAsync(ct);
        var port = new Uri(host._app.Urls.Single()).Port;
        host.Url = name is null || isMail ? $"http://{address}:{port}" : $"https://{name}:{port}";
        return host;
    }

    public async Task BreakAsync(FaultKind kind)
    {
        Fault = kind;
        if (kind == FaultKind.Refuse)
        {
            await StopAsync();
        }
    }

    /// <summary>Well again; not after it refused.</summary>
    public void Mend()
    {
        Fault = null;
        using var hanging = Interlocked.Exchange(ref _hanging, new CancellationTokenSource());
        hanging.Cancel();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _app.DisposeAsync();
        _sound?.Dispose();
        _expired?.Dispose();
        _over.Dispose();
        _hanging.Dispose();
    }

    private async Task StopAsync()
    {
        await _over.CancelAsync();
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
    }

    /// <summary>Each answer ends its connection, so that the next call makes one.</summary>
    private async Task AnswerAsync(HttpContext http)
    {
        http.Response.Headers.Connection = "close";
        switch (Only is null || http.Request.Path.StartsWithSegments(Only, StringComparison.Ordinal) ? Fault : null)
        {
            case FaultKind.Hang:
                await ForeverAsync(http.RequestAborted);
                return;
            case FaultKind.Slow:
                await Task.Delay(SlowFor, TimeProvider.System, http.RequestAborted);
                break;
            case FaultKind.Error:
                http.Response.StatusCode = 500;
                return;
            case FaultKind.Reset:
                http.Abort();
                return;
            case FaultKind.WrongAnswer:
                await http.Response.WriteAsync("<html>Sorry.</html>");
                return;
        }
        await http.Response.WriteAsync(Says);
    }

    /// <summary>The other half of RFC 5321, as far as one mail needs it.</summary>
    private async Task TakeMailAsync(ConnectionContext connection)
    {
        try
        {
            switch (Fault)
            {
                case FaultKind.Hang:
                    await ForeverAsync(connection.ConnectionClosed);
                    return;
                case FaultKind.Slow:
                    await Task.Delay(SlowFor, TimeProvider.System, _over.Token);
                    break;
                case FaultKind.Error:
                    await SayAsync("421 closing");
                    return;
                case FaultKind.Reset:
                    connection.Abort();
                    return;
                case FaultKind.WrongAnswer:
                    await SayAsync("HTTP/1.1 400 Bad Request");
                    return;
            }
            await SayAsync("220 far");
            using var reader = new StreamReader(connection.Transport.Input.AsStream(), Encoding.ASCII);
            for (var isData = false; await reader.ReadLineAsync(_over.Token) is { } line;)
            {
                if (isData)
                {
                    isData = line != ".";
                    if (!isData)
                    {
                        await SayAsync("250 taken");
                    }
                    continue;
                }
                isData = line.StartsWith("DATA", StringComparison.OrdinalIgnoreCase);
                await SayAsync(isData ? "354 go" : line.StartsWith("QUIT", StringComparison.OrdinalIgnoreCase) ? "221 bye" : "250 ok");
                if (line.StartsWith("QUIT", StringComparison.OrdinalIgnoreCase))
                {
                    return;
                }
            }
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException or ConnectionAbortedException)
        {
            // The caller has what it wanted, or the run is over.
        }

        async Task SayAsync(string line) => await connection.Transport.Output.WriteAsync(Encoding.ASCII.GetBytes(line + "\r\n"), _over.Token);
    }

    private async Task ForeverAsync(CancellationToken gone)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(gone, _over.Token, _hanging.Token);
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
