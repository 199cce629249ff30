using System.Runtime.Versioning;
using Holdfast.Storage.Primary.Sqlite;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Tests;

/// <summary>A primary's file that is away, unreadable, empty, damaged, foreign or too new is named, and nobody writes to it (decision 0001, case 7; 0003).</summary>
[SupportedOSPlatform("linux")]
public class DamagedPrimaryTests
{
    private static readonly Dictionary<string, (PrimaryFault Fault, Action<string> Do)> Damages = new()
    {
        ["renamed away"] = (PrimaryFault.Unreadable, file => File.Move(file, file + ".away")),
        ["a folder in its place"] = (PrimaryFault.Unreadable, file =>
        {
            File.Delete(file);
            Directory.CreateDirectory(file);
        }),
        ["mode 000"] = (PrimaryFault.Unreadable, file => File.SetUnixFileMode(file, UnixFileMode.None)),
        ["garbage"] = (PrimaryFault.Damaged, file => Replace(file, [.. Enumerable.Range(0, 1 << 20).Select(n => (byte)(n * 31 >> 3))])),
        ["garbage behind its header"] = (PrimaryFault.Damaged, file => Replace(file, [.. File.ReadAllBytes(file).Select((b, n) => n is > 4096 and < 40_000 ? (byte)n : b)])),
        ["cut to half"] = (PrimaryFault.Damaged, file => Cut(file, new FileInfo(file).Length / 2)),
        ["cut to a page"] = (PrimaryFault.Damaged, file => Cut(file, 4096)),
        ["cut to nothing"] = (PrimaryFault.Empty, file => Cut(file, 0)),
        ["an empty database"] = (PrimaryFault.Empty, file => Make(file, "VACUUM")),
        ["another cluster's"] = (PrimaryFault.Foreign, file => Change(file, "UPDATE cluster SET id = 'cluster_other'")),
        ["another program's"] = (PrimaryFault.Foreign, file => Make(file, "CREATE TABLE recipes (name TEXT)")),
        ["another program's that also has clusters"] = (PrimaryFault.Foreign, file => Make(file, "CREATE TABLE cluster (id TEXT, size INTEGER)")),
        ["a younger release's"] = (PrimaryFault.TooNew, file => Change(file, "INSERT INTO schema_migrations VALUES ('9999_future', 'x', 1)")),
    };

    public static TheoryData<string, bool> All => [.. Damages.Keys.SelectMany(name => (bool[])[true, false], (name, whileRunning) => (name, whileRunning))];

    public static TheoryData<string> ThoseOfOthers => [.. Damages.Keys.Where(n => n.StartsWith("another program", StringComparison.Ordinal) || n == "garbage")];

    [Theory, MemberData(nameof(All))]
    public async Task It_is_named_and_not_written_to_and_facts_go_on(string damage, bool whileRunning)
    {
        await using var storage = await TestStorage.StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 300).Select(n => storage.RecordEventAsync($"event_{n}")));
        await storage.LevelAsync();
        if (!whileRunning)
        {
            await storage.StopAsync();
        }
        var sound = storage.PrimaryFile + ".sound";
        File.Copy(storage.PrimaryFile, sound);
        Damages[damage].Do(storage.PrimaryFile);
        var before = Bytes(storage.PrimaryFile);
        if (!whileRunning)
        {
            await storage.StartedAsync();
        }
        await storage.RecordEventAsync("event_during");
        await storage.SaysAsync(Damages[damage].Fault);
        var refused = await Assert.ThrowsAsync<PrimaryUnavailableException>(() => storage.NameOrganizationAsync("org_1", "Acme"));
        Assert.Equal(Damages[damage].Fault, refused.Fault);
        Assert.Equal(Damages[damage].Fault, PrimaryDoctor.Examine(storage.NodeFile, storage.PrimaryFile, storage.World)?.Fault);
        Assert.Equal(before, Bytes(storage.PrimaryFile));

        if (Directory.Exists(storage.PrimaryFile))
        {
            Directory.Delete(storage.PrimaryFile);
        }
        File.Move(sound, storage.PrimaryFile, overwrite: true);
        await storage.LevelAsync();
        await storage.SaysAsync(null);
        Assert.Equal(301, storage.QueryPrimary<long>("SELECT count(*) FROM events"));
        Assert.Equal(storage.PrimaryDigest(), storage.Host.Node.Digest());
    }

    [Theory, MemberData(nameof(ThoseOfOthers))]
    public async Task A_new_node_does_not_begin_its_cluster_in_it(string damage)
    {
        await using var storage = new TestStorage();
        Make(storage.PrimaryFile, "CREATE TABLE placeholder (name TEXT)");
        Damages[damage].Do(storage.PrimaryFile);
        var before = Bytes(storage.PrimaryFile);
        var refused = await Assert.ThrowsAsync<PrimaryUnavailableException>(storage.StartedAsync);
        Assert.Equal(Damages[damage].Fault, refused.Fault);
        Assert.Equal(before, Bytes(storage.PrimaryFile));
    }

    private static void Replace(string file, byte[] bytes)
    {
        File.WriteAllBytes(file + ".new", bytes);
        File.Move(file + ".new", file, overwrite: true);
    }

    private static void Cut(string file, long size)
    {
        using var handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.SetLength(handle, size);
    }

    private static void Make(string file, string sql)
    {
        File.Delete(file);
        using var connection = SqliteFile.Open(file, SqliteOpenMode.ReadWriteCreate, TimeSpan.FromSeconds(5), null);
        connection.Execute(sql);
    }

    private static void Change(string file, string sql)
    {
        using var connection = SqliteFile.Open(file, SqliteOpenMode.ReadWrite, TimeSpan.FromSeconds(5), null);
        connection.Execute(sql);
    }

    private static string Bytes(string file) =>
        !File.Exists(file) ? "none" : File.GetUnixFileMode(file) == UnixFileMode.None ? "unreadable" : Convert.ToBase64String(File.ReadAllBytes(file));
}
