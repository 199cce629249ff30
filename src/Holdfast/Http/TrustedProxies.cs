using System.Net;
using Microsoft.AspNetCore.HttpOverrides;
using IPNetwork = System.Net.IPNetwork;

namespace Holdfast.Http;

/// <summary>Whose word about a request's sender is believed (<c>X-Forwarded-For</c>, <c>-Proto</c>, <c>-Host</c>). What anybody else says there has no effect.</summary>
/// <remarks>The chain is read from its right end for as long as its speakers are believed: the first address that is not one of them is the sender, whatever stands further left.</remarks>
internal sealed record TrustedProxies(IReadOnlyList<IPNetwork> Networks)
{
    public static readonly TrustedProxies None = new([]);

    /// <summary>Where the way of a request begins to be ours: it went through a proxy that was believed.</summary>
    private const string Original = "X-Original-For";

    private static readonly string[] s_headers = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Prefix", "X-Original-For", "X-Original-Proto", "X-Original-Host", "Forwarded", "X-Real-IP"];

    /// <summary>Everything that speaks of a request's way.</summary>
    public static IReadOnlyList<string> Headers => s_headers;

    /// <param name="text">Addresses and CIDRs, separated by commas.</param>
    public static (TrustedProxies Proxies, IReadOnlyList<string> Faults) Read(string? text)
    {
        var (networks, faults) = (new List<IPNetwork>(), new List<string>());
        foreach (var item in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (IPAddress.TryParse(item, out var address))
            {
                networks.Add(new IPNetwork(address, address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 32 : 128));
            }
            else if (IPNetwork.TryParse(item, out var network))
            {
                networks.Add(network);
            }
            else
            {
                faults.Add($"--trusted-proxies: '{item}' is neither an address nor a network (CIDR).");
            }
        }
        return (new TrustedProxies(networks), faults);
    }

    /// <summary>From here on, requests are those of their senders.</summary>
    public void Use(IApplicationBuilder app)
    {
        // An answer of this server may depend on whether there was a proxy: what strangers say of that is not left standing.
        app.Use(static (http, next) =>
        {
            http.Request.Headers.Remove(Original);
            return next(http);
        });
        if (Networks.Count == 0)
        {
            return;
        }
        var options = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost, ForwardLimit = null };
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (var network in Networks)
        {
            options.KnownIPNetworks.Add(network);
        }
        app.UseWhen(static http => http.Connection.RemoteIpAddress is not null, believed => believed.UseForwardedHeaders(options));   // a socket in the file system has no address to know it by
    }

    /// <summary>Whether it was sent on by anything, believed or not.</summary>
    public static bool IsSentOn(HttpRequest request) => s_headers.Any(request.Headers.ContainsKey);
}
