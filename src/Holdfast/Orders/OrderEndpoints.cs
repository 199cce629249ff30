using Holdfast.Http;
using Microsoft.Extensions.Options;

namespace Holdfast.Orders;

/// <summary>What an operator changes at run time, without deploying: every service and route, one line each (decision 0029). Start reading here.</summary>
internal static class OrderEndpoints
{
    public static void AddOrders(this IServiceCollection services)
    {
        services.AddSingleton<OrdersInForce>().AddSingleton<LogLevels>().AddSingleton<ApplyOrders>().AddSingleton<KeepQuarantines>();
        services.AddSingleton<IConfigureOptions<LoggerFilterOptions>>(all => all.GetRequiredService<LogLevels>());
        services.AddSingleton<IOptionsChangeTokenSource<LoggerFilterOptions>>(all => all.GetRequiredService<LogLevels>());
        services.AddHostedService(all => all.GetRequiredService<ApplyOrders>());
        services.AddHostedService(all => all.GetRequiredService<KeepQuarantines>());
    }

    public static void MapOrders(this IEndpointRouteBuilder routes)
    {
        var orders = routes.MapGroup("/ops/orders").WithTags("Operating");
        orders.MapGet("", ReadOrders.List).Produces<ReadOrders.ListedBody>();
        orders.MapPost("", GiveOrder.HandleAsync).Accepts<GiveOrder.Input>(JsonBody.AnyType).Produces<ReadOrders.OrderBody>(201).WithMetadata(Writes.Fact);
        orders.MapPost("/{id}/lift", LiftOrder.HandleAsync).Accepts<LiftOrder.Input>(JsonBody.AnyType).Produces<ReadOrders.OrderBody>().WithMetadata(Writes.Fact);
        var nodes = routes.MapGroup("/ops/nodes/{node}").WithTags("Operating");
        nodes.MapPost("/end", EndNode.HandleAsync).Accepts<EndNode.Input>(JsonBody.AnyType).Produces<EndNode.Body>().WithMetadata(Writes.Deny);
        nodes.MapPost("/quarantine", QuarantineNode.HandleAsync).Accepts<QuarantineNode.Input>(JsonBody.AnyType).Produces<ReadQuarantines.QuarantineBody>().WithMetadata(Writes.Deny);
        nodes.MapPost("/end_sessions", EndSessions.HandleAsync).Accepts<EndSessions.Input>(JsonBody.AnyType).Produces<EndSessions.Body>().WithMetadata(Writes.Deny);

        var quarantines = routes.MapGroup("/ops/quarantines").WithTags("Operating");
        quarantines.MapGet("", ReadQuarantines.List).Produces<ReadQuarantines.ListedBody>();
        quarantines.MapGet("/{id}/taken", ReadQuarantines.Taken).Produces<ReadQuarantines.TakenBody>();
        quarantines.MapPost("/{id}/lift", LiftQuarantine.HandleAsync).Accepts<LiftQuarantine.Input>(JsonBody.AnyType).Produces<ReadQuarantines.QuarantineBody>().WithMetadata(Writes.Fact);
    }
}
