using Holdfast.Simulation.Planted;
using Holdfast.Simulation.Plans;

namespace Holdfast.Simulation.Runs;

/// <summary>Makes a plan that fails smaller, while the same invariant still breaks: first faults, then operations, by halves and then one by one.</summary>
internal sealed class Shrinking(string slot, Func<PlantedBug> planted, Action<string> progress)
{
    private const int MostRuns = 400;

    private int _runs;

    public Outcome Shrink(Outcome failed)
    {
        var invariant = failed.Broken[0].Invariant;
        var plan = failed.Plan;
        plan = Smaller(plan, plan.Faults, (p, faults) => p with { Faults = faults }, invariant);
        plan = Smaller(plan, plan.Operations, (p, operations) => p with { Operations = operations }, invariant);
        progress($"shrunk from {failed.Plan.Operations.Count} operations and {failed.Plan.Faults.Count} faults to {plan.Operations.Count} and {plan.Faults.Count}");
        return Run.Of(plan, slot, planted(), keepsTrace: true);
    }

    private Plan Smaller<T>(Plan plan, IReadOnlyList<T> parts, Func<Plan, IReadOnlyList<T>, Plan> with, string invariant)
    {
        for (var size = Math.Max(1, parts.Count / 2); size > 0; size /= 2)
        {
            for (var from = 0; from < parts.Count && _runs < MostRuns;)
            {
                var left = parts.Where((_, i) => i < from || i >= from + size).ToList();
                if (Fails(with(plan, left), invariant))
                {
                    parts = left;
                }
                else
                {
                    from += size;
                }
            }
        }
        return with(plan, parts);
    }

    private bool Fails(Plan plan, string invariant)
    {
        _runs++;
        return Run.Of(plan, slot, planted()).Broken.Any(b => b.Invariant == invariant);
    }
}
