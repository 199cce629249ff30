namespace Holdfast.Protocols.Saml;

/// <summary>How a logout ended (Core §3.2.2.2 and §3.7.3).</summary>
public enum SamlLogoutStatus
{
    Success,

    /// <summary>It ended here, but not everywhere.</summary>
    Partial,
    Failed,
}
