using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>What a rule takes from outside, besides the state: so it is a function of its arguments, and run again it makes the same rows.</summary>
/// <param name="IdKey">The environment's key of ids. It never rotates.</param>
/// <param name="ItemKey">The key that hashes the secrets of single-use items: six digits need one.</param>
/// <param name="Incarnation">The node that decides: the authority of what it issues.</param>
/// <param name="Random">Random bytes of this one act, 16 or more.</param>
internal sealed record Act(string EnvironmentId, byte[] IdKey, byte[] ItemKey, string Incarnation, DateTimeOffset Now, byte[] Random)
{
    /// <summary>What repeats of one request share; null when it carries no <c>Idempotency-Key</c>.</summary>
    public string? Request { get; init; }

    /// <summary>The cluster's key of <see cref="SessionIds"/>.</summary>
    public byte[] SessionIdKey { get; init; } = [];

    /// <summary>Unix milliseconds.</summary>
    public long Time => Now.ToUnixTimeMilliseconds();

    /// <summary>A new id.</summary>
    /// <param name="place">Tells apart what one act makes several of.</param>
    public string NewId(string prefix, string place = "") => Ids.Of(prefix, Now, ClusterKeys.Mac(Random, prefix, place));
}

/// <summary>What a rule answers: something, or why not.</summary>
internal sealed record Ruling<T>(T? Answer, Refusal? Refused) where T : class;

/// <summary>Why a rule refuses. What a stranger is told of it is the caller's choice; most of these must look alike.</summary>
internal enum Refusal
{
    /// <summary>There is nobody, or nothing, of this name here.</summary>
    NotFound,

    /// <summary>Wrong, or nobody has this address: the two must not be told apart.</summary>
    WrongCredential,

    /// <summary>Credentials changed on nodes apart and none of them is effective: the mailbox decides.</summary>
    ResetNeeded,

    /// <summary>A deny stands against the user, or the organization or membership.</summary>
    Denied,

    /// <summary>Somebody else holds the address.</summary>
    AddressTaken,

    /// <summary>Not a single-use item of this purpose, or its secret is wrong.</summary>
    ItemUnknown,

    /// <summary>Its time is over, or something newer has taken its place.</summary>
    ItemExpired,

    /// <summary>It was used before.</summary>
    ItemSpent,

    /// <summary>Another incarnation issued it, and only that one redeems it (law 5).</summary>
    ItemElsewhere,

    /// <summary>A second factor is asked for, and none was shown.</summary>
    FactorMissing,

    /// <summary>It is for their organization's identity provider to say who they are.</summary>
    ProviderNeeded,

    /// <summary>A passkey that is registered already, here or for somebody else.</summary>
    CredentialTaken,

    /// <summary>There are as many as there may be.</summary>
    TooMany,

    /// <summary>A passkey whose count of signatures went back: somebody has a copy.</summary>
    PasskeyCopied,

    SessionExpired,

    /// <summary>The token is not one of this session, or its birth has arrived here and there is no such session.</summary>
    SessionUnknown,

    /// <summary>Revoked, or its credential was reset.</summary>
    SessionEnded,

    /// <summary>A generation was spent twice, further apart than the grace.</summary>
    SessionReplayed,
}

/// <summary>Ways to write a ruling down.</summary>
internal static class Rule
{
    public static Decision<Ruling<T>> Grant<T>(T answer, params IReadOnlyList<Change> changes) where T : class => new(new Ruling<T>(answer, null), changes);

    /// <param name="changes">What must be kept nevertheless.</param>
    public static Decision<Ruling<T>> Refuse<T>(Refusal why, params IReadOnlyList<Change> changes) where T : class => new(new Ruling<T>(null, why), changes);
}

/// <summary>Somebody has proven who they are.</summary>
/// <param name="CredentialId">The credential that proved it; null for a mailbox or an identity provider.</param>
/// <param name="OrganizationId">The organization that they signed in to; null for none.</param>
/// <param name="IsNew">Whether this made the user.</param>
/// <param name="FactorId">The second factor, or the passkey, that they have shown; null for none.</param>
internal sealed record SignedIn(string UserId, string? CredentialId = null, string? OrganizationId = null, bool IsNew = false, string? FactorId = null);
