using Holdfast.Organizations;
using Holdfast.Sso;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Who signs in at their own identity provider, and by nothing else: people whose address is in a domain that is verified for an organization with an active connection (decision 0015).</summary>
internal static class SsoRequired
{
    /// <summary>Where somebody is to go instead.</summary>
    public sealed record Demand(string Email, IReadOnlyList<string> ConnectionIds);

    /// <summary>The connection that people with this address sign in by: the only active one, or of several the one for this domain; null when they sign in here.</summary>
    public static Connection? Of(View view, string environmentId, string address)
    {
        if (OrganizationInput.Normalize(address[(address.LastIndexOf('@') + 1)..]) is not { } domain || OrganizationStore.OwnerOf(view, environmentId, domain) is not { } owner)
        {
            return null;
        }
        var active = ConnectionStore.OfOrganization(view, environmentId, owner).Where(c => c.IsActive).ToList();
        return active.Count > 1 && active.Where(c => c.DomainNames.Contains(domain)).ToList() is [var meant] ? meant : active is [var only] ? only : null;
    }

    /// <summary>The refusal of what somebody has shown instead of their provider's word; null when it is good. Nothing of the sign-in is kept.</summary>
    public static Decision<BeginSession.Outcome>? Refuses(View view, Act act, Decision<Ruling<SignedIn>> signIn, string method) =>
        IsOurs(method) && signIn.Answer.Answer is { } who
        && AddressOf(view, act, who, signIn.Changes) is { } address && Of(view, act.EnvironmentId, address) is { } connection
            ? new Decision<BeginSession.Outcome>(new BeginSession.Outcome(Refused: Refusal.Denied, Sso: new Demand(address, [connection.Id])), [])
            : null;

    /// <summary>Where somebody is to sign in before they act in this organization, because they came here by something else; null when they may.</summary>
    public static Demand? Of(View view, string environmentId, string userId, string organizationId, string method) =>
        IsOurs(method) && UserStore.Find(view, environmentId, userId)?.Email is { } address && Of(view, environmentId, address) is { } connection && connection.OrganizationId == organizationId
            ? new Demand(address, [connection.Id])
            : null;

    private static bool IsOurs(string method) => method is SignInMethod.Password or SignInMethod.MagicCode or SignInMethod.Passkey;

    /// <summary>Of a user who is there, or whom this very decision makes.</summary>
    private static string? AddressOf(View view, Act act, SignedIn who, IReadOnlyList<Change> changes) => UserStore.Find(view, act.EnvironmentId, who.UserId) is { } row
        ? row.Email
        : changes.Where(c => c.Table == Schema.Users && c.Id == who.UserId).Select(c => c.Values.GetValueOrDefault("email") as string).FirstOrDefault(email => email is not null);
}
