using System.Diagnostics.Metrics;
using System.Net;
using Holdfast.AuthKit;
using Holdfast.Causes;
using Holdfast.Dev;
using Holdfast.Environments;
using Holdfast.Events;
using Holdfast.Flags;
using Holdfast.Flags.Sources;
using Holdfast.Http;
using Holdfast.Http.Pages;
using Holdfast.Incidents;
using Holdfast.Keys;
using Holdfast.Load;
using Holdfast.Mail;
using Holdfast.MultiFactor;
using Holdfast.Orders;
using Holdfast.Organizations;
using Holdfast.Peers;
using Holdfast.Resilience;
using Holdfast.Sso;
using Holdfast.Storage;
using Holdfast.Storage.Primary.Postgres;
using Holdfast.Telemetry;
using Holdfast.Users;
using Holdfast.Verbs;
using Microsoft.Extensions.Logging.Console;

namespace Holdfast;

/// <summary>One node, running: storage, products, and the address they listen on.</summary>
internal sealed class Server(WebApplication app, StorageHost storage, PeerNetwork network, DatabaseAccess? database, IDisposable? devKeys) : IAsyncDisposable
{
    private const string DevCluster = "cluster_dev_";

    public WebApplication App { get; } = app;

    public StorageHost Storage { get; } = storage;

    public Readiness Readiness { get; } = app.Services.GetRequiredService<Readiness>();

    /// <summary>Opens the storage and listens. Readiness comes when the caller says so.</summary>
    /// <param name="world">Time, randomness and disk; the real ones by default.</param>
    /// <param name="configure">What a test changes before the server is built.</param>
    /// <param name="map">Routes that a drill's own program adds.</param>
    public static async Task<Server> StartAsync(
        Settings settings, CancellationToken ct, Surroundings? world = null, Action<WebApplicationBuilder>? configure = null, Action<WebApplication, StorageHost>? map = null)
    {
        world ??= Surroundings.Real;
        var met = new MetClaims();
        world = world with { Join = met.Watching(world.Join) };
        OwnFile.KeepToOwner();
        Directory.CreateDirectory(settings.Data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        if (!File.Exists(settings.ClusterKeyFile) && File.Exists(Path.Combine(settings.Data, "node.db")))
        {
            throw new InvalidOperationException($"This node has data, but its cluster key file {settings.ClusterKeyFile} is not there. A new one would open nothing of it.");
        }
        var keys = ClusterKeys.LoadOrCreate(settings.ClusterKeyFile, world.Entropy);
        var dependencies = new Dependencies();
        var network = new PeerNetwork(settings.Data, settings.ClusterKeyFile, settings.Node, settings.Peers, settings.PrimaryNode, keys, dependencies, world.Entropy, world.Clock);
        var primary = PrimaryDependency.Declare(dependencies, settings, world.Clock);
        DatabaseAccess? database = null;
        StorageHost storage;
        try
        {
            database = settings.Postgres is { } postgres
                ? await DatabaseAccess.OpenAsync(postgres, settings.Data, settings.Node, keys, primary, dependencies, world.Clock, ct)
                : null;
            storage = await StartStorageAsync(settings, world, network, database, ct);
        }
        catch
        {
            await (database?.DisposeAsync() ?? ValueTask.CompletedTask);
            network.Dispose();
            throw;
        }
        PrimaryDependency.Follow(primary, storage.Replicator);
        TestIdentityProviderKeys? devKeys = null;
        try
        {
            if (storage.ClusterId.StartsWith(DevCluster, StringComparison.Ordinal) != settings.IsDev)
            {
                throw new InvalidOperationException(settings.IsDev
                    ? "This data folder belongs to a real node. 'holdfast dev' does not touch it; give it another folder with --data."
                    : "This data folder was made by 'holdfast dev': its keys are lying about. 'holdfast serve' refuses it; give it another folder with --data.");
            }
            if (!EnvironmentStore.OpensWith(storage.Database, keys))
            {
                throw new InvalidOperationException($"The cluster key file {settings.ClusterKeyFile} does not open this cluster's data: it is another cluster's.");
            }
            devKeys = settings.IsDev ? TestIdentityProviderKeys.LoadOrCreate(settings.Data, world.Clock) : null;
            var app = Build(settings, world, keys, storage, network, dependencies, met, devKeys, configure, map);
            if (database is not null)
            {
                database.Log = app.Services.GetRequiredService<ILogger<DatabaseAccess>>();
            }
            await app.StartAsync(ct);
            return new Server(app, storage, network, database, devKeys);
        }
        catch
        {
            devKeys?.Dispose();
            await storage.DisposeAsync();
            await (database?.DisposeAsync() ?? ValueTask.CompletedTask);
            network.Dispose();
            throw;
        }
    }

    private static Task<StorageHost> StartStorageAsync(
        Settings settings, Surroundings world, PeerNetwork network, DatabaseAccess? database, CancellationToken ct) => StorageHost.StartAsync(
        new StorageSettings(settings.Data, settings.PrimaryFile, settings.Node, settings.Region, settings.Zone, settings.Journal)
        {
            ClusterPrefix = settings.IsDev ? DevCluster : "cluster_",
            PublicKey = network.PublicKey,
        },
        world, ct, network.All,
        (node, cluster, embedded) => network.OpenPrimary(node, cluster, database is null ? embedded : () => new PostgresPrimary(node, cluster, database.Servers, world)));

    private static WebApplication Build(
        Settings settings, Surroundings world, ClusterKeys keys, StorageHost storage, PeerNetwork network, Dependencies dependencies, MetClaims met, TestIdentityProviderKeys? devKeys,
        Action<WebApplicationBuilder>? configure, Action<WebApplication, StorageHost>? map)
    {
        // Nothing watches folders: the host would watch the working folder with all below it, and be woken by each write to a database there.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = ["--hostBuilder:reloadConfigOnChange=false"] });
        builder.WebHost.UseUrls(settings.Urls.Replace(',', ';'));
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.ConfigureHttpsDefaults(https => https.ServerCertificate = network.Tls.Own);
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestLineSize = 32 * 1024;
            kestrel.Limits.MaxRequestHeadersTotalSize = 64 * 1024;   // flows under way travel as cookies
            kestrel.Limits.MaxRequestBodySize = JsonBody.MaxBytes + 1;
            kestrel.ApplicationServices.GetRequiredService<RequestBounds>().Apply(kestrel.Limits);
        });
        builder.Logging.SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft", LogLevel.Warning).AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Warning)
            .AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);   // its scope puts each request's path on every line, and a path may hold an invitation's token

        var services = builder.Services;
        services.Configure<ConsoleLoggerOptions>(console => console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite);   // whoever does not read what is logged must not hold up a sign-in
        services.AddSingleton<IHostLifetime, StoppedByItsVerb>();
        services.AddSingleton(s => new Awake(TimeProvider.System, s.GetRequiredService<ILogger<Awake>>())).AddHostedService(s => s.GetRequiredService<Awake>());
        services.AddSingleton(settings).AddSingleton(world.Clock).AddSingleton(world.Entropy).AddSingleton(keys);
        services.AddSingleton(storage.Database).AddSingleton(storage.Replicator).AddSingleton(storage.Node).AddSingleton(storage.Peers)
            .AddSingleton(storage.SingleUse);
        services.AddSingleton(new OwnHosts(
            [settings.PublicUrl, .. settings.Urls.Split(';', ','), .. settings.Peers.Append(settings.PrimaryNode).OfType<Uri>().Select(u => u.AbsoluteUri)], settings.ReservedHosts));
        services.AddSingleton(new PublicAddress(settings.PublicUrl, settings.IsDev)).AddSingleton(new RateLimits(world.Clock, settings.RateLimitFactor, nodes: 1 + settings.Peers.Count));
        services.AddSingleton(new RequestBounds()).AddSingleton<Ids>().AddSingleton<Idempotency>().AddSingleton<Readiness>();
        services.AddSingleton(new OutboundHttp(settings.Guard, world.Clock)).AddSingleton(new DnsTexts(settings.Dns)).AddSingleton(dependencies);
        services.AddCauses(settings.Data, () => [.. storage.Peers.All.Select(l => new PeerPlace(l.Peer.Address, l.Identity?.Name, l.Identity?.Zone, l.Identity?.Region))], dependencies);
        services.AddIncidents(new NodePlace(settings.Node, settings.Region));
        services.AddOrders();
        services.AddTelemetry(new TelemetryPlace(settings.Node, settings.Region, settings.Collector)
        {
            Version = HealthEndpoints.Version, Scheme = new Uri(settings.PublicUrl).Scheme, Shipped = () => storage.Node.ShippedTo,
        });
        services.AddLoad(LoadOptions.Default with { Most = settings.MostAtOnce });
        network.AddTo(services);
        services.AddSingleton(new StalenessCeiling(settings.MaxStaleness)).AddSingleton(new OwnName(settings.Node));
        services.AddEnvironments();
        services.AddMail(settings.Mail);
        services.AddOrganizations();
        services.AddUsers(settings.Breached, met);
        services.AddFlags(settings.Flags, settings.Data, settings.Node, dependencies);
        services.AddSso();
        services.AddMultiFactor();
        services.AddAuthKit();
        services.ConfigureHttpJsonOptions(json => JavaScriptJson.Configure(json.SerializerOptions));
        services.AddOpenApi("openapi", OpenApiDescription.Configure);
        if (devKeys is not null)
        {
            services.AddSingleton(devKeys);
        }
        configure?.Invoke(builder);

        var app = builder.Build();
        NodeMeter.Declare(app.Services.GetRequiredService<IMeterFactory>(), storage.Peers, app.Services.GetRequiredService<ProviderFlags>());
        settings.TrustedProxies.Use(app);
        NodeSamples.Declare(app.Services.GetRequiredService<NodeMetrics>(), app.Services, storage);
        app.Use(app.Services.GetRequiredService<Readiness>().CloseWhileStopping);
        app.Use(app.Services.GetRequiredService<Awake>().LetPass);
        app.UseTelemetry();
        if (settings.IsDev)
        {
            app.Use(RefuseForeignHost);   // a web page elsewhere must not reach a developer's server under another name
        }
        app.UseForwardedRequests();
        app.Services.GetRequiredService<Traffic>().Use(app);   // above the floor, which turns faults into answers
        app.UseFloor(app.Services.GetRequiredService<CustomDomains>().Place);
        app.UseLoad();
        app.MapHealth();
        if (!settings.IsDev)
        {
            app.MapPeers(storage.PeerServer, network.Primary);
        }
        app.MapAssets();
        app.MapIncidents();
        app.MapOrders();
        app.MapTelemetry();
        app.MapEnvironments();
        app.MapEvents();
        app.MapMail();
        app.MapOrganizations();
        app.MapUsers();
        app.MapFlags();
        app.MapSso();
        app.MapMultiFactor();
        app.MapAuthKit();
        app.MapOpenApi("/{documentName}.json").ExcludeFromDescription();
        if (devKeys is not null)
        {
            app.MapTestIdentityProviders(devKeys, settings.PublicUrl, world.Clock);
            app.MapInbox();
            app.MapComponents();
        }
        map?.Invoke(app, storage);
        return app;
    }

    private static Task RefuseForeignHost(HttpContext http, RequestDelegate next)
    {
        var host = http.Request.Host.Host;
        return host == "localhost" || (IPAddress.TryParse(host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip))
            ? next(http)
            : ApiError.BadRequest("foreign_host", "holdfast dev answers under loopback names only.").ExecuteAsync(http);
    }

    public async ValueTask DisposeAsync()
    {
        await App.StopAsync();
        await App.DisposeAsync();
        await Storage.DisposeAsync();
        await (database?.DisposeAsync() ?? ValueTask.CompletedTask);
        network.Dispose();
        devKeys?.Dispose();
    }
}
