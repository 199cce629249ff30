using System.Diagnostics;
using System.IO.Pipes;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Quic;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Reflection;
using DnsClient;
using Npgsql;

namespace Holdfast.Tests;

/// <summary>Calls without a policy, of every kind: bait for <see cref="CatalogueTests"/>. Nobody runs them.</summary>
internal static class PlantedCalls
{
    /// <summary>What is to be seen here.</summary>
    public static readonly string[] All =
    [
        "System.Net.Http.HttpClient", "System.Net.Http.HttpMessageInvoker", "System.Net.Http.SocketsHttpHandler", "System.Net.Http.HttpClientHandler", "System.Net.Sockets.Socket", "System.Net.Sockets.TcpClient", "System.Net.Sockets.UdpClient",
        "System.Net.Mail.SmtpClient", "MailKit.Net.Smtp.SmtpClient", "Npgsql.NpgsqlConnection..ctor", "Npgsql.NpgsqlDataSource", "Npgsql.NpgsqlDataSourceBuilder", "Npgsql.NpgsqlFactory", "DnsClient.LookupClient",
        "System.Diagnostics.Process", "System.Net.WebSockets.ClientWebSocket", "System.Net.Quic.QuicConnection", "System.Net.Dns", "System.Net.WebRequest", "System.Net.NetworkInformation.Ping",
        "System.IO.Pipes.NamedPipeClientStream", "System.Type.GetType", "System.Reflection.Assembly.Load",
    ];

#pragma warning disable RS0030, SYSLIB0014, CA1416, CA2000, CA1806, CA5399, CA2263   // bait
    public static object? Http() => new HttpClient();

    public static object? HttpByAHandler() => new HttpMessageInvoker(new SocketsHttpHandler());

    public static object? HttpByTheOtherHandler() => new HttpClientHandler();

    public static object? RawSocket() => new Socket(SocketType.Stream, ProtocolType.Tcp);

    public static object? Tcp() => new TcpClient("far.example", 443);

    public static object? Udp() => new UdpClient("far.example", 53);

    public static object? Mail() => new System.Net.Mail.SmtpClient("far.example");

    public static object? OtherMail() => new MailKit.Net.Smtp.SmtpClient();

    public static object? Postgres() => new NpgsqlConnection("Host=far.example");

    public static object? PostgresSource() => NpgsqlDataSource.Create("Host=far.example");

    public static object? PostgresBuilder() => new NpgsqlDataSourceBuilder("Host=far.example");

    public static object? PostgresByItsFactory() => NpgsqlFactory.Instance.CreateConnection();

    public static object? Resolver() => new LookupClient();

    public static object? Program() => Process.Start("true");

    public static object? WebSocket() => new ClientWebSocket();

    public static async Task<object?> Quic() => await QuicConnection.ConnectAsync(null!);

    public static object? Addresses() => Dns.GetHostAddressesAsync("far.example");

    public static object? Old() => WebRequest.Create("https://far.example");

    public static object? Pinged() => new Ping();

    public static object? Pipe() => new NamedPipeClientStream("far");

    public static object? ByName() => Activator.CreateInstance(Type.GetType("System.Net.Sockets.TcpClient, System.Net.Sockets")!);

    public static object? ByAssembly() => Assembly.Load("System.Net.Sockets");

    public static object? ByType() => Activator.CreateInstance(typeof(TcpClient));
#pragma warning restore RS0030, SYSLIB0014, CA1416, CA2000, CA1806, CA5399, CA2263
}
