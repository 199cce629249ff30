using Holdfast.Http;
using Holdfast.Incidents;
using Holdfast.Resilience;
using Holdfast.Storage;

namespace Holdfast.Orders;

/// <summary>What was ordered, from this node's disk.</summary>
internal static class ReadOrders
{
    /// <summary>The latest first: those in force, or with <c>?all=true</c> the last 500.</summary>
    public static ApiAnswer List(HttpContext http, OperatorKey key, Database database, TimeProvider clock)
    {
        if (!key.IsShownBy(http))
        {
            return ApiError.Unauthorized;
        }
        var (now, all) = (clock.GetUtcNow(), http.Request.Query["all"] == "true");
        return ApiAnswer.Ok(new ListedBody([.. database.Read(view => all ? OrderStore.All(view) : OrderStore.InForce(view, now)).Select(o => BodyOf(o, now))]));
    }

    public static OrderBody BodyOf(OrderRow order, DateTimeOffset now) => new(
        order.Id, order.LiftedAt is not null ? "lifted" : order.Until <= now ? "ended" : "in_force", order.Kind, order.Target, order.Setting, order.Scope, order.Place, order.Author, order.Reason,
        DateTimeOffset.FromUnixTimeMilliseconds(order.CreatedAt), order.Until, order.LiftedAt is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null, order.LiftedBy);

    public sealed record ListedBody(IReadOnlyList<OrderBody> Data)
    {
        public string Object { get; } = "list";
    }

    /// <param name="Status"><c>in_force</c>, <c>lifted</c> or <c>ended</c>.</param>
    /// <param name="Scope"><c>all</c>, <c>region</c> or <c>node</c>; <paramref name="Place"/> is the name of one.</param>
    public sealed record OrderBody(
        string Id, string Status, string Kind, string? Target, string Setting, string Scope, string? Place, string Author, string Reason, DateTimeOffset CreatedAt, DateTimeOffset EndsAt,
        DateTimeOffset? LiftedAt, string? LiftedBy)
    {
        public string Object { get; } = "order";
    }

    /// <summary>For whoever asks the node how it is: without its author, and without what is one customer's.</summary>
    public static PublicBody PublicOf(OrderRow order) => new(
        order.Id, order.Kind, order.Kind == OrderKind.Dependency && Catalogue.All.FirstOrDefault(p => p.Scope == DependencyScope.Tenant && p.Name.Contains('{', StringComparison.Ordinal)
            && order.Target!.StartsWith(p.Name[..p.Name.IndexOf('{', StringComparison.Ordinal)], StringComparison.Ordinal)) is { } tenants ? tenants.Name : order.Target,
        order.Setting, order.Scope, order.Place, order.Reason, order.Until);

    public sealed record PublicBody(string Id, string Kind, string? Target, string Setting, string Scope, string? Place, string Reason, DateTimeOffset EndsAt);
}
