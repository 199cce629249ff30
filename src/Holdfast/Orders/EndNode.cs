using Holdfast.Http;
using Holdfast.Incidents;
using Holdfast.Storage;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;

namespace Holdfast.Orders;

/// <summary>The operator puts a node out for good: stolen, or lost with its disk. Its lives are denied, and with them what they issued for single use; whoever has its key is let in nowhere (decision 0007). A
/// deny, and so possible with the primary gone; that it leaves the node list is a primary write, and waits for the next time that this is asked.</summary>
internal static class EndNode
{
    private const int MostLives = 1000;

    public static async Task<ApiAnswer> HandleAsync(string node, HttpContext http, OperatorKey key, Database database, Ids ids, NodePlace here, TimeProvider clock, ILogger<ApplyOrders> log)
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
        var (author, reason) = (fields.Required("author", input!.Author, maxLength: 100), fields.Required("reason", input.Reason, maxLength: 500));
        if (fields.Refusal is { } fault)
        {
            return fault;
        }
        if (node == here.Node)
        {
            return ApiError.Unprocessable("own_node", "A node does not put itself out. Ask another one, or stop it.");
        }
        var now = clock.GetUtcNow();
        if (await database.RecordAsync<int?>(http, view =>
        {
            if (!OrderStore.IsNode(view, node))
            {
                return Decide.Nothing<int?>(null);
            }
            return Ending(view, node, "declared_dead", author, reason, ids, now);
        }) is not { } ended)
        {
            return ApiError.NotFound("Node", node);
        }
        if (ended > 0)
        {
            OrderLog.Ended(log, node, ended, author, reason);
        }
        return ApiAnswer.Ok(new Body(node, ended, await LeaveAsync(database, node, http.RequestAborted)));
    }

    /// <summary>Denies against the node's lives that none stands against, and how many those are.</summary>
    /// <param name="how">The reason that the denies bear.</param>
    public static Decision<int?> Ending(View view, string node, string how, string author, string reason, Ids ids, DateTimeOffset now)
    {
        var lives = OrderStore.LivesInForce(view, node, MostLives);
        // What was done, by whom and why stands with the orders: one that is over as it is given.
        var said = new OrderRow(ids.New(Ids.Order), OrderKind.End, null, "ended", "node", node, author, reason, now.ToUnixTimeMilliseconds(), now.ToUnixTimeMilliseconds(), null, null);
        return lives.Count == 0 ? Decide.Nothing<int?>(0) : Decide.To<int?>(lives.Count, [.. lives.Select(life => Denied.Because(how, life, "", ids, now)), OrderStore.Given(said)]);
    }

    public static async Task<bool> LeaveAsync(Database database, string node, CancellationToken ct)
    {
        try
        {
            return await database.WriteAsync(view => NodeList.Leave(view, node), ct);
        }
        catch (StorageUnavailableException)
        {
            return false;   // the deny stands, and is what matters
        }
    }

    internal sealed record Input(Given<string> Author, Given<string> Reason);

    /// <param name="EndedLives">How many lives of it this request denied; 0 when all had been.</param>
    /// <param name="LeftNodeList">Whether it is out of the node list, or on its way. If not, ask again when the primary is back.</param>
    internal sealed record Body(string Node, int EndedLives, bool LeftNodeList);
}

internal static partial class OrderLog
{
    [LoggerMessage(1303, LogLevel.Warning, "The operator has put the node {Node} out: {Lives} lives are over, by {Author}: {Why}")]
    public static partial void Ended(ILogger log, string node, int lives, string author, string why);
}
