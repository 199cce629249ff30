namespace Holdfast.Protocols.Saml;

/// <summary>What came of checking a LogoutResponse.</summary>
public abstract record LogoutResponseVerdict
{
    private LogoutResponseVerdict()
    {
    }

    /// <param name="Status">What the identity provider says came of it. Whatever it is, the flow is over.</param>
    /// <param name="StatusDetail">The status codes and the message, cut short, not escaped for HTML; empty on success.</param>
    /// <param name="RelayState">HTTP-Redirect: null when there was none. HTTP-POST: null, the caller has the form.</param>
    public sealed record Accepted(string Id, SamlLogoutStatus Status, string StatusDetail, string? RelayState, SamlEvidence Evidence)
        : LogoutResponseVerdict;

    /// <param name="Detail">As in <see cref="SamlVerdict.Refused"/>.</param>
    public sealed record Refused(SamlRefusal Why, string Detail) : LogoutResponseVerdict;
}
