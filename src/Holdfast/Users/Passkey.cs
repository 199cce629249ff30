using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>Passkeys: registered, and signed in with. That a signature is right is checked outside the node's writer; the rules ask what only the state can say.</summary>
internal static class Passkey
{
    /// <summary>The id of the factor that has this credential. It follows from the credential's own: so one credential is one factor in an environment, whichever node registers it.</summary>
    public static string IdOf(byte[] idKey, ReadOnlySpan<byte> credentialId) => Ids.Derived(Ids.Factor, idKey, "passkey", Base64.Encode(credentialId));

    /// <summary>The one in effect that has this credential; null when there is none.</summary>
    public static Factor? Find(View view, string environmentId, byte[] idKey, ReadOnlySpan<byte> credentialId) => Factor.Find(view, environmentId, IdOf(idKey, credentialId));

    /// <summary>A user gets one. A credential that was ever registered here, by whomever, is refused.</summary>
    /// <param name="provenBy">The credential by which they had signed in; null for none.</param>
    /// <returns>The factor's id.</returns>
    public static Decision<Ruling<string>> Register(View view, Act act, string userId, byte[] credentialId, Factor.PasskeyDetails details, long signCount, string? provenBy = null)
    {
        if (UserStore.Find(view, act.EnvironmentId, userId) is null)
        {
            return Rule.Refuse<string>(Refusal.NotFound);
        }
        if (ProveAddress.Refused(view, userId) is { } why)
        {
            return Rule.Refuse<string>(why);
        }
        var id = IdOf(act.IdKey, credentialId);
        return view.Find<long>("SELECT count(*) FROM factors WHERE id = @id", new { id }) > 0 ? Rule.Refuse<string>(Refusal.CredentialTaken)
            : Factor.Of(view, act.EnvironmentId, userId, Factor.Passkey).Count >= Factor.MostOfType ? Rule.Refuse<string>(Refusal.TooMany)
            : Rule.Grant(id, Factor.Make(act, id, userId, Factor.Passkey, null, details, Proof.Credential, signCount: signCount, provenBy: provenBy));
    }

    /// <summary>Signs in whose it is. It counts as both factors: the device, and what it asked of the person.</summary>
    /// <param name="signCount">What it has just shown. One that does not go on from where it was is a copy: refused, and told (WebAuthn §6.1.1).</param>
    public static Decision<Ruling<SignedIn>> SignIn(View view, Act act, byte[] credentialId, long signCount)
    {
        if (Find(view, act.EnvironmentId, act.IdKey, credentialId) is not { UserId: { } userId } factor)
        {
            return Rule.Refuse<SignedIn>(Refusal.WrongCredential);
        }
        if (ProveAddress.Refused(view, userId) is { } why)
        {
            return Rule.Refuse<SignedIn>(why);
        }
        if (UserStore.Find(view, act.EnvironmentId, userId) is { Email: not null, IsVerified: false })   // whose passkey it is, the mailbox says first
        {
            return Rule.Refuse<SignedIn>(Refusal.WrongCredential);
        }
        var before = factor.SignCount ?? 0;
        return (before > 0 || signCount > 0) && signCount <= before
            ? Rule.Refuse<SignedIn>(Refusal.PasskeyCopied)
            : Rule.Grant(new SignedIn(userId, FactorId: factor.Id), Factor.Used(act, factor.Id, signCount));
    }
}
