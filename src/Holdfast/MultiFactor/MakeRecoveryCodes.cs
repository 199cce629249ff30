using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.MultiFactor;

/// <summary>Gives a user ten recovery codes. They are told this once; those that there were open nothing any more.</summary>
internal static class MakeRecoveryCodes
{
    internal sealed record Body(string Object, string UserId, IReadOnlyList<string> Codes);

    public static async Task<ApiAnswer> HandleAsync(string id, HttpContext http, Database database, Idempotency idempotency, Acts acts)
    {
        var (input, refusal) = await JsonBody.ReadAsync<EmptyInput>(http);
        if (input is null)
        {
            return refusal!;
        }
        var operation = await idempotency.BeginAsync(http);
        var setId = operation.NewId(Ids.Factor, database.Incarnation);
        var ruling = await database.RecordAsync(http, view => RecoveryCodes.Make(view, acts.Of(operation), id, Proof.Administrator, setId));
        return ruling.Answer is { } codes ? ApiAnswer.Created(new Body("recovery_codes", id, codes)) : ApiError.NotFound("User", id);
    }
}
