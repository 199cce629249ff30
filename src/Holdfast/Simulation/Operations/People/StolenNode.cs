using Holdfast.Http;
using Holdfast.Simulation.Machines;
using Holdfast.Storage;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;

namespace Holdfast.Simulation.Operations.People;

/// <summary>A node in a thief's hands tells its peers, once, of facts that are not its own to make: as the journal of a life that nobody has heard of.</summary>
internal sealed class StolenNodeOperation : PersonOperation
{
    public override string Name => "attack-by-a-node";

    public override Task RunAsync(Actor actor)
    {
        var people = actor.Ledger.People;
        if (people.Lies is null)
        {
            people.Lies = new Lies(actor.Preferred.Name, Segment(actor));
            people.Forged.AddRange([(Schema.Organizations, Forged(actor, Ids.Organization)), (Schema.Lifts, Forged(actor, Ids.Lift)), (Schema.ApiKeys, Forged(actor, Ids.ApiKey))]);
            actor.Ledger.Count(Name, "told");
        }
        return Task.CompletedTask;
    }

    private static string Forged(Actor actor, string prefix) => $"{prefix}forged_by_{actor.Mark}";

    private static JournalSegment Segment(Actor actor)
    {
        var time = actor.Cluster.ClockOf(actor.Cluster.World.Outside).GetUtcNow().ToUnixTimeMilliseconds();
        var life = actor.Dice.Next().ToString("x16", System.Globalization.CultureInfo.InvariantCulture)[..12];
        var stamp = $"{time << 16:x16}.{life}";
        Change[] changes =
        [
            Change.To(Schema.Organizations, Forged(actor, Ids.Organization), ("environment_id", Ground.Environment), ("created_at", time), ("name", "Forged")),
            Change.To(Schema.Lifts, Forged(actor, Ids.Lift), ("environment_id", Ground.Environment),
                ("deny_id", actor.Ledger.People.Denies.LastOrDefault()?.Id ?? ""), ("created_at", time)),
            Change.To(Schema.ApiKeys, Forged(actor, Ids.ApiKey), ("environment_id", Ground.Environment), ("name", "Forged"), ("hash", "forged"),
                ("obfuscated_value", "forged"), ("created_at", time)),
        ];
        // A deny it may write: that harms, and is what quarantine is for; it is to be believed like any other.
        var deny = Denied.Because("revoked", Forged(actor, Ids.Session), Ground.Environment, Forged(actor, Ids.Deny), DateTimeOffset.FromUnixTimeMilliseconds(time));
        var facts = changes.Append(deny).Select((c, i) => new JournalFact(i + 1, VersionOf(c, stamp).ToJson())).ToList();
        return new JournalSegment(life, 0, facts.Count, 0, LogPosition.Start, HasGap: false, 0, facts);
    }

    private static RowVersion VersionOf(Change change, string stamp) => new(change.Table, change.Id,
        [.. change.Table.Groups.Select(g => change.Values.ContainsKey(g.Columns[0]) ? new GroupVersion(stamp, [.. g.Columns.Select(c => change.Values[c])]) : null)]);
}

/// <summary>What a stolen node adds to what it tells.</summary>
internal sealed record Lies(string Node, JournalSegment Segment)
{
    public JournalAnswer AddedTo(JournalAnswer answer, string teller) => teller == Node && answer.Segments.All(s => s.Origin != Segment.Origin)
        ? answer with { Segments = [.. answer.Segments, Segment] }
        : answer;
}
