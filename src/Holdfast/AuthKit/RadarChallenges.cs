using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Challenges of Radar, which is not here: no sign-in asks for one, so there is none to be found, and no pending authentication that waits for one.</summary>
internal static class RadarChallenges
{
    internal sealed record Input(Given<string> UserId, Given<string> PendingAuthenticationToken, Given<string> PhoneNumber);

    public static async Task<ApiAnswer> SendAsync(HttpContext http, Database database)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        var fields = new Fields();
        fields.Required("user_id", input.UserId);
        fields.Required("pending_authentication_token", input.PendingAuthenticationToken, 8192);
        fields.Required("phone_number", input.PhoneNumber);
        return fields.Refusal
            ?? (database.Read(view => UserStore.Find(view, Caller.Of(http).EnvironmentId, input.UserId.Value!)) is null ? ApiError.NotFound("User", input.UserId.Value!) : AuthKitErrors.BadPending);
    }

    public static ApiAnswer Get(string id) => ApiError.NotFound("Radar challenge", id);
}
