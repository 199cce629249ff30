using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using System.Security.Cryptography.Xml;
using System.Text.Json;
using System.Xml;
using System.Xml.Linq;
using Holdfast.Sso;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Holdfast.Tests.Sso;

/// <summary>Metadata by URL (decision 0012): what is taken of a change, by which rule, what is told, and that no sign-in notices.</summary>
public sealed class MetadataTests(MetadataTests.Made made) : IClassFixture<MetadataTests.Made>, IAsyncLifetime
{
    private static readonly X509Certificate2 Old = SamlProvider.Certificate;
    private static readonly X509Certificate2 New = SamlProvider.MakeCertificate();

    private readonly HoldfastServer _server = made.Server;
    private readonly List<SamlConnection> _connections = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>The next test's rounds are about its own connections.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _connections)
        {
            (await _server.DeleteAsync($"/connections/{connection.Id}")).Is(204);
        }
    }

    /// <summary>A developer's server, which may reach loopback, and its log.</summary>
    public sealed class Made : IAsyncLifetime
    {
        internal HoldfastServer Server { get; private set; } = null!;

        internal Heard Log { get; } = new();

        public async ValueTask InitializeAsync() => Server = await StartAsync(Log);

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }

    internal static Task<HoldfastServer> StartAsync(Heard log, SsoOptions? options = null, string? data = null, HeldClock? clock = null, Environments.NewEnvironment? a = null) =>
        HoldfastServer.StartAsync(new Start(IsDev: true, Data: data, Clock: clock, Configure: builder =>
        {
            builder.Logging.AddProvider(log);
            if (options is not null)
            {
                builder.Services.AddSingleton(options);
            }
        }), a, a);

    [Theory]
    [InlineData("pinned", false, false, "pinned")]
    [InlineData("pinned", true, true, "pinned")]
    [InlineData(null, true, true, "pinned")]   // what is not said takes nothing
    [InlineData("signed", false, false, "not_signed_by_known_key")]
    [InlineData("signed", true, false, "not_signed_by_known_key")]
    [InlineData("signed", false, true, null)]
    [InlineData("overlapping", false, false, "no_known_key")]
    [InlineData("overlapping", true, false, null)]
    [InlineData("overlapping", false, true, null)]
    [InlineData("follow", false, false, null)]
    public async Task A_change_of_keys_is_taken_by_the_connection_s_rule_alone(string? rule, bool keepsOld, bool isSigned, string? why)
    {
        await using var host = await MetadataHost.StartAsync();
        var connection = await ConnectAsync(host, rule);
        Assert.Equal(rule ?? "pinned", Metadata(await ShowAsync(connection)).GetProperty("keys").GetString());
        X509Certificate2[] keys = keepsOld ? [Old, New] : [New];
        host.Say(isSigned ? SignedBy(Old, MetadataHost.Of(connection.Provider, keys)) : MetadataHost.Of(connection.Provider, keys));

        await RefreshAsync();

        var shown = await ShowAsync(connection);
        var (metadata, believed) = (Metadata(shown), Fingerprints(shown.GetProperty("idp_certificates")));
        Assert.Equal(Fingerprints(why is null ? keys : [Old]), believed);
        Assert.Equal(why is null, metadata.GetProperty("taken_at").ValueKind == JsonValueKind.String);
        if (why is null)
        {
            Assert.Equal(JsonValueKind.Null, metadata.GetProperty("pending").ValueKind);
        }
        else
        {
            Assert.Equal((why, Fingerprints(keys)), (metadata.GetProperty("pending").GetProperty("why").GetString(), Fingerprints(metadata.GetProperty("pending").GetProperty("idp_certificates"))));
        }
        Assert.Equal(why is null, await SignsInAsync(connection, New));
        Assert.Equal(why is not null || keepsOld, await SignsInAsync(connection, Old));
        var change = keepsOld ? "keys +1 -0" : "keys +1 -1";
        Assert.Single(made.Log.Lines, l => l.Contains(connection.Id, StringComparison.Ordinal) && l.Contains(why is null
            ? $"was taken: {change}" : $"waits for an administrator: {change}; {why}", StringComparison.Ordinal));

        // Told once, and kept once: the same document says nothing new.
        (int Lines, string? Stamps) Kept() => (made.Log.Lines.Count(l => l.Contains(connection.Id, StringComparison.Ordinal)), _server.Storage.Database.Read(view =>
            view.Find<string>("SELECT taken_stamp || ' ' || pending_stamp || ' ' || reading_stamp FROM saml_metadata WHERE id = @Id", new { connection.Id })));
        var kept = Kept();
        Assert.NotNull(kept.Stamps);
        await RefreshAsync();
        Assert.Equal(kept, Kept());
    }

    [Fact] // a signature by somebody else, or over another element, is none
    public async Task A_signature_by_an_unknown_key_takes_nothing()
    {
        await using var host = await MetadataHost.StartAsync();
        var connection = await ConnectAsync(host, "signed");
        var honest = SignedBy(Old, MetadataHost.Of(connection.Provider, New));
        foreach (var forged in new[]
        {
            SignedBy(New, MetadataHost.Of(connection.Provider, New)),
            honest.Replace(connection.Provider.SsoUrl, "https://evil.test/sso", StringComparison.Ordinal),
        })
        {
            host.Say(forged);
            await RefreshAsync();
            Assert.Equal("not_signed_by_known_key", Pending(await ShowAsync(connection)).GetProperty("why").GetString());
            Assert.False(await SignsInAsync(connection, New));
        }
        host.Say(honest);
        await RefreshAsync();
        Assert.True(await SignsInAsync(connection, New));
    }

    [Fact]
    public async Task An_administrator_accepts_the_change_that_was_seen_and_no_later_one()
    {
        await using var host = await MetadataHost.StartAsync();
        var connection = await ConnectAsync(host, "pinned");
        Task<Answer> AcceptAsync(string version) => _server.PutAsync($"/connections/{connection.Id}", new { saml = new { metadata_accept = version } });
        Assert.Equal(["saml.metadata_accept not_pending"], (await _server.WithoutEffectAsync(() => AcceptAsync("0123456789abcdef"))).Is(422).Faults);
        host.Say(MetadataHost.Of(connection.Provider, New));
        await RefreshAsync();
        var seen = Pending(await ShowAsync(connection)).GetProperty("version").GetString()!;
        using var another = SamlProvider.MakeCertificate();
        host.Say(MetadataHost.Of(connection.Provider, another));
        await RefreshAsync();
        var later = Pending(await ShowAsync(connection)).GetProperty("version").GetString()!;
        Assert.NotEqual(seen, later);

        Assert.Equal(["saml.metadata_accept not_pending"], (await _server.WithoutEffectAsync(() => AcceptAsync(seen))).Is(422).Faults);
        Assert.False(await SignsInAsync(connection, another));
        host.Hang();   // it takes what was read, and asks nobody
        var accepted = (await AcceptAsync(later)).Is(200).Json.GetProperty("saml");

        Assert.Equal(Fingerprints([another]), Fingerprints(accepted.GetProperty("idp_certificates")));
        Assert.Equal(JsonValueKind.Null, Metadata(accepted).GetProperty("pending").ValueKind);
        Assert.True(await SignsInAsync(connection, another));
        Assert.False(await SignsInAsync(connection, Old));
        (await AcceptAsync(later)).Is(422);   // it was pending, and is no more
    }

    [Fact] // the identity provider takes a change back: there is nothing to accept any more
    public async Task A_change_that_was_taken_back_no_longer_waits()
    {
        await using var host = await MetadataHost.StartAsync();
        var connection = await ConnectAsync(host, "pinned");
        host.Say(MetadataHost.Of(connection.Provider, New));
        await RefreshAsync();
        var version = Pending(await ShowAsync(connection)).GetProperty("version").GetString();
        host.Say(MetadataHost.Of(connection.Provider, Old));
        await RefreshAsync();
        Assert.Equal(JsonValueKind.Null, Metadata(await ShowAsync(connection)).GetProperty("pending").ValueKind);
        (await _server.PutAsync($"/connections/{connection.Id}", new { saml = new { metadata_accept = version } })).Is(422);
    }

    public static TheoryData<string, string> Unusable => new()
    {
        { "nonsense", "NotXml" },
        { "page", "IdentityProviderMissing" },
        { "document type", "DocumentTypeForbidden" },
        { "huge", "TooLarge" },
        { "deep", "TooDeep" },
        { "404", "Status404" },
        { "500", "Unreachable" },
        { "expired", "Expired" },
        { "renamed", "EntityIdChanged" },
        { "script", "Malformed" },
        { "http", "InvalidUrl" },
        { "many keys", "TooManyCertificates" },
        { "private address", "Unreachable" },
        { "redirects", "TooManyRedirects" },
    };

    [Theory]
    [MemberData(nameof(Unusable))]
    public async Task What_cannot_be_used_is_told_and_changes_no_sign_in(string what, string fault)
    {
        await using var host = await MetadataHost.StartAsync();
        var connection = await ConnectAsync(host, "follow");
        var sound = MetadataHost.Of(connection.Provider, New);
        switch (what)
        {
            case "404" or "500":
                host.Answer = http =>
                {
                    http.Response.StatusCode = int.Parse(what, null);
                    return http.Response.WriteAsync(sound);
                };
                break;
            case "private address":
                host.Answer = http => RedirectAsync(http, "http://10.0.0.1/metadata");
                break;
            case "redirects":
                host.Answer = http => RedirectAsync(http, host.Url);
                break;
            default:
                host.Say(what switch
                {
                    "nonsense" => "{\"error\": \"try later\"}",
                    "page" => "<html><body>Sign in</body></html>",
                    "document type" => "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/hostname\">]>" + sound,
                    "huge" => sound.Replace("<md:IDPSSODescriptor", new string(' ', 600_000) + "<md:IDPSSODescriptor", StringComparison.Ordinal),
                    "deep" => sound.Replace("<md:IDPSSODescriptor", string.Concat(Enumerable.Repeat("<x>", 100)) + string.Concat(Enumerable.Repeat("</x>", 100)) + "<md:IDPSSODescriptor", StringComparison.Ordinal),
                    "expired" => sound.Replace("entityID=", "validUntil=\"2025-12-31T23:59:59Z\" entityID=", StringComparison.Ordinal),
                    "renamed" => MetadataHost.Of(new SamlProvider(), New),
                    "script" => sound.Replace(connection.Provider.SsoUrl, "javascript:alert(1)", StringComparison.Ordinal),
                    "http" => sound.Replace(connection.Provider.SsoUrl, "http://idp.test/sso", StringComparison.Ordinal),
                    _ => MetadataHost.Of(connection.Provider, [New, .. Many.Value]),
                });
                break;
        }

        await RefreshAsync();

        var metadata = Metadata(await ShowAsync(connection));
        Assert.Equal((fault, JsonValueKind.Null), (metadata.GetProperty("fault").GetString(), metadata.GetProperty("pending").ValueKind));
        Assert.NotNull(metadata.GetProperty("fault_since").GetString());
        Assert.Single(made.Log.Lines, l => l.Contains($"{connection.Id} cannot be used: {fault}", StringComparison.Ordinal));
        Assert.True(await SignsInAsync(connection, Old));
        Assert.False(await SignsInAsync(connection, New));
        // And what is sound again is taken again.
        host.Say(sound);
        await RefreshAsync();
        Assert.Equal(JsonValueKind.Null, Metadata(await ShowAsync(connection)).GetProperty("fault").ValueKind);
        Assert.True(await SignsInAsync(connection, New));
    }

    private static readonly Lazy<X509Certificate2[]> Many = new(() => [.. Enumerable.Range(0, ConnectionInput.MostCertificates).Select(_ => SamlProvider.MakeCertificate())]);

    [Fact] // law 1: while the host hangs, and after a cold start with it hanging
    public async Task A_host_that_hangs_keeps_no_sign_in_waiting()
    {
        var data = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        var log = new Heard();
        try
        {
            await using var host = await MetadataHost.StartAsync();
            SamlConnection connection;
            HeldClock clock;
            Environments.NewEnvironment a;
            await using (var server = await StartAsync(log, null, data))
            {
                (clock, a) = (server.Clock, server.A);
                connection = await ConnectAsync(server, host, "follow");
                host.Say(MetadataHost.Of(connection.Provider, New));
                await RefreshAsync(server);
            }
            host.Hang();
            // Of a call that never ends: it only says how long this test takes.
            await using var again = await StartAsync(log, new SsoOptions { MetadataDeadline = TimeSpan.FromMilliseconds(400) }, data, clock, a);
            connection = connection with { Server = again };
            Assert.True(await SignsInAsync(connection, New));
            Assert.False(await SignsInAsync(connection, Old));

            var round = RefreshAsync(again);
            await host.Hung.Task.WaitAsync(TimeSpan.FromSeconds(30));
            Assert.True(await SignsInAsync(connection, New));
            await round;
            Assert.Equal("Unreachable", Metadata(await ShowAsync(connection)).GetProperty("fault").GetString());
            Assert.True(await SignsInAsync(connection, New));
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact] // what an administrator changes is laid over what counts
    public async Task Another_change_of_the_connection_loses_nothing_that_was_taken()
    {
        await using var host = await MetadataHost.StartAsync();
        var connection = await ConnectAsync(host, "follow");
        host.Say(MetadataHost.Of(connection.Provider, New));
        await RefreshAsync();
        foreach (var change in new object[] { new { want_assertions_signed = true }, new { idp_sso_url = "https://idp.test/elsewhere" }, new { metadata_keys = "pinned" }, new { metadata_url = (string?)null } })
        {
            var saml = (await _server.PutAsync($"/connections/{connection.Id}", new { saml = change })).Is(200).Json.GetProperty("saml");
            Assert.Equal(Fingerprints([New]), Fingerprints(saml.GetProperty("idp_certificates")));
            Assert.True(await SignsInAsync(connection, New));
        }
        Assert.Equal(JsonValueKind.Null, (await ShowAsync(connection)).GetProperty("metadata").ValueKind);
        // No address, no calls.
        var calls = host.Calls;
        await RefreshAsync();
        Assert.Equal(calls, host.Calls);
    }

    [Fact]
    public async Task Where_browsers_are_sent_changes_by_the_same_rule()
    {
        await using var host = await MetadataHost.StartAsync();
        var (pinned, overlapping) = (await ConnectAsync(host, "pinned"), await ConnectAsync(host, "overlapping", host.Url + "/other"));
        host.Answer = http => http.Response.WriteAsync(MetadataHost.Of(http.Request.Path.Value!.EndsWith("other", StringComparison.Ordinal) ? overlapping.Provider : pinned.Provider, Old)
            .Replace("https://idp.test/sso", "https://idp.test/moved", StringComparison.Ordinal));
        await RefreshAsync();
        await RefreshAsync();   // one host, one call at a time
        Assert.Equal("https://idp.test/sso", (await ShowAsync(pinned)).GetProperty("idp_sso_url").GetString());
        Assert.Equal("https://idp.test/moved", Pending(await ShowAsync(pinned)).GetProperty("idp_sso_url").GetString());
        Assert.Equal("https://idp.test/moved", (await ShowAsync(overlapping)).GetProperty("idp_sso_url").GetString());
        Assert.StartsWith("https://idp.test/moved?", (await new Browser(_server).GetAsync(overlapping.AuthorizePath())).Is(302).Location, StringComparison.Ordinal);
        Assert.Contains(made.Log.Lines, l => l.Contains($"{overlapping.Id} changed and was taken: sso_url", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_connection_that_is_off_is_not_read()
    {
        await using var host = await MetadataHost.StartAsync();
        var connection = await ConnectAsync(host, "follow");
        (await _server.PutAsync($"/connections/{connection.Id}", new { state = "inactive" })).Is(200);
        var calls = host.Calls;
        await RefreshAsync();
        Assert.Equal(calls, host.Calls);
        (await _server.PutAsync($"/connections/{connection.Id}", new { state = "active" })).Is(200);
        await RefreshAsync();
        Assert.Equal(calls + 1, host.Calls);
    }

    [Theory]
    [InlineData(null, null, null, "taken_before")]
    [InlineData(20, 40, 20, "older")]
    [InlineData(null, 40, null, "older")]
    [InlineData(20, 40, 40, "taken_before")]   // by time it may be either
    [InlineData(20, 40, 60, null)]             // signed anew, later than what counts: its last word
    [InlineData(null, null, 40, "taken_before")]
    public async Task An_elder_document_that_a_known_key_has_signed_is_not_taken_again(int? first, int? second, int? again, string? why)
    {
        await using var host = await MetadataHost.StartAsync();
        var connection = await ConnectAsync(host, "signed");
        var began = _server.Clock.GetUtcNow();
        string Signed(int? days, params X509Certificate2[] keys)
        {
            var text = MetadataHost.Of(connection.Provider, keys);
            return SignedBy(New, days is null ? text : text.Replace("entityID=", $"validUntil=\"{began.AddDays(days.Value):yyyy-MM-dd'T'HH:mm:ss'Z'}\" entityID=", StringComparison.Ordinal));
        }
        host.Say(SignedBy(Old, MetadataHost.Of(connection.Provider, Old, New)));
        await RefreshAsync();
        using var third = SamlProvider.MakeCertificate();
        host.Say(Signed(first, New, third));
        await RefreshAsync();
        host.Say(Signed(second, New));
        await RefreshAsync();
        Assert.Equal((true, false), (await SignsInAsync(connection, New), await SignsInAsync(connection, third)));

        host.Say(Signed(again, New, third));   // the third key was lost, and whoever has it has kept the document too
        await RefreshAsync();

        Assert.Equal(why is null, await SignsInAsync(connection, third));
        Assert.Equal(why, why is null ? null : Pending(await ShowAsync(connection)).GetProperty("why").GetString());
        Assert.True(await SignsInAsync(connection, New));
        if (why is not null)
        {
            // An administrator may want it all the same; and a new word is taken as ever.
            using var fourth = SamlProvider.MakeCertificate();
            host.Say(Signed(second is null ? null : 80, New, fourth));
            await RefreshAsync();
            Assert.True(await SignsInAsync(connection, fourth));
        }
    }

    [Theory]
    [InlineData("pinned")]
    [InlineData("follow")]
    public async Task A_document_whose_keys_can_check_nothing_is_not_taken(string rule)
    {
        await using var host = await MetadataHost.StartAsync();
        var connection = await ConnectAsync(host, rule);
        using var weakKey = System.Security.Cryptography.RSA.Create(1024);
        using var weak = new CertificateRequest("CN=idp.test", weakKey, System.Security.Cryptography.HashAlgorithmName.SHA256, System.Security.Cryptography.RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(2040, 1, 1, 0, 0, 0, TimeSpan.Zero));
        host.Say(MetadataHost.Of(connection.Provider, weak));
        await RefreshAsync();

        var metadata = Metadata(await ShowAsync(connection));
        Assert.Equal(("NoUsableKey", JsonValueKind.Null), (metadata.GetProperty("fault").GetString(), metadata.GetProperty("pending").ValueKind));
        Assert.True(await SignsInAsync(connection, Old));

        host.Say(MetadataHost.Of(connection.Provider, weak, New));   // one that can is enough
        await RefreshAsync();
        Assert.Equal(rule == "follow", await SignsInAsync(connection, New));
        Assert.Equal(JsonValueKind.Null, Metadata(await ShowAsync(connection)).GetProperty("fault").ValueKind);
    }

    [Fact]
    public async Task A_rule_that_nobody_knows_is_refused()
    {
        await using var host = await MetadataHost.StartAsync();
        var connection = await ConnectAsync(host, "follow");
        Assert.Equal(["saml.metadata_keys invalid"], (await _server.WithoutEffectAsync(
            () => _server.PutAsync($"/connections/{connection.Id}", new { saml = new { metadata_keys = "always" } }))).Is(422).Faults);
    }

    /// <summary>A connection by this host's metadata, which names the old key.</summary>
    private async Task<SamlConnection> ConnectAsync(MetadataHost host, string? rule, string? url = null)
    {
        var connection = await ConnectAsync(_server, host, rule, url);
        _connections.Add(connection);
        return connection;
    }

    private static async Task<SamlConnection> ConnectAsync(HoldfastServer server, MetadataHost host, string? rule, string? url = null)
    {
        var provider = new SamlProvider();
        host.Say(MetadataHost.Of(provider, Old));
        var organization = await server.OrganizationAsync();
        var saml = new Dictionary<string, string> { ["metadata_url"] = url ?? host.Url };
        if (rule is not null)
        {
            saml["metadata_keys"] = rule;
        }
        var answer = (await server.PostAsync("/connections", new { organization_id = organization, connection_type = "GenericSAML", name = "Acme", saml })).Is(201);
        return new SamlConnection(server, answer["id"]!, organization, provider, answer.Json.GetProperty("saml").GetProperty("acs_url").GetString()!);
    }

    private Task RefreshAsync() => RefreshAsync(_server);

    /// <summary>A day later, when everything is due.</summary>
    private static async Task RefreshAsync(HoldfastServer server)
    {
        var refresh = server.Services.GetRequiredService<RefreshMetadata>();
        await refresh.RoundAsync(CancellationToken.None);
        server.Clock.Advance(TimeSpan.FromHours(27));
        await refresh.RoundAsync(CancellationToken.None);
    }

    private static async Task<JsonElement> ShowAsync(SamlConnection connection) =>
        (await connection.Server.GetAsync($"/connections/{connection.Id}")).Is(200).Json.GetProperty("saml");

    private static JsonElement Metadata(JsonElement saml) => saml.GetProperty("metadata");

    private static JsonElement Pending(JsonElement saml) => Metadata(saml).GetProperty("pending");

    private static string Fingerprints(JsonElement certificates) =>
        string.Join(' ', certificates.EnumerateArray().Select(c => c.GetProperty("fingerprint").GetString()).Order());

    private static string Fingerprints(IEnumerable<X509Certificate2> certificates) =>
        string.Join(' ', certificates.Select(c => c.GetCertHashString(System.Security.Cryptography.HashAlgorithmName.SHA256).ToLowerInvariant()).Order());

    private static async Task<bool> SignsInAsync(SamlConnection connection, X509Certificate2 key)
    {
        var begun = await connection.BeginAsync();
        return (await connection.PostAsync(begun.Browser, connection.Response(begun, "ada@acme.test", signedBy: key), begun.RelayState)).Status == 302;
    }

    private static Task RedirectAsync(HttpContext http, string to)
    {
        http.Response.Redirect(to);
        return Task.CompletedTask;
    }

    /// <summary>The metadata with a signature of its own, by code that is not under test.</summary>
    private static string SignedBy(X509Certificate2 certificate, string metadata)
    {
        var element = XElement.Parse(metadata);
        element.SetAttributeValue("ID", "_metadata");
        var document = new XmlDocument { PreserveWhitespace = true };
        using (var reader = element.CreateReader())
        {
            document.Load(reader);
        }
        using var key = certificate.GetRSAPrivateKey()!;
        var signed = new SignedXml(document) { SigningKey = key };
        signed.SignedInfo!.CanonicalizationMethod = SignedXml.XmlDsigExcC14NTransformUrl;
        signed.SignedInfo.SignatureMethod = SignedXml.XmlDsigRSASHA256Url;
        var reference = new Reference("#_metadata") { DigestMethod = SignedXml.XmlDsigSHA256Url };
        reference.AddTransform(new XmlDsigEnvelopedSignatureTransform());
        reference.AddTransform(new XmlDsigExcC14NTransform());
        signed.AddReference(reference);
        signed.ComputeSignature();
        document.DocumentElement!.PrependChild(document.ImportNode(signed.GetXml(), deep: true));
        return document.OuterXml;
    }

    /// <summary>Every line of the log.</summary>
    internal sealed class Heard : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
