namespace Holdfast.Bench;

/// <summary>How a person comes in. Every drill and benchmark goes through all of them.</summary>
internal enum SignInMethod
{
    Saml,
    OpenIdConnect,
}
