using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Xml.Linq;
using Holdfast.Protocols.Saml;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Holdfast.Tests;

/// <summary>A customer's metadata address, on a port of 127.0.0.1.</summary>
internal sealed class MetadataHost : IAsyncDisposable
{
    private static readonly XNamespace Md = "urn:oasis:names:tc:SAML:2.0:metadata";

    private readonly WebApplication _app;
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _calls;

    private MetadataHost(WebApplication app, string url) => (_app, Url) = (app, url);

    public string Url { get; }

    public int Calls => Volatile.Read(ref _calls);

    /// <summary>Whether somebody has come and hangs.</summary>
    public TaskCompletionSource Hung { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Func<HttpContext, Task> Answer { get; set; } = http => http.Response.WriteAsync("");

    public static async Task<MetadataHost> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var port = HoldfastServer.FreePort();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
        var app = builder.Build();
        var host = new MetadataHost(app, $"http://127.0.0.1:{port}/metadata");
        app.Run(http =>
        {
            Interlocked.Increment(ref host._calls);
            return host.Answer(http);
        });
        await app.StartAsync();
        return host;
    }

    public void Say(string text) => Answer = http => http.Response.WriteAsync(text);

    public void Hang() => Answer = async _ =>
    {
        Hung.TrySetResult();
        await _over.Task;
    };

    /// <summary>Who hangs goes on, with an empty answer.</summary>
    public void Release() => _over.TrySetResult();

    /// <summary>What an identity provider says that signs with these keys.</summary>
    public static string Of(SamlProvider provider, params X509Certificate2[] keys)
    {
        var metadata = XElement.Parse(SamlIssuer.Metadata(provider.EntityId, provider.SsoUrl, keys[0]));
        var first = metadata.Descendants(Md + "KeyDescriptor").Single();
        foreach (var key in keys.Skip(1))
        {
            first.AddAfterSelf(XElement.Parse(SamlIssuer.Metadata(provider.EntityId, provider.SsoUrl, key)).Descendants(Md + "KeyDescriptor").Single());
        }
        return metadata.ToString(SaveOptions.DisableFormatting);
    }

    public async ValueTask DisposeAsync()
    {
        _over.TrySetResult();
        await _app.DisposeAsync();
    }
}
