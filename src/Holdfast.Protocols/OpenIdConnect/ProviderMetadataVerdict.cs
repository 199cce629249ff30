namespace Holdfast.Protocols.OpenIdConnect;

public abstract record ProviderMetadataVerdict
{
    public sealed record Accepted(ProviderMetadata Metadata) : ProviderMetadataVerdict;

    /// <param name="Detail">For the administrator of the connection; holds values from the document.</param>
    public sealed record Refused(ProviderMetadataRefusal Why, string Detail) : ProviderMetadataVerdict;
}

public enum ProviderMetadataRefusal
{
    /// <summary>Too large, no JSON object, or a name twice.</summary>
    Malformed,
    IssuerMissing,

    /// <summary>Like <c>https://login.example/{tenantid}/v2.0</c>.</summary>
    IssuerIsTemplate,
    IssuerMismatch,

    /// <summary>Not https, or with a query or a fragment.</summary>
    IssuerUnsafe,
    EndpointMissing,

    /// <summary>Not https, with a fragment, or with user information.</summary>
    EndpointUnsafe,
}
