using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Somebody who was invited has signed in: so they accept, in the same decision.</summary>
internal static class AcceptInvitation
{
    /// <summary>What follows, and the organization that they are a member of from now on; nothing when the invitation is not theirs, or is over.</summary>
    /// <param name="provenAddress">Null when their user's row says it.</param>
    public static (string? OrganizationId, IReadOnlyList<Change> Changes) Decide(View view, Act act, string token, SignedIn who, string? provenAddress)
    {
        var address = provenAddress is not null ? Addresses.Normal(provenAddress) : UserStore.Find(view, act.EnvironmentId, who.UserId) is { IsVerified: true, Email: { } known } ? known : null;
        if (address is null || Invitations.FindByToken(view, act.EnvironmentId, token) is not { } row || row.StateAt(act.Now) != InvitationRow.Pending || Addresses.Normal(row.Email) != address)
        {
            return (null, []);
        }
        return row.OrganizationId is { } organization && Http.Denied.Standing(view, Memberships.IdOf(act.IdKey, organization, who.UserId), Memberships.Removed).Count > 0
            ? (null, [])   // the membership was taken away after the invitation was sent
            : (row.OrganizationId, Invitations.Accept(view, act, row, who.UserId).Changes);
    }
}
