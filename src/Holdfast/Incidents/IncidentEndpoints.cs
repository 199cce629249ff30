using Holdfast.Http;
using Holdfast.Http.Pages;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Incidents;

/// <summary>What happened, and how it is: every service and route, one line each. Start reading here.</summary>
internal static class IncidentEndpoints
{
    public static void AddIncidents(this IServiceCollection services, NodePlace here)
    {
        services.AddSingleton(here).AddSingleton<OperatorKey>().AddSingleton<KeepIncidents>().AddSingleton<KeptStatus>();
        services.AddHostedService(all => all.GetRequiredService<KeepIncidents>());
    }

    public static void MapIncidents(this IEndpointRouteBuilder routes)
    {
        var incidents = routes.MapGroup("/incidents").WithTags("Incidents");
        incidents.MapGet("", ReadIncidents.List).Produces<ReadIncidents.ListedBody>();
        incidents.MapGet("/{id}", ReadIncidents.Get).Produces<ReadIncidents.IncidentBody>();
        incidents.MapPost("/{id}/notes", AddNote.HandleAsync).Accepts<AddNote.Input>(JsonBody.AnyType).Produces<ReadIncidents.EntryBody>(201).WithMetadata(Writes.Fact);
        routes.MapGet("/status.json", ReadStatus.Json).WithTags("Incidents").Produces<ReadStatus.Body>();
        routes.MapGet("/status", ReadStatus.Page).WithMetadata(PageRoute.Yes).ExcludeFromDescription();
        routes.MapGet("/status/incidents/{id}", ReadStatus.Incident).WithMetadata(PageRoute.Yes).ExcludeFromDescription();
    }
}

/// <summary>A person who works on it writes down what they know.</summary>
internal static class AddNote
{
    /// <summary>The most notes of one incident.</summary>
    private const int Most = 400;

    public static async Task<ApiAnswer> HandleAsync(string id, HttpContext http, OperatorKey key, Database database, Ids ids, NodePlace here, TimeProvider clock)
    {
        if (!key.IsShownBy(http))
        {
            return ApiError.Unauthorized;
        }
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (refusal is not null)
        {
            return refusal;
        }
        var fields = new Fields();
        var text = fields.Required("text", input!.Text, maxLength: 2000);
        var author = fields.Optional("author", input.Author, maxLength: 100);
        if (fields.Refusal is { } fault)
        {
            return fault;
        }
        var (entry, now) = (ids.New(Ids.IncidentEntry), clock.GetUtcNow());
        return await database.RecordAsync(http, view =>
            IncidentStore.Find(view, id) is null ? Decide.Nothing(ApiError.NotFound("Incident", id))
            : IncidentStore.CountEntries(view, id) >= Most ? Decide.Nothing(ApiError.Unprocessable("too_many_notes", $"An incident has at most {Most} notes."))
            : Decide.To(
                ApiAnswer.Created(new ReadIncidents.EntryBody(entry, "note", now, here.Node, author, text)), IncidentStore.Entry(entry, id, "note", here.Node, author, text, now)));
    }

    /// <param name="Author">Who writes, as people are to read it; may be left out.</param>
    internal sealed record Input(Given<string> Text, Given<string> Author);
}

/// <summary>What this node is called, and where it is.</summary>
internal sealed record NodePlace(string Node, string Region);
