using System.Text.Json;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>What somebody shows besides, or instead: a second factor, a passkey, a set of recovery codes. Immutable; one that was taken away has a deny, and one that a password proved counts no more once that is reset (decision 0016).</summary>
/// <param name="UserId">Null for a factor of somebody whom only the application knows.</param>
/// <param name="SecretSealed">Sealed under <see cref="PlaceOf"/>; null for a type that has none.</param>
/// <param name="Details">JSON of the type: <see cref="TotpDetails"/>, <see cref="PasskeyDetails"/>, <see cref="RecoveryCodes.Details"/>; null for none.</param>
/// <param name="Replaces">Ids, as a JSON array.</param>
/// <param name="SignCount">The highest that a passkey has shown.</param>
/// <param name="ProvenBy">The id of the credential by which who enrolled it had signed in; null for none.</param>
internal sealed record Factor(
    string Id, string? UserId, string Type, string? SecretSealed, string? Details, string Replaces, long CreatedAt, long? SignCount, long? UsedAt, string? ProvenBy = null)
{
    public const string Totp = "totp";
    public const string GenericOtp = "generic_otp";
    public const string Passkey = "webauthn";
    public const string RecoveryCodes = "recovery_codes";

    /// <summary>How many of one type a person may have.</summary>
    public const int MostOfType = 20;

    private const string Columns =
        "id AS Id, user_id AS UserId, type AS Type, secret_sealed AS SecretSealed, details AS Details, replaces AS Replaces, created_at AS CreatedAt, "
        + "sign_count AS SignCount, used_at AS UsedAt, proven_by AS ProvenBy";

    private static readonly string Effective =
        $"environment_id = @environmentId AND {Denied.NotDeleted("factors.id")} AND (user_id IS NULL OR {Denied.NotDeleted("factors.user_id")})";

    /// <summary>A factor in effect; null when there is none, it was taken away, what proved it was reset, or its user was deleted.</summary>
    public static Factor? Find(View view, string environmentId, string id) =>
        view.Find<Factor>($"SELECT {Columns} FROM factors WHERE {Effective} AND id = @id", new { environmentId, id }) is { } factor && !factor.IsReset(view, environmentId) ? factor : null;

    /// <summary>Those of a user that are in effect, the eldest first.</summary>
    public static List<Factor> Of(View view, string environmentId, string userId) => [.. All(view, environmentId, userId).Where(f => !f.IsReset(view, environmentId))];

    /// <summary>The same, and those besides whose proof was reset.</summary>
    private static List<Factor> All(View view, string environmentId, string userId) =>
        view.Query<Factor>($"SELECT {Columns} FROM factors WHERE {Effective} AND user_id = @userId ORDER BY created_at, id", new { environmentId, userId });

    /// <summary>Whether one was taken away, or what proved it was reset: whatever it was shown for has ended. One that has not come here is not over.</summary>
    public static bool IsOver(View view, string environmentId, string id) => Denied.IsDeleted(view, id)
        || (view.Find<Factor>($"SELECT {Columns} FROM factors WHERE environment_id = @environmentId AND id = @id", new { environmentId, id }) is { } factor && factor.IsReset(view, environmentId));

    private bool IsReset(View view, string environmentId) => ProvenBy is not null && UserId is not null && Credential.IsReset(Credential.Of(view, environmentId, UserId), ProvenBy);

    /// <summary>The same of one type.</summary>
    public static List<Factor> Of(View view, string environmentId, string userId, string type) => [.. Of(view, environmentId, userId).Where(f => f.Type == type)];

    /// <summary>A page of those that are shown: recovery codes are not, nor told of.</summary>
    public static List<Factor> List(View view, string environmentId, string userId, Page page)
    {
        var reset = All(view, environmentId, userId).Where(f => f.IsReset(view, environmentId)).Select(f => f.Id).ToList();
        return view.Query<Factor>(
            page.Sql($"SELECT {Columns} FROM factors WHERE {Effective} AND user_id = @userId AND type <> '{RecoveryCodes}'" + (reset.Count == 0 ? "" : " AND id NOT IN @reset")),
            page.Parameters(view, "factors", environmentId, new { userId, reset }));
    }

    /// <summary>The row of a new one.</summary>
    public static Change Make(
        Act act, string id, string? userId, string type, string? secretSealed, object? details, Proof proof, IEnumerable<Factor>? replaces = null, long? signCount = null,
        string? provenBy = null) => Change.To(
        Schema.Factors, id,
        ("environment_id", act.EnvironmentId), ("user_id", userId), ("type", type), ("secret_sealed", secretSealed),
        ("details", details is null ? null : JsonSerializer.Serialize(details, details.GetType())), ("proof", proof.ToString().ToLowerInvariant()), ("proven_by", provenBy),
        ("replaces", JsonSerializer.Serialize((replaces ?? []).Select(f => f.Id))), ("created_at", act.Time), ("sign_count", signCount), ("used_at", null));

    /// <summary>A passkey has signed, and counts its signatures.</summary>
    public static Change Used(Act act, string id, long signCount) => Change.To(Schema.Factors, id, ("sign_count", signCount), ("used_at", act.Time));

    /// <summary>It is taken away, for good: the deny is its tombstone. Sessions that it was shown for have ended.</summary>
    public static Change Deleted(Act act, string id) => Denied.Because("deleted", id, act.EnvironmentId, Ids.Derived(Ids.Deny, act.IdKey, "deleted", id), act.Now);

    /// <summary>Takes away all that a user has, passkeys and recovery codes too: whoever lost their telephone begins anew.</summary>
    /// <returns>How many they were.</returns>
    public static Decision<Ruling<IReadOnlyList<string>>> Reset(View view, Act act, string userId)
    {
        if (UserStore.Find(view, act.EnvironmentId, userId) is null)
        {
            return Rule.Refuse<IReadOnlyList<string>>(Refusal.NotFound);
        }
        var ids = Of(view, act.EnvironmentId, userId).ConvertAll(f => f.Id);
        return Rule.Grant<IReadOnlyList<string>>(ids, [.. ids.Select(id => Deleted(act, id))]);
    }

    /// <summary>What its secret is sealed under.</summary>
    public static string PlaceOf(string id) => $"factors/{id}/secret";

    public T Read<T>() => JsonSerializer.Deserialize<T>(Details!)!;

    public IEnumerable<string> ReplacedIds => JsonSerializer.Deserialize<List<string>>(Replaces)!;

    /// <param name="User">The name that the app shows beside the issuer's.</param>
    internal sealed record TotpDetails(string Issuer, string User);

    /// <param name="CredentialId">Base 64 for URLs, like the others.</param>
    /// <param name="PublicKey">COSE.</param>
    internal sealed record PasskeyDetails(string CredentialId, string PublicKey, IReadOnlyList<string> Transports, bool IsBackupEligible, bool IsBackedUp);
}
