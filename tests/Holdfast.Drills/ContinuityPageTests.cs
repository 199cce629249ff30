using System.Text.RegularExpressions;

namespace Holdfast.Drills;

/// <summary><c>docs/continuity.md</c> promises by the names of tests; the names must be those of tests.</summary>
public sealed partial class ContinuityPageTests
{
    [Fact]
    public void Every_test_that_the_page_names_exists()
    {
        var root = Root();
        var tests = string.Concat(Directory.EnumerateFiles(Path.Combine(root, "tests"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        var named = Named().Matches(File.ReadAllText(Path.Combine(root, "docs", "continuity.md"))).Select(m => m.Groups[1].Value).Distinct().ToList();

        Assert.True(named.Count > 8);
        Assert.DoesNotContain(named, name => !tests.Contains($" {name}(", StringComparison.Ordinal));
    }

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Holdfast.slnx")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The drills do not stand in a checkout.");
        }
        return folder;
    }

    /// <summary><c>`Class.Method`</c>, perhaps with arguments.</summary>
    [GeneratedRegex(@"`\w+\.(\w+_\w+)[(`]")]
    private static partial Regex Named();
}
