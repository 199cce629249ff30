using Holdfast.Load;
using Holdfast.Resilience;

namespace Holdfast.Causes;

/// <summary>This node's own overload as a cause: what it refuses, and what it serves still.</summary>
internal sealed class OwnLoad(Places places)
{
    public Cause? Find()
    {
        if (places.State is not { IsOverloaded: true, OverloadedSince: { } since } state)
        {
            return null;
        }
        var served = PriorityWords.All.Except(state.Refused).Select(p => p.Title()).ToList();
        var signIn = state.Refused.Contains(Priority.Session) || state.Refused.Contains(Priority.SignIn) ? SignInStake.Needed : SignInStake.None;
        return new Cause(
            Cause.Load, Cause.Overloaded, since, CauseScope.Platform, signIn,
            [.. state.Refused.SelectMany(ProductsOf).Distinct().Order(StringComparer.Ordinal)], [Cause.Load],
            $"Some are refused: {string.Join(", ", state.Refused.Select(p => p.Title()))}. {(served.Count > 0 ? $"Served: {string.Join(", ", served)}." : "Nothing is served whole.")}",
            $"{state.Limit} at once, {state.Waiting} wait, {state.Outside} wait for another party.");
    }

    private static string[] ProductsOf(Priority priority) => priority switch
    {
        Priority.Session or Priority.Page => [Products.AuthKit],
        Priority.SignIn => [Products.AuthKit, Products.Sso],
        _ => [Products.Administration],
    };
}
