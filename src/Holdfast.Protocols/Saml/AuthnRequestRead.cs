namespace Holdfast.Protocols.Saml;

/// <summary>What came of reading an AuthnRequest.</summary>
public abstract record AuthnRequestRead
{
    private AuthnRequestRead()
    {
    }

    /// <summary>A request that is well made. Unless the reader asked for a signature, it must know the service provider and its address
    /// already.</summary>
    /// <param name="AcsUrl">Where the response is wanted; null leaves it to what the identity provider has on file.</param>
    /// <param name="Destination">The address that the request was meant for; null when it does not say.</param>
    public sealed record Request(
        string Id, string Issuer, string? AcsUrl, string? Destination, DateTimeOffset IssueInstant, string? NameIdFormat,
        bool ForceAuthn, bool IsPassive) : AuthnRequestRead
    {
        /// <summary>Whom it asks for; null for anybody.</summary>
        public string? Subject { get; init; }
    }

    public sealed record Refused(SamlRefusal Why, string Detail) : AuthnRequestRead;
}
