using System.Diagnostics;

namespace Holdfast.Tests;

/// <summary>The units of <c>ops/systemd</c>, as systemd itself reads them.</summary>
[Trait("Pace", "slow")]
public sealed class UnitFilesTests
{
    [Theory]
    [InlineData("holdfast.service"), InlineData("holdfast-edge.service")]
    public async Task Systemd_understands_all_of_a_unit(string unit)
    {
        Assert.SkipWhen(!File.Exists("/usr/bin/systemd-analyze"), "systemd-analyze is not installed (Debian: apt-get install systemd).");
        var text = await File.ReadAllTextAsync(Path.Combine(Folder(), unit));
        Assert.Equal("", await ComplaintsAsync(unit, text));
        Assert.NotEqual("", await ComplaintsAsync(unit, text.Replace("[Install]", "Nonsense=yes\n[Install]", StringComparison.Ordinal)));
    }

    /// <summary>A node starts with everything that it stands on away (law 8), and is started again for as long as it takes.</summary>
    [Theory]
    [InlineData("holdfast.service"), InlineData("holdfast-edge.service")]
    public async Task A_unit_waits_for_no_other_and_gives_up_never(string unit)
    {
        var lines = await File.ReadAllLinesAsync(Path.Combine(Folder(), unit));
        Assert.DoesNotContain(lines, l => l.StartsWith("Requires=", StringComparison.Ordinal) || l.StartsWith("BindsTo=", StringComparison.Ordinal));
        Assert.Equal("After=network-online.target", lines.Single(l => l.StartsWith("After=", StringComparison.Ordinal)));
        Assert.Contains("Restart=always", lines);
        Assert.Contains("StartLimitIntervalSec=0", lines);
    }

    private static async Task<string> ComplaintsAsync(string unit, string text)
    {
        var folder = Directory.CreateTempSubdirectory("holdfast-units-").FullName;
        try
        {
            // The program is not installed where the unit wants it, and would be the one complaint.
            var file = Path.Combine(folder, unit);
            await File.WriteAllTextAsync(file, text.Replace("/opt/holdfast/Holdfast", "/bin/true", StringComparison.Ordinal));
            using var process = Process.Start(new ProcessStartInfo("systemd-analyze", ["verify", "--man=no", "--recursive-errors=no", file]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            var (said, complaints) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync();
            return await said + await complaints + (process.ExitCode == 0 ? "" : $"It ended with {process.ExitCode}.");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Folder()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Holdfast.slnx")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests do not stand in a checkout.");
        }
        return Path.Combine(folder, "ops", "systemd");
    }
}
