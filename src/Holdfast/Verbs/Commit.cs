using System.ComponentModel;
using System.Diagnostics;
using System.Reflection;

namespace Holdfast.Verbs;

/// <summary>What was built.</summary>
internal static class Commit
{
    /// <summary>The checkout's commit; without one, what the build says.</summary>
    public static async Task<string> FindAsync()
    {
        try
        {
            using var git = Process.Start(new ProcessStartInfo("git", ["-C", AppContext.BaseDirectory, "rev-parse", "HEAD"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var said = await git.StandardOutput.ReadToEndAsync();
            await git.WaitForExitAsync();
            if (git.ExitCode == 0)
            {
                return said.Trim();
            }
        }
        catch (Win32Exception)
        {
            // No git here: what was built says it.
        }
        return typeof(Commit).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+').ElementAtOrDefault(1) ?? "unknown";
    }
}
