using Holdfast.Drills.Regions;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

namespace Holdfast.Drills;

/// <summary>Runs the drills; or, started by one of them with a switch, is a server: <see cref="CarelessServer"/> with a planted fault, <see cref="PeopleServer"/> with more routes.
/// <see cref="RegionsDrill"/> is a program of its own: it takes most of an hour.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] arguments) =>
        arguments is [CarelessServer.Switch, ..] ? await CarelessServer.RunAsync(arguments[1..])
        : arguments is [PeopleServer.Switch, ..] ? await PeopleServer.RunAsync(arguments[1..])
        : arguments is [RegionsDrill.Switch, ..] ? await RegionsDrill.RunAsync(arguments[1..])
        : arguments.Contains("--server") || arguments.Contains("--internal-msbuild-node")
            ? await TestPlatformTestFramework.RunAsync(arguments, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
            : await ConsoleRunner.Run(arguments);
}

/// <summary>One drill at a time: each has the machine to itself.</summary>
[CollectionDefinition(nameof(AloneOnTheMachine), DisableParallelization = true)]
public sealed class AloneOnTheMachine;
