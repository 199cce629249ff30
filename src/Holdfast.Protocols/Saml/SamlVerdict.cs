namespace Holdfast.Protocols.Saml;

/// <summary>What came of checking a response.</summary>
public abstract record SamlVerdict
{
    private SamlVerdict()
    {
    }

    /// <param name="Evidence">Which certificates verified, what was decrypted, and what deserves to be told about either.</param>
    public sealed record Accepted(SamlAssertion Assertion, SamlEvidence Evidence) : SamlVerdict;

    /// <param name="Detail">Plain text for the organization's administrator: never a name identifier or an attribute's value. What it quotes from the
    /// message is cut short and free of control characters, but not escaped for HTML.</param>
    public sealed record Refused(SamlRefusal Why, string Detail) : SamlVerdict;
}
