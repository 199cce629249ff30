namespace Holdfast.AuthKit;

/// <summary>Times and bounds of AuthKit.</summary>
public sealed record AuthKitOptions
{
    /// <summary>How long an access token may be shown; what was revoked since it was made may be admitted as long by those who look at nothing else.</summary>
    public TimeSpan AccessTokenLifetime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>When a session ends at the latest.</summary>
    public TimeSpan SessionLifetime { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long a mailed code may be typed in.</summary>
    public TimeSpan MagicCodeLifetime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long somebody who has proven who they are may take to choose an organization.</summary>
    public TimeSpan PendingLifetime { get; init; } = TimeSpan.FromMinutes(10);
}
