namespace Holdfast.Resilience;

/// <summary>What Holdfast may expect of one dependency, and what it does without it. Immutable; checked when a <see cref="Dependency"/> is made.</summary>
/// <param name="Name">Its name in the catalogue, in health answers and in logs: <c>primary</c>, <c>flags:unleash</c>. Where there is one for each of something, what differs
/// stands in braces (<c>idp_token:{connection}</c>), and <see cref="Of"/> makes the one.</param>
/// <param name="Kind">What it is: <c>database</c>, <c>flags</c>, <c>mail</c>, <c>identity provider</c>.</param>
/// <param name="Deadline">The longest that one call may take, whether or not the callee minds its token.</param>
/// <param name="MaxConcurrent">The most calls under way, abandoned ones included.</param>
/// <param name="Fallback">In words: what serves people while it is away.</param>
/// <param name="NeededBy">The products that notice when it is away; empty when none does.</param>
public sealed record DependencyPolicy(
    string Name, string Kind, TimeSpan Deadline, int MaxConcurrent, string Fallback, IReadOnlyList<string> NeededBy)
{
    /// <summary>Failures in a row that open the breaker. A count and not a rate, so that a dependency called once a minute trips too. Default 5; <see cref="int.MaxValue"/> for never.</summary>
    public int OpensAfter { get; init; } = 5;

    /// <summary>How long an open breaker refuses before it lets one trial call through. Default 1 second.</summary>
    public TimeSpan OpenFor { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Answers that take longer are slow. Null where an answer may wait for news, and so says nothing by being late.</summary>
    public TimeSpan? SlowAfter { get; init; }

    /// <summary>Whether slow answers open the breaker as failures do: only where something else serves, for a slow answer is one.</summary>
    public bool OpensOnSlow { get; init; }

    /// <summary>What of the products needs it, in words.</summary>
    public string For { get; init; } = "";

    /// <summary>What repeats a call that failed, in words.</summary>
    public string Again { get; init; } = "nothing";

    /// <summary>The share of calls that may be repeats (<see cref="Dependency.MayRepeat"/>), by everybody who calls it together. Null where no call is repeated, and where one loop asks at a pace of its own.</summary>
    public double? RepeatShare { get; init; }

    /// <summary>What a sign-in has to do with it.</summary>
    public SignInStake SignIn { get; init; }

    /// <summary>Whose it is, and so whose fault.</summary>
    public DependencyScope Scope { get; init; }

    /// <summary>Whether a person may close it, or keep it open. Not what denies travel by.</summary>
    public bool MayBeSetByHand { get; init; } = true;

    /// <summary>What it stands on: names in the catalogue, or <c>credential:NAME</c>. If one of them fails too, that is the cause.</summary>
    public IReadOnlyList<string> StandsOn { get; init; } = [];

    /// <summary>Whoever drives it judges it too: a single reported failure is a finding, not a sample (<see cref="Dependency.Report"/>).</summary>
    public bool IsJudgedByItsDriver { get; init; }

    /// <summary>Probed although nobody uses it, once it has answered at all: others will need it at once.</summary>
    public bool IsMissedUnused { get; init; }

    /// <summary>The organization that it belongs to; null when it is none's.</summary>
    public string? Owner { get; private init; }

    /// <summary>What it is one of: its connection, its node; null where there is but one.</summary>
    public string? Instance { get; private init; }

    /// <summary>The name under which the catalogue declares it.</summary>
    public string Declared { get; private init; } = Name;

    /// <summary>Tells exceptions that are answers (a unique key was violated) from outages. Answers pass through and prove that the
    /// dependency works. Default: every exception is an outage.</summary>
    public Func<Exception, bool> IsAnswer { get; init; } = static _ => false;

    /// <summary>The one of <paramref name="instance"/>.</summary>
    /// <param name="owner">The organization that it belongs to.</param>
    public DependencyPolicy Of(string instance, string? owner = null)
    {
        var (from, to) = (Name.IndexOf('{', StringComparison.Ordinal), Name.IndexOf('}', StringComparison.Ordinal));
        return from < 0 || to < from
            ? throw new InvalidOperationException($"There is but one '{Name}'.")
            : this with { Name = Name[..from] + instance + Name[(to + 1)..], Declared = Name, Instance = instance, Owner = owner };
    }

    internal void Check()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(Name);
        ArgumentException.ThrowIfNullOrWhiteSpace(Kind);
        ArgumentException.ThrowIfNullOrWhiteSpace(Fallback);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Deadline, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxConcurrent, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(OpensAfter, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(OpenFor, TimeSpan.Zero);
        if (RepeatShare is { } share)
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(share, 0);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(share, 1);
        }
    }
}

/// <summary>Whose a dependency is.</summary>
public enum DependencyScope
{
    /// <summary>The operator's.</summary>
    Platform,

    /// <summary>Another node of the cluster.</summary>
    Peer,

    /// <summary>One customer's: its failure is not one of the platform.</summary>
    Tenant,
}

/// <summary>What a sign-in has to do with a dependency (law 1).</summary>
public enum SignInStake
{
    /// <summary>No sign-in calls it.</summary>
    None,

    /// <summary>A sign-in may wait for it, inside its budget, and goes on without it.</summary>
    Optional,

    /// <summary>Sign-ins that are about it fail while it is away.</summary>
    Needed,
}
