using Holdfast.Simulation.Machines;
using Holdfast.Simulation.Operations.People;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.Simulation.Invariants;

/// <summary>A rule of people: broken by what the ledger noted while things happened, and by what is there in the end.</summary>
internal class PeopleInvariant(string name) : Invariant
{
    private int _seen;

    public override string Name => name;

    public override void Look(Cluster cluster)
    {
        var faults = cluster.Ledger.People.Faults;
        for (; _seen < faults.Count; _seen++)
        {
            if (faults[_seen].Invariant == name)
            {
                Break(faults[_seen].What);
            }
        }
    }

    public override void LookAtEnd(Cluster cluster) => Look(cluster);
}

/// <summary>All of them.</summary>
internal static class People
{
    public static IEnumerable<Invariant> All() =>
    [
        new OnePersonIsOneUser(), new PeopleInvariant("no-person-is-taken-over"), new PeopleInvariant("no-two-people-are-merged"), new EndedIsEndedEverywhere(),
        new SpentOnce(), new SuspensionStands(), new StolenNodeIsNotBelieved(),
    ];
}

/// <summary>One proven address is one user: everywhere, and the one that people were told.</summary>
internal sealed class OnePersonIsOneUser() : PeopleInvariant("no-person-is-split")
{
    public override void LookAtEnd(Cluster cluster)
    {
        base.LookAtEnd(cluster);
        var people = cluster.Ledger.People;
        foreach (var address in people.Persons.Append(people.Attacker).SelectMany(p => new[] { p.Main, p.Other }))
        {
            var holders = cluster.Nodes.Select(n => n.Products!.Database.Read(view => UserStore.FindByAddress(view, Ground.Environment, address)?.Id)).ToList();
            if (holders.Distinct(StringComparer.Ordinal).Count() > 1)
            {
                Break($"{address} is {string.Join(", ", holders.Select(h => h ?? "nobody"))}");
            }
            if (holders[0] is { } holder && people.OwnerOf(holder) is { } owner && owner != people.OwnerOfMailbox(address))
            {
                Break($"{address} is {holder}, who is {owner}");
            }
        }
        var terms = cluster.Nodes.Select(n => (n.Name, Of: n.Products!.Database.Read(view => view.Query<ClaimTerm>("SELECT id AS Id, term AS Term FROM claims"))
            .ToDictionary(c => c.Id, c => c.Term, StringComparer.Ordinal))).ToList();
        foreach (var kept in people.Claims.Where(c => !c.IsLost))
        {
            foreach (var (name, of) in terms.Where(t => t.Of.GetValueOrDefault(kept.Id) < kept.Term))
            {
                Break($"{kept.What} at {kept.Node} gave {kept.Value} another holder in term {kept.Term}, and in the end its claim at {name} is of term {of.GetValueOrDefault(kept.Id)}");
            }
        }
        foreach (var ((address, term), (userId, node)) in people.Users)
        {
            var claim = cluster.Nodes[0].Products!.Database.Read(view => Claims.Claim.Find(view, Ground.Environment, Claims.Claim.UserEmail, Addresses.Normal(address)));
            if ((claim?.Term ?? 0) < term && cluster.Ledger.Losses.Count == 0)
            {
                Break($"{address} became {userId}'s in term {term} at {node}, and in the end its claim is of term {claim?.Term ?? 0}");
            }
            if (claim is { Holder: { } holder } && claim.Term == term && holder != userId)
            {
                Break($"{address} was {userId} in term {term} at {node}, and in the end it is {holder}");
            }
        }
    }
}

/// <summary>What was ended is admitted by no node that knows of it, and in the end by none.</summary>
internal sealed class EndedIsEndedEverywhere() : PeopleInvariant("revoked-is-admitted-nowhere")
{
    public override void LookAtEnd(Cluster cluster)
    {
        base.LookAtEnd(cluster);
        var (ledger, people) = (cluster.Ledger, cluster.Ledger.People);
        var lostDenies = people.Lost(Schema.Denies);
        var lostCredentials = people.Lost(Schema.Credentials);
        var denied = people.Denies.Where(d => !lostDenies.Contains(d.Id) && !ledger.LiftsAsked.Contains(d.Id)).ToLookup(d => d.Subject, StringComparer.Ordinal);
        foreach (var token in people.Sessions.Select(s => s.Token))
        {
            var why = denied[token.SessionId].Concat(denied[token.UserId]).FirstOrDefault() is { } deny ? $"by {deny.Id} ({deny.Reason})"
                : token.CredentialId is { } credential && people.Replaced.GetValueOrDefault(credential)?.Find(r => r.IsReset && !lostCredentials.Contains(r.By)) is { By: { } reset }
                    ? $"by the reset {reset}"
                    : null;
            if (why is not null)
            {
                foreach (var node in cluster.Nodes.Where(n => Goes(n, token)))
                {
                    Break($"{token.SessionId} of {token.UserId} was ended {why}, and {node.Name} goes on with it");
                }
            }
        }
    }

    /// <summary>Whether a node would refresh it.</summary>
    public static bool Goes(Node node, RefreshToken token) => node.Products!.Database.Read(view =>
        RefreshSession.Decide(view, Desk.ActOf(node.Products, "the end"), token, Desk.SuccessorKey, birthIsApplied: true).Answer.Answer is not null);
}

/// <summary>A generation is one token; and a session of which one was spent twice, further apart than the grace, has ended.</summary>
internal sealed class SpentOnce() : PeopleInvariant("refresh-is-spent-once")
{
    private const long GraceMilliseconds = 10_000;

    public override void LookAtEnd(Cluster cluster)
    {
        base.LookAtEnd(cluster);
        var people = cluster.Ledger.People;
        var lost = people.Lost(Schema.SessionSpends);
        var twice = people.Spends.Where(s => !lost.Contains(s.Row)).GroupBy(s => (s.Session, s.Generation))
            .Where(g => g.Max(s => s.Time) - g.Min(s => s.Time) > GraceMilliseconds).Select(g => g.Key.Session).ToHashSet(StringComparer.Ordinal);
        foreach (var token in people.Sessions.Select(s => s.Token).Where(t => twice.Contains(t.SessionId)))
        {
            foreach (var node in cluster.Nodes.Where(n => EndedIsEndedEverywhere.Goes(n, token)))
            {
                Break($"a generation of {token.SessionId} was spent twice, further apart than the grace, and {node.Name} goes on with it");
            }
        }
    }
}

/// <summary>A suspension stands until a lift names it (law 4).</summary>
internal sealed class SuspensionStands() : PeopleInvariant("suspension-is-lifted-only-by-its-lift")
{
    public override void LookAtEnd(Cluster cluster)
    {
        base.LookAtEnd(cluster);
        var lost = cluster.Ledger.People.Lost(Schema.Denies);
        foreach (var deny in cluster.Ledger.People.Denies.Where(d => d.Reason == "suspended" && !lost.Contains(d.Id) && !cluster.Ledger.LiftsAsked.Contains(d.Id)))
        {
            foreach (var node in cluster.Nodes.Where(n => n.Products!.Database.Read(view =>
                ProveAddress.Refused(view, deny.Subject) is null || view.Find<long>("SELECT count(*) FROM lifts WHERE deny_id = @Id", new { deny.Id }) > 0)))
            {
                Break($"{deny.Subject} was suspended by {deny.Id}, which nobody lifted, and {node.Name} lets them in");
            }
        }
    }
}

/// <summary>A stolen node can make facts; what is the primary's alone, no peer believes.</summary>
internal sealed class StolenNodeIsNotBelieved() : PeopleInvariant("stolen-node-is-not-believed")
{
    public override void LookAtEnd(Cluster cluster)
    {
        base.LookAtEnd(cluster);
        foreach (var (table, id) in cluster.Ledger.People.Forged)
        {
            foreach (var node in cluster.Nodes.Where(n => n.Products!.Database.Read(view => view.Find<long>($"SELECT count(*) FROM {table.Name} WHERE id = @id", new { id })) > 0))
            {
                Break($"{node.Name} believes a stolen node about the row {id} of {table}");
            }
        }
    }
}
