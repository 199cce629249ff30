namespace Holdfast.Protocols.Saml;

/// <summary>What came of checking a response.</summary>
public abstract record SamlVerdict
{
    private SamlVerdict()
    {
    }

    public sealed record Accepted(SamlAssertion Assertion) : SamlVerdict;

    /// <param name="Detail">Plain text for the organization's administrator: never a name identifier or an attribute's value. What it quotes from the
    /// message is cut short and free of control characters, but not escaped for HTML.</param>
    public sealed record Refused(SamlRefusal Why, string Detail) : SamlVerdict;
}
