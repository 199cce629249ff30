using Holdfast.Http;
using Holdfast.Resilience;

namespace Holdfast.Load;

/// <summary>Where requests come in: each takes a place, waits for one for a moment, or is told at once that there is none (decision 0030).</summary>
/// <remarks>A body is read before, so that whoever sends it drop by drop holds none; and what waits for a far party gives its place away meanwhile.</remarks>
internal sealed class LoadGate(Places places, TimeProvider clock) : IDisposable
{
    /// <summary>How often those who wait are looked at while there are any.</summary>
    private static readonly TimeSpan s_sweep = TimeSpan.FromMilliseconds(10);

    private readonly Lock _gate = new();
    private ITimer? _sweeping;

    /// <summary>Says of a refusal that it was for load: no fault of the node's, and the same request may be taken elsewhere.</summary>
    public const string Header = "Holdfast-Load";

    public async Task HandleAsync(HttpContext http, RequestDelegate next)
    {
        if (http.GetEndpoint() is not RouteEndpoint endpoint || Priorities.Of(endpoint) is null)
        {
            await next(http);
            return;
        }
        byte[] body = [];
        if (http.Request.ContentLength is > 0 || http.Request.Headers.TransferEncoding.Count > 0)
        {
            var (read, bad) = await JsonBody.ReadBytesAsync(http, JsonBody.MaxBytes);
            if (bad is not null)
            {
                await bad.ExecuteAsync(http);
                return;
            }
            body = read!;
        }
        var priority = Priorities.Of(endpoint, body)!.Value;
        var waits = new TaskCompletionSource<Refusal?>(TaskCreationOptions.RunContinuationsAsynchronously);
        var visit = new Visit(priority, endpoint.RoutePattern.RawText ?? "", TenantOf(http), why => waits.TrySetResult(why));
        var entered = places.Enter(visit, out var refusal);
        if (entered is null)
        {
            Sweep();
            using var step = Spans.Step("wait for a place");
            using var gone = http.RequestAborted.UnsafeRegister(_ =>
            {
                places.Leave(visit);
                waits.TrySetCanceled(http.RequestAborted);
            }, null);
            refusal = await waits.Task;
        }
        if (refusal is not null)
        {
            http.Response.Headers[Header] = $"refused; priority={priority.Name()}";
            throw refusal.IsTenants ? new BusyException(refusal.RetryAfter) : new OverloadedException(refusal.RetryAfter);
        }
        Errand.Current = new Errand(() => places.GoOut(visit), () => places.ComeBack(visit));
        try
        {
            await next(http);
        }
        finally
        {
            places.Leave(visit);
        }
    }

    /// <summary>Whose request it is, as well as can be said without reading: an environment that showed its key; what the path or query names; else where it comes from.</summary>
    private static string TenantOf(HttpContext http)
    {
        if (http.Features.Get<Caller>() is { } caller)
        {
            return caller.EnvironmentId;
        }
        foreach (var name in (ReadOnlySpan<string>)["connectionId", "clientId"])
        {
            if (http.Request.RouteValues.TryGetValue(name, out var value) && value is string { Length: > 0 and <= 64 } named)
            {
                return named;
            }
        }
        foreach (var name in (ReadOnlySpan<string>)["connection", "organization", "client_id"])
        {
            if (http.Request.Query.TryGetValue(name, out var value) && value.ToString() is { Length: > 0 and <= 64 } named)
            {
                return named;
            }
        }
        return http.Connection.RemoteIpAddress?.ToString() ?? "";
    }

    private void Sweep()
    {
        lock (_gate)
        {
            _sweeping ??= clock.CreateTimer(_ =>
            {
                places.Sweep();
                lock (_gate)
                {
                    if (!places.HasWaiting)
                    {
                        _sweeping?.Dispose();
                        _sweeping = null;
                    }
                }
            }, null, s_sweep, s_sweep);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _sweeping?.Dispose();
        }
    }
}
