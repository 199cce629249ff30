namespace Holdfast.Protocols.Saml;

/// <summary>The two ways in which a browser carries a message over (SAML 2.0 Bindings).</summary>
public enum SamlBinding
{
    /// <summary>HTTP-Redirect (§3.4): deflated in the query, signed there.</summary>
    Redirect,

    /// <summary>HTTP-POST (§3.5): in a form field, signed inside.</summary>
    Post,
}
