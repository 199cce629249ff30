using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Holdfast.Tests;

/// <summary>Pages that promise by the names of tests; the names must be those of tests.</summary>
public sealed partial class DecisionPageTests
{
    private static readonly string s_root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", ".."));

    /// <summary><c>docs/decisions/0013-openid-connect.md</c>.</summary>
    [Fact]
    public void Every_test_that_the_page_names_exists()
    {
        var tests = string.Concat(TestFiles());
        var page = File.ReadAllText(Path.Combine(s_root, "docs", "decisions", "0013-openid-connect.md"));
        var named = Named().Matches(page).Select(m => m.Groups[1].Value).Distinct().ToList();

        Assert.True(named.Count > 50, $"{named.Count} are named");
        Assert.DoesNotContain(named, name => !tests.Contains($" {name}(", StringComparison.Ordinal));
        Assert.Equal(Enumerable.Range(37, 15), Case().Matches(page).Select(m => int.Parse(m.Groups[1].Value, null)).Distinct());
        Assert.All(Row().Matches(page).Select(m => m.Groups[1].Value), row => Assert.Contains($"[InlineData(\"{row}\"", tests, StringComparison.Ordinal));
    }

    /// <summary><c>docs/security-cases.md</c>: every case has its row; what a row names exists, in that class or file; and a row that names nothing says why.</summary>
    [Fact]
    public void Every_security_case_is_shown_by_tests_that_exist_or_says_why_not()
    {
        var (classes, faults, counts) = (TestFiles().ToList(), new List<string>(), new SortedDictionary<string, int[]>(StringComparer.Ordinal));
        var page = File.ReadAllText(Path.Combine(s_root, "docs", "security-cases.md"));
        var rows = SecurityCase().Matches(page);
        foreach (Match row in rows)
        {
            var (id, shown) = (row.Groups["id"].Value, row.Groups["shown"].Value);
            var (methods, titles) = (MethodOfClass().Matches(shown), NodeTest().Matches(shown));
            faults.AddRange(methods.Where(m => !classes.Exists(c => c.Contains($"class {m.Groups[1].Value}", StringComparison.Ordinal) && c.Contains($" {m.Groups[2].Value}(", StringComparison.Ordinal)))
                .Select(m => $"{id}: {m.Value}"));
            faults.AddRange(titles.Where(t => !IsTitle(t.Groups[1].Value, t.Groups[2].Value)).Select(t => $"{id}: {t.Value}"));
            var kind = shown.StartsWith("does not apply: ", StringComparison.Ordinal) ? 1 : shown.StartsWith("missed: ", StringComparison.Ordinal) ? 2 : 0;
            if (kind == 0 && methods.Count + titles.Count == 0)
            {
                faults.Add($"{id}: no test and no reason");
            }
            (counts.TryGetValue(id[..id.IndexOf('-', StringComparison.Ordinal)], out var count) ? count : counts[id[..id.IndexOf('-', StringComparison.Ordinal)]] = new int[3])[kind]++;
        }

        Assert.Empty(faults);
        Assert.Equal(
            [.. Enumerable.Range(1, 66).Select(n => $"OAUTH-{n:000}"), .. Enumerable.Range(1, 12).Select(n => $"PWD-{n:000}"), .. Enumerable.Range(7, 24).Select(n => $"PLAT-{n:000}")],
            rows.Select(m => m.Groups["id"].Value));
        Assert.All(counts, c => Assert.Contains($"| {c.Key} | {c.Value.Sum()} | {c.Value[0]} | {c.Value[1]} | {c.Value[2]} |", page, StringComparison.Ordinal));
    }

    private static IEnumerable<string> TestFiles() => Directory.EnumerateFiles(Path.Combine(s_root, "tests"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText);

    private static bool IsTitle(string file, string title) =>
        Directory.EnumerateFiles(Path.Combine(s_root, "tests", "node"), file).SingleOrDefault() is { } path && File.ReadAllText(path).Contains($"test('{title}'", StringComparison.Ordinal);

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

    /// <summary>A case of the security cases: its id, what happens, who shows it.</summary>
    [GeneratedRegex(@"^\| (?<id>[A-Z]+-\d{3}) \| [^|]+ \| (?<shown>[^|]+?) \|\r?$", RegexOptions.Multiline)]
    private static partial Regex SecurityCase();

    [GeneratedRegex(@"`(\w+)\.([A-Z]\w*)`")]
    private static partial Regex MethodOfClass();

    /// <summary><c>`file.test.mjs`: “the title”</c>.</summary>
    [GeneratedRegex("`([\\w-]+\\.test\\.mjs)`: “([^”]+)”")]
    private static partial Regex NodeTest();
}
