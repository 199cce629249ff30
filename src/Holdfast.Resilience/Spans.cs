using System.Diagnostics;

namespace Holdfast.Resilience;

/// <summary>The steps of a request, for whoever listens to the activity source <see cref="Name"/>. Where nobody listens they cost a look at a field.</summary>
/// <remarks>A step is one of a request's only: work in the background begins no trace of its own by calling what requests call.</remarks>
public static class Spans
{
    /// <summary>The source's name; it stays.</summary>
    public const string Name = "Holdfast";

    private static readonly ActivitySource s_source = new(Name);

    /// <summary>A request, or work in the background that stands for itself. What a caller says of its own trace is a link and nothing more: nobody outside chooses our ids, nor what is kept.</summary>
    /// <param name="keeper">Who keeps it: several nodes may run in one process.</param>
    /// <returns>Null when nobody listens.</returns>
    public static Activity? Root(string name, ActivityKind kind, object keeper, IEnumerable<ActivityLink>? links = null)
    {
        if (!s_source.HasListeners())
        {
            return null;
        }
        Activity.Current = null;   // the web server's own is not ours
        var root = s_source.StartActivity(name, kind, default(ActivityContext), null, links);
        root?.SetCustomProperty(nameof(keeper), keeper);
        return root;
    }

    /// <summary>A step of the request that runs now. Dispose of it when it is over.</summary>
    public static Activity? Step(string name, ActivityKind kind = ActivityKind.Internal) =>
        Activity.Current is { } current && ReferenceEquals(current.Source, s_source) ? s_source.StartActivity(name, kind) : null;

    /// <summary>The step that runs now failed.</summary>
    /// <param name="how">One of <see cref="Trouble"/>.</param>
    public static void Fail(string how)
    {
        if (Activity.Current is { Kind: ActivityKind.Client } step && ReferenceEquals(step.Source, s_source))
        {
            step.SetStatus(ActivityStatusCode.Error).SetTag("error.type", how);
        }
    }

    /// <summary>Who keeps the trace that a step is of, and its root.</summary>
    public static (Activity Root, object? Keeper) Of(Activity step)
    {
        while (step.Parent is { } parent)
        {
            step = parent;
        }
        return (step, step.GetCustomProperty("keeper"));
    }
}
