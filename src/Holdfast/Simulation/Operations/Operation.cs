using Holdfast.Simulation.Operations.People;

namespace Holdfast.Simulation.Operations;

/// <summary>One thing that somebody does with the cluster, and what the ledger learns from it.</summary>
internal abstract class Operation
{
    /// <summary>All of them, and how often each is drawn: of so many in all.</summary>
    public static IReadOnlyList<(Operation Operation, int Weight)> All { get; } =
    [
        (new CreateOrganizationOperation(), 14), (new RenameOrganizationOperation(), 10), (new DeleteOrganizationOperation(), 6),
        (new SignInOperation(), 30), (new RedeemOperation(), 22), (new RedeemAgainOperation(), 8),
        (new DenyConnectionOperation(), 5), (new LiftDenyOperation(), 5), .. Crowd.Operations,
    ];

    /// <summary>As it stands in tables and traces: what is done, with hyphens.</summary>
    public abstract string Name { get; }

    public abstract Task RunAsync(Actor actor);

    /// <summary>Says in the ledger how it ended.</summary>
    protected void Count<T>(Actor actor, Answer<T> answer, string? end = null) =>
        actor.Ledger.Count(Name, end ?? answer.End switch { End.Answered => "answered", End.Refused => "refused", _ => "unknown" });
}
