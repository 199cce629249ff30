namespace Holdfast.Drills.Regions;

/// <summary>Something that breaks and is mended, while people come in.</summary>
/// <param name="Text">What happens, for the table.</param>
/// <param name="IsLong">It is held for <c>--minutes</c>, and not for <c>--hold</c>.</param>
/// <param name="Break">Given the region that leads.</param>
/// <param name="Mend">Given the same.</param>
internal sealed record RegionFault(string Name, string Text, bool IsLong, Func<ThreeRegions, int, Task> Break, Func<ThreeRegions, int, Task> Mend)
{
    /// <summary>Another PostgreSQL takes over by itself: writes are to be back within ten seconds, wherever it can be reached.</summary>
    public bool IsTakenOver { get; init; }

    /// <summary>The region of the leader can reach no other: its writes are back when it is mended.</summary>
    public bool CutsLeaderOff { get; init; }

    public static IReadOnlyList<RegionFault> All { get; } =
    [
        new("nothing", "nothing: the machine at rest, to compare with", false, (_, _) => Task.CompletedTask, (_, _) => Task.CompletedTask),
        new("leader-killed", "kill -9 of the leading PostgreSQL and its Patroni", false, Do((r, leader) => r.KillPostgres(leader)), (r, leader) => r.StartPartsAsync($"patroni-{leader}")) { IsTakenOver = true },
        new("leader-frozen", "SIGSTOP of the leading PostgreSQL and its Patroni", false, Do((r, leader) => r.FreezePostgres(leader)), Do((r, _) => r.Thaw())) { IsTakenOver = true },
        new("postgres-down", "all three PostgreSQL killed", true, Do((r, _) => EachRegion(r.KillPostgres)), (r, _) => r.StartPartsAsync("patroni-1", "patroni-2", "patroni-3")),
        new("issuer-dead", "the issuer of database credentials dead, and every connection cut, again and again", false, CutConnectionsAsync, Do((r, _) => File.Delete(r.IssuerIsDead))),
        new("password-dead", "the same, and the database refuses the last good password", false, ChangePasswordAsync, TellPasswordAsync),
        new("etcd-lost", "etcd without its quorum: two of three killed", false, Do((r, _) => KillEtcd(r)), (r, _) => r.StartPartsAsync("etcd-1", "etcd-2")),
        new("region-cut", "the leader's region cut off from both others", false, Do((r, leader) => r.CutOff(leader)), Do((r, _) => r.Heal())) { IsTakenOver = true, CutsLeaderOff = true },
        new("regions-cut", "all three regions cut off from each other, and healed at once", false, Do((r, _) => EachRegion(r.CutOff)), Do((r, _) => r.Heal())),
        new("disk-emptied", "a node killed, its disk emptied, and started again", false, EmptyDiskAsync, (_, _) => Task.CompletedTask),
        new("all-restarted", "all three PostgreSQL killed, and every node killed and started again, one after another", false, RestartAllAsync, (r, _) => r.StartPartsAsync("patroni-1", "patroni-2", "patroni-3")),
        new("apart", "the leader's region and the two others apart, both sides signing up, putting other names over the same people, revoking and writing", true, Do((r, leader) => r.CutOff(leader)), Do((r, _) => r.Heal()))
        {
            IsTakenOver = true, CutsLeaderOff = true,
        },
    ];

    private static Func<ThreeRegions, int, Task> Do(Action<ThreeRegions, int> work) => (regions, leader) =>
    {
        work(regions, leader);
        return Task.CompletedTask;
    };

    private static void EachRegion(Action<int> work) => Enumerable.Range(1, ThreeRegions.Count).ToList().ForEach(work);

    private static void KillEtcd(ThreeRegions regions)
    {
        regions.Kill("etcd-1");
        regions.Kill("etcd-2");
    }

    private static async Task CutConnectionsAsync(ThreeRegions regions, int leader)
    {
        await File.WriteAllTextAsync(regions.IssuerIsDead, "");
        for (var n = 0; n < 3; n++)
        {
            await CutAsync(regions, leader);
            await Task.Delay(1000);
        }
    }

    private static async Task ChangePasswordAsync(ThreeRegions regions, int leader)
    {
        await File.WriteAllTextAsync(regions.IssuerIsDead, "");
        await regions.SqlAsync(leader, "ALTER ROLE holdfast PASSWORD 'the next one'");
        await CutAsync(regions, leader);
    }

    private static async Task TellPasswordAsync(ThreeRegions regions, int leader)
    {
        await File.WriteAllTextAsync(Path.Combine(regions.Folder, "secrets", "database.json"), """{"username":"holdfast","password":"the next one"}""");
        File.Delete(regions.IssuerIsDead);
    }

    private static Task<string> CutAsync(ThreeRegions regions, int leader) =>
        regions.SqlAsync(leader, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'holdfast'");

    private static async Task EmptyDiskAsync(ThreeRegions regions, int leader)
    {
        var node = regions.Nodes.First(n => n.Region != leader);
        regions.KillNode(node);
        await Task.Delay(500);
        Directory.Delete(node.Data, recursive: true);
        Directory.CreateDirectory(node.Data);
        await regions.StartNodeAsync(node);
    }

    private static async Task RestartAllAsync(ThreeRegions regions, int leader)
    {
        EachRegion(regions.KillPostgres);
        foreach (var node in regions.Nodes)
        {
            regions.KillNode(node);
            await Task.Delay(300);
            await regions.StartNodeAsync(node);
        }
    }
}
