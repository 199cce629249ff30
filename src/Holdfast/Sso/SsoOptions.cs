namespace Holdfast.Sso;

/// <summary>Times and bounds of Single Sign-On.</summary>
public sealed record SsoOptions
{
    /// <summary>How long an authorization code may be exchanged. One minute is the most that OWASP ASVS 5.0 10.4.3 allows at level 3; RFC 6749 §4.1.2 allows ten.</summary>
    public TimeSpan CodeLifetime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a person may take at the identity provider.</summary>
    public TimeSpan FlowLifetime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a profile token may be shown.</summary>
    public TimeSpan ProfileTokenLifetime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How far an identity provider's clock may be off.</summary>
    public TimeSpan ClockSkew { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long one sign-in waits for its identity provider in all: token endpoint, keys, UserInfo.</summary>
    public TimeSpan ProviderBudget { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>The longest <c>state</c>, in bytes of UTF-8: it travels in the flow's cookie.</summary>
    public int MaxStateBytes { get; init; } = 8192;

    /// <summary>How long a sign-in that succeeded is told of.</summary>
    public TimeSpan AttemptLifetime { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long a session is known by the identity provider's name for it, where it does not say when it ends.</summary>
    public TimeSpan SamlSessionLifetime { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How often at most an identity provider's metadata is read anew.</summary>
    public TimeSpan MetadataShortest { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How often it is read where it does not say.</summary>
    public TimeSpan MetadataUsual { get; init; } = TimeSpan.FromHours(6);

    /// <summary>How often at least, whatever it says.</summary>
    public TimeSpan MetadataLongest { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How long one reading of it may take.</summary>
    public TimeSpan MetadataDeadline { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The most providers of OpenID Connect whose documents are kept parsed; above it all are parsed again when they are needed.</summary>
    public int MostProvidersParsed { get; init; } = 1_000;

    /// <summary>How long a logout token may be shown.</summary>
    public TimeSpan LogoutTokenLifetime { get; init; } = TimeSpan.FromMinutes(5);
}
