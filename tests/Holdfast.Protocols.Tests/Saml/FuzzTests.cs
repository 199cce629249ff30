using System.Diagnostics;
using System.Globalization;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>Broken messages for as long as it is given: <c>./test fuzz</c>. Not part of the other runs, which have <see cref="MutationTests"/>.</summary>
/// <remarks>The seed gives the same changes in the same order. Keys are made anew in each run, so a fault is told with its message and certificate, which
/// becomes a test of its own.</remarks>
public class FuzzTests(ITestOutputHelper output)
{
    [Fact(Explicit = true)]
    public void No_broken_message_throws_or_lets_another_in()
    {
        var seconds = Setting("HOLDFAST_FUZZ_SECONDS", 120);
        var seed = Setting("HOLDFAST_FUZZ_SEED", 1);
        var clock = Stopwatch.StartNew();
        var count = 0L;
        for (; clock.Elapsed.TotalSeconds < seconds; count++)
        {
            var target = FuzzCorpus.Targets[(int)(count % FuzzCorpus.Targets.Count)];
            var (message, fault) = target.Fault(new Dice((ulong)(seed + count)));
            Assert.True(
                fault is null,
                $"seed {seed}, message {count}, {target.Name}: {fault}\ncertificate {Convert.ToBase64String(TestKeys.Idp.RawData)}\n{message}");
        }
        output.WriteLine($"fuzz: seed {seed}, {count} messages of {FuzzCorpus.Targets.Count} kinds in {seconds} s");
    }

    private static long Setting(string name, long standard) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? long.Parse(text, CultureInfo.InvariantCulture) : standard;
}
