namespace Holdfast.Storage.Tests;

/// <summary>Whether a node is still the one that it was (decision 0001, case 8).</summary>
public class IncarnationTests
{
    [Fact]
    public async Task The_same_file_after_a_restart_is_the_same_life()
    {
        await using var storage = await TestStorage.StartAsync();
        var life = storage.Host.Database.Incarnation;
        await storage.StopAsync();
        await storage.StartedAsync();
        Assert.Equal(life, storage.Host.Database.Incarnation);
        Assert.Equal([life], Lives(storage));
    }

    [Fact]
    public async Task A_copied_file_is_a_new_life()
    {
        await using var storage = await TestStorage.StartAsync();
        var life = storage.Host.Database.Incarnation;
        await storage.StopAsync();
        File.Copy(storage.NodeFile, storage.NodeFile + ".copy");
        File.Move(storage.NodeFile + ".copy", storage.NodeFile, overwrite: true);
        await storage.StartedAsync();
        Assert.NotEqual(life, storage.Host.Database.Incarnation);
        Assert.Equal(2, Lives(storage).Count);
    }

    [Fact]
    public async Task A_machine_that_was_booted_again_is_a_new_life()
    {
        var boot = "boot-1";
        await using var storage = new TestStorage { World = Surroundings.Real with { Disk = new Disk(Disk.Real.Look, () => boot) } };
        await storage.StartedAsync();
        var life = storage.Host.Database.Incarnation;
        await storage.StopAsync();
        boot = "boot-2";
        await storage.StartedAsync();
        Assert.NotEqual(life, storage.Host.Database.Incarnation);
    }

    [Fact]
    public async Task A_file_that_cannot_be_looked_at_is_never_taken_for_the_same()
    {
        await using var storage = new TestStorage { World = Surroundings.Real with { Disk = new Disk(path => path.EndsWith("node.db", StringComparison.Ordinal) ? null : Disk.Real.Look(path), () => "boot") } };
        await storage.StartedAsync();
        var life = storage.Host.Database.Incarnation;
        await storage.StopAsync();
        await storage.StartedAsync();
        Assert.NotEqual(life, storage.Host.Database.Incarnation);
    }

    [Fact]
    public async Task A_life_that_was_cut_off_before_it_was_noted_is_noted_later()
    {
        await using var storage = await TestStorage.StartAsync();
        var life = storage.Host.Database.Incarnation;
        await storage.Host.Node.Writer.EnqueueAsync(session => session.View.Query<string>("DELETE FROM nodes"));   // as if killed right after the file was opened
        await storage.StopAsync();
        await storage.StartedAsync();
        Assert.Equal([life], Lives(storage));
    }

    private static List<string> Lives(TestStorage storage) => storage.Host.Database.Read(view => view.Query<string>("SELECT id FROM nodes"));
}
