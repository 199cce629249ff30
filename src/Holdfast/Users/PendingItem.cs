using System.Security.Cryptography;
using System.Text;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>A single-use item that travels by mail. Only the incarnation that issued it redeems it, on its own disk (law 5).</summary>
/// <param name="Kind">What it is for: also the prefix of its id.</param>
/// <param name="Subject">What it speaks of: a sign-up, a user, an address.</param>
/// <param name="Data">What it needs to know besides; for a reset the address that it was sent to.</param>
/// <param name="Stamp">Of its making.</param>
internal sealed record PendingItem(
    string Id, string EnvironmentId, string Kind, string Authority, string Subject, string SecretHash, string? Data, long CreatedAt, long ExpiresAt, string Stamp)
{
    private const string Columns =
        "id AS Id, environment_id AS EnvironmentId, kind AS Kind, authority AS Authority, subject AS Subject, secret_hash AS SecretHash, data AS Data, "
        + "created_at AS CreatedAt, expires_at AS ExpiresAt, made_stamp AS Stamp";

    /// <summary>How many of one subject are looked at: of several mails, an elder one may be read first.</summary>
    private const int MostOfSubject = 2;

    /// <summary>The row of a new one, and its id. The secret itself is not in it, unless the caller seals it into <paramref name="data"/>.</summary>
    /// <param name="id">Null for a new one.</param>
    public static (string Id, Change Row) Issue(Act act, string kind, string subject, string secret, string? data, TimeSpan lifetime, string? id = null)
    {
        id ??= act.NewId(kind);
        return (id, Change.To(Schema.PendingItems, id,
            ("environment_id", act.EnvironmentId), ("kind", kind), ("authority", act.Incarnation), ("subject", subject), ("secret_hash", Hash(act, id, secret)),
            ("data", data), ("created_at", act.Time), ("expires_at", (act.Now + lifetime).ToUnixTimeMilliseconds())));
    }

    /// <summary>The item, when this secret redeems it here and now. The caller keeps <see cref="Spent"/>, and bounds how often a secret is guessed.</summary>
    public static (PendingItem? Item, Refusal? Refused) Redeem(View view, Act act, string id, string kind, string secret)
    {
        var item = view.Find<PendingItem>($"SELECT {Columns} FROM pending_items WHERE id = @id", new { id });
        return item is null || item.EnvironmentId != act.EnvironmentId || item.Kind != kind ? (null, Refusal.ItemUnknown)
            : item.Authority != act.Incarnation ? (null, Refusal.ItemElsewhere)
            : !item.Opens(act, secret) ? (null, Refusal.ItemUnknown)
            : item.ExpiresAt <= act.Time ? (null, Refusal.ItemExpired)
            : item.IsSpent(view) ? (null, Refusal.ItemSpent)
            : (item, null);
    }

    /// <summary>One that can be used; null when it is over, or used.</summary>
    public static PendingItem? Find(View view, Act act, string id, string kind) =>
        view.Find<PendingItem>($"SELECT {Columns} FROM pending_items WHERE id = @id AND environment_id = @EnvironmentId AND kind = @kind AND expires_at > @Time",
            new { id, act.EnvironmentId, kind, act.Time }) is { } item && !item.IsSpent(view) ? item : null;

    /// <summary>One that is there, over and used or not; null when it never was, or was forgotten.</summary>
    public static PendingItem? FindAny(View view, string environmentId, string id, string kind) => view.Find<PendingItem>(
        $"SELECT {Columns} FROM pending_items WHERE id = @id AND environment_id = @environmentId AND kind = @kind", new { environmentId, id, kind });

    /// <summary>Those of a subject that are not over, of any environment: two at most, used or not.</summary>
    /// <param name="now">Unix milliseconds.</param>
    public static List<PendingItem> OfSubject(View view, string kind, string subject, long now) =>
        view.Query<PendingItem>($"SELECT {Columns} FROM pending_items WHERE kind = @kind AND subject = @subject AND expires_at > @now LIMIT 2", new { kind, subject, now });

    /// <summary>The last ones of a subject, used or not, the newest first.</summary>
    public static List<PendingItem> Latest(View view, string environmentId, string kind, string subject) => view.Query<PendingItem>(
        $"SELECT {Columns} FROM pending_items WHERE environment_id = @environmentId AND kind = @kind AND subject = @subject ORDER BY created_at DESC, id LIMIT {MostOfSubject}",
        new { environmentId, kind, subject });

    /// <summary>Whether this is its secret. Any node can tell; only its authority redeems it.</summary>
    public bool Opens(Act act, string secret) =>
        CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(SecretHash), Encoding.ASCII.GetBytes(Hash(act, Id, secret)));

    /// <param name="request">That of who asks: what they have used by the same request themselves is good for them still; null for none.</param>
    public bool IsSpent(View view, string? request = null) => view.Find<long>(
        "SELECT count(*) FROM spends WHERE id = @spend AND (@request IS NULL OR request IS NULL OR request <> @request)", new { spend = SpendId(Id), request }) > 0;

    /// <summary>The item is used up.</summary>
    /// <param name="request">By whom: their repeats may be answered again; null for nobody's.</param>
    public Change Spent(Act act, string? request = null) => Change.To(Schema.Spends, SpendId(Id),
        ("environment_id", EnvironmentId), ("kind", "pending_item"), ("request", request), ("created_at", act.Time), ("expires_at", ExpiresAt));

    private static string SpendId(string id) => Caller.Hash("pending_item\n" + id);

    private static string Hash(Act act, string id, string secret) => Convert.ToHexStringLower(ClusterKeys.Mac(act.ItemKey, id, secret));
}
