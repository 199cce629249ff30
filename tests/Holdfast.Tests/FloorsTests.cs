using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Holdfast.Tests;

/// <summary>The architecture, as data.</summary>
public sealed partial class FloorsTests
{
    /// <summary>The folders of src/Holdfast, top floor first. A folder may use the floors below it: never its own, never above.</summary>
    private static readonly string[][] Floors =
    [
        ["AdminPortal", "AuthKit", "Dashboard", "Edge"],
        ["AuditLogs", "DirectorySync", "Flags", "MultiFactor", "Sso", "Webhooks"],
        ["Users"],
        ["Organizations"],
        ["Claims", "Events", "Mail"],
        ["Environments"],
        ["Peers"],
        ["Orders", "Telemetry"],
        ["Incidents"],
        ["Causes"],
        ["Load"],
        ["Http"],
        ["Keys"],
    ];

    /// <summary>Folders that put the house together, and so may know every floor.</summary>
    private static readonly string[] Outside = ["Bench", "Dev", "Simulation", "Verbs"];

    /// <summary>What calls out by itself. Only Holdfast.Resilience may name it (law 7).</summary>
    private static readonly string[] Outbound =
        ["HttpClient", "HttpMessageInvoker", "SocketsHttpHandler", "HttpClientHandler", "Socket", "TcpClient", "UdpClient", "SmtpClient", "ClientWebSocket", "WebRequest", "LookupClient"];

    [Fact]
    public void Every_folder_uses_only_the_floors_below_it()
    {
        var faults =
            from file in Files("src/Holdfast")
            let folder = FolderOf(file)
            where Floor(folder) >= 0
            from used in NamesUsed().Matches(File.ReadAllText(file)).Select(m => m.Groups[1].Value).Distinct()
            where used != folder && (Floor(used) >= 0 ? Floor(used) <= Floor(folder) : Outside.Contains(used))
            select $"{Path.GetRelativePath(Root, file)} uses {used}";

        Assert.Empty(faults);
    }

    [Fact]
    public void Every_folder_has_its_floor()
    {
        var unknown = Files("src/Holdfast").Select(FolderOf).Distinct().Where(f => !f.EndsWith(".cs", StringComparison.Ordinal) && Floor(f) < 0 && !Outside.Contains(f));

        Assert.Empty(unknown);
    }

    [Fact]
    public void No_product_is_named_without_being_looked_at()
    {
        // A namespace that the compiler adds to every file would not be seen by the test above.
        var faults =
            from file in Files("src/Holdfast")
            where GlobalUsing().IsMatch(File.ReadAllText(file))
            select Path.GetRelativePath(Root, file);

        Assert.Empty(faults);
        Assert.DoesNotContain("<Using Include=\"Holdfast.", File.ReadAllText(Path.Combine(Root, "src/Holdfast/Holdfast.csproj")));
    }

    [Fact]
    public void No_name_of_another_floor_is_written_in_short()
    {
        // "Claims.Claim" inside namespace Holdfast.Organizations would be a use of Claims that no "Holdfast." shows.
        var names = string.Join('|', Floors.SelectMany(f => f));
        var shorthand = new Regex($@"(?<![\w.""/<])({names})\.[A-Z]\w*", RegexOptions.None, TimeSpan.FromSeconds(5));
        var faults =
            from file in Files("src/Holdfast")
            let folder = FolderOf(file)
            where Floor(folder) >= 0
            from line in File.ReadLines(file)
            where !line.TrimStart().StartsWith("//", StringComparison.Ordinal) && !line.StartsWith("using ", StringComparison.Ordinal) && !line.StartsWith("namespace ", StringComparison.Ordinal)
            from used in shorthand.Matches(line).Select(m => m.Groups[1].Value).Distinct()
            where used != folder && Floor(used) <= Floor(folder)
            select $"{Path.GetRelativePath(Root, file)}: {line.Trim()}";

        Assert.Empty(faults);
    }

    [Fact]
    public void Only_resilience_calls_out()
    {
        var name = new Regex($@"\b({string.Join('|', Outbound)})\b|(?<!\.)\bDns\.", RegexOptions.None, TimeSpan.FromSeconds(5));
        var faults =
            from file in Files("src").Where(f => !f.StartsWith(Path.Combine(Root, "src/Holdfast.Resilience") + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            from line in File.ReadLines(file)
            where !line.TrimStart().StartsWith("//", StringComparison.Ordinal)
            where name.IsMatch(Text().Replace(line, "\"\"")) || (line.Contains("RS0030", StringComparison.Ordinal) && line.Contains("disable", StringComparison.Ordinal))
            select $"{Path.GetRelativePath(Root, file)}: {line.Trim()}";

        Assert.Empty(faults);
    }

    /// <summary>The repository's root.</summary>
    internal static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../.."));

    private static string ThisFile([CallerFilePath] string path = "") => path;

    private static IEnumerable<string> Files(string under) => Directory.EnumerateFiles(Path.Combine(Root, under), "*", SearchOption.AllDirectories)
        .Where(f => Path.GetExtension(f) is ".cs" or ".razor" && !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal));

    private static string FolderOf(string file) => Path.GetRelativePath(Path.Combine(Root, "src/Holdfast"), file).Split(Path.DirectorySeparatorChar)[0];

    private static int Floor(string folder) => Array.FindIndex(Floors, f => f.Contains(folder));

    [GeneratedRegex(@"\bHoldfast\.(\w+)")]
    private static partial Regex NamesUsed();

    [GeneratedRegex(@"global\s+using\s+(static\s+)?Holdfast\.")]
    private static partial Regex GlobalUsing();

    [GeneratedRegex("\"(?:[^\"\\\\]|\\\\.)*\"")]
    private static partial Regex Text();
}
