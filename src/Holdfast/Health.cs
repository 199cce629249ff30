using System.Globalization;
using System.Reflection;
using System.Text.Json.Serialization;
using Holdfast.Causes;
using Holdfast.Flags.Sources;
using Holdfast.Http;
using Holdfast.Load;
using Holdfast.Orders;
using Holdfast.Peers;
using Holdfast.Resilience;
using Holdfast.Storage.Node;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Replication;
using Holdfast.Verbs;

namespace Holdfast;

/// <summary>Whether the node has been prepared (its replica loaded, and what the first start makes, made), and whether it goes.</summary>
internal sealed class Readiness
{
    public volatile bool IsPrepared;

    /// <summary>It was told to stop, and serves for a moment yet.</summary>
    public volatile bool IsStopping;

    /// <summary>While it goes, each connection ends with its next answer, and not under the request after that.</summary>
    public Task CloseWhileStopping(HttpContext http, RequestDelegate next)
    {
        if (IsStopping && HttpProtocol.IsHttp11(http.Request.Protocol))
        {
            http.Response.Headers.Connection = "close";
        }
        return next(http);
    }
}

/// <summary>What the node says of itself. None of it waits for anything far away.</summary>
internal static class HealthEndpoints
{
    public static readonly string Version =
        typeof(HealthEndpoints).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        var health = routes.MapGroup("/health").WithTags("Health");
        health.MapGet("/live", () => ApiAnswer.Ok(new { status = "live" }));
        health.MapGet("/ready", Ready);
        health.MapGet("", Describe).Produces<Body>();
    }

    /// <summary>The replica is loaded and the node's own disk took its last write (law 8).</summary>
    /// <remarks>A node that is drained says so, and does everything that it is asked all the same: whoever chooses a node chooses another one.</remarks>
    private static ApiAnswer Ready(Readiness readiness, NodeStore node, OrdersInForce orders) => !readiness.IsPrepared
        ? ApiError.Unavailable("starting", "The node is starting.", retryAfter: 1)
        : readiness.IsStopping
            ? ApiError.Unavailable("stopping", "The node was told to stop.", retryAfter: 5)
        : node.Writer.Broken is { } broken
            ? ApiError.Unavailable("disk", broken.Message, retryAfter: 5)
        : orders.Drain is { } drain
            ? ApiError.Unavailable("drained", string.Create(CultureInfo.InvariantCulture, $"The operator drains this node until {drain.Until:u}: {drain.Reason}"), retryAfter: 30)
            : ApiAnswer.Ok(new { status = "ready" });

    private static ApiAnswer Describe(
        Settings settings, Replicator replicator, NodeStore node, Dependencies dependencies, PeerLinks peers, ProviderFlags flags, Finder finder, OrdersInForce orders, Places places, TimeProvider clock)
    {
        var primary = replicator.Health;
        var age = replicator.Age.TotalSeconds;
        return ApiAnswer.Ok(new Body(
            settings.Node, settings.Region, settings.Zone, node.Incarnation, settings.PublicUrl, Version,
            new ReplicaBody(Math.Round(age, 1), replicator.Position.ToString()),
            new JournalBody(node.CountUnshipped(), node.Writer.JournalBytes),
            [.. dependencies.All.Select(d => new DependencyBody(d.Name, d.Policy.Kind, d.Health.State.ToString().ToLower(CultureInfo.InvariantCulture), d.Health.Since, d.Health.How, d.Policy.Fallback,
                d.ByHand switch { null => null, { IsOpen: true } => "open", _ => "closed" }))],
            [.. dependencies.OfTenants.Select(k => new TenantsBody(k.Kind, k.Count, k.Failing))],
            [.. peers.All.Select(DescribePeer)],
            new CopiesBody(peers.Copies.AnsweredWithOne, peers.Copies.AnsweredWithMore),
            LoadBody.Of(places.State),
            finder.Current is { } cause ? CauseBody.Of(cause) : null,
            [.. finder.All.Where(c => c.Scope != CauseScope.Tenant && c != finder.Current).Select(CauseBody.Of)],
            flags.Setting is { } provider
                ? new FlagsBody(
                    $"flags:{provider.Kind}", flags.HeardAt is { } heard ? Math.Round(Math.Max(0, (clock.GetUtcNow() - heard).TotalSeconds), 1) : null, flags.Count, flags.NotEvaluated, flags.PollsOnly)
                : null,
            [.. orders.All.Select(ReadOrders.PublicOf)]));
    }

    private static PeerBody DescribePeer(PeerLink link)
    {
        var (who, health) = (link.Identity, ((HttpPeer)link.Peer).Dependency.Health);
        return new PeerBody(
            link.Peer.Address, who?.Name, who?.Region, who?.Zone, health.State.ToString().ToLower(CultureInfo.InvariantCulture), health.Since,
            who is null ? null : Math.Round(link.SilentFor.TotalSeconds, 1), link.FactsRefused);
    }

    internal sealed record Body(
        string Node, string Region, string Zone, string Incarnation, string PublicUrl, string Version, ReplicaBody Replica, JournalBody Journal, IReadOnlyList<DependencyBody> Dependencies,
        IReadOnlyList<TenantsBody> TenantDependencies, IReadOnlyList<PeerBody> Peers, CopiesBody Copies, LoadBody Load, CauseBody? Cause,
        IReadOnlyList<CauseBody> OtherCauses, FlagsBody? Flags, IReadOnlyList<ReadOrders.PublicBody> Orders);

    internal sealed record ReplicaBody([property: JsonPropertyName("age_s")] double AgeSeconds, string Position);

    /// <param name="Depth">Facts that the primary has not confirmed.</param>
    internal sealed record JournalBody(long Depth, long Bytes);

    /// <param name="ByHand">What a person has decided above its breaker: <c>closed</c> or <c>open</c>; null for nothing.</param>
    internal sealed record DependencyBody(string Name, string Kind, string State, DateTimeOffset Since, string? How, string Fallback, string? ByHand);

    /// <summary>What tenants' connections stand on, in sum: names are theirs, and this page is everybody's.</summary>
    internal sealed record TenantsBody(string Kind, int Count, int Failing);

    /// <summary>Another node.</summary>
    /// <param name="Name">What it calls itself; this, its place and its age are null as long as it was not heard.</param>
    /// <param name="AgeSeconds">Since it was last heard.</param>
    /// <param name="FactsRefused">What it sent since the start that no honest node sends: anything but 0 is to be looked at.</param>
    internal sealed record PeerBody(
        string Address, string? Name, string? Region, string? Zone, string State, DateTimeOffset Since, [property: JsonPropertyName("age_s")] double? AgeSeconds,
        long FactsRefused);

    /// <summary>Denies and credentials that were answered since the start, by how many copies there were then (law 3).</summary>
    /// <param name="AnsweredWithOne">What the loss of this disk may have taken.</param>
    internal sealed record CopiesBody(long AnsweredWithOne, long AnsweredWithMore);

    /// <summary>How busy this node is.</summary>
    /// <param name="Limit">How many requests it works on at once, as it has found.</param>
    /// <param name="Outside">Those that wait for another party, and hold no place.</param>
    /// <param name="OverloadedSince">Null while nobody is refused for load.</param>
    /// <param name="Refused">The priorities that were refused in the last seconds.</param>
    internal sealed record LoadBody(int Limit, int Inside, int Waiting, int Outside, DateTimeOffset? OverloadedSince, IReadOnlyList<string> Refused)
    {
        public static LoadBody Of(LoadState state) => new(state.Limit, state.Inside, state.Waiting, state.Outside, state.OverloadedSince, [.. state.Refused.Select(p => p.Name())]);
    }

    /// <summary>The operator's flag provider (<c>--flags</c>).</summary>
    /// <param name="AgeSeconds">Since it was last heard, before a restart too; null for never: then the defaults hold, and <paramref name="Count"/> is null.</param>
    /// <param name="NotEvaluated">Flags that were asked for, and whose defaults hold because they stand on something that is not evaluated here.</param>
    /// <param name="PollsOnly">Whether an operator has ordered that no stream of it be kept open.</param>
    internal sealed record FlagsBody(string Provider, [property: JsonPropertyName("age_s")] double? AgeSeconds, int? Count, IReadOnlyList<string> NotEvaluated, bool PollsOnly);

    /// <summary>What broke, by name (law 9). A host of providers is not named here: it is theirs.</summary>
    /// <param name="Symptoms">How many dependencies it takes along.</param>
    internal sealed record CauseBody(string Dependency, string How, DateTimeOffset Since, string Text, IReadOnlyList<string> Products, string Scope, string SignIn, int Symptoms)
    {
        public static CauseBody Of(Cause cause) => new(
            cause.Scope == CauseScope.Shared ? "host" : cause.Dependency, cause.How, cause.Since, cause.Text, cause.Products, cause.Scope.ToString().ToLowerInvariant(),
            cause.SignIn.ToString().ToLowerInvariant(), cause.Symptoms.Count);
    }
}
