using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>Spends a refresh token: the next one, or why not. A refusal is <c>invalid_grant</c>, whatever its reason.</summary>
internal static class RefreshSession
{
    /// <param name="token">As it was sealed by us.</param>
    /// <param name="key">The one that the token names.</param>
    /// <param name="birthIsApplied">Whether this node has applied the place where the session was born: then it knows it, or there is none.</param>
    /// <param name="grace">Null for <see cref="Session.Grace"/>.</param>
    /// <param name="switchTo">Another organization to act in from now on; one of which the user is no member refuses, and spends nothing.</param>
    public static Decision<Ruling<RefreshToken>> Decide(View view, Act act, RefreshToken token, SuccessorKey key, bool birthIsApplied, TimeSpan? grace = null, string? switchTo = null)
    {
        var known = Session.Find(view, act.EnvironmentId, token.SessionId);
        if (!Fits(token, key) || (known is null ? birthIsApplied : known != token.Begun))
        {
            return Rule.Refuse<RefreshToken>(Refusal.SessionUnknown);
        }
        if (Voids.IsVoidSession(view, token.SessionId, token.Stamp))
        {
            return Rule.Refuse<RefreshToken>(Refusal.SessionEnded);   // begun at a stolen node: nobody goes on with it, whether or not its row came here
        }
        if (token.Session.Ended(view, act, grace) is { } why)
        {
            return Rule.Refuse<RefreshToken>(why);
        }
        if (switchTo is not null && !Memberships.IsIn(view, act, switchTo, token.UserId))
        {
            return Rule.Refuse<RefreshToken>(Refusal.NotFound);
        }
        List<Change> changes = known is null ? [token.Row(act.EnvironmentId)] : [];
        var spent = view.Query<Spent>(
            "SELECT node AS Node, created_at AS At FROM session_spends WHERE session_id = @SessionId AND generation = @Generation", new { token.SessionId, token.Generation });
        if (!spent.Exists(s => s.Node == act.Incarnation))
        {
            changes.Add(Spend(act, token));
        }
        // Spent before: its response was lost, or somebody else has the token too. A spend that lies ahead by this node's clock is as far away as one behind.
        return spent.TrueForAll(s => Math.Abs(act.Time - s.At) <= (long)(grace ?? Session.Grace).TotalMilliseconds)
            ? Rule.Grant(token.Next(key, switchTo), changes)
            : Rule.Refuse<RefreshToken>(Refusal.SessionReplayed, [.. changes, Session.Deny(act, token.SessionId, "replayed")]);
    }

    private sealed record Spent(string Node, long At);

    private static bool Fits(RefreshToken token, SuccessorKey key) => token.KeyId == key.Id
        && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(token.Mark), Encoding.ASCII.GetBytes(key.Mark(token.SessionId, token.Generation)));

    private static Change Spend(Act act, RefreshToken token)
    {
        var generation = token.Generation.ToString(CultureInfo.InvariantCulture);
        return Change.To(Schema.SessionSpends, Ids.Derived("spend_", act.IdKey, token.SessionId, generation, act.Incarnation),
            ("environment_id", act.EnvironmentId), ("session_id", token.SessionId), ("generation", token.Generation), ("node", act.Incarnation), ("created_at", act.Time),
            ("expires_at", token.ExpiresAt));
    }
}
