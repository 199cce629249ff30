using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>A challenge to a passkey, and what its answer is checked against. Sealed, so that whoever asks for one writes nothing; used once, by the node that made it (law 5).</summary>
/// <param name="UserId">Who registers; null for a sign-in, in which the passkey says whose it is.</param>
/// <param name="State">What the checker wants to see again.</param>
/// <param name="ExpiresAt">Unix milliseconds.</param>
internal sealed record PasskeyCeremony(string Id, string Authority, string? UserId, string State, long ExpiresAt)
{
    private const string Purpose = "passkey-ceremony";

    public static PasskeyCeremony Of(Act act, string? userId, string state, TimeSpan lifetime) =>
        new(act.NewId(Ids.FactorChallenge), act.Incarnation, userId, state, (act.Now + lifetime).ToUnixTimeMilliseconds());

    /// <summary>On the wire.</summary>
    public string Seal(ClusterKeys keys, string environmentId) => SealedToken.Make(keys, Purpose, environmentId, this);

    /// <summary>Null when it is not one of this environment.</summary>
    public static PasskeyCeremony? Open(ClusterKeys keys, string environmentId, string token) => SealedToken.Read<PasskeyCeremony>(keys, Purpose, environmentId, token);

    /// <summary>Whether it may be answered now.</summary>
    public bool IsGood(View view, Act act) => Authority == act.Incarnation && ExpiresAt > act.Time
        && view.Find<long>("SELECT count(*) FROM spends WHERE id = @spend", new { spend = SpendId }) == 0;

    /// <summary>It was answered.</summary>
    public Change Spent(Act act) => Change.To(Schema.Spends, SpendId,
        ("environment_id", act.EnvironmentId), ("kind", "passkey_ceremony"), ("request", null), ("created_at", act.Time), ("expires_at", ExpiresAt));

    private string SpendId => Caller.Hash("passkey_ceremony\n" + Id);
}
