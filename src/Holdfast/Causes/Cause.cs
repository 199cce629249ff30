using Holdfast.Resilience;

namespace Holdfast.Causes;

/// <summary>What broke, by name.</summary>
/// <param name="Dependency">The name in the catalogue, or of what several stand on: <c>host:NAME</c>, <c>node:NAME</c>, <c>zone:NAME</c>, <c>region:NAME</c>,
/// <c>credential:NAME</c>, <c>idp:CONNECTION</c>, <c>network</c>, <c>time</c>, <c>peers</c>, <c>load</c>.</param>
/// <param name="How">One of <see cref="Trouble"/>, or the primary's own word.</param>
/// <param name="Since">When the first failure began (UTC).</param>
/// <param name="Scope">Whose it is. What is a tenant's is never told as a cause of the platform.</param>
/// <param name="SignIn">What sign-ins have to do with it.</param>
/// <param name="Products">Those that need what fails.</param>
/// <param name="Symptoms">The dependencies that it takes along, itself included where it is one.</param>
/// <param name="Detail">More, for the operator alone: it may name addresses.</param>
internal sealed record Cause(
    string Dependency, string How, DateTimeOffset Since, CauseScope Scope, SignInStake SignIn, IReadOnlyList<string> Products, IReadOnlyList<string> Symptoms, string Fallback, string? Detail)
{
    /// <summary>The name of this node's own overload, and how it fails: it refuses.</summary>
    public const string Load = "load";
    public const string Overloaded = "overloaded";

    /// <summary>The same through all that is learned of it. Null until it is named.</summary>
    public string? Id { get; init; }

    /// <summary>When it was named (UTC).</summary>
    public DateTimeOffset NamedAt { get; init; }

    /// <summary>What anybody may read: what is the matter and what it means, in sentences.</summary>
    public string Text { get; init; } = "";

    /// <summary>Requests of the last minute, by product.</summary>
    public IReadOnlyDictionary<string, Share> Shares { get; init; } = new Dictionary<string, Share>();
}

/// <summary>Whose a cause is.</summary>
internal enum CauseScope
{
    /// <summary>The operator's, or the cluster's.</summary>
    Platform,

    /// <summary>A provider's that several customers use.</summary>
    Shared,

    /// <summary>One customer's.</summary>
    Tenant,
}
