namespace Holdfast.Protocols.Saml;

/// <summary>What a LogoutRequest is to say.</summary>
/// <param name="Id">An NCName that no other message has: see <see cref="AuthnRequest.NewId"/>.</param>
/// <param name="Issuer">Our entity id.</param>
/// <param name="Destination">The identity provider's SingleLogoutService; absolute, a query that it has stays.</param>
/// <param name="Session">As <see cref="SamlAssertion.Session"/> gave it at sign-in. Without a session index it is about all sessions of the
/// principal.</param>
public sealed record SamlLogout(string Id, string Issuer, string Destination, SamlSession Session, DateTimeOffset Now)
{
    /// <summary>How long the request is good for, from <see cref="Now"/>.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>A URI such as <c>urn:oasis:names:tc:SAML:2.0:logout:user</c> (Core §3.7.3); null says nothing.</summary>
    public string? Reason { get; init; }

    /// <summary>Encrypts the name identifier; null leaves it plain.</summary>
    public SamlEncryption? EncryptFor { get; init; }
}
