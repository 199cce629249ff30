using Holdfast.Keys;
using Holdfast.Simulation.Machines;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Simulation.Planted;

/// <summary>The next refresh token is drawn, not derived: who lost the answer and asks elsewhere gets another one.</summary>
internal sealed class RandomSuccessor : PlantedBug
{
    public override RefreshToken Successor(RefreshToken next, Products products) => next with { Mark = Base64.Encode(products.Entropy.Bytes(32)) };
}

/// <summary>A password by mail or by an administrator stands beside the old ones.</summary>
internal sealed class ResetReplacesNothing : PlantedBug
{
    protected override Decision<T> Spoil<T>(Decision<T> decision) => decision with
    {
        Changes = [.. decision.Changes.Select(c => c.Table == Schema.Credentials && !Equals(c.Values["proof"], "credential") ? With(c, ("replaces", "[]")) : c)],
    };

    internal static Change With(Change change, params ReadOnlySpan<(string Column, object? Value)> values)
    {
        var changed = new Dictionary<string, object?>(change.Values, StringComparer.Ordinal);
        foreach (var (column, value) in values)
        {
            changed[column] = value;
        }
        return change with { Values = changed };
    }
}

/// <summary>Each password counts as one that was given by the same old one: of several the later is taken, and a reset ends nothing.</summary>
internal sealed class UnprovenPasswordCounts : PlantedBug
{
    protected override Decision<T> Spoil<T>(Decision<T> decision) => decision with
    {
        Changes = [.. decision.Changes.Select(c => c.Table == Schema.Credentials ? ResetReplacesNothing.With(c, ("proof", "credential"), ("proven_by", "any")) : c)],
    };
}

/// <summary>A refresh leaves nothing behind.</summary>
internal sealed class SpendIsNotKept : PlantedBug
{
    protected override Decision<T> Spoil<T>(Decision<T> decision) => decision with { Changes = [.. decision.Changes.Where(c => c.Table != Schema.SessionSpends)] };
}
