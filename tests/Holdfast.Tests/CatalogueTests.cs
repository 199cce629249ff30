using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using Holdfast.Resilience;

namespace Holdfast.Tests;

/// <summary>Every outbound call of the product has a policy in the one catalogue: read from the compiled programs, so that no spelling hides one (law 7).</summary>
public sealed class CatalogueTests
{
    /// <summary>What can open a connection, start a program, or ask a resolver.</summary>
    private static readonly string[] Outward =
    [
        "System.Net.Sockets.Socket", "System.Net.Sockets.TcpClient", "System.Net.Sockets.UdpClient", "System.Net.Sockets.NetworkStream", "System.Net.Http.HttpClient", "System.Net.Http.HttpMessageInvoker",
        "System.Net.Http.SocketsHttpHandler", "System.Net.Http.HttpClientHandler", "System.Net.Http.IHttpClientFactory", "System.Net.WebRequest", "System.Net.WebClient", "System.Net.Dns", "System.Net.Mail.SmtpClient",
        "System.Net.WebSockets.ClientWebSocket", "System.Net.NetworkInformation.Ping", "System.Net.Quic.QuicConnection", "System.Diagnostics.Process", "System.IO.Pipes.NamedPipeClientStream", "DnsClient.LookupClient",
        "Grpc.Net.Client.GrpcChannel", "MailKit.Net.Smtp.SmtpClient", "Npgsql.NpgsqlDataSource", "Npgsql.NpgsqlDataSourceBuilder",
    ];

    /// <summary>Who may use which of them, and why nobody else's call is left without a policy.</summary>
    private static readonly Dictionary<string, string> Doors = new(StringComparer.Ordinal)
    {
        ["Holdfast.Resilience.OutboundHttp"] = "each call is a dependency's",
        ["Holdfast.Resilience.EdgeHttp"] = "each call is a dependency's",
        ["Holdfast.Resilience.EdgeClient"] = "opens nothing: hands a forwarder's requests to whoever calls by a dependency",
        ["Holdfast.Resilience.OperatorHttp"] = "each call is a dependency's, or its probe's",
        ["Holdfast.Resilience.DnsTexts"] = "each call is a dependency's, or its probe's",
        ["Holdfast.Resilience.LoopbackClient"] = "loopback alone: benchmarks",
        ["Holdfast.Resilience.Trouble"] = "names exceptions; opens nothing",
        ["Holdfast.Peers.ForwardToAuthority"] = "hands the forwarder a client, inside a dependency's call",
        ["Holdfast.Keys.CredentialSource"] = "runs the operator's program, inside a dependency's call",
        ["Holdfast.Resilience.PostgresServers"] = "each call is a dependency's",
        ["Holdfast.Resilience.SmtpRelay"] = "each call is a dependency's",
        ["Holdfast.Bench.PostgresProcess"] = "a child process of a benchmark",
        ["Holdfast.Bench.OpenSession"] = "a child process of a benchmark",
        ["Holdfast.Bench.DevServer"] = "a child process of a benchmark",
        ["Holdfast.Bench.StartBench"] = "a child process of a benchmark",
        ["Holdfast.Verbs.Commit"] = "asks git for the checkout's commit, in a benchmark's report",
        ["Holdfast.Verbs.SimulateVerb"] = "child processes of a campaign",
    };

    [Fact]
    public void Whatever_can_open_a_connection_is_used_by_the_doors_alone()
    {
        string[] assemblies = ["Holdfast.dll", "Holdfast.Storage.dll", "Holdfast.Protocols.dll", "Holdfast.Resilience.dll"];
        var used = assemblies.SelectMany(a => Users(Path.Combine(AppContext.BaseDirectory, a))).Distinct().ToList();

        Assert.NotEmpty(used);
        Assert.Empty(used.Where(u => !Doors.ContainsKey(u.User)).Select(u => $"{u.User} uses {u.Of}: give it a dependency of the catalogue, by a door of Holdfast.Resilience"));
        Assert.Contains(used, u => u == ("Holdfast.Resilience.OutboundHttp", "System.Net.Http.SocketsHttpHandler"));   // the test can see
    }

    [Fact]
    public void Policies_are_made_in_the_catalogue_alone()
    {
        var makers =
            from file in Directory.EnumerateFiles(Path.Combine(FloorsTests.Root, "src"), "*.cs", SearchOption.AllDirectories)
            where !file.Contains("/obj/", StringComparison.Ordinal) && File.ReadAllText(file).Contains("new DependencyPolicy(", StringComparison.Ordinal)
            select Path.GetRelativePath(FloorsTests.Root, file);

        Assert.Equal(["src/Holdfast/Catalogue.cs"], makers);
    }

    [Fact]
    public void Every_dependency_says_in_words_what_it_is_for_and_what_serves_without_it()
    {
        Assert.Equal(typeof(Catalogue).GetFields().Count(f => f.FieldType == typeof(DependencyPolicy)) + 1, Catalogue.All.Count);   // and that of a setting
        Assert.Equal(Catalogue.All.Count, Catalogue.All.Select(p => (p.Name, p.For)).Distinct().Count());   // a file and PostgreSQL are both the primary
        Assert.All(Catalogue.All, p => Assert.True(
            p.Fallback is { Length: > 20 } && p.Fallback.EndsWith('.') && p.For.Length > 5 && p.Again.Length > 0 && !p.Fallback.Contains('|', StringComparison.Ordinal), p.Name));
        Assert.All(Catalogue.All.Where(p => p.SignIn != SignInStake.None && p.Scope != DependencyScope.Peer), p => Assert.True(p.Deadline <= TimeSpan.FromSeconds(2), p.Name));   // law 1's budget
    }

    [Fact]
    public void The_page_on_continuity_shows_the_catalogue()
    {
        const string Begin = "<!-- catalogue: made from src/Holdfast/Catalogue.cs; HOLDFAST_UPDATE=1 writes it anew -->\n";
        const string End = "<!-- end of the catalogue -->\n";
        var path = Path.Combine(FloorsTests.Root, "docs/continuity.md");
        var page = File.ReadAllText(path);
        var (begins, ends) = (page.IndexOf(Begin, StringComparison.Ordinal), page.IndexOf(End, StringComparison.Ordinal));
        Assert.True(begins > 0 && ends > begins, "docs/continuity.md has lost the marks of the catalogue's table.");
        var expected = page[..(begins + Begin.Length)] + "\n" + Catalogue.Table() + "\n" + page[ends..];
        if (Environment.GetEnvironmentVariable("HOLDFAST_UPDATE") == "1")
        {
            File.WriteAllText(path, expected);
        }

        Assert.True(File.ReadAllText(path) == expected, "docs/continuity.md does not show the catalogue. Run this test with HOLDFAST_UPDATE=1, and look at what changes.");
    }

    /// <summary>Types whose code names something of <see cref="Outward"/>: by its constructors and methods, wherever in its nested types.</summary>
    private static IEnumerable<(string User, string Of)> Users(string assembly)
    {
        using var file = File.OpenRead(assembly);
        using var program = new PEReader(file);
        var reader = program.GetMetadataReader();
        var outward = new Dictionary<int, string>();
        foreach (var handle in reader.MemberReferences)
        {
            if (reader.GetMemberReference(handle).Parent is { Kind: HandleKind.TypeReference } parent && NameOf(reader, (TypeReferenceHandle)parent) is var name && Outward.Contains(name))
            {
                outward[MetadataTokens.GetToken(handle)] = name;
            }
        }
        foreach (var handle in reader.MethodDefinitions)
        {
            var method = reader.GetMethodDefinition(handle);
            if (method.RelativeVirtualAddress == 0)
            {
                continue;
            }
            var code = program.GetMethodBody(method.RelativeVirtualAddress).GetILBytes()!;
            // call, callvirt, newobj, ldftn: an opcode and a token. A false match would need the same four bytes as a token; it would be looked at, and that is all.
            for (var i = 0; i + 4 < code.Length; i++)
            {
                if ((code[i] is 0x28 or 0x6f or 0x73 or 0x06) && outward.TryGetValue(BitConverter.ToInt32(code, i + 1), out var of))
                {
                    yield return (Outermost(reader, method.GetDeclaringType()), of);
                }
            }
        }
    }

    private static string NameOf(MetadataReader reader, TypeReferenceHandle handle)
    {
        var type = reader.GetTypeReference(handle);
        return $"{reader.GetString(type.Namespace)}.{reader.GetString(type.Name)}";
    }

    private static string Outermost(MetadataReader reader, TypeDefinitionHandle handle)
    {
        var type = reader.GetTypeDefinition(handle);
        return type.GetDeclaringType() is { IsNil: false } outer ? Outermost(reader, outer) : $"{reader.GetString(type.Namespace)}.{reader.GetString(type.Name)}";
    }
}
