namespace Holdfast.AuthKit;

/// <summary>Times and bounds of AuthKit.</summary>
public sealed record AuthKitOptions
{
    /// <summary>How long an access token may be shown; what was revoked since it was made may be admitted as long by those who look at nothing else.</summary>
    public TimeSpan AccessTokenLifetime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>When a session ends at the latest.</summary>
    public TimeSpan SessionLifetime { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long a hosted sign-in may take, from the application's request to its code.</summary>
    public TimeSpan HostedFlowLifetime { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>How long the code that a hosted sign-in ended with may be exchanged (RFC 6749 §4.1.2 asks for a short time).</summary>
    public TimeSpan CodeLifetime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a mailed code may be typed in.</summary>
    public TimeSpan MagicCodeLifetime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>For so long after a code was mailed to prove a mailbox, another right password mails none: the one that was sent is asked for.</summary>
    public TimeSpan ResendAfter { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a link to another password may be followed.</summary>
    public TimeSpan ResetLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long somebody who has proven who they are may take for what is still asked of them.</summary>
    public TimeSpan PendingLifetime { get; init; } = TimeSpan.FromMinutes(10);
}
