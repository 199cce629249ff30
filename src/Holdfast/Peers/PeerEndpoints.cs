using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Primary.Remote;

namespace Holdfast.Peers;

/// <summary>What nodes ask each other: every route, one line each. Nobody else gets in, and nothing of it is in the public description.</summary>
internal static class PeerEndpoints
{
    private const int MostFacts = 1000;
    private const int MostRows = 1000;

    /// <param name="primary">This node's own; null when it has none.</param>
    public static void MapPeers(this IEndpointRouteBuilder routes, PeerServer peers, PrimaryServer? primary)
    {
        var stopping = routes.ServiceProvider.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        Func<Speaker, SnapshotQuestion, Task<object?>> snapshot = (from, question) => Snapshot(peers, from, question);
        var group = routes.MapGroup("/").ExcludeFromDescription();
        group.MapPost(HttpPeer.JournalPath, (HttpContext http) => SignedAnswer.GiveAsync<JournalQuestion>(http, async (from, question) =>
            Is(from, question.From) && question.Patience >= TimeSpan.Zero ? await WaitAsync(peers, question, stopping, http.RequestAborted) : null));
        group.MapPost(HttpPeer.SnapshotPath, (HttpContext http) => SignedAnswer.GiveAsync(http, snapshot));
        group.MapPost(HttpPeer.SpendPath, (HttpContext http) => SignedAnswer.GiveAsync<SpendQuestion>(http, async (from, question) =>
            Is(from, question.From) ? await peers.SpendAsync(question) : null));
        group.MapPost(HttpPrimaryWire.Path + "{call}", (string call, HttpContext http) => SignedAnswer.GiveAsync<PrimaryQuestion>(http, async (_, question) =>
            primary is null ? ApiError.OfStatus(StatusCodes.Status404NotFound)
            : question.Call.ToString() == call ? await AskPrimaryAsync(primary, question, http.RequestAborted) : null,
            question => question.Call == PrimaryCall.ReadLog));   // where it hears that its life is over
    }

    /// <summary>A node that stops keeps nobody waiting for its news.</summary>
    private static async Task<JournalAnswer> WaitAsync(PeerServer peers, JournalQuestion question, CancellationToken stopping, CancellationToken aborted)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, aborted);
        return await peers.ReadJournalAsync(
            question with { Limit = Math.Clamp(question.Limit, 1, MostFacts), Patience = question.Patience < HttpPeer.MostPatience ? question.Patience : HttpPeer.MostPatience },
            either.Token);
    }

    private static Task<object?> Snapshot(PeerServer peers, Speaker from, SnapshotQuestion question) =>
        Task.FromResult<object?>(Is(from, question.From) ? peers.ReadSnapshot(question with { Limit = Math.Clamp(question.Limit, 1, MostRows) }) : null);

    private static async Task<object> AskPrimaryAsync(PrimaryServer primary, PrimaryQuestion question, CancellationToken ct)
    {
        try
        {
            return await primary.AskAsync(question, ct);
        }
        catch (PrimaryUnavailableException fault)
        {
            return new ApiAnswer(StatusCodes.Status503ServiceUnavailable, PeerJson.Write(new PrimaryRefusal(fault.Fault, fault.Message)));
        }
    }

    /// <summary>Nobody asks in another's name.</summary>
    private static bool Is(Speaker speaker, NodeIdentity said) => speaker.Incarnation == said.Incarnation && speaker.Name == said.Name;
}
