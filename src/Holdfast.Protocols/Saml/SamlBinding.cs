namespace Holdfast.Protocols.Saml;

/// <summary>The two ways in which a browser carries a message over (SAML 2.0 Bindings).</summary>
public enum SamlBinding
{
    /// <summary>HTTP-Redirect (§3.4): deflated in the query, signed there.</summary>
    Redirect,

    /// <summary>HTTP-POST (§3.5): in a form field, signed inside.</summary>
    Post,
}

/// <summary>A message ready to be sent by HTTP-POST: the page holds a form with these fields, which posts itself (Bindings §3.5.4).</summary>
/// <param name="Fields">SAMLRequest or SAMLResponse, and RelayState where there is one. Not escaped for HTML.</param>
public sealed record SamlPost(string Url, IReadOnlyList<KeyValuePair<string, string>> Fields);
