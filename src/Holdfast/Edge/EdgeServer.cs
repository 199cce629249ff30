using System.Globalization;
using Holdfast.Http;
using Holdfast.Storage;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging.Console;

namespace Holdfast.Edge;

/// <summary>One edge, running.</summary>
internal sealed class EdgeServer(WebApplication app, Ways ways, IReadOnlyList<EdgeNode> nodes) : IAsyncDisposable
{
    public WebApplication App { get; } = app;

    /// <summary>Listens. It is ready once a node has answered, which may be later.</summary>
    /// <param name="clock">Time; the real one by default.</param>
    /// <param name="bounds">How long a caller may take; those of a node by default.</param>
    public static async Task<EdgeServer> StartAsync(EdgeSettings settings, CancellationToken ct, TimeProvider? clock = null, RequestBounds? bounds = null)
    {
        clock ??= TimeProvider.System;
        Directory.CreateDirectory(settings.Data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var (admission, counts) = (new Admission(settings.MaxRequests, settings.MaxPerNode), new EdgeCounts());
        var all = settings.Nodes.Select(n => new EdgeNode(n, settings.Times, clock)).ToList();
        var ways = new Ways(all, settings, clock);
        var nodes = new EdgeNodes(all, settings.Region, admission, n => ways.SilenceOf(n) >= settings.Times.Silence);

        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls(settings.AdminUrls is { } admin ? $"{settings.Urls};{admin}" : settings.Urls);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestLineSize = 32 * 1024;
            // Below what the nodes take, because the edge adds some of its own.
            kestrel.Limits.MaxRequestHeadersTotalSize = 60 * 1024;
            kestrel.Limits.MaxRequestHeaderCount = 90;
            kestrel.Limits.MaxRequestBodySize = JsonBody.MaxBytes + 1;
            kestrel.Limits.MaxConcurrentConnections = settings.MaxConnections;
            kestrel.Limits.MaxConcurrentUpgradedConnections = 0;
            kestrel.Limits.MinResponseDataRate = new MinDataRate(240, TimeSpan.FromSeconds(5));
            kestrel.ApplicationServices.GetRequiredService<RequestBounds>().Apply(kestrel.Limits);
        });
        builder.Logging.SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft", LogLevel.Warning).AddFilter("Yarp", LogLevel.None)   // paths may hold tokens
            .AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None).AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Critical)   // what strangers send badly is counted
            .AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Warning);
        var services = builder.Services;
        services.Configure<ConsoleLoggerOptions>(console => console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite);
        services.AddHttpForwarder();
        services.AddSingleton(settings).AddSingleton(clock).AddSingleton(Entropy.Real).AddSingleton(bounds ?? new RequestBounds()).AddSingleton<Ids>();
        services.AddSingleton(ways).AddSingleton(nodes).AddSingleton(admission).AddSingleton(counts).AddSingleton<Tries>().AddSingleton<DomainMap>().AddSingleton<Probes>().AddSingleton<SendOn>()
            .AddSingleton<EdgeReport>();
        services.AddHostedService(s => s.GetRequiredService<Probes>()).AddHostedService(s => s.GetRequiredService<DomainMap>());

        var app = builder.Build();
        app.Lifetime.ApplicationStopped.Register(ways.Dispose);
        var report = app.Services.GetRequiredService<EdgeReport>();
        app.Use(report.HandleAsync);   // before anybody is believed: who asks from this machine, asks without a proxy
        settings.TrustedProxies.Use(app);
        app.Run(app.Services.GetRequiredService<SendOn>().HandleAsync);
        try
        {
            await app.StartAsync(ct);
        }
        catch
        {
            await app.DisposeAsync();
            ways.Dispose();
            throw;
        }
        return new EdgeServer(app, ways, all);
    }

    /// <summary>When to come again, in seconds; as text for a header.</summary>
    public static string After(int seconds) => seconds.ToString(CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        await App.StopAsync();
        await App.DisposeAsync();
        ways.Dispose();
        foreach (var node in nodes)
        {
            node.Dispose();
        }
    }
}
