using System.Net;
using System.Net.Sockets;
using System.Text;
using Holdfast.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Http;

/// <summary>SAML-086: whoever posts drop by drop, never ends, or sends another length than it announced. Over real sockets; each case ends by a bound of the server's, and the test only waits for its answer.</summary>
public sealed class SlowBodyTests
{
    /// <summary>Bounds that no test reaches by accident: of a case that is about one, only that one is short.</summary>
    private static readonly RequestBounds Patient = new()
    {
        HeadersWithin = TimeSpan.FromHours(1), BodyWithin = TimeSpan.FromHours(1), LeastBytesPerSecond = 1, Grace = TimeSpan.FromHours(1), IdleFor = TimeSpan.FromHours(1),
    };

    private const string Form = "application/x-www-form-urlencoded";

    private static readonly (string What, string Header, string Body)[] Endless =
    [
        ("one byte", "Content-Length: 700000", "S"),
        ("nothing", "Content-Length: 700000", ""),
        ("chunks without an end", "Transfer-Encoding: chunked", "1\r\nS\r\n1\r\nA\r\n"),
        ("within a chunk", "Transfer-Encoding: chunked", "ffff\r\nSAML"),
        ("less than it announced", "Content-Length: 700000", "SAMLResponse="),
    ];

    [Fact]
    public async Task SAML_086_a_body_that_does_not_end_is_answered_by_its_deadline()
    {
        await using var server = await StartAsync(Patient with { BodyWithin = TimeSpan.FromMilliseconds(300) });
        var path = "/sso/saml/acs/conn_unknown";   // the body is read before anything is known of it

        var answers = await Task.WhenAll(Endless.Select(async one =>
        {
            using var caller = await Caller.PostAsync(server, path, one.Header, one.Body);
            return (one.What, Answer: await caller.ReadToEndAsync());
        }));

        foreach (var (what, answer) in answers)
        {
            Assert.True(answer.StartsWith("HTTP/1.1 408 ", StringComparison.Ordinal), $"{what}: {answer}");
            Assert.Contains("\r\nConnection: close\r\n", answer, StringComparison.Ordinal);
            Assert.Contains("\"request_timeout\"", answer, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("SAML-086 the rate")]
    [InlineData("SAML-086 the headers")]
    public async Task What_comes_too_slowly_is_cut_by_the_web_server(string what)
    {
        await using var server = await StartAsync(what.EndsWith("rate", StringComparison.Ordinal)
            ? Patient with { LeastBytesPerSecond = 240, Grace = TimeSpan.FromSeconds(1.1) } : Patient with { HeadersWithin = TimeSpan.FromSeconds(1) });
        var connection = await server.SamlConnectionAsync();
        var path = new Uri(connection.AcsUrl).AbsolutePath;

        using var caller = what.EndsWith("rate", StringComparison.Ordinal)
            ? await Caller.PostAsync(server, path, "Content-Length: 700000", "S")
            : await Caller.SendAsync(server, $"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-");
        var answer = await caller.ReadToEndAsync();

        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
        await connection.SignInAsync();
    }

    [Fact]
    public async Task SAML_086_two_hundred_who_never_end_hold_no_thread_and_no_memory_and_others_sign_in()
    {
        const int Slow = 200;
        await using var server = await StartAsync(Patient);
        var connection = await server.SamlConnectionAsync();
        await connection.SignInAsync();
        var (threads, before) = (ThreadPool.ThreadCount, GC.GetTotalMemory(forceFullCollection: true));
        var callers = new List<Caller>();
        try
        {
            for (var i = 0; i < Slow; i++)
            {
                callers.Add(await Caller.PostAsync(server, new Uri(connection.AcsUrl).AbsolutePath, "Content-Length: 700000", "SAMLResponse=A"));
            }
            for (var i = 0; i < 20; i++)
            {
                await connection.SignInAsync($"ada-{i}@acme.test");
            }
            var grown = GC.GetTotalMemory(forceFullCollection: true) - before;
            Assert.True(grown < Slow * 32 * 1024, $"{grown / Slow} bytes a caller");   // what was announced is 700 kB each
            Assert.True(ThreadPool.ThreadCount < threads + (Slow / 2), $"{ThreadPool.ThreadCount} threads, {threads} before");
        }
        finally
        {
            callers.ForEach(c => c.Dispose());
        }
    }

    private static readonly (string What, string Header, string Body, string[] Answers)[] Wrong =
    [
        ("more than it announced", "Content-Length: 14", "SAMLResponse=AXXXX\r\n\r\n", ["400", "400"]),
        ("far more than it announced", "Content-Length: 0", "XXXX\r\n\r\n", ["400", "400"]),
        ("two lengths", "Content-Length: 14\r\nContent-Length: 15", "SAMLResponse=A", ["400"]),
        ("a length and chunks", "Content-Length: 14\r\nTransfer-Encoding: chunked", "e\r\nSAMLResponse=A\r\n0\r\n\r\n", ["400"]),
        ("more than is read", "Content-Length: 99999999", "SAMLResponse=A", ["413"]),
        ("a negative length", "Content-Length: -1", "SAMLResponse=A", ["400"]),
        ("a chunk that is none", "Transfer-Encoding: chunked", "zz\r\nSAMLResponse=A\r\n0\r\n\r\n", ["400"]),
    ];

    [Fact]
    public async Task SAML_086_a_wrong_length_is_refused_and_nothing_behind_it_is_taken_for_a_request()
    {
        await using var server = await StartAsync(Patient);
        var connection = await server.SamlConnectionAsync();
        var (path, before) = (new Uri(connection.AcsUrl).AbsolutePath, server.Everything());

        var answers = await Task.WhenAll(Wrong.Select(async one =>
        {
            using var caller = await Caller.PostAsync(server, path, one.Header, one.Body);
            return (one.What, one.Answers, Got: (await caller.ReadToEndAsync()).Split("HTTP/1.1 ", StringSplitOptions.RemoveEmptyEntries).Select(a => a[..3]).ToList());
        }));

        Assert.All(answers, a => Assert.True(a.Answers.SequenceEqual(a.Got), $"{a.What}: {string.Join(", ", a.Got)}"));
        Assert.Equal(before, server.Everything());
        await connection.SignInAsync();
    }

    [Fact]
    public async Task SAML_086_who_leaves_before_the_end_is_forgotten()
    {
        await using var server = await StartAsync(Patient);
        var connection = await server.SamlConnectionAsync();
        var path = new Uri(connection.AcsUrl).AbsolutePath;

        var before = server.Everything();

        using var caller = await Caller.PostAsync(server, path, "Content-Length: 700000", "SAMLResponse=A", isOver: true);

        Assert.Equal("", await caller.ReadToEndAsync());   // let go at once, and not at a deadline, which is an hour away
        Assert.Equal(before, server.Everything());
        await connection.SignInAsync();
    }

    private static Task<HoldfastServer> StartAsync(RequestBounds bounds) =>
        HoldfastServer.StartAsync(new Start(OnNetwork: true, Configure: builder => builder.Services.AddSingleton(bounds)));

    /// <summary>A caller that says what it says, byte for byte.</summary>
    private sealed class Caller : IDisposable
    {
#pragma warning disable RS0030 // The far side of what is tested.
        private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        public static Task<Caller> PostAsync(HoldfastServer server, string path, string header, string body, bool isOver = false) =>
            SendAsync(server, $"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {Form}\r\n{header}\r\n\r\n{body}", isOver);

        /// <param name="isOver">It says that nothing more will come.</param>
        public static async Task<Caller> SendAsync(HoldfastServer server, string text, bool isOver = false)
        {
            var caller = new Caller();
            await caller._socket.ConnectAsync(IPAddress.Loopback, new Uri(server.Url).Port);
            await caller._socket.SendAsync(Encoding.ASCII.GetBytes(text));
            if (isOver)
            {
                caller._socket.Shutdown(SocketShutdown.Send);
            }
            return caller;
        }

        /// <summary>All that the server says until it lets go.</summary>
        public async Task<string> ReadToEndAsync()
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            var (said, buffer) = (new StringBuilder(), new byte[4096]);
            try
            {
                while (await _socket.ReceiveAsync(buffer, deadline.Token) is var read and > 0)
                {
                    said.Append(Encoding.ASCII.GetString(buffer, 0, read));
                }
            }
            catch (SocketException reset) when (reset.SocketErrorCode == SocketError.ConnectionReset)
            {
                // It had more to say than was read.
            }
            return said.ToString();
        }

        public void Dispose() => _socket.Dispose();
    }
#pragma warning restore RS0030
}
