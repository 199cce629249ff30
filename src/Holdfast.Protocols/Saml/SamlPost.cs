namespace Holdfast.Protocols.Saml;

/// <summary>A message ready to be sent by HTTP-POST: the page holds a form with these fields, which posts itself (Bindings §3.5.4).</summary>
/// <param name="Fields">SAMLRequest or SAMLResponse, and RelayState where there is one. Not escaped for HTML.</param>
public sealed record SamlPost(string Url, IReadOnlyList<KeyValuePair<string, string>> Fields);
