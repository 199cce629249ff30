namespace Holdfast.Protocols.Saml;

/// <summary>A SingleLogoutService (Metadata §2.4.2).</summary>
/// <param name="Url">Takes requests.</param>
/// <param name="ResponseUrl">Takes responses: its ResponseLocation, else the same.</param>
public sealed record SamlLogoutService(string Url, string ResponseUrl);
