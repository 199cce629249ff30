using Holdfast.Claims;
using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>Two nodes gave one address to two users; the join let one of them keep it, and the other has to be told.</summary>
internal static class ClaimLost
{
    /// <summary>Of our own: the published list has nothing like it.</summary>
    public const string EventName = "user.email_claim_lost";

    /// <param name="Email">The address that was lost.</param>
    /// <param name="HolderId">Who has it.</param>
    public sealed record Data(string UserId, string Email, string HolderId);

    /// <summary>The event, when a version of a claim meets the one that is held and one of two users loses; else null. Whoever sees the two makes the same event.</summary>
    /// <remarks>A higher term is no loss: the address had been given up, or its holder deleted.</remarks>
    public static Change? EventOf(View view, RowVersion held, RowVersion incoming, byte[] idKey, DateTimeOffset now)
    {
        if (held.Table != Schema.Claims || (string?)(held.Value("kind") ?? incoming.Value("kind")) != Claim.UserEmail || held.Value("holder") is not string before
            || incoming.Value("holder") is not string after || before == after || !Equals(held.Value("term"), incoming.Value("term")))
        {
            return null;
        }
        var (joined, _) = Join.Of(held, incoming);
        var (winner, loser) = (string?)joined.Value("holder") == before ? (before, after) : (after, before);
        if (Denied.IsDeleted(view, loser))
        {
            return null;
        }
        var address = (string)joined.Value("value")!;
        return EventRow.Of(
            EventName, new Data(loser, address, winner), (string)joined.Value("environment_id")!, idKey, $"{address}\n{joined.Value("term")}\n{loser}", now);
    }
}
