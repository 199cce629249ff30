using Holdfast.Claims;
using Holdfast.Http;
using Holdfast.Organizations;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>An identity provider has said who somebody is: which user that is.</summary>
internal static class SsoSignIn
{
    /// <param name="OrganizationId">Null for an account that is no organization's.</param>
    /// <param name="Subject">Names the person within the connection, for ever.</param>
    /// <param name="Email">What the identity provider says. It proves an address only inside a domain that is verified for the organization.</param>
    public sealed record Profile(string ConnectionId, string? OrganizationId, string Subject, string Email, PersonNames Names);

    public static Decision<Ruling<SignedIn>> Decide(View view, Act act, Profile profile)
    {
        if (Denied.Is(view, profile.ConnectionId))
        {
            return Rule.Refuse<SignedIn>(Refusal.Denied);
        }
        var (who, changes) = Link(view, act, profile);
        if (ProveAddress.Refused(view, who.UserId) is { } why)
        {
            return Rule.Refuse<SignedIn>(why);
        }
        if (profile.OrganizationId is not { } organizationId)
        {
            return Rule.Grant(who, changes);
        }
        if (!Memberships.Allows(view, act.IdKey, organizationId, who.UserId))
        {
            return Rule.Refuse<SignedIn>(Refusal.Denied);
        }
        return Rule.Grant(who with { OrganizationId = organizationId },
            [.. changes, .. Memberships.JustInTime(view, act, organizationId, who.UserId)]);
    }

    private static (SignedIn Who, List<Change> Changes) Link(View view, Act act, Profile profile)
    {
        var profileId = Ids.Derived(Ids.Profile, act.IdKey, profile.ConnectionId, profile.Subject);
        var vouched = IsVouchedFor(view, act.EnvironmentId, profile);
        var link = Claim.Find(view, act.EnvironmentId, Claim.UserSsoProfile, profileId);
        Change LinkTo(string userId, long term) => Claim.Give(act.EnvironmentId, act.IdKey, Claim.UserSsoProfile, profileId, userId, term, vouched);
        if (link is { Holder: { } linked } && !Denied.IsDeleted(view, linked))
        {
            return (new SignedIn(linked), vouched ? Vouch(view, act, profile.Email, linked, link, LinkTo) : []);
        }
        var term = Addresses.FreeTerm(view, act.EnvironmentId, Claim.UserSsoProfile, profileId);
        if (vouched)
        {
            var (who, changes) = ProveAddress.Of(view, act, profile.Email, profile.Names);
            return (who, [LinkTo(who.UserId, term), .. changes]);
        }
        var own = Ids.Derived(Ids.User, act.IdKey, "sso", profile.ConnectionId, profile.Subject, $"{term}");
        return (new SignedIn(own, IsNew: true), [LinkTo(own, term), .. UserStore.Make(act, own, profile.Email, profile.Names, details: null)]);
    }

    /// <summary>A user who came before the domain was verified: holds their address from now on, if they have none and nobody has it.</summary>
    private static List<Change> Vouch(View view, Act act, string address, string userId, Claim link, Func<string, long, Change> linkTo)
    {
        List<Change> changes = link.Verified == 1 ? [] : [linkTo(userId, link.Term)];
        if (Addresses.HolderOf(view, act.EnvironmentId, address) is null && Addresses.HeldBy(view, act.EnvironmentId, userId).Count == 0)
        {
            changes.Add(Addresses.Take(act, address, userId, Addresses.NewHolder(view, act, address).Term));
            changes.AddRange(UserStore.VerifyTaken(view, act, userId, address));
        }
        return changes;
    }

    private static bool IsVouchedFor(View view, string environmentId, Profile profile)
    {
        var address = Addresses.Normal(profile.Email);
        return Addresses.IsAddress(address)   // what no mail is sent to is nobody's
            && address[(address.IndexOf('@', StringComparison.Ordinal) + 1)..] is var domain
            && Claim.Find(view, environmentId, Claim.VerifiedDomain, domain) is { Verified: 1, Holder: { } owner } && owner == profile.OrganizationId
            && OrganizationStore.MayVouch(view, owner, domain);
    }
}
