using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Holdfast.Bench;
using Holdfast.Http;
using Holdfast.Storage;

namespace Holdfast.Verbs;

/// <summary><c>holdfast bench</c>: measures this program on this machine, in processes of its own on data of their own.</summary>
internal static class BenchVerb
{
    private static readonly Dictionary<string, Func<bool, Action<string>, CancellationToken, Task<IReadOnlyList<Measured>>>> All = new(StringComparer.Ordinal)
    {
        [PrimaryGoneBench.Name] = (_, progress, ct) => PrimaryGoneBench.RunAsync(progress, ct),
        [StartBench.Name] = (_, progress, ct) => StartBench.RunAsync(progress, ct),
        [MetadataBench.Name] = (_, progress, ct) => MetadataBench.RunAsync(progress, ct),
        [PasswordBench.Name] = (_, progress, ct) => PasswordBench.RunAsync(progress, ct),
        [RefreshBench.Name] = (_, progress, ct) => RefreshBench.RunAsync(progress, ct),
        [PostgresBench.Name] = (_, progress, ct) => PostgresBench.RunAsync(progress, ct),
        [PostgresBench.CatchUp] = (_, progress, ct) => PostgresBench.CatchUpAsync(progress, ct),
        [FinderBench.Name] = FinderBench.RunAsync,
        [FlagsBench.Name] = FlagsBench.RunAsync,
        [DependencyBench.Name] = (_, progress, ct) => DependencyBench.RunAsync(progress, ct),
    };

    public static Command Create()
    {
        var names = new Argument<string[]>("NAME") { Description = $"what to measure: {string.Join(", ", All.Keys)} (default: all but {PostgresBench.CatchUp}, which takes minutes)", Arity = ArgumentArity.ZeroOrMore };
        var isShort = new Option<bool>("--short") { Description = $"a small part of {FinderBench.Name} and {FlagsBench.Name}: shows that they run; its figures are worth little" };
        var json = new Option<string?>("--json") { Description = "writes the result to this file as JSON" };
        var command = new Command("bench", "Measures this program on this machine. Ends with 1 when a goal is missed.") { names, isShort, json };
        command.SetAction((parsed, ct) => RunAsync(parsed.GetValue(names)!, parsed.GetValue(isShort), parsed.GetValue(json), ct));
        return command;
    }

    private static async Task<int> RunAsync(string[] names, bool isShort, string? file, CancellationToken ct)
    {
        if (names.FirstOrDefault(n => !All.ContainsKey(n)) is { } unknown)
        {
            await Console.Error.WriteLineAsync($"holdfast bench: there is no benchmark '{unknown}'. There are: {string.Join(", ", All.Keys)}.");
            return 2;
        }
        var (startedAt, began) = (TimeProvider.System.GetUtcNow(), Stopwatch.GetTimestamp());
        var results = new List<Measured>();
        try
        {
            foreach (var (name, run) in All.Where(a => names.Length == 0 ? a.Key != PostgresBench.CatchUp : names.Contains(a.Key)))
            {
                results.AddRange(await run(isShort, line => Progress($"{name}: {line}"), ct));
            }
            var report = new Report("bench", await Commit.FindAsync(), startedAt, Math.Round(Stopwatch.GetElapsedTime(began).TotalSeconds, 1), results);
            foreach (var result in results)
            {
                Console.WriteLine(result.Line().TrimEnd());
            }
            if (file is not null)
            {
                await File.WriteAllBytesAsync(file, JsonSerializer.SerializeToUtf8Bytes(report, JavaScriptJson.Indented), ct);
            }
        }
        catch (Exception fault) when (fault is InvalidOperationException or IOException or UnauthorizedAccessException or TimeoutException or HttpRequestException or SignInFailedException or StorageUnavailableException)
        {
            await Console.Error.WriteLineAsync($"holdfast bench: {fault.Message}");
            return 1;
        }
        return results.TrueForAll(r => r.Met != false) ? 0 : 1;
    }

    private static void Progress(string line)
    {
        if (!Console.IsErrorRedirected)
        {
            Console.Error.WriteLine(line);
        }
    }
}
