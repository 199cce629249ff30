using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Holdfast.Tests;

/// <summary><c>docs/decisions/0013-openid-connect.md</c> promises by the names of tests; the names must be those of tests.</summary>
public sealed partial class DecisionPageTests
{
    [Fact]
    public void Every_test_that_the_page_names_exists()
    {
        var root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", ".."));
        var tests = string.Concat(Directory.EnumerateFiles(Path.Combine(root, "tests"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        var page = File.ReadAllText(Path.Combine(root, "docs", "decisions", "0013-openid-connect.md"));
        var named = Named().Matches(page).Select(m => m.Groups[1].Value).Distinct().ToList();

        Assert.True(named.Count > 50, $"{named.Count} are named");
        Assert.DoesNotContain(named, name => !tests.Contains($" {name}(", StringComparison.Ordinal));
        Assert.Equal(Enumerable.Range(37, 15), Case().Matches(page).Select(m => int.Parse(m.Groups[1].Value, null)).Distinct());
        Assert.All(Row().Matches(page).Select(m => m.Groups[1].Value), row => Assert.Contains($"[InlineData(\"{row}\"", tests, StringComparison.Ordinal));
    }

    private static string Here([CallerFilePath] string path = "") => path;

    /// <summary><c>`Class.A_sentence`</c>, or the sentence alone.</summary>
    [GeneratedRegex(@"`(?:\w+\.)?([A-Z]\w*_\w+)`")]
    private static partial Regex Named();

    /// <summary>The number of a case, at the beginning of its row.</summary>
    [GeneratedRegex(@"^\| (0\d\d) \|", RegexOptions.Multiline)]
    private static partial Regex Case();

    /// <summary>The first row that a case names of the long theory.</summary>
    [GeneratedRegex(@"`Wrong`: ([^,;|]+?)(?=[,;| ]*[,;|])")]
    private static partial Regex Row();
}
