using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests;

/// <summary>An immutable row that travelled by another way than the journal keeps the stamp that it was born with.</summary>
public class GivenStampTests
{
    private const string Stamp = "0000000000010000.aaaaaaaaaaaa";

    private static readonly Change Lift = Change.To(Schema.Denies, "lift_1", ("environment_id", "e"), ("subject", "d"), ("reason", "r"), ("created_at", 1));

    [Fact]
    public async Task It_is_kept_and_journaled_under_that_stamp()
    {
        await using var storage = await TestStorage.StartAsync();
        await storage.Host.Database.RecordAsync(_ => Decide.To(true, Lift.At(Stamp)));
        Assert.Equal(Stamp, storage.Host.Database.Read(v => v.Find<string>("SELECT made_stamp FROM denies")));
        Assert.Equal(1, storage.Host.Database.Read(v => v.Find<long>($"SELECT count(*) FROM journal WHERE version LIKE '%lift_1%{Stamp}%'")));
        // Another that says it again, with the same stamp or a younger one, changes nothing.
        await storage.Host.Database.RecordAsync(_ => Decide.To(true, Lift.At(Stamp), Lift));
        Assert.Equal(1, storage.Host.Database.Read(v => v.Find<long>("SELECT count(*) FROM journal WHERE version LIKE '%lift_1%'")));
    }

    [Fact]
    public async Task It_moves_no_clock()
    {
        await using var storage = await TestStorage.StartAsync();
        await storage.Host.Database.RecordAsync(_ => Decide.To(true, Lift.At("7fff000000010000.aaaaaaaaaaaa")));
        Assert.StartsWith("0", storage.Host.Node.Clock.Next(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_can_change_takes_its_stamp_where_it_is_kept() =>
        Assert.Throws<ArgumentException>(() => Change.To(Schema.Organizations, "org_1", ("name", "n")).At(Stamp));

    [Fact]
    public async Task A_decision_knows_the_place_of_its_first_change()
    {
        await using var storage = await TestStorage.StartAsync();
        for (var n = 0; n < 3; n++)
        {
            var place = await storage.Host.Database.RecordAsync(view => Decide.To(Node.NodeStore.NextPosition(view),
                Change.To(Schema.Denies, $"lift_{n}", ("environment_id", "e"), ("subject", "d"), ("reason", "r"), ("created_at", 1)),
                Change.To(Schema.Denies, $"lift_{n}_too", ("environment_id", "e"), ("subject", "d"), ("reason", "r"), ("created_at", 1))));
            Assert.Equal(place, storage.Host.Database.Read(v => v.Find<long>($"SELECT position FROM journal WHERE version LIKE '%\"lift_{n}\"%'")));
        }
    }
}
