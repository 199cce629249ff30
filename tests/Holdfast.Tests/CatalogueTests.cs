using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using Holdfast.Resilience;

namespace Holdfast.Tests;

/// <summary>Every outbound call of the product has a policy in the one catalogue: read from the compiled programs, so that no spelling hides one (law 7).</summary>
public sealed class CatalogueTests
{
    /// <summary>Where everything is that can open a connection, start a program, or ask a resolver: whole namespaces, so that a type that nobody thought of is found as well.</summary>
    private static readonly string[] OutwardSpaces =
    [
        "System.Net.Sockets", "System.Net.Http", "System.Net.Mail", "System.Net.WebSockets", "System.Net.Quic", "System.Net.NetworkInformation", "System.Net.Security", "System.IO.Pipes", "System.DirectoryServices",
        "System.Runtime.Loader", "System.Reflection.Emit", "System.IO.Ports", "MimeKit.Cryptography", "Npgsql", "DnsClient", "MailKit", "Grpc", "Yarp.ReverseProxy.Forwarder", "Microsoft.Extensions.Http",
    ];

    /// <summary>Those of namespaces that hold much else.</summary>
    private static readonly string[] OutwardTypes =
    [
        "System.Net.Dns", "System.Net.WebRequest", "System.Net.HttpWebRequest", "System.Net.FtpWebRequest", "System.Net.WebClient", "System.Diagnostics.Process",
        "Microsoft.Extensions.DependencyInjection.HttpClientFactoryServiceCollectionExtensions",
        // A route that calls out, and a proxy of its own settings.
        "Microsoft.AspNetCore.Builder.DirectForwardingIEndpointRouteBuilderExtensions", "Microsoft.AspNetCore.Builder.ReverseProxyIEndpointRouteBuilderExtensions",
        // Native code past the list of functions; a listener past the web server; types by a name in a text; documents from wherever an address leads.
        "System.Runtime.InteropServices.NativeLibrary", "System.Net.HttpListener", "System.Runtime.CompilerServices.UnsafeAccessorTypeAttribute", "System.Xml.XmlUrlResolver",
        // Asks the address that a certificate names for its issuer's, unless its policy forbids that.
        "System.Security.Cryptography.X509Certificates.X509Chain",
    ];

    /// <summary>Members that load a type by its name, past everything that is read here.</summary>
    private static readonly string[] OutwardMembers =
    [
        "System.Type.GetType", "System.Reflection.Assembly.Load", "System.Reflection.Assembly.LoadFrom", "System.Reflection.Assembly.LoadFile", "System.Reflection.Assembly.GetType", "System.Reflection.Assembly.UnsafeLoadFrom",
        "System.Reflection.Assembly.LoadWithPartialName", "System.Reflection.Assembly.CreateInstance", "System.Reflection.Assembly.GetTypes", "System.Reflection.Assembly.GetExportedTypes", "System.Reflection.Assembly.get_DefinedTypes",
        "System.Reflection.Assembly.get_ExportedTypes", "System.Reflection.Module.GetType", "System.Reflection.Module.GetTypes", "System.Type.GetTypeFromProgID", "System.Type.GetTypeFromCLSID", "System.Activator.CreateInstanceFrom",
        "System.AppDomain.CreateInstance", "System.AppDomain.CreateInstanceAndUnwrap", "System.AppDomain.ExecuteAssembly", "System.AppDomain.Load", "System.Runtime.InteropServices.Marshal.GetDelegateForFunctionPointer",
        "Microsoft.Data.Sqlite.SqliteConnection.LoadExtension", "Microsoft.Data.Sqlite.SqliteConnection.EnableExtensions", "SQLitePCL.raw.sqlite3_load_extension", "SQLitePCL.raw.sqlite3_enable_load_extension",
        "System.Security.Cryptography.X509Certificates.X509Certificate2.Verify",
        "Microsoft.Extensions.DependencyInjection.ReverseProxyServiceCollectionExtensions.AddReverseProxy",
        "Npgsql.NpgsqlConnection..ctor", "Npgsql.NpgsqlConnection.Open", "Npgsql.NpgsqlConnection.OpenAsync", "Npgsql.NpgsqlConnection.CloneWith", "Npgsql.NpgsqlConnection.CloneWithAsync",
    ];

    /// <summary>Members that call out when they are given an address or a name as a text, and not otherwise.</summary>
    private static readonly string[] OutwardByText =
        ["System.Xml.XmlReader.Create", "System.Xml.XmlDocument.Load", "System.Xml.Linq.XDocument.Load", "System.Xml.Linq.XElement.Load", "System.Xml.XPath.XPathDocument..ctor", "System.Xml.Xsl.XslCompiledTransform.Load", "System.Xml.Schema.XmlSchemaSet.Add", "System.Activator.CreateInstance"];

    /// <summary>What opens nothing: messages, words for faults, and what works on a connection that is open.</summary>
    private static readonly string[] Harmless =
    [
        "System.Net.Http.Headers.", "System.Net.Http.HttpMethod", "System.Net.Http.HttpRequestMessage", "System.Net.Http.HttpResponseMessage", "System.Net.Http.HttpRequestError", "System.Net.Http.HttpRequestOptions", "System.Net.Http.HttpRequestOptionsKey`1", "System.Net.Http.HttpVersionPolicy", "System.Net.Sockets.SocketError",
        "System.Net.Sockets.AddressFamily", "System.Net.Sockets.TcpListener", "System.Net.Security.RemoteCertificateValidationCallback", "System.Net.Security.SslPolicyErrors",
        "Npgsql.NpgsqlConnection", "Npgsql.NpgsqlCommand", "Npgsql.NpgsqlBatch", "Npgsql.NpgsqlBatchCommand", "Npgsql.NpgsqlParameter", "Npgsql.NpgsqlDataReader", "Npgsql.NpgsqlTransaction", "Npgsql.NotificationEventHandler",
        "Npgsql.NpgsqlNotificationEventArgs", "Npgsql.NpgsqlConnectionStringBuilder", "Yarp.ReverseProxy.Forwarder.ForwarderRequestConfig", "Yarp.ReverseProxy.Forwarder.HttpTransformer",
        "Yarp.ReverseProxy.Forwarder.IForwarderErrorFeature", "Yarp.ReverseProxy.Forwarder.RequestUtilities", "Yarp.ReverseProxy.Forwarder.ForwarderError",
    ];

    /// <summary>Native functions that are called. None of them opens a connection.</summary>
    private static readonly string[] Native =
        ["e_sqlite3!sqlite3_vfs_register", "libc!umask", "libc!kill", "libc!open", "libc!fsync", "libc!close", "libc!statx"];

    /// <summary>Libraries outside the framework, each looked at for calls of its own. A new one comes here with what it calls.</summary>
    private static readonly Dictionary<string, string> Libraries = new(StringComparer.Ordinal)
    {
        ["BouncyCastle.Cryptography"] = "nothing", ["Dapper"] = "nothing", ["DnsClient"] = "resolvers, by DnsTexts", ["MailKit"] = "mail servers, by SmtpRelay", ["MimeKit"] = "nothing",
        ["Microsoft.AspNetCore.OpenApi"] = "nothing", ["Microsoft.Data.Sqlite"] = "files", ["Microsoft.IdentityModel.JsonWebTokens"] = "nothing: keys are handed to it", ["Microsoft.IdentityModel.Tokens"] = "nothing: keys are handed to it",
        ["Microsoft.OpenApi"] = "nothing", ["NSec.Cryptography"] = "nothing", ["Npgsql"] = "database servers, by PostgresServers", ["QRCoder"] = "nothing", ["SQLitePCLRaw.batteries_v2"] = "files", ["SQLitePCLRaw.core"] = "files",
        ["Yarp.ReverseProxy"] = "the other node, by ForwardToAuthority; nodes, by the edge", ["zxcvbn-core"] = "nothing",
    };

    /// <summary>Parts of the framework that call out by themselves.</summary>
    private static readonly string[] OutwardParts =
        ["Microsoft.Extensions.Http", "Microsoft.AspNetCore.Authentication.OAuth", "Microsoft.AspNetCore.Authentication.OpenIdConnect", "Microsoft.AspNetCore.SpaServices", "Microsoft.AspNetCore.SignalR.Client", "Microsoft.CSharp"];

    private static readonly string[] Product = ["Holdfast.dll", "Holdfast.Storage.dll", "Holdfast.Protocols.dll", "Holdfast.Resilience.dll"];

    /// <summary>Who may use which of them, and why nobody else's call is left without a policy.</summary>
    private static readonly Dictionary<string, string> Doors = new(StringComparer.Ordinal)
    {
        ["Holdfast.Resilience.OutboundHttp"] = "each call is a dependency's",
        ["Holdfast.Resilience.EdgeHttp"] = "each call is a dependency's",
        ["Holdfast.Resilience.EdgeClient"] = "opens nothing: hands a forwarder's requests to whoever calls by a dependency",
        ["Holdfast.Resilience.OperatorHttp"] = "each call is a dependency's, or its probe's",
        ["Holdfast.Resilience.DnsTexts"] = "each call is a dependency's, or its probe's",
        ["Holdfast.Resilience.LoopbackClient"] = "loopback alone: benchmarks",
        ["Holdfast.Peers.ForwardToAuthority"] = "hands the forwarder a client, inside a dependency's call",
        ["Holdfast.Edge.SendOn"] = "hands the forwarder a client that calls by a dependency",
        ["Holdfast.Keys.CredentialSource"] = "runs the operator's program, inside a dependency's call",
        ["Holdfast.Resilience.PostgresServers"] = "each call is a dependency's",
        ["Holdfast.Resilience.SmtpRelay"] = "each call is a dependency's",
        ["Holdfast.Resilience.OwnAuthority"] = "a chain that fetches nothing",
        ["Holdfast.Resilience.LoopbackDatagrams"] = "loopback alone, and only to whoever has asked: benchmarks",
        ["Holdfast.Bench.PostgresProcess"] = "a child process of a benchmark",
        ["Holdfast.Bench.OpenSession"] = "a child process of a benchmark",
        ["Holdfast.Bench.DevServer"] = "a child process of a benchmark",
        ["Holdfast.Bench.StartBench"] = "a child process of a benchmark",
        ["Holdfast.Bench.RefreshBench"] = "a child process of a benchmark",
        ["Holdfast.Bench.PostgresBench"] = "a child process of a benchmark",
        ["Holdfast.Verbs.Commit"] = "asks git for the checkout's commit, in a benchmark's report",
    };

    [Fact]
    public void Whatever_can_open_a_connection_is_used_by_the_doors_alone()
    {
        var used = Product.SelectMany(a => Users(Path.Combine(AppContext.BaseDirectory, a))).Distinct().ToList();

        Assert.Empty(used.Where(u => !Doors.ContainsKey(u.User)).Select(u => $"{u.User} uses {u.Of}: give it a dependency of the catalogue, by a door of Holdfast.Resilience"));
        Assert.Empty(Doors.Keys.Except(used.Select(u => u.User)).Select(door => $"{door} is a door that nobody uses: strike it out"));
    }

    [Fact]
    public void A_type_that_no_code_is_seen_to_use_is_not_named_either()
    {
        foreach (var assembly in Product.Where(a => a != "Holdfast.Resilience.dll").Select(a => Path.Combine(AppContext.BaseDirectory, a)))   // there it is the doors that keep the rest out
        {
            var seen = Users(assembly).Select(u => u.Of).ToHashSet(StringComparer.Ordinal);
            // What OperatorHttp lends is handed on to the forwarder as it is.
            Assert.Empty(Named(assembly).Where(type => !seen.Contains(type) && (Path.GetFileName(assembly), type) != ("Holdfast.dll", "System.Net.Http.HttpMessageInvoker")).Select(type => $"{Path.GetFileName(assembly)} names {type}, perhaps as the argument of a generic method"));
        }
    }

    [Fact]
    public void Native_functions_and_libraries_are_those_that_were_looked_at()
    {
        var (native, libraries) = (new List<string>(), new List<string>());
        foreach (var assembly in Product)
        {
            using var program = new PEReader(File.OpenRead(Path.Combine(AppContext.BaseDirectory, assembly)));
            var reader = program.GetMetadataReader();
            native.AddRange(
                from handle in reader.MethodDefinitions
                let import = reader.GetMethodDefinition(handle).GetImport()
                where !import.Module.IsNil
                select $"{reader.GetString(reader.GetModuleReference(import.Module).Name)}!{reader.GetString(import.Name)}");
            libraries.AddRange(reader.AssemblyReferences.Select(handle => reader.GetString(reader.GetAssemblyReference(handle).Name)));
        }

        Assert.Empty(native.Except(Native));
        Assert.DoesNotContain(libraries, l => OutwardParts.Contains(l) || (l.StartsWith("Microsoft.AspNetCore.Authentication.", StringComparison.Ordinal) && l is not ("Microsoft.AspNetCore.Authentication.Abstractions" or "Microsoft.AspNetCore.Authentication.Core")));
        Assert.Equal(Libraries.Keys.Order(StringComparer.Ordinal), libraries.Distinct().Where(IsALibrary).Order(StringComparer.Ordinal));

        static bool IsALibrary(string name) => Libraries.ContainsKey(name)
            || !(name.StartsWith("Holdfast", StringComparison.Ordinal) || name.StartsWith("System.", StringComparison.Ordinal) || name.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal)
                || name.StartsWith("Microsoft.Extensions.", StringComparison.Ordinal) || name is "Microsoft.Net.Http.Headers" or "Microsoft.Win32.Primitives");
    }

    /// <summary>Each way to call out, planted beside this test: what reads the product must see every one of them.</summary>
    [Fact]
    public void Every_planted_call_is_seen()
    {
        var seen = Users(typeof(PlantedCalls).Assembly.Location).Where(u => u.User == typeof(PlantedCalls).FullName).Select(u => u.Of).ToHashSet(StringComparer.Ordinal);

        Assert.Equal(PlantedCalls.All.Concat(PlantedCalls.Roundabout).Order(StringComparer.Ordinal), seen.Order(StringComparer.Ordinal));
        Assert.Empty(PlantedCalls.OnlyNamed.Except(Named(typeof(PlantedCalls).Assembly.Location)));
    }

    /// <summary>The same calls are refused when the product is built, all but programs that are started: what starts one is read from the compiled program alone.</summary>
    [Fact]
    public void Every_planted_call_is_banned_in_the_build()
    {
        var banned = File.ReadLines(Path.Combine(FloorsTests.Root, "BannedSymbols.txt")).Select(line => line.Split(';')[0][2..]).ToList();
        string[] by_a_member = ["System.Type.GetType", "System.Reflection.Assembly.Load", "System.Diagnostics.Process", "System.Net.Http.HttpMessageInvoker"];

        Assert.All(PlantedCalls.All.Except(by_a_member), of => Assert.Contains(banned, b => b == of || b.StartsWith(of.Replace("..ctor", "", StringComparison.Ordinal) + ".#ctor", StringComparison.Ordinal)
            || b.StartsWith(of + ".", StringComparison.Ordinal)));
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

    /// <summary>Types whose code names something that leads outward: by its members or as a type, wherever in its nested types.</summary>
    private static IEnumerable<(string User, string Of)> Users(string assembly)
    {
        using var program = new PEReader(File.OpenRead(assembly));
        var reader = program.GetMetadataReader();
        var outward = new Dictionary<int, string>();
        foreach (var handle in reader.TypeReferences)
        {
            if (NameOf(reader, handle) is var name && IsOutward(name))
            {
                outward[MetadataTokens.GetToken(handle)] = name;   // typeof, a cast, an array
            }
        }
        for (var row = 1; row <= reader.GetTableRowCount(TableIndex.TypeSpec); row++)
        {
            var handle = MetadataTokens.TypeSpecificationHandle(row);
            if (OutwardIn(reader, reader.GetTypeSpecification(handle).Signature) is { } name)
            {
                outward[MetadataTokens.GetToken(handle)] = name;   // the argument of a generic type
            }
        }
        foreach (var handle in reader.MemberReferences)
        {
            var member = reader.GetMemberReference(handle);
            if (member.Parent.Kind == HandleKind.TypeSpecification && outward.TryGetValue(MetadataTokens.GetToken(member.Parent), out var within))
            {
                outward[MetadataTokens.GetToken(handle)] = within;
            }
            if (member.Parent is { Kind: HandleKind.TypeReference } parent && NameOf(reader, (TypeReferenceHandle)parent) is var name)
            {
                var whole = $"{name}.{reader.GetString(member.Name)}";
                if (IsOutward(name) || OutwardMembers.Contains(whole) || (OutwardByText.Contains(whole) && TakesATextFirst(reader, member)))
                {
                    outward[MetadataTokens.GetToken(handle)] = IsOutward(name) ? name : whole;
                }
            }
        }
        for (var row = 1; row <= reader.GetTableRowCount(TableIndex.MethodSpec); row++)
        {
            var handle = MetadataTokens.MethodSpecificationHandle(row);
            var method = reader.GetMethodSpecification(handle);
            if (outward.TryGetValue(MetadataTokens.GetToken(method.Method), out var name) || OutwardIn(reader, method.Signature) is { } argument && (name = argument) is not null)
            {
                outward[MetadataTokens.GetToken(handle)] = name;   // a generic method, or the argument of one
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
            // call, callvirt, newobj, ldftn, ldvirtftn, castclass, isinst, ldfld, ldsfld, newarr, ldtoken: an opcode and a token. A false match would need the same four bytes as a token; it would be looked at, and that is all.
            for (var i = 0; i + 4 < code.Length; i++)
            {
                if ((code[i] is 0x28 or 0x6f or 0x73 or 0x06 or 0x07 or 0x74 or 0x75 or 0x7b or 0x7e or 0x8d or 0xd0) && outward.TryGetValue(BitConverter.ToInt32(code, i + 1), out var of))
                {
                    yield return (Outermost(reader, method.GetDeclaringType()), of);
                }
            }
        }
    }

    /// <summary>What leads outward among the types that a signature is built of. Counts in it are read as if they were types, which they are not, and change nothing.</summary>
    private static string? OutwardIn(MetadataReader reader, BlobHandle blob)
    {
        var signature = reader.GetBlobReader(blob);
        while (signature.RemainingBytes > 0)
        {
            if (signature.ReadByte() is (byte)SignatureTypeKind.Class or (byte)SignatureTypeKind.ValueType && signature.RemainingBytes > 0
                && signature.ReadTypeHandle() is { Kind: HandleKind.TypeReference } handle && NameOf(reader, (TypeReferenceHandle)handle) is var name && IsOutward(name))
            {
                return name;
            }
        }
        return null;
    }

    /// <summary>By its signature (ECMA-335 §II.23.2.2): the first parameter is a string.</summary>
    private static bool TakesATextFirst(MetadataReader reader, MemberReference member)
    {
        var signature = reader.GetBlobReader(member.Signature);
        if (signature.ReadSignatureHeader().IsGeneric || signature.ReadCompressedInteger() == 0)
        {
            return false;
        }
        var returned = signature.ReadSignatureTypeCode();
        if (returned == SignatureTypeCode.TypeHandle)
        {
            signature.ReadTypeHandle();
        }
        return signature.ReadSignatureTypeCode() == SignatureTypeCode.String;
    }

    /// <summary>Everything that leads outward and is named anywhere, in a signature too.</summary>
    private static List<string> Named(string assembly)
    {
        using var program = new PEReader(File.OpenRead(assembly));
        var reader = program.GetMetadataReader();
        return [.. reader.TypeReferences.Select(handle => NameOf(reader, handle)).Where(IsOutward).Distinct()];
    }

    private static bool IsOutward(string type) =>
        (OutwardTypes.Contains(type) || OutwardSpaces.Any(space => type.StartsWith(space + ".", StringComparison.Ordinal)))
        && !type.EndsWith("Exception", StringComparison.Ordinal) && !type.EndsWith("Content", StringComparison.Ordinal)
        && !Harmless.Any(harmless => harmless.EndsWith('.') ? type.StartsWith(harmless, StringComparison.Ordinal) : type == harmless || type == harmless + "Collection" || type == harmless + "Command");

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
