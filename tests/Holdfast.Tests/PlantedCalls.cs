using System.Diagnostics;
using System.IO.Pipes;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Quic;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using System.Xml;
using System.Xml.Linq;
using DnsClient;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
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

    /// <summary>Ways around: by reflection, by native code, by a part of the framework that calls out itself. The build does not refuse them; the compiled program shows them.</summary>
    public static readonly string[] Roundabout =
    [
        "System.Runtime.InteropServices.NativeLibrary", "System.Runtime.InteropServices.Marshal.GetDelegateForFunctionPointer", "System.Reflection.Assembly.GetTypes", "System.Reflection.Assembly.CreateInstance", "System.Activator.CreateInstance",
        "System.Reflection.Module.GetType", "Microsoft.AspNetCore.Builder.DirectForwardingIEndpointRouteBuilderExtensions", "System.Net.HttpListener", "System.Xml.XmlReader.Create", "System.Xml.XmlDocument.Load", "System.Xml.Linq.XDocument.Load",
        "System.Security.Cryptography.X509Certificates.X509Chain", "Microsoft.Data.Sqlite.SqliteConnection.LoadExtension", "System.Net.Security.SslStream", "System.Net.Sockets.NetworkStream", "System.Net.Sockets.SafeSocketHandle", "System.Reflection.Emit.AssemblyBuilder",
        "System.Net.Sockets.UnixDomainSocketEndPoint", "System.IO.Pipes.AnonymousPipeClientStream",
    ];

    /// <summary>What no instruction names, and a signature or an attribute does.</summary>
    public static readonly string[] OnlyNamed = ["System.Runtime.CompilerServices.UnsafeAccessorTypeAttribute", "System.Net.Sockets.Socket"];

#pragma warning disable RS0030, SYSLIB0014, CA1416, CA2000, CA1806, CA5399, CA2263, CA5366, CA3075, CA1812, CA1823, IDE0051   // bait
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
    public static object? ByNativeCode() => Marshal.GetDelegateForFunctionPointer<Action>(NativeLibrary.GetExport(NativeLibrary.Load("libc"), "connect"));

    public static object? ByAnArgument() => Activator.CreateInstance<UnixDomainSocketEndPoint>();

    public static object? ByAnArgumentOfAType() => new Lazy<AnonymousPipeClientStream>().Value;

    public static object? ByLooking() => Activator.CreateInstance(typeof(Uri).Assembly.GetTypes().First(t => t.Name == "TcpClient"));

    public static object? ByItsAssembly() => typeof(Uri).Assembly.CreateInstance("System.Net.Sockets.TcpClient");

    public static object? ByItsModule() => typeof(Uri).Module.GetType("System.Net.Sockets.TcpClient");

    public static object? ByTwoNames() => Activator.CreateInstance("System.Net.Sockets", "System.Net.Sockets.TcpClient");

    public static void ByARoute(IEndpointRouteBuilder routes) => routes.MapForwarder("/{**rest}", "https://far.example");

    public static object? Listening() => new HttpListener();

    public static object? ByReader() => XmlReader.Create("https://far.example/metadata");

    public static void ByDocument(XmlDocument document) => document.Load("https://far.example/metadata");

    public static object? ByLinq() => XDocument.Load("https://far.example/metadata");

    public static bool ByACertificate(X509Certificate2 shown) => new X509Chain().Build(shown);

    public static void ByTheDatabase(Microsoft.Data.Sqlite.SqliteConnection database) => database.LoadExtension("far");

    public static object? OverAHandle(IntPtr handle) => new SslStream(new NetworkStream(new Socket(new SafeSocketHandle(handle, ownsHandle: true))));

    public static object? Made() => AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("far"), AssemblyBuilderAccess.Run);

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    [return: UnsafeAccessorType("System.Net.Sockets.TcpClient, System.Net.Sockets")]
    public static extern object ByAnAttribute();
#pragma warning restore RS0030, SYSLIB0014, CA1416, CA2000, CA1806, CA5399, CA2263, CA5366, CA3075, CA1812, CA1823, IDE0051
}
