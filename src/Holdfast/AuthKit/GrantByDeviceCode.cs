using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>A device asks whether the person has answered; and is signed in, once, when they have said yes (RFC 8628 §3.4).</summary>
internal sealed class GrantByDeviceCode(Database database, DeviceCodes devices, Acts acts, BeginSession begin)
{
    public const string Grant = "urn:ietf:params:oauth:grant-type:device_code";

    private sealed record Use(string Id, string? Request);

    public async Task<IResult> HandleAsync(Authenticate.Asked asked, Authenticate authenticate)
    {
        if (asked.Find("device_code") is not { } code)
        {
            return AuthKitErrors.Missing("device_code");
        }
        if (devices.Open(asked.Client, code) is not { } request)
        {
            return ApiError.OAuth("invalid_grant", "The device code is not valid.");
        }
        if (await authenticate.SendOnAsync(asked, request.Authority, AuthKitErrors.DeviceExpired) is { } elsewhere)
        {
            return elsewhere;
        }
        var environmentId = asked.Client.EnvironmentId;
        var answer = database.Read(view => DeviceAnswer.Find(view, environmentId, request.Id));
        if (request.ExpiresAt <= acts.Of(environmentId).Time)
        {
            return AuthKitErrors.DeviceExpired;
        }
        if (!devices.MayAsk(asked.Client, request))
        {
            return AuthKitErrors.DeviceTooSoon;
        }
        if (answer is null)
        {
            return AuthKitErrors.DevicePending;
        }
        if (answer.UserId is not { } userId)
        {
            return AuthKitErrors.DeviceRefused;
        }
        var (spend, id) = (Caller.Hash("device\n" + request.Id), asked.Operation.RequestId);
        var outcome = await authenticate.DecideAsync(asked, () => database.RecordAsync(asked.Http, view =>
        {
            var act = acts.Of(asked.Operation);
            var used = view.Query<Use>("SELECT id AS Id, request AS Request FROM spends WHERE id = @spend", new { spend });
            if (!used.TrueForAll(u => id is not null && u.Request == id))
            {
                return Decide.Nothing(new BeginSession.Outcome(Refused: Refusal.ItemSpent));
            }
            var (begun, changes) = begin.Admit(view, act, Rule.Grant(new SignedIn(userId, answer.CredentialId, answer.OrganizationId, FactorId: answer.FactorId)), answer.Method, asked.Origin);
            return begun.Question is not null ? Decide.Nothing(begun) : new Decision<BeginSession.Outcome>(begun, [.. changes, Change.To(Schema.Spends, spend,
                ("environment_id", environmentId), ("kind", "device_code"), ("request", id), ("created_at", act.Time), ("expires_at", request.ExpiresAt + (long)DeviceCodes.Lifetime.TotalMilliseconds))]);
        }));
        return authenticate.Answer(asked, outcome, answer.Method, why => why == Refusal.ItemSpent ? ApiError.OAuth("invalid_grant", "The device code was used.") : AuthKitErrors.NotAdmitted);
    }
}
