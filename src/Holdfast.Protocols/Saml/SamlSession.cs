namespace Holdfast.Protocols.Saml;

/// <summary>A session as the identity provider knows it: what an assertion said when it began.</summary>
/// <param name="SessionIndex">Null when the identity provider gave none.</param>
public sealed record SamlSession(SamlNameId NameId, string? SessionIndex);
