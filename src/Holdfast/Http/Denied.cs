using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Http;

/// <summary>Denies and lifts (law 4): denied is whatever has a deny that is not lifted.</summary>
public static class Denied
{
    /// <summary>A condition in SQL: no deny stands against the id in this column.</summary>
    public static string Not(string column) =>
        $"NOT EXISTS (SELECT 1 FROM denies d WHERE d.subject = {column} AND NOT EXISTS (SELECT 1 FROM lifts l WHERE l.deny_id = d.id))";

    /// <summary>A condition in SQL: the id in this column was not deleted, whatever else is denied to it.</summary>
    public static string NotDeleted(string column) => $"NOT EXISTS (SELECT 1 FROM denies d WHERE d.subject = {column} AND d.reason = 'deleted')";

    /// <summary>A condition in SQL: a deny for this reason stands against the id in this column.</summary>
    public static string IsFor(string reason, string column) =>
        $"EXISTS (SELECT 1 FROM denies d WHERE d.subject = {column} AND d.reason = '{reason}' AND NOT EXISTS (SELECT 1 FROM lifts l WHERE l.deny_id = d.id))";

    /// <summary>Whether a deny stands against an id.</summary>
    public static bool Is(View view, string subject) =>
        view.Find<long>($"SELECT CASE WHEN {Not("@subject")} THEN 0 ELSE 1 END", new { subject }) == 1;

    /// <summary>The same, by denies of one environment alone: for what may be denied before it has arrived, when nobody can tell whose it is.</summary>
    public static bool Is(View view, string subject, string environmentId) => view.Find<long>(
        "SELECT count(*) FROM denies d WHERE d.subject = @subject AND d.environment_id = @environmentId AND NOT EXISTS (SELECT 1 FROM lifts l WHERE l.deny_id = d.id)",
        new { subject, environmentId }) > 0;

    /// <summary>Whether it was deleted: that deny is its tombstone, and no lift takes it away.</summary>
    public static bool IsDeleted(View view, string subject) =>
        view.Find<long>("SELECT count(*) FROM denies WHERE subject = @subject AND reason = 'deleted'", new { subject }) > 0;

    /// <summary>The denies that stand against an id: what a lift must name.</summary>
    /// <param name="reason">Only those for this reason; null for all.</param>
    public static List<string> Standing(View view, string subject, string? reason = null) => view.Query<string>(
        "SELECT id FROM denies d WHERE d.subject = @subject AND (@reason IS NULL OR d.reason = @reason) AND NOT EXISTS (SELECT 1 FROM lifts l WHERE l.deny_id = d.id)",
        new { subject, reason });

    /// <summary>A new deny.</summary>
    /// <param name="reason">A short slug: <c>deleted</c>, <c>deactivated</c>, <c>revoked</c>.</param>
    public static Change Because(string reason, string subject, string environmentId, Ids ids, DateTimeOffset now) =>
        Because(reason, subject, environmentId, ids.New(Ids.Deny), now);

    /// <summary>A deny of this id.</summary>
    public static Change Because(string reason, string subject, string environmentId, string id, DateTimeOffset now) => Change.To(
        Schema.Denies, id,
        ("environment_id", environmentId), ("subject", subject), ("reason", reason), ("created_at", now.ToUnixTimeMilliseconds()));

    /// <summary>Lifts one deny. A deny that was made elsewhere meanwhile stays.</summary>
    public static Change Lifted(string denyId, string environmentId, Ids ids, DateTimeOffset now) => Lifted(denyId, environmentId, ids.New(Ids.Lift), now);

    /// <summary>A lift of this id.</summary>
    public static Change Lifted(string denyId, string environmentId, string id, DateTimeOffset now) => Change.To(
        Schema.Lifts, id, ("environment_id", environmentId), ("deny_id", denyId), ("created_at", now.ToUnixTimeMilliseconds()));
}
