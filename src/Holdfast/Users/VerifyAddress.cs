using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>A code that is mailed to the address that a user holds already: it proves the mailbox.</summary>
internal static class VerifyAddress
{
    public static Change Issue(Act act, string userId, string address, string code, TimeSpan lifetime, string id) =>
        PendingItem.Issue(act, Ids.EmailVerification, userId, code, address, lifetime, id).Row;

    /// <summary>What follows from the right code; or why not. The password that there is counts from now on: the code was asked for by who goes on from it.</summary>
    /// <param name="userId">Whose it is to be: another's code proves nothing of them.</param>
    public static (List<Change>? Changes, Refusal? Refused) Redeem(View view, Act act, string itemId, string code, string userId)
    {
        var (item, refused) = PendingItem.Redeem(view, act, itemId, Ids.EmailVerification, code);
        return item is null ? (null, refused)
            : item.Subject != userId || Addresses.HolderOf(view, act.EnvironmentId, item.Data!) != userId ? (null, Refusal.ItemUnknown)
            : ([item.Spent(act), PersonEvents.EmailVerified(act, item), .. UserStore.Verify(view, act, userId, item.Data!), .. Credential.Confirm(view, act, userId)], null);
    }
}
