namespace Holdfast.Resilience;

/// <param name="Since">When this state of things began (UTC): for <c>Failing</c> and <c>Open</c>, the first failure of the row.</param>
/// <param name="How">How it fails, one of <see cref="Trouble"/> or the callee's own word; null when it does not.</param>
public sealed record DependencyHealth(DependencyState State, DateTimeOffset Since, string? How);

public enum DependencyState
{
    /// <summary>The last call was answered, or none was made yet.</summary>
    Ok,

    /// <summary>The last call failed, but calls are still made.</summary>
    Failing,

    /// <summary>Calls are refused at once, a trial now and then apart.</summary>
    Open,
}
