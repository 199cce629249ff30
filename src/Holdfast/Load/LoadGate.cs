using Holdfast.Http;
using Holdfast.Resilience;

namespace Holdfast.Load;

/// <summary>Where requests come in: each takes a place, waits for one for a moment, or is told at once that there is none (decision 0030).</summary>
/// <remarks>A body is read before, so that whoever sends it drop by drop holds none; and what waits for a far party gives its place away meanwhile.</remarks>
internal sealed class LoadGate(Places places, Bodies bodies, TimeProvider clock) : IDisposable
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
        var isDeny = Priorities.IsDeny(endpoint) && http.Features.Get<Caller>() is not null;
        var tenant = TenantOf(http, isDeny);
        var sender = new Visit(Priorities.Of(endpoint)!.Value, endpoint.RoutePattern.RawText ?? "", tenant, _ => { }, isDeny);
        var held = 0L;
        try
        {
            byte[] body = [];
            if (http.Request.ContentLength is > 0 || http.Request.Headers.TransferEncoding.Count > 0)
            {
                var most = MostBytes.Of(endpoint);
                if (!bodies.HasRoomFor(sender, Math.Min(http.Request.ContentLength ?? 0, most)))
                {
                    throw Refused(http, sender, places.TurnAway(sender));
                }
                var (read, bad) = await JsonBody.ReadBytesAsync(http, most, more =>
                {
                    if (!bodies.TryTake(sender, more))
                    {
                        return false;
                    }
                    held += more;
                    return true;
                });
                if (bad is null && read is null)
                {
                    throw Refused(http, sender, places.TurnAway(sender));
                }
                if (bad is { Status: not StatusCodes.Status413PayloadTooLarge })
                {
                    await bad.ExecuteAsync(http);
                    return;
                }
                body = read ?? [];   // one that is too large is refused by its endpoint, in the shape of its wire
            }
            var priority = Priorities.Of(endpoint, body)!.Value;
            var waits = new TaskCompletionSource<Refusal?>(TaskCreationOptions.RunContinuationsAsynchronously);
            await WorkAsync(http, next, new Visit(priority, sender.Operation, tenant, why => waits.TrySetResult(why), isDeny), waits);
        }
        finally
        {
            if (held > 0)
            {
                bodies.GiveBack(sender, held);
            }
        }
    }

    private async Task WorkAsync(HttpContext http, RequestDelegate next, Visit visit, TaskCompletionSource<Refusal?> waits)
    {
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
            throw Refused(http, visit, refusal);
        }
        Errand.Current = new Errand(() => places.GoOut(visit), () => places.ComeBack(visit));
        // The work is done when the answer begins to go out: whoever reads it drop by drop holds no place, and its reading is no cost of ours.
        http.Response.OnStarting(() =>
        {
            places.Leave(visit);
            return Task.CompletedTask;
        });
        try
        {
            await next(http);
        }
        finally
        {
            places.Leave(visit);
        }
    }

    private static Exception Refused(HttpContext http, Visit visit, Refusal refusal)
    {
        http.Response.Headers[Header] = $"refused; priority={visit.Priority.Name()}";
        return refusal.IsTenants ? new BusyException(refusal.RetryAfter) : new OverloadedException(refusal.RetryAfter);
    }

    /// <summary>Whose request it is, as well as can be said without reading: an environment that showed its key; else where it comes from, apart for each connection or client that it names.</summary>
    /// <remarks>Each kind has names of its own, and what is merely said counts at the place that says it: so nobody uses up the share of somebody else by naming them.</remarks>
    internal static string TenantOf(HttpContext http, bool isDeny)
    {
        if (http.Features.Get<Caller>() is { } caller)
        {
            return (isDeny ? "deny " : "key ") + caller.EnvironmentId;
        }
        var from = "from " + http.Connection.RemoteIpAddress;
        foreach (var name in (ReadOnlySpan<string>)["connectionId", "clientId"])
        {
            if (http.Request.RouteValues.TryGetValue(name, out var value) && value is string { Length: > 0 and <= 64 } named)
            {
                return $"{from} {named}";
            }
        }
        foreach (var name in (ReadOnlySpan<string>)["connection", "organization", "client_id"])
        {
            if (http.Request.Query.TryGetValue(name, out var value) && value.ToString() is { Length: > 0 and <= 64 } named)
            {
                return $"{from} {named}";
            }
        }
        return from;
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
