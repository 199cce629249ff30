using Holdfast.Claims;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>Whose an e-mail address is: the claim alone says (decision 0009).</summary>
internal static class Addresses
{
    /// <summary>The address as it is claimed: ASCII letters in lower case. No other letter, because some (the Kelvin sign) would become another person's.</summary>
    public static string Normal(string address) => string.Create(address.Length, address, static (text, from) =>
    {
        for (var i = 0; i < text.Length; i++)
        {
            text[i] = char.IsAsciiLetterUpper(from[i]) ? (char)(from[i] | 0x20) : from[i];
        }
    });

    /// <summary>Whether a text is one address, as far as it can be told without asking its host: so much of RFC 5321 §4.1.2 as mail systems agree on, and at most 254 characters.</summary>
    public static bool IsOne(string text) => text.Length is >= 3 and <= 254 && text.IndexOf('@', StringComparison.Ordinal) is var at and > 0 and <= 64 && at == text.LastIndexOf('@')
        && at < text.Length - 1 && text.All(c => c is > ' ' and not ('\u007f' or '"' or '<' or '>' or ',' or ';' or ':' or '\\' or '(' or ')' or '[' or ']'))
        && text[(at + 1)..].Split('.').All(label => label.Length is > 0 and <= 63);

    /// <summary>The user that an address belongs to; null when it is free, or its holder was deleted. A suspended user holds it still.</summary>
    public static string? HolderOf(View view, string environmentId, string address) =>
        Claim.Find(view, environmentId, Claim.UserEmail, Normal(address)) is { Holder: { } holder, Verified: 1 } && !Denied.IsDeleted(view, holder) ? holder : null;

    /// <summary>The addresses that a user holds.</summary>
    public static List<string> HeldBy(View view, string environmentId, string userId) => view.Query<string>(
        "SELECT value FROM claims WHERE environment_id = @environmentId AND kind = @kind AND holder = @userId ORDER BY value",
        new { environmentId, kind = Claim.UserEmail, userId });

    /// <summary>The user that proving an address makes, as any other node would make it, and the term of their claim. The address has no holder.</summary>
    public static (string UserId, long Term) NewHolder(View view, Act act, string address)
    {
        for (var term = FreeTerm(view, act.EnvironmentId, Claim.UserEmail, Normal(address)); ; term++)
        {
            var userId = Ids.Derived(Ids.User, act.IdKey, "address", Normal(address), $"{term}");
            if (!Denied.IsDeleted(view, userId))   // a deletion may arrive before the claim does
            {
                return (userId, term);
            }
        }
    }

    /// <summary>The term under which a value can be taken: one higher only after it was given up (that row has it already) or its holder was deleted.</summary>
    public static long FreeTerm(View view, string environmentId, string kind, string value) => Claim.Find(view, environmentId, kind, value) switch
    {
        null => 1,
        { Holder: { } holder } claim when Denied.IsDeleted(view, holder) => claim.Term + 1,
        var claim => claim.Term,
    };

    public static Change Take(Act act, string address, string userId, long term) =>
        Claim.Give(act.EnvironmentId, act.IdKey, Claim.UserEmail, Normal(address), userId, term, verified: true);

    /// <summary>Nobody's from now on. A primary write.</summary>
    public static Decision<Ruling<string>> GiveUp(View view, Act act, string userId, string address) =>
        HolderOf(view, act.EnvironmentId, address) == userId ? Rule.Grant(address, Release(view, act, userId, address)) : Rule.Refuse<string>(Refusal.NotFound);

    /// <summary>Gives a user another address, which they have proven or an administrator vouches for, and gives up those they had. A primary write.</summary>
    public static Decision<Ruling<string>> ChangeTo(View view, Act act, string userId, string address)
    {
        if (UserStore.Find(view, act.EnvironmentId, userId) is null)
        {
            return Rule.Refuse<string>(Refusal.NotFound);
        }
        var holder = HolderOf(view, act.EnvironmentId, address);
        if (holder is not null && holder != userId)
        {
            return Rule.Refuse<string>(Refusal.AddressTaken);
        }
        var changes = HeldBy(view, act.EnvironmentId, userId).Where(held => held != Normal(address)).Select(held => Release(view, act, userId, held)).ToList();
        if (holder is null)
        {
            changes.Add(Take(act, address, userId, NewHolder(view, act, address).Term));
        }
        changes.Add(Change.To(Schema.Users, userId, ("email", address), ("updated_at", act.Time)));
        return Rule.Grant(userId, changes);
    }

    private static Change Release(View view, Act act, string userId, string address) =>
        Claim.GiveUp(view, act.EnvironmentId, act.IdKey, Claim.UserEmail, Normal(address), userId) ?? throw new InvalidOperationException("Only who holds an address gives it up.");
}
