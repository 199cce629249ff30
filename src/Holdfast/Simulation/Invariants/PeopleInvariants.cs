using Holdfast.Http;
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
        new OnePersonIsOneUser(), new NobodyIsTakenOver(), new PeopleInvariant("no-two-people-are-merged"), new EndedIsEndedEverywhere(),
        new SpentOnce(), new SuspensionStands(), new StolenNodeIsNotBelieved(), new PeopleInvariant(Desk.StrangerChangesNothing), new PeopleInvariant(PostOperation.NotSentTwice),
        new PeopleInvariant(FinishSignInOperation.ReplacedOpensNothing), new PeopleInvariant(PasskeySignInOperation.CopyIsNoticed), new PeopleInvariant("repeated-sign-in-is-one"),
        new InvitationMakesOneMember(), new NobodyIsShutOut(), new PasswordIsByTheRule(),
    ];
}

/// <summary>No password that a stranger chose, in whatever form and before whatever proof, opens the account of who has the mailbox.</summary>
internal sealed class NobodyIsTakenOver() : PeopleInvariant("no-person-is-taken-over")
{
    public override void LookAtEnd(Cluster cluster)
    {
        base.LookAtEnd(cluster);
        var people = cluster.Ledger.People;
        var strange = people.Attacker.Passwords.Select(Desk.HashOf).ToHashSet(StringComparer.Ordinal);
        foreach (var person in people.Persons)
        {
            foreach (var node in cluster.Nodes)
            {
                var opened = node.Products!.Database.Read(view => Passwords.Candidates(view, Ground.Environment, person.Main).Find(c => strange.Contains(c.Secret)
                    && Passwords.SignIn(view, node.Products!.Acts.Of(Ground.Environment), person.Main, c.Id).Answer.Answer is { } who && UserStore.Find(view, Ground.Environment, who.UserId) is { IsVerified: true }));
                if (opened is not null)
                {
                    Break($"at {node.Name} a password that {people.Attacker} chose ({opened.Id}, by {opened.Proof}) opens the account of {person}");
                }
            }
        }
    }
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
            string[] also = [.. token.FactorId is { } factor ? (string[])[factor] : [], .. token.ActsIn is { } organization ? (string[])[Memberships.IdOf(Ground.IdKey, organization, token.UserId)] : []];
            var why = denied[token.SessionId].Concat(denied[token.UserId]).Concat(also.SelectMany(subject => denied[subject])).FirstOrDefault() is { } deny ? $"by {deny.Id} ({deny.Reason})"
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
        RefreshSession.Decide(view, node.Products.Acts.Of(Ground.Environment), token, node.Products.RefreshTokens.KeyOf(Ground.Environment), birthIsApplied: true).Answer.Answer is not null);
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

/// <summary>An accepted invitation has one acceptor, everywhere the same, and they are a member as long as nothing was said against it since.</summary>
internal sealed class InvitationMakesOneMember() : PeopleInvariant(AcceptInvitationOperation.AcceptedOnce)
{
    public override void LookAtEnd(Cluster cluster)
    {
        base.LookAtEnd(cluster);
        var lost = cluster.Ledger.People.Lost(Schema.Claims);
        foreach (var invited in cluster.Ledger.People.Invited.Where(i => i.Accepted.Count > 0 && !lost.Contains(Claims.Claim.Give(Ground.Environment, Ground.IdKey, Claims.Claim.Invitation, i.Id, "", 1, verified: true).Id)))
        {
            var holders = cluster.Nodes.Select(n => n.Products!.Database.Read(view => Claims.Claim.Find(view, Ground.Environment, Claims.Claim.Invitation, invited.Id)?.Holder)).Distinct(StringComparer.Ordinal).ToList();
            if (holders is not [{ } holder] || !invited.Accepted.Exists(a => a.UserId == holder))
            {
                Break($"{invited.Id} was accepted by {string.Join(", ", invited.Accepted.Select(a => a.UserId))}, and in the end {string.Join(", ", holders.Select(h => h ?? "nobody"))} did");
                continue;
            }
            var id = Memberships.IdOf(Ground.IdKey, invited.OrganizationId, holder);
            foreach (var node in cluster.Nodes.Where(n => n.Products!.Database.Read(view => view.Find<long>(
                "SELECT count(*) FROM memberships WHERE id = @id AND user_id = @holder", new { id, holder }) == 0)))
            {
                Break($"{holder} accepted {invited.Id}, and {node.Name} has no membership {id}");
            }
        }
    }
}

/// <summary>Who has a session that nothing stands against goes on with it, at every node: on whichever side of a split it began.</summary>
internal sealed class NobodyIsShutOut() : PeopleInvariant("nobody-is-shut-out")
{
    public override void LookAtEnd(Cluster cluster)
    {
        base.LookAtEnd(cluster);
        var people = cluster.Ledger.People;
        var lost = people.Lost(Schema.Sessions);
        foreach (var held in people.Sessions.Where(s => !lost.Contains(s.Token.SessionId)))
        {
            foreach (var node in cluster.Nodes.Where(n => n.Products!.Database.Read(view => Against(view, held.Token)) is null && !EndedIsEndedEverywhere.Goes(n, held.Token)))
            {
                Break($"nothing stands against {held.Token.SessionId} of {held.Whose} ({held.Token.UserId}), and {node.Name} does not go on with it");
            }
        }
    }

    /// <summary>What its rows say against it, read otherwise than the product does; null for nothing.</summary>
    private static string? Against(View view, RefreshToken token)
    {
        List<string> subjects = [token.SessionId, token.UserId, token.FactorId ?? token.SessionId];
        if (token.ActsIn is { } organization)
        {
            var membership = Memberships.IdOf(Ground.IdKey, organization, token.UserId);
            subjects.AddRange([organization, membership]);
            if (view.Find<long>("SELECT count(*) FROM memberships WHERE id = @membership AND present = 0", new { membership }) > 0)
            {
                return "left";
            }
        }
        // Of what a reset has replaced, nothing that it proved goes on: neither sessions, nor other credentials, nor factors.
        var proof = token.FactorId is null ? null : view.Find<string>("SELECT proven_by FROM factors WHERE id = @FactorId", new { token.FactorId });
        return view.Find<string>("SELECT d.id FROM denies d LEFT JOIN lifts l ON l.deny_id = d.id WHERE d.subject IN @subjects AND (l.id IS NULL OR d.reason = 'deleted') ORDER BY d.id", new { subjects })
            ?? view.Find<string>("SELECT id FROM session_spends WHERE session_id = @SessionId AND generation >= @Generation ORDER BY id", new { token.SessionId, token.Generation })
            ?? view.Find<string>(
                "SELECT session_id FROM session_spends WHERE session_id = @SessionId GROUP BY session_id, generation HAVING max(created_at) - min(created_at) > 10000", new { token.SessionId })
            ?? new[] { token.CredentialId, proof }.OfType<string>().Select(start => view.Find<string>(
                "WITH RECURSIVE chain(id) AS (SELECT @start UNION SELECT c.proven_by FROM chain JOIN credentials c ON c.id = chain.id WHERE c.proof = 'credential') "
                + "SELECT c.id FROM credentials c JOIN json_each(c.replaces) r JOIN chain ON chain.id = r.value WHERE c.proof <> 'credential' ORDER BY c.id", new { start })).FirstOrDefault(id => id is not null);
    }
}

/// <summary>Of passwords that were changed apart, the rule of architecture §2 says which opens: the one that nobody replaced; of several that the same one proved, the later; else none, and a
/// reset is asked for, of which an event tells.</summary>
internal sealed class PasswordIsByTheRule() : PeopleInvariant("password-is-by-the-rule")
{
    public override void LookAtEnd(Cluster cluster)
    {
        base.LookAtEnd(cluster);
        var people = cluster.Ledger.People;
        var lost = people.Lost(Schema.Credentials);
        foreach (var kept in people.Credentials.Where(c => !lost.Contains(c.Id)).GroupBy(c => c.UserId))
        {
            var rows = cluster.Nodes[0].Products!.Database.Read(view => view.Query<Row>(
                "SELECT id AS Id, made_stamp AS Stamp, secret AS Secret, replaces AS Replaces, proof AS Proof, proven_by AS ProvenBy FROM credentials WHERE user_id = @Key", new { kept.Key }));
            // What each was said to replace when it was answered; of those whose answer was lost, what their rows say.
            var proven = cluster.Nodes[0].Products!.Database.Read(view => UserStore.Find(view, Ground.Environment, kept.Key)) is { } user
                && user.Email is not null && user.VerifiedEmail == user.Email;
            var replaced = rows.SelectMany(r => kept.FirstOrDefault(k => k.Id == r.Id)?.Replaces ?? System.Text.Json.JsonSerializer.Deserialize<List<string>>(r.Replaces)!).ToHashSet(StringComparer.Ordinal);
            var standing = rows.Where(r => !replaced.Contains(r.Id) && !(proven && r.Proof == "unproven")).OrderBy(r => r.Stamp, StringComparer.Ordinal).ThenBy(r => r.Id, StringComparer.Ordinal).ToList();
            string ProofOf(Row row) => kept.FirstOrDefault(k => k.Id == row.Id)?.Proof ?? $"{row.Proof} {row.ProvenBy}";
            var good = standing.Count < 2 || (standing.TrueForAll(s => ProofOf(s) == ProofOf(standing[0])) && (ProofOf(standing[0]).StartsWith("credential ", StringComparison.Ordinal) || ProofOf(standing[0]).StartsWith("unproven " + Ids.Credential, StringComparison.Ordinal))) ? standing.LastOrDefault() : null;
            foreach (var node in cluster.Nodes)
            {
                node.Products!.Database.Read(view => { Look(cluster, node, view, kept.Key, rows, standing, good); return true; });
            }
        }
    }

    private void Look(Cluster cluster, Node node, View view, string userId, List<Row> rows, List<Row> standing, Row? good)
    {
        if (Addresses.HeldBy(view, Ground.Environment, userId) is not [var address, ..] || Denied.Is(view, userId) || Addresses.HolderOf(view, Ground.Environment, address) != userId)
        {
            return;
        }
        foreach (var row in rows.Where(r => r.Secret.Length > 0))
        {
            var (ruling, changes) = Passwords.SignIn(view, node.Products!.Acts.Of(Ground.Environment), address, row.Id);
            var expected = row == good ? (Refusal?)null : good is null && standing.Contains(row) ? Refusal.ResetNeeded : Refusal.WrongCredential;
            if (ruling.Refused != expected)
            {
                Break($"of {rows.Count} passwords of {userId}, of which {standing.Count} stand, {row.Id} is answered {ruling.Refused?.ToString() ?? "yes"} by {node.Name}, and should be {expected?.ToString() ?? "yes"}");
            }
            if (expected == Refusal.ResetNeeded && !changes.Any(c => c.Table == Schema.Events))
            {
                Break($"{userId} is asked for a reset by {node.Name}, and no event tells of it");
            }
        }
    }

    private sealed record Row(string Id, string Stamp, string Secret, string Replaces, string Proof, string ProvenBy);
}
