using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>A code that is mailed and typed in: it proves the mailbox.</summary>
internal static class MagicCode
{
    /// <summary>The same for every address: nothing is read.</summary>
    /// <param name="code">What is mailed. Short: the caller bounds the guesses.</param>
    /// <returns>The item's id.</returns>
    public static Decision<string> Issue(Act act, string address, string code, TimeSpan lifetime, string? itemId = null)
    {
        var (id, row) = PendingItem.Issue(act, Ids.MagicCode, address, code, null, lifetime, itemId);
        return Decide.To(id, row);
    }

    /// <summary>Signs in the holder of the address, or makes the user that it makes.</summary>
    public static Decision<Ruling<SignedIn>> Redeem(View view, Act act, string itemId, string code)
    {
        var (item, refused) = PendingItem.Redeem(view, act, itemId, Ids.MagicCode, code);
        if (item is null)
        {
            return Rule.Refuse<SignedIn>(refused!.Value);
        }
        var (who, changes) = ProveAddress.Of(view, act, item.Subject, new PersonNames(null, null));
        return ProveAddress.Refused(view, who.UserId) is { } why
            ? Rule.Refuse<SignedIn>(why, item.Spent(act))
            : Rule.Grant(who, [.. changes, item.Spent(act)]);
    }
}
