using Holdfast.Http;
using Holdfast.Organizations;
using Holdfast.Sso;
using Holdfast.Storage;

namespace Holdfast.AuthKit.Pages;

/// <summary>Whose sign-in it is: people of a domain that is verified for an organization with an active connection sign in at their own identity provider, and by nothing else.</summary>
internal sealed class HomeRealm(Database database, Connections connections, StartSignIn signIns, GoToProvider go, RateLimits limits)
{
    /// <summary>The connection that people with this address sign in by; null when they sign in here.</summary>
    public ReadyConnection? Of(string environmentId, string address) => database.Read(view => SsoRequired.Of(view, environmentId, address)) is { } connection ? connections.Ready(connection) : null;

    /// <summary>The one connection of an organization, when the application wants somebody in there and nothing says that they are a guest.</summary>
    public ReadyConnection? OfOrganization(HostedFlow flow, string? domainHint)
    {
        if (flow.OrganizationId is not { } organizationId || flow.InvitationToken is not null)
        {
            return null;
        }
        var domain = flow.Address is { } address ? OrganizationInput.Normalize(address[(address.LastIndexOf('@') + 1)..]) : null;
        return domain is not null && database.Read(view => OrganizationStore.OwnerOf(view, flow.EnvironmentId, domain)) != organizationId
            ? null
            : signIns.FindByOrganization(flow.EnvironmentId, organizationId, domainHint ?? domain);
    }

    /// <summary>Providers whose accounts are anybody's, that the environment has.</summary>
    public IReadOnlyList<AddressPage.Provider> Providers(string environmentId) =>
        database.Read(view => ConnectionStore.OfEverybody(view, environmentId)).ConvertAll(c => new AddressPage.Provider(c.ConnectionType, NameOf(c.ConnectionType)));

    /// <summary>The environment's connection to a provider; null when it has none.</summary>
    public ReadyConnection? Provider(string environmentId, string type) =>
        database.Read(view => ConnectionStore.OfEverybody(view, environmentId)).Find(c => c.ConnectionType == type) is { } found ? connections.Ready(found) : null;

    /// <summary>On to an identity provider; from a custom domain by way of the public address. The browser comes back to <see cref="ContinueFromProvider"/>.</summary>
    public Task<IResult> GoAsync(HttpContext http, HostedFlow flow, ReadyConnection connection) =>
        limits.Count(RateLimits.HostedPerPlace, HostedLimits.PlaceOf(http)) is { } wait
            ? Task.FromResult<IResult>(SsoErrors.TooManySignIns(http, wait))
            : ServedUnder.NameOf(http) is { } name ? Task.FromResult<IResult>(new SeeOther(go.LinkFor(connection, flow.ToRequest(name))))
            : signIns.BeginAsync(http, connection, flow.ToRequest(null));

    private static string NameOf(string type) => type[..^"OAuth".Length];
}
