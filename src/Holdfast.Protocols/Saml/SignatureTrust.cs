using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Protocols.Saml;

/// <summary>Which keys may have signed, and whether SHA-1 may be used. From configuration, never from a message.</summary>
internal sealed record SignatureTrust(IReadOnlyList<X509Certificate2> Certificates, bool AllowSha1);
