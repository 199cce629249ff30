using System.Net;
using Holdfast.Http;

namespace Holdfast.Peers;

/// <summary>A request that another node sends on, because this one is the authority of what it carries. Only a node of ours is believed whose request it is.</summary>
internal static class ForwardedRequest
{
    private const int MaxBytes = 1 << 20;

    /// <summary>The entry of a request that was sent on to us; null when it came by itself.</summary>
    public static PeerGate.Entry? Of(HttpContext http) => http.Features.Get<PeerGate.Entry>();

    /// <summary>Takes requests that say that a node sends them on; the answer goes back signed.</summary>
    public static void UseForwardedRequests(this WebApplication app) => app.Use(HandleAsync);

    private static async Task HandleAsync(HttpContext http, RequestDelegate next)
    {
        if (!PeerGate.IsSigned(http) || http.Request.Path.StartsWithSegments("/peers"))
        {
            await next(http);
            return;
        }
        if (http.RequestServices.GetRequiredService<PeerGate>().Admit(http) is not { IsVoid: false, For: { } address } entry || !IPAddress.TryParse(address, out var client))
        {
            await ApiError.Unauthorized.ExecuteAsync(http);
            return;
        }
        if (await PeerGate.ReadBodyAsync(http, entry, MaxBytes) is { Refusal: { } refusal })
        {
            await refusal.ExecuteAsync(http);
            return;
        }
        http.Features.Set(entry);
        http.Connection.RemoteIpAddress = client;
        await SignAsync(http, entry, next);
    }

    /// <summary>Holds the answer back until it is whole, so that it can be signed.</summary>
    private static async Task SignAsync(HttpContext http, PeerGate.Entry entry, RequestDelegate next)
    {
        var way = http.Response.Body;
        using var held = new MemoryStream();
        http.Response.Body = held;
        try
        {
            await next(http);
        }
        finally
        {
            http.Response.Body = way;
        }
        var headers = http.Response.Headers;
        var (location, cookies) = (headers.Location.ToString(), string.Join('\n', headers.SetCookie.ToArray()));
        foreach (var (name, value) in http.RequestServices.GetRequiredService<PeerVoice>().SignAnswer(entry.Nonce, http.Response.StatusCode, location, cookies, held.ToArray()))
        {
            headers[name] = value;
        }
        held.Position = 0;
        await held.CopyToAsync(way, http.RequestAborted);
    }
}
