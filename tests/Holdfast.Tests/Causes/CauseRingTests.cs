using Holdfast.Causes;

namespace Holdfast.Tests.Causes;

public sealed class CauseRingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-ring-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static CauseRing.Entry Entry(int number) =>
        new(DateTimeOffset.UnixEpoch.AddSeconds(number), "named", $"incident_{number}", "dns", "hangs", DateTimeOffset.UnixEpoch, "platform", "It hangs.", null, ["dns"]);

    [Fact]
    public void It_survives_a_restart_and_a_line_that_was_cut_off()
    {
        var ring = new CauseRing(_folder);
        ring.Append(Entry(1));
        File.AppendAllText(Path.Combine(_folder, "causes.jsonl"), "{\"at\":\"2026-");
        new CauseRing(_folder).Append(Entry(2));

        Assert.Equal(["incident_1", "incident_2"], new CauseRing(_folder).Read().Select(e => e.Id));
    }

    [Fact]
    public void It_never_grows_beyond_its_two_files_and_keeps_the_youngest()
    {
        var ring = new CauseRing(_folder, mostBytes: 2000);
        for (var i = 0; i < 500; i++)
        {
            ring.Append(Entry(i));
        }

        Assert.All(Directory.GetFiles(_folder), f => Assert.InRange(new FileInfo(f).Length, 1, 2000));
        var kept = ring.Read().Select(e => e.Id).ToList();
        Assert.InRange(kept.Count, 5, 30);
        Assert.Equal("incident_499", kept[^1]);
    }
}
