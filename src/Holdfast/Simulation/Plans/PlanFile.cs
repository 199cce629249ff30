using System.Text.Json;
using Holdfast.Http;
using Operation = Holdfast.Simulation.Operations.Operation;

namespace Holdfast.Simulation.Plans;

/// <summary>A plan as a file. A seed means another plan when an operation or a fault is added; a file means the same as long as its operations and faults have their names.</summary>
/// <param name="Story">What it showed, and what became of that.</param>
/// <param name="Planted">The planted bug that it finds; null for what it found in the product or in the judge.</param>
internal sealed record PlanFile(
    string Story, string? Planted, ulong Seed, int Nodes, int Regions, TimeSpan Load, IReadOnlyList<PlanFile.PlannedStep> Operations, IReadOnlyList<PlannedFault> Faults)
{
    internal sealed record PlannedStep(int Number, TimeSpan At, string Kind, int Node, ulong Seed);

    public static PlanFile Of(Plan plan, string story, string? planted) => new(
        story, planted, plan.Seed, plan.Shape.Nodes, plan.Shape.Regions, plan.Load,
        [.. plan.Operations.Select(o => new PlannedStep(o.Number, o.At, o.Operation.Name, o.Node, o.Seed))], plan.Faults);

    /// <exception cref="InvalidDataException">It is no plan, or names an operation or a fault that there is no more.</exception>
    public static PlanFile Read(string path)
    {
        try
        {
            var file = JsonSerializer.Deserialize<PlanFile>(File.ReadAllBytes(path), JavaScriptJson.Options);
            return file is not { Nodes: > 0, Regions: > 0, Operations: not null, Faults: not null } ? throw new InvalidDataException($"{path} holds no plan.")
                : file.Faults.FirstOrDefault(f => !Fault.All.ContainsKey(f.Kind)) is { } gone ? throw new InvalidDataException($"{path}: there is no fault '{gone.Kind}'.") : file;
        }
        catch (JsonException broken)
        {
            throw new InvalidDataException($"{path} holds no plan: {broken.Message}", broken);
        }
    }

    public void Write(string path) => File.WriteAllBytes(path, JsonSerializer.SerializeToUtf8Bytes(this, JavaScriptJson.Indented));

    /// <exception cref="InvalidDataException">It names an operation that there is no more.</exception>
    public Plan Plan() => new(Seed, new Shape(Nodes, Regions), Load, [.. Operations.Select(o => new PlannedOperation(o.Number, o.At, KindOf(o.Kind), o.Node, o.Seed))], Faults);

    private static int KindOf(string name)
    {
        for (var kind = 0; kind < Operation.All.Count; kind++)
        {
            if (Operation.All[kind].Operation.Name == name)
            {
                return kind;
            }
        }
        throw new InvalidDataException($"There is no operation '{name}'.");
    }
}
