using Holdfast.Http;

namespace Holdfast.Events;

/// <summary>Events: every route, one line each. Start reading here.</summary>
internal static class EventEndpoints
{
    public static void MapEvents(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/events", ReadEvents.List).WithTags("Events").WithMetadata(ApiKeyRequired.Yes).Produces<EventListBody>();
}
