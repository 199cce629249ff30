using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

namespace Holdfast.Storage.Tests;

/// <summary>Runs the tests; or, started by one of them with <see cref="KilledChild.Switch"/>, is the process that it kills.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] arguments) =>
        arguments is [KilledChild.Switch, ..] ? await KilledChild.RunAsync(arguments[1..])
        : arguments.Contains("--server") || arguments.Contains("--internal-msbuild-node")
            ? await TestPlatformTestFramework.RunAsync(arguments, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
            : await ConsoleRunner.Run(arguments);
}
