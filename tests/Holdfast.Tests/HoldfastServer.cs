using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Holdfast.Environments;
using Holdfast.Flags.Sources;
using Holdfast.Http;
using Holdfast.Resilience;
using Holdfast.Sso;
using Holdfast.Storage;
using Holdfast.Storage.Node;
using Holdfast.Verbs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Holdfast.Tests;

/// <summary>How a server is started.</summary>
/// <param name="OnNetwork">On a port of 127.0.0.1 rather than in memory.</param>
/// <param name="Data">The folder; null for one of its own that goes with the server.</param>
internal sealed record Start(
    double RateLimitFactor = 1000, bool IsDev = false, bool OnNetwork = false, string? Data = null, HeldClock? Clock = null, Action<WebApplicationBuilder>? Configure = null)
{
    /// <summary>Of a node among others; null for one that is alone.</summary>
    public Place? Place { get; init; }

    /// <summary>Where mail is handed in; null for nowhere.</summary>
    public SmtpSettings? Mail { get; init; }

    /// <summary>The operator's flag provider.</summary>
    public FlagSetting? Flags { get; init; }

    /// <summary>The operator's collector; null for none.</summary>
    public Uri? Collector { get; init; }

    /// <summary>PostgreSQL as the primary; null for a file.</summary>
    public PostgresSettings? Postgres { get; init; }

    /// <summary>Whose word about a request's sender is believed.</summary>
    public TrustedProxies TrustedProxies { get; init; } = TrustedProxies.None;

    /// <summary>Names that no environment takes.</summary>
    public IReadOnlyList<string> ReservedHosts { get; init; } = [];

    /// <summary>The resolver; by default a port where nobody listens, so that no test asks a real one.</summary>
    public IPEndPoint Dns { get; init; } = new(IPAddress.Loopback, 9);
}

/// <summary>A node's place in a cluster.</summary>
/// <param name="Url">Where it listens.</param>
/// <param name="PublicUrl">What all of them call themselves.</param>
/// <param name="Primary">The node that has the primary; null when it is this one.</param>
internal sealed record Place(string Node, string Url, string PublicUrl, string ClusterKeyFile, IReadOnlyList<Uri> Peers, Uri? Primary);

/// <summary>The whole server, in memory or on the network, on a folder of its own, with a clock that a test moves.</summary>
internal sealed class HoldfastServer : IAsyncDisposable
{
    /// <summary>Where applications wait for their callback.</summary>
    public const string Callback = "https://app.test/callback";

    private static readonly AnswerLog? Log = AnswerLog.FromEnvironment();

    private readonly Server _server;
    private readonly HttpMessageInvoker _invoker;
    private readonly string _data;
    private readonly bool _ownsData;
    private readonly ServiceProvider? _network;

    private HoldfastServer(Server server, HttpMessageInvoker invoker, ServiceProvider? network, Settings settings, bool ownsData, HeldClock clock)
    {
        (_server, _invoker, _network, PublicUrl, Url, _data, _ownsData, Clock) = (server, invoker, network, settings.PublicUrl, settings.Urls, settings.Data, ownsData, clock);
    }

    public string PublicUrl { get; }

    /// <summary>Where this one listens; the same, but for a node among others.</summary>
    public string Url { get; }

    public HeldClock Clock { get; }

    public string Data => _data;

    public IServiceProvider Services => _server.App.Services;

    public StorageHost Storage => _server.Storage;

    /// <summary>Two environments that must know nothing of each other. The first has <see cref="Callback"/> registered.</summary>
    public NewEnvironment A { get; private set; } = null!;

    public NewEnvironment B { get; private set; } = null!;

    /// <summary>Every route that the server knows.</summary>
    public IReadOnlyList<RouteEndpoint> Routes =>
        [.. ((IEndpointRouteBuilder)_server.App).DataSources.SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()];

    public static async Task<HoldfastServer> StartAsync(Start? wanted = null, NewEnvironment? a = null, NewEnvironment? b = null)
    {
        var start = wanted ?? new Start();
        var data = start.Data ?? Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        var clock = start.Clock ?? new HeldClock();
        var place = start.Place;
        var publicUrl = place?.PublicUrl ?? (start.OnNetwork ? $"http://127.0.0.1:{FreePort()}" : start.IsDev ? "http://127.0.0.1:4100" : "https://id.holdfast.test");
        var guard = OutboundGuard.Read(start.IsDev ? ["127.0.0.0/8:*"] : []).Guard;
        var settings = new Settings(
            place?.Url ?? publicUrl, publicUrl, data, Path.Combine(data, "primary.db"), place?.Node ?? "node", "region", place?.Node ?? "zone",
            place?.ClusterKeyFile ?? Path.Combine(data, "cluster.key"), guard, start.RateLimitFactor, new JournalLimits(1L << 30), start.IsDev)
        {
            Peers = place?.Peers ?? [],
            PrimaryNode = place?.Primary,
            Postgres = start.Postgres,
            Dns = [start.Dns],
            Mail = start.Mail,
            Flags = start.Flags,
            TrustedProxies = start.TrustedProxies,
            Collector = start.Collector,
            ReservedHosts = start.ReservedHosts,
        };
        var server = await Server.StartAsync(settings, CancellationToken.None, Surroundings.Real with { Clock = clock }, builder =>
        {
            builder.Logging.ClearProviders();
            if (!start.OnNetwork)
            {
                builder.WebHost.UseTestServer(options => options.PreserveExecutionContext = false);
            }
            start.Configure?.Invoke(builder);
        });
        server.Readiness.IsPrepared = true;
        ServiceProvider? network = null;
        HttpMessageHandler handler;
        if (start.OnNetwork)
        {
            var services = new ServiceCollection();
            services.AddHttpClient("browser").UseSocketsHttpHandler((sockets, _) => (sockets.AllowAutoRedirect, sockets.UseCookies, sockets.RequestHeaderEncodingSelector) = (false, false, (_, _) => Encoding.UTF8));
            network = services.BuildServiceProvider();
            handler = network.GetRequiredService<IHttpMessageHandlerFactory>().CreateHandler("browser");
        }
        else
        {
            handler = server.App.GetTestServer().CreateHandler();
        }
        var made = new HoldfastServer(server, new HttpMessageInvoker(handler), network, settings, start.Data is null, clock);
        var environments = server.App.Services.GetRequiredService<EnvironmentStore>();
        made.A = a ?? await environments.CreateAsync("A", "sk_live_", CancellationToken.None);
        made.B = b ?? await environments.CreateAsync("B", "sk_live_", CancellationToken.None);
        if (a is null)
        {
            (await made.PostAsync("/user_management/redirect_uris", new { uri = Callback })).Is(201);
        }
        return made;
    }

    /// <summary>Sends a request.</summary>
    /// <param name="key">An API key; null for none.</param>
    /// <param name="body">Bytes, or text that is JSON already, or <see cref="HttpContent"/>, or an object that is written as JSON.</param>
    public async Task<Answer> SendAsync(string method, string path, string? key, object? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), 
            path.StartsWith(PublicUrl, StringComparison.Ordinal) ? Url + path[PublicUrl.Length..] : path.StartsWith("http", StringComparison.Ordinal) ? path : Url + path);
        if (body is not null)
        {
            request.Content = body as HttpContent ?? new ByteArrayContent(body switch
            {
                byte[] bytes => bytes,
                string text => Encoding.UTF8.GetBytes(text),
                _ => JsonSerializer.SerializeToUtf8Bytes(body),
            });
            request.Content.Headers.ContentType ??= new MediaTypeHeaderValue("application/json");
        }
        if (key is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + key);
        }
        foreach (var (name, value) in headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content ??= new ByteArrayContent([]);
                request.Content.Headers.Remove(name);
                request.Content.Headers.TryAddWithoutValidation(name, value);
            }
        }
        using var response = await _invoker.SendAsync(request, CancellationToken.None);
        var bytesRead = await response.Content.ReadAsByteArrayAsync();
        var answer = new Answer((int)response.StatusCode, response.Content.Headers.ContentType?.ToString(), bytesRead, response.Headers);
        // Pages have no shape in the description, and what the web server refuses before our code is not ours to shape: it carries no request id.
        if (answer.Status != 303 && answer.ContentType?.StartsWith("text/html", StringComparison.Ordinal) != true && request.RequestUri!.AbsolutePath is not ("/sso/authorize" or "/sso/logout" or "/user_management/authorize" or "/user_management/sessions/logout") && answer.Headers.Contains("X-Request-ID"))
        {
            Log?.Append(method, request.RequestUri!.AbsolutePath, answer);
        }
        return answer;
    }

    public Task<Answer> GetAsync(string path, params (string Name, string Value)[] headers) => SendAsync("GET", path, A.ApiKey, null, headers);

    public Task<Answer> PostAsync(string path, object? body, params (string Name, string Value)[] headers) => SendAsync("POST", path, A.ApiKey, body, headers);

    public Task<Answer> PutAsync(string path, object? body) => SendAsync("PUT", path, A.ApiKey, body);

    public Task<Answer> DeleteAsync(string path) => SendAsync("DELETE", path, A.ApiKey);

    /// <summary>An organization of the first environment.</summary>
    /// <returns>Its id.</returns>
    public async Task<string> OrganizationAsync(string name = "Acme") => (await PostAsync("/organizations", new { name })).Is(201)["id"]!;

    /// <summary>A SAML connection of a new organization, whose identity provider the test plays.</summary>
    /// <param name="saml">More fields of the body's <c>saml</c>.</param>
    public async Task<SamlConnection> SamlConnectionAsync(string? organizationId = null, string type = "GenericSAML", params (string Name, object? Value)[] saml)
    {
        organizationId ??= await OrganizationAsync();
        var provider = new SamlProvider();
        var answer = await PostAsync("/connections", new
        {
            organization_id = organizationId,
            connection_type = type,
            name = "Acme",
            saml = new Dictionary<string, object?>(saml.Select(s => KeyValuePair.Create(s.Name, s.Value)))
            {
                ["idp_entity_id"] = provider.EntityId, ["idp_sso_url"] = provider.SsoUrl, ["idp_certificates"] = new[] { SamlProvider.Certificate.ExportCertificatePem() },
            },
        });
        return new SamlConnection(this, answer.Is(201)["id"]!, organizationId, provider, answer.Json.GetProperty("saml").GetProperty("acs_url").GetString()!);
    }

    /// <summary>The latest refused sign-in.</summary>
    public Attempt LatestAttempt => Services.GetRequiredService<AttemptRing>().Latest[^1];

    /// <summary>How many events of a name there are.</summary>
    public long Events(string name) => Storage.Database.Read(view => view.Find<long>("SELECT count(*) FROM events WHERE event = @name", new { name }));

    /// <summary>Everything that the node's replica holds, as one text; without what has expired, what the node does for itself, and what it tells of sign-ins that failed.</summary>
    public string Everything() => Storage.Database.Read(view => string.Join('\n', Schema.Tables
        .Where(t => t != Schema.Nodes && t != Schema.ProviderDocuments && t != Schema.SigningKeyCopies)
        .Select(t =>
        {
            var columns = string.Join(" || '|' || ", t.Groups.SelectMany(g => g.Columns).Prepend("id").Select(c => $"coalesce({c}, '')"));
            return $"{t.Name}: {view.Find<string>($"SELECT coalesce(group_concat(line, '\n'), '') FROM (SELECT {columns} AS line FROM {t.Name}{(t == Schema.Events ? " WHERE event <> 'authentication.sso_failed'" : t.Expires ? " WHERE expires_at > @now" : "")} ORDER BY id)", new { now = Clock.GetUtcNow().ToUnixTimeMilliseconds() })}";
        })));

    /// <summary>Waits until the primary has every fact of this node, and the node knows that it is there.</summary>
    public async Task ShippedAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while ((await GetAsync("/health")).Json.GetProperty("journal").GetProperty("depth").GetInt64() > 0 || !Storage.Replicator.Health.IsAvailable)
        {
            await Task.Delay(5, deadline.Token);
        }
    }

    /// <summary>Waits until the change log has told this node of every event that it has, so that the list shows them.</summary>
    public async Task ToldAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (Storage.Database.Read(view => view.Find<long>("SELECT count(*) FROM events WHERE id NOT IN (SELECT id FROM event_places)")) > 0)
        {
            await Task.Delay(5, deadline.Token);
        }
    }

    /// <summary>Waits until the node has named what broke: it looks four times a second.</summary>
    public async Task<string> CauseAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        JsonElement cause;
        while ((cause = (await GetAsync("/health")).Json.GetProperty("cause")).ValueKind == JsonValueKind.Null)
        {
            await Task.Delay(20, deadline.Token);
        }
        return cause.GetProperty("dependency").GetString()!;
    }

    /// <summary>Does something that must leave no trace.</summary>
    public async Task<T> WithoutEffectAsync<T>(Func<Task<T>> work)
    {
        var before = Everything();
        var result = await work();
        Assert.Equal(before, Everything());
        return result;
    }

    /// <summary>A refused step of a sign-in: the page says nothing but the code, the administrator's ring has the reason, and nothing has changed.</summary>
    public async Task<Answer> RefusedAsync(Func<Task<Answer>> step, string code, string reason, int status = 400)
    {
        var known = Services.GetRequiredService<AttemptRing>().Latest.Count;
        var answer = await WithoutEffectAsync(step);
        answer.Is(status, code);
        Assert.Null(answer.Location);
        Assert.True(Services.GetRequiredService<AttemptRing>().Latest.Count > known, "no attempt was remembered");
        Assert.Equal(reason, LatestAttempt.Reason);
        Assert.Equal(LatestAttempt.Id, answer["reference"]);
        return answer;
    }

    public async ValueTask DisposeAsync()
    {
        _invoker.Dispose();
        await _server.DisposeAsync();
        if (_network is not null)
        {
            await _network.DisposeAsync();
        }
        if (_ownsData)
        {
            Directory.Delete(_data, recursive: true);
        }
    }

    /// <summary>A port of 127.0.0.1 that nobody listens on.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>What the server answered, for the comparison with the public API's description (tests/contract/validate-answers.mjs).</summary>
    private sealed class AnswerLog(string path)
    {
        private readonly Lock _lock = new();

        public static AnswerLog? FromEnvironment()
        {
            if (Environment.GetEnvironmentVariable("HOLDFAST_ANSWERS") is not { Length: > 0 } folder)
            {
                return null;
            }
            Directory.CreateDirectory(folder);
            return new AnswerLog(Path.Combine(folder, $"server-{Environment.ProcessId}.ndjson"));
        }

        public void Append(string method, string path1, Answer answer)
        {
            var line = JsonSerializer.Serialize(new
            {
                method,
                path = path1,
                status = answer.Status,
                content_type = answer.ContentType,
                body = answer.Bytes.Length == 0 ? null : answer.Text,
            });
            lock (_lock)
            {
                File.AppendAllText(path, line + "\n");
            }
        }
    }
}
