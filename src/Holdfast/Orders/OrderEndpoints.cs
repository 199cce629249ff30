using Holdfast.Http;
using Microsoft.Extensions.Options;

namespace Holdfast.Orders;

/// <summary>What an operator changes at run time, without deploying: every service and route, one line each (decision 0029). Start reading here.</summary>
internal static class OrderEndpoints
{
    public static void AddOrders(this IServiceCollection services)
    {
        services.AddSingleton<OrdersInForce>().AddSingleton<LogLevels>().AddSingleton<ApplyOrders>();
        services.AddSingleton<IConfigureOptions<LoggerFilterOptions>>(all => all.GetRequiredService<LogLevels>());
        services.AddSingleton<IOptionsChangeTokenSource<LoggerFilterOptions>>(all => all.GetRequiredService<LogLevels>());
        services.AddHostedService(all => all.GetRequiredService<ApplyOrders>());
    }

    public static void MapOrders(this IEndpointRouteBuilder routes)
    {
        var orders = routes.MapGroup("/ops/orders").WithTags("Operating");
        orders.MapGet("", ReadOrders.List).Produces<ReadOrders.ListedBody>();
        orders.MapPost("", GiveOrder.HandleAsync).Accepts<GiveOrder.Input>(JsonBody.AnyType).Produces<ReadOrders.OrderBody>(201).WithMetadata(Writes.Fact);
        orders.MapPost("/{id}/lift", LiftOrder.HandleAsync).Accepts<LiftOrder.Input>(JsonBody.AnyType).Produces<ReadOrders.OrderBody>().WithMetadata(Writes.Fact);
        routes.MapPost("/ops/nodes/{node}/end", EndNode.HandleAsync).WithTags("Operating").Accepts<EndNode.Input>(JsonBody.AnyType).Produces<EndNode.Body>().WithMetadata(Writes.Deny);
    }
}
