using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Where the link of an invitation leads: it begins a sign-in at the environment's default address, in the organization that invites; of whom signs in at an identity provider, there. Writes nothing.</summary>
internal sealed class FollowInvitation(Database database, EnvironmentStore environments, RedirectUriStore redirectUris, Visits visits, HostedFlowCookie cookie, HomeRealm realm, TimeProvider clock)
{
    public const string Path = "/invite";

    private const int LongestToken = 256;

    public async Task<IResult> HandleAsync(HttpContext http)
    {
        var token = http.Request.Query["invitation_token"].ToString();
        var found = token.Length is 0 or > LongestToken ? null : database.Read(view => Invitations.FindByToken(view, token));
        if (found is not var (environmentId, row) || !ServedUnder.Allows(http, environmentId))
        {
            return PageErrors.NoInvitation;
        }
        switch (row.StateAt(clock.GetUtcNow()))
        {
            case InvitationRow.Revoked:
            case InvitationRow.Expired:
                return PageErrors.NoInvitation;
            default:
                break;   // who has accepted it may come by its link again: they sign in
        }
        if (visits.BeginAtHome(environmentId, environments, redirectUris) is not { } flow)
        {
            return PageErrors.NoApplication;
        }
        flow = flow with { InvitationToken = token, OrganizationId = row.OrganizationId, Address = row.Email };
        cookie.Write(http, flow);
        if (realm.Of(environmentId, row.Email) is { } home)
        {
            return await realm.GoAsync(http, flow, home);
        }
        return new SeeOther(Visit.AddressOf(row.AcceptedUserId is null ? AcceptInvitation.Path : AskPassword.Path, flow.Id));
    }
}
