using System.Text.Json;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>What allowed a credential to be made.</summary>
internal enum Proof
{
    Mailbox,
    Credential,
    Administrator,

    /// <summary>An administrator, for a user whose mailbox nobody had proven: whoever chose it need not be who has the mailbox.</summary>
    Unproven,
}

/// <summary>A credential: immutable. Which one is effective is read from all of them (decision 0009).</summary>
/// <param name="Stamp">Of its making.</param>
/// <param name="ProvenBy">The id of the mailed item, of the old credential, or of the administrator.</param>
/// <param name="Replaces">Ids, as a JSON array.</param>
internal sealed record Credential(string Id, string Stamp, string Secret, string Proof, string ProvenBy, string Replaces)
{
    public const string Password = "password";

    /// <summary>The secret of a credential that only takes the place of others: nothing opens it.</summary>
    public const string Nothing = "";

    private static readonly string ProvenByCredential = Name(Users.Proof.Credential);
    private static readonly string UnprovenName = Name(Users.Proof.Unproven);

    /// <summary>Set for a user whose mailbox nobody had proven.</summary>
    public bool IsUnproven => Proof == UnprovenName;

    /// <summary>Another credential allowed it: the same password renewed, or another by the old one. Of an unproven one that makes it no less unproven.</summary>
    private bool IsByCredential => Proof == ProvenByCredential || (IsUnproven && ProvenBy.StartsWith(Ids.Credential, StringComparison.Ordinal));

    /// <summary>It was set before the mailbox was proven, and who proved that did not come through it: it opens nothing, and stands in nobody's way. That it was made on a node which had not heard of
    /// the proof, or the proof on one that had not heard of it, changes nothing.</summary>
    public bool IsVoid { get; private init; }

    /// <summary>All that a user ever had of a kind.</summary>
    public static List<Credential> Of(View view, string environmentId, string userId, string kind = Password)
    {
        var all = view.Query<Credential>(
            "SELECT id AS Id, made_stamp AS Stamp, secret AS Secret, proof AS Proof, proven_by AS ProvenBy, replaces AS Replaces FROM credentials "
            + "WHERE user_id = @userId AND environment_id = @environmentId AND kind = @kind ORDER BY made_stamp, id",
            new { userId, environmentId, kind });
        return all.Exists(c => c.IsUnproven) && UserStore.Find(view, environmentId, userId) is { IsVerified: true } ? all.ConvertAll(c => c with { IsVoid = c.IsUnproven }) : all;
    }

    /// <summary>The mailbox is being proven by who goes on from the password that there is, or vouched for by an administrator: it counts from now on. A credential of its own, because none is ever changed.</summary>
    public static List<Change> Confirm(View view, Act act, string userId) => Of(view, act.EnvironmentId, userId) is var all && Effective(all) is { IsUnproven: true } one
        ? [Make(act, userId, Password, one.Secret, Users.Proof.Credential, one.Id, Standing(all))]
        : [];

    public static Change Make(Act act, string userId, string kind, string secret, Proof proof, string provenBy, IEnumerable<Credential> replaces) => Change.To(
        Schema.Credentials, act.NewId(Ids.Credential),
        ("environment_id", act.EnvironmentId), ("user_id", userId), ("kind", kind), ("secret", secret), ("proof", Name(proof)), ("proven_by", provenBy),
        ("replaces", JsonSerializer.Serialize(replaces.Select(c => c.Id))), ("created_at", act.Time));

    /// <summary>Those that nobody replaced, without the void.</summary>
    public static List<Credential> Standing(IReadOnlyList<Credential> all)
    {
        var replaced = all.SelectMany(c => c.ReplacedIds).ToHashSet(StringComparer.Ordinal);
        return [.. all.Where(c => !c.IsVoid && !replaced.Contains(c.Id))];
    }

    /// <summary>The effective one: the only one that stands, or the later of several if all were proven by the same old one. Else none: the mailbox decides.</summary>
    public static Credential? Effective(IReadOnlyList<Credential> all) => Standing(all) switch
    {
        [] => null,
        [var one] => one,
        [var first, ..] several => several.All(c => c.IsByCredential && c.ProvenBy == first.ProvenBy)
            ? several.MaxBy(c => (c.Stamp, c.Id), Order)
            : null,
    };

    /// <summary>Whether a reset, by mailbox or administrator, replaced it, or replaced what proved it, and so on back: all that it proved has ended.</summary>
    public static bool IsReset(IReadOnlyList<Credential> all, string id)
    {
        var reset = all.Where(c => !c.IsByCredential).SelectMany(c => c.ReplacedIds).ToHashSet(StringComparer.Ordinal);
        // One step back at a time; a chain has no more steps than there are credentials.
        for (var step = 0; step <= all.Count; step++)
        {
            if (reset.Contains(id))
            {
                return true;
            }
            if (all.FirstOrDefault(c => c.Id == id) is not { } credential || !credential.IsByCredential)
            {
                return false;
            }
            id = credential.ProvenBy;
        }
        return false;
    }

    /// <summary>Whether the mailbox, or an administrator, has spoken after this stamp: what was mailed before is over then.</summary>
    public static bool IsProvenAnewSince(IReadOnlyList<Credential> all, string stamp) =>
        all.Any(c => !c.IsByCredential && c.Secret != Nothing && string.CompareOrdinal(c.Stamp, stamp) > 0);

    private IEnumerable<string> ReplacedIds => JsonSerializer.Deserialize<List<string>>(Replaces)!;

    private static Comparer<(string Stamp, string Id)> Order { get; } = Comparer<(string Stamp, string Id)>.Create((a, b) =>
        string.CompareOrdinal(a.Stamp, b.Stamp) is var stamp and not 0 ? stamp : string.CompareOrdinal(a.Id, b.Id));

    private static string Name(Proof proof) => proof switch
    {
        Users.Proof.Mailbox => "mailbox",
        Users.Proof.Credential => "credential",
        Users.Proof.Administrator => "administrator",
        Users.Proof.Unproven => "unproven",
        _ => throw new ArgumentOutOfRangeException(nameof(proof)),
    };
}
