using Holdfast.Keys;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Refresh tokens on the wire: sealed, so that any node reads them; and one text for one generation, so that any node gives the same successor.</summary>
internal sealed class RefreshTokens(ClusterKeys keys)
{
    private const string Purpose = "refresh-token";

    /// <summary>The key that a new session names.</summary>
    public SuccessorKey KeyOf(string environmentId) => new(keys.Id, keys.Derive("session-successor", environmentId));

    /// <summary>The key that a session has named; null when it is not there any more.</summary>
    public SuccessorKey? FindKey(string environmentId, string keyId) => keyId == keys.Id ? KeyOf(environmentId) : null;

    public string Seal(string environmentId, Shown shown) => SealedToken.MakeSame(keys, Purpose, environmentId, shown);

    /// <summary>What a token says; null when it is not one of this environment.</summary>
    public Shown? Open(string environmentId, string token) => SealedToken.Read<Shown>(keys, Purpose, environmentId, token);

    /// <summary>What a token holds.</summary>
    /// <param name="Person">As they were when the session began: for a node to which their row has not come.</param>
    /// <param name="NeedsSecret">It began with the application's secret, and goes on with it only (RFC 6749 §6): a stolen token alone is worth nothing.</param>
    internal sealed record Shown(RefreshToken Session, Person Person, bool NeedsSecret = false);

    /// <param name="CreatedAt">Unix milliseconds.</param>
    internal sealed record Person(string? Email, bool IsVerified, string? FirstName, string? LastName, long CreatedAt)
    {
        private const int Longest = 254;

        /// <summary>What is too long for a token is left out of it: the user's row says it.</summary>
        public static Person Of(string? email, bool isVerified, string? firstName, string? lastName, long createdAt) => new(Short(email), isVerified, Short(firstName), Short(lastName), createdAt);

        private static string? Short(string? text) => text?.Length > Longest ? null : text;
    }
}
