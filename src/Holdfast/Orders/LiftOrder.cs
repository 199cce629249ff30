using Holdfast.Http;
using Holdfast.Incidents;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Orders;

/// <summary>An order is taken back before its end. The lift names it, so another of the same kind that was given elsewhere meanwhile stays.</summary>
internal static class LiftOrder
{
    public static async Task<ApiAnswer> HandleAsync(string id, HttpContext http, OperatorKey key, Database database, ApplyOrders apply, Ids ids, TimeProvider clock)
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
        var author = fields.Required("author", input!.Author, maxLength: 100);
        var reason = fields.Optional("reason", input.Reason, maxLength: 500);
        if (fields.Refusal is { } fault)
        {
            return fault;
        }
        var (lift, now) = (ids.New(Ids.OrderLift), clock.GetUtcNow());
        var answer = await database.RecordAsync(http, view => OrderStore.Find(view, id) switch
        {
            null => Decide.Nothing(ApiError.NotFound("Order", id)),
            { } over when over.LiftedAt is not null || over.Until <= now => Decide.Nothing(ApiAnswer.Ok(ReadOrders.BodyOf(over, now))),
            { } order => Decide.To(
                ApiAnswer.Ok(ReadOrders.BodyOf(order with { LiftedAt = now.ToUnixTimeMilliseconds(), LiftedBy = author }, now)), OrderStore.Lifted(lift, order, author, reason, now)),
        });
        apply.Round();
        return answer;
    }

    internal sealed record Input(Given<string> Author, Given<string> Reason);
}
