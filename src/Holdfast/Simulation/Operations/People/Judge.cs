using Holdfast.AuthKit;
using Holdfast.Simulation.Machines;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Simulation.Operations.People;

/// <summary>Whether a node may let a session go on: by its own rows, read otherwise than the product does, and by what it has told.</summary>
internal static class Judge
{
    private const long GraceMilliseconds = 10_000;

    /// <summary>What stands against it on this node; null when nothing does.</summary>
    public static string? Admission(View view, Ledger ledger, Node node, RefreshToken token, bool byPassword)
    {
        List<string> subjects = [token.SessionId, token.UserId];
        if (token.FactorId is { } factor)
        {
            subjects.Add(factor);
        }
        if (token.ActsIn is { } organization)
        {
            var membership = Memberships.IdOf(Ground.IdKey, organization, token.UserId);
            subjects.AddRange([organization, membership]);
            if (view.Find<long>("SELECT count(*) FROM memberships WHERE id = @membership AND present = 0", new { membership }) > 0)
            {
                return $"{token.UserId} has left {organization}";
            }
        }
        var denies = view.Query<string>(
            "SELECT d.id FROM denies d LEFT JOIN lifts l ON l.deny_id = d.id WHERE d.subject IN @subjects AND (l.id IS NULL OR d.reason = 'deleted') ORDER BY d.id", new { subjects });
        if (denies.Count > 0)
        {
            return $"it has {denies[0]}";
        }
        if (ledger.People.Denies.Find(d =>
            d.Node == node && d.DisksLost == node.DisksLost && subjects.Contains(d.Subject) && !ledger.LiftsAsked.Contains(d.Id)) is { } told)
        {
            return $"it had kept {told.Id} ({told.Reason})";
        }
        return token.CredentialId is { } credential ? Credential(view, ledger.People, credential, byPassword) : null;
    }

    /// <summary>Whether somebody who has a second factor here came in without one; null when not.</summary>
    /// <param name="changes">Of the decision: what it takes away itself is none.</param>
    public static string? Factor(View view, Ledger ledger, Node node, RefreshToken token, IReadOnlyList<Change> changes) =>
        token.FactorId is null && token.Method is SignInMethod.Password or SignInMethod.MagicCode && ledger.People.Apps.Find(a =>
            a.UserId == token.UserId && a.Node == node && a.DisksLost == node.DisksLost && !changes.Any(c => c.Table == Schema.Denies && Equals(c.Values["subject"], a.FactorId))
            && view.Find<long>("SELECT count(*) FROM denies WHERE subject = @FactorId", new { a.FactorId }) == 0) is { } app
            ? $"it had kept their second factor {app.FactorId}, and asked for none"
            : null;

    /// <summary>Whether a session acts where nobody let it; null when it does not.</summary>
    public static string? Switch(View view, RefreshToken before, RefreshToken next, string? asked) =>
        next.ActsIn == before.ActsIn ? null
        : next.ActsIn != asked ? $"it acts in {next.ActsIn ?? "none"}, and was asked for {asked ?? "none"}"
        : view.Find<long>("SELECT count(*) FROM memberships WHERE id = @id AND user_id = @UserId AND (present IS NULL OR present = 1)",
            new { id = Memberships.IdOf(Ground.IdKey, asked!, before.UserId), before.UserId }) == 0 ? $"{before.UserId} is no member of {asked}"
        : null;

    private static string? Credential(View view, PeopleLedger people, string credential, bool byPassword)
    {
        var replacing = people.Replaced.GetValueOrDefault(credential)?.Where(r => byPassword || r.IsReset).Select(r => r.By).ToList();
        return replacing is { Count: > 0 } && view.Find<string>("SELECT id FROM credentials WHERE id IN @replacing ORDER BY id", new { replacing }) is { } there
            ? $"it has {there}, which replaced the credential {credential}"
            : null;
    }

    /// <summary>Whether this node has spends of the session that forbid another token; null when not.</summary>
    public static string? Generation(View view, Act act, RefreshToken token)
    {
        var spends = view.Query<Spend>("SELECT generation AS Generation, created_at AS At FROM session_spends WHERE session_id = @SessionId", new { token.SessionId });
        if (spends.Where(s => s.Generation == token.Generation).Select(s => s.At).DefaultIfEmpty(long.MaxValue).Min() is var first && act.Time - first > GraceMilliseconds)
        {
            return $"it has a spend of generation {token.Generation} of {act.Time - first} ms before";
        }
        return spends.GroupBy(s => s.Generation).FirstOrDefault(g => g.Max(s => s.At) - g.Min(s => s.At) > GraceMilliseconds) is { } twice
            ? $"it has two spends of generation {twice.Key}, further apart than the grace"
            : null;
    }

    private sealed record Spend(long Generation, long At);
}
