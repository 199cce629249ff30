using Holdfast.Claims;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>What creating and changing a user share.</summary>
internal static class UserChanges
{
    /// <summary>Takes or gives up an external id. False when another user has it: a suspended one has it still.</summary>
    public static bool TryClaimExternalId(View view, Act act, Given<string> wanted, string? held, string userId, List<Change> changes)
    {
        if (!wanted.Is || wanted.Value == held)
        {
            return true;
        }
        if (wanted.Value is { } value)
        {
            if (Claim.Find(view, act.EnvironmentId, Claim.UserExternalId, value) is { Holder: { } other } && other != userId && !Denied.IsDeleted(view, other))
            {
                return false;
            }
            changes.Add(Claim.Give(view, act.EnvironmentId, act.IdKey, Claim.UserExternalId, value, userId, verified: true));
        }
        if (held is not null && Claim.GiveUp(view, act.EnvironmentId, act.IdKey, Claim.UserExternalId, held, userId) is { } given)
        {
            changes.Add(given);
        }
        return true;
    }
}
