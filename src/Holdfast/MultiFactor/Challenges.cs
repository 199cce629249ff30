using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.MultiFactor;

/// <summary>Challenges: single-use items of the node that made them (law 5), whose subject is the factor.</summary>
internal static class Challenges
{
    /// <summary>How long one may be answered.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    /// <param name="code">What it is answered with; empty when the factor itself says that.</param>
    public static (string Id, Change Row) Issue(Act act, string factorId, string code, string? id = null) =>
        PendingItem.Issue(act, Ids.FactorChallenge, factorId, code, null, Lifetime, id);

    /// <summary>One that is there, and whose factor is; over and used or not.</summary>
    public static (PendingItem Item, Factor Factor)? Find(View view, string environmentId, string id) =>
        PendingItem.FindAny(view, environmentId, id, Ids.FactorChallenge) is { } item && Factor.Find(view, environmentId, item.Subject) is { } factor ? (item, factor) : null;
}
