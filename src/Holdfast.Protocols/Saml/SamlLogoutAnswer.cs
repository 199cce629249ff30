namespace Holdfast.Protocols.Saml;

/// <summary>What a LogoutResponse is to say.</summary>
/// <param name="Id">An NCName that no other message has: see <see cref="AuthnRequest.NewId"/>.</param>
/// <param name="Issuer">Our entity id.</param>
/// <param name="Destination">Where the identity provider wants answers: its ResponseLocation, else its SingleLogoutService.</param>
/// <param name="InResponseTo">The request's ID.</param>
public sealed record SamlLogoutAnswer(
    string Id, string Issuer, string Destination, string InResponseTo, SamlLogoutStatus Status, DateTimeOffset Now);
