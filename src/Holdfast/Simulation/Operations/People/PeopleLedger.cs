using System.Text.Json;
using Holdfast.Simulation.Machines;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Simulation.Operations.People;

/// <summary>Who signs in, and how.</summary>
/// <param name="Address">That was shown or proven; null where the identity provider's word is of no domain that is verified.</param>
/// <param name="Password">That was typed in; null where none was.</param>
/// <param name="IsProven">Whether the mailbox was proven before: a half-done sign-in goes on.</param>
internal sealed record SignInTry(Person Who, string Method, string? Address, string? Password = null, bool IsProven = false);

/// <summary>A deny that a node has kept.</summary>
/// <param name="DisksLost">How many disks that node had lost by then.</param>
internal sealed record KeptDeny(string Id, string Subject, string Reason, Node Node, int DisksLost);

/// <summary>A generation of a session that a node has spent, by its clock.</summary>
internal sealed record KeptSpend(string Row, string Session, long Generation, long Time);

/// <summary>A credential that a node has kept, as it was decided.</summary>
internal sealed record KeptCredential(string Id, string UserId, IReadOnlyList<string> Replaces, string Proof);

/// <summary>A claim that was kept: its term, or a higher one, must be there.</summary>
internal sealed record KeptClaim(string What, string Id, string Value, long Term, string Node)
{
    /// <summary>Only a disk that is gone had it.</summary>
    public bool IsLost { get; set; }
}

/// <summary>What people were told and what nodes have kept of it, by which the rules of people are judged.</summary>
internal sealed class PeopleLedger(Ledger ledger)
{
    private const int People = 12;

    private readonly Dictionary<string, Person> _ownerOf = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Address, long Term), (string UserId, string Node)> _users = [];
    private readonly Dictionary<(string Session, long Generation, string? ActsIn), string> _tokens = [];
    private readonly Dictionary<(string Request, string Incarnation), string> _begun = [];

    public IReadOnlyList<Person> Persons { get; } =
        [.. Enumerable.Range(1, People).Select(i => new Person($"person{i}", $"Person{i}@{(i % 2 == 0 ? Ground.VerifiedDomain : "open.example")}", $"other{i}@open.example"))];

    /// <summary>Has a mailbox, knows all addresses and no secret of anybody.</summary>
    public Person Attacker { get; } = new("attacker", "mallory@evil.example", "mallory2@evil.example");

    /// <summary>What was read, or can be.</summary>
    public List<Mail> Mails { get; } = [];

    /// <summary>What was wanted, and waits to be sent: by the item that it speaks of.</summary>
    public Dictionary<string, Mail> Outbox { get; } = new(StringComparer.Ordinal);

    /// <summary>Mails of which a node has noted that they were sent.</summary>
    public List<(string Id, Node Node, int DisksLost)> Sent { get; } = [];

    public List<Browser> Browsers { get; } = [];

    public List<HeldSession> Sessions { get; } = [];

    /// <summary>Half-done sign-ins that somebody holds.</summary>
    public List<HeldPending> Pendings { get; } = [];

    /// <summary>Apps that nodes have kept.</summary>
    public List<App> Apps { get; } = [];

    /// <summary>Sets of recovery codes that were made.</summary>
    public List<Paper> Papers { get; } = [];

    /// <summary>Passkeys that were registered.</summary>
    public List<Device> Devices { get; } = [];

    /// <summary>Codes of apps and of paper that were taken: by person.</summary>
    public List<(HeldPending Pending, string FactorId, string Code)> Shown { get; } = [];

    /// <summary>Invitations that were sent.</summary>
    public List<Invited> Invited { get; } = [];

    public List<KeptDeny> Denies { get; } = [];

    public List<KeptSpend> Spends { get; } = [];

    /// <summary>Addresses that were taken or given up.</summary>
    public List<KeptClaim> Claims { get; } = [];

    /// <summary>By credential, those that replaced it; and whether as a reset.</summary>
    public Dictionary<string, List<(string By, bool IsReset)>> Replaced { get; } = new(StringComparer.Ordinal);

    public List<KeptCredential> Credentials { get; } = [];

    /// <summary>Rows that a stolen node told others, and nobody may believe.</summary>
    public List<(Table Table, string Id)> Forged { get; } = [];

    /// <summary>What a stolen node adds to what it tells; null while none is stolen.</summary>
    public Lies? Lies { get; set; }

    /// <summary>What was seen to be wrong: by invariant.</summary>
    public List<(string Invariant, string What)> Faults { get; } = [];

    /// <summary>By main address and term, the user that somebody was told to be.</summary>
    public IReadOnlyDictionary<(string Address, long Term), (string UserId, string Node)> Users => _users;

    public Person? OwnerOf(string userId) => _ownerOf.GetValueOrDefault(userId);

    public Person? OwnerOfMailbox(string address) => Persons.Append(Attacker).FirstOrDefault(p =>
        string.Equals(p.Main, address, StringComparison.OrdinalIgnoreCase) || string.Equals(p.Other, address, StringComparison.OrdinalIgnoreCase));

    /// <summary>A node has kept these: from now on they must be there.</summary>
    public void Keep(Actor actor, string what, Node node, Label? label, IReadOnlyList<Change> changes)
    {
        foreach (var change in changes)
        {
            ledger.Keep($"{actor.Mark} {what}", node.Name, label, (change.Table, change.Id));
            if (change.Table == Schema.Denies)
            {
                Denies.Add(new KeptDeny(change.Id, Text(change, "subject"), Text(change, "reason"), node, node.DisksLost));
            }
            else if (change.Table == Schema.SessionSpends)
            {
                Spends.Add(new KeptSpend(change.Id, Text(change, "session_id"), (long)change.Values["generation"]!, (long)change.Values["created_at"]!));
            }
            else if (change.Table == Schema.Claims)
            {
                Claims.Add(new KeptClaim($"{actor.Mark} {what}", change.Id, Text(change, "value"), (long)change.Values["term"]!, node.Name));
            }
            else if (change.Table == Schema.Credentials)
            {
                KeepCredential(change);
            }
        }
    }

    /// <summary>A disk is gone: claims of which nobody who runs has the term, or a higher one, are lost with it.</summary>
    /// <param name="terms">Those of claims, by their ids, of everybody who runs.</param>
    public void NoteLoss(ILookup<string, long> terms)
    {
        foreach (var claim in Claims.Where(c => terms[c.Id].DefaultIfEmpty(0).Max() < c.Term))
        {
            claim.IsLost = true;
        }
    }

    private void KeepCredential(Change change)
    {
        Credentials.Add(new KeptCredential(
            change.Id, Text(change, "user_id"), JsonSerializer.Deserialize<List<string>>(Text(change, "replaces"))!, $"{Text(change, "proof")} {Text(change, "proven_by")}"));
        foreach (var old in JsonSerializer.Deserialize<List<string>>(Text(change, "replaces"))!)
        {
            if (!Replaced.TryGetValue(old, out var by))
            {
                Replaced[old] = by = [];
            }
            by.Add((change.Id, Text(change, "proof") != "credential"));
        }
    }

    private static string Text(Change change, string column) => (string)change.Values[column]!;

    /// <summary>Somebody was signed in.</summary>
    /// <param name="term">Of the claim under which the address is the user's; null where the sign-in went by no address.</param>
    public void NoteSignIn(SignInTry attempt, Node node, string userId, long? term)
    {
        var said = $"{attempt.Who} by {attempt.Method} as {attempt.Address ?? "a profile"} at {node.Name} became {userId}";
        if (!_ownerOf.TryGetValue(userId, out var owner))
        {
            _ownerOf[userId] = owner = attempt.Who;
            attempt.Who.Users.Add(userId);
        }
        if (owner != attempt.Who)
        {
            Faults.Add((owner == Attacker || attempt.Who == Attacker ? "no-person-is-taken-over" : "no-two-people-are-merged", $"{said}, who is {owner}"));
        }
        if (attempt.Password is { } password && !owner.Passwords.Contains(password))
        {
            Faults.Add(("no-person-is-taken-over", $"{said} with '{password}', which {owner} never set"));
        }
        // A main address is nobody's but by proof, so that its term names the user; another one is also given, and then the join chooses.
        if (term is { } number && attempt.Address == attempt.Who.Main)
        {
            if (!_users.TryGetValue((attempt.Address, number), out var before))
            {
                _users[(attempt.Address, number)] = (userId, node.Name);
            }
            else if (before.UserId != userId)
            {
                Faults.Add(("no-person-is-split", $"{said} in term {number}, and was {before.UserId} at {before.Node}"));
            }
        }
    }

    /// <summary>A request that is repeated at one node has one session.</summary>
    public void NoteRequest(string request, Products products, RefreshToken token)
    {
        if (!_begun.TryAdd((request, products.Database.Incarnation), token.SessionId) && _begun[(request, products.Database.Incarnation)] is var before && before != token.SessionId)
        {
            Faults.Add(("repeated-sign-in-is-one", $"'{request}' came twice to {products.Node.Name}, and began {before} and {token.SessionId}"));
        }
    }

    /// <summary>A node made this token: of one session and generation there is one text for each organization that was asked for. Within the grace one window may go on where another one switches.</summary>
    public void NoteToken(Node node, RefreshToken token)
    {
        var text = JsonSerializer.Serialize(token);
        if (!_tokens.TryGetValue((token.SessionId, token.Generation, token.ActsIn), out var before))
        {
            _tokens[(token.SessionId, token.Generation, token.ActsIn)] = text;
        }
        else if (before != text)
        {
            Faults.Add(("refresh-is-spent-once", $"{node.Name} made another token of generation {token.Generation} of {token.SessionId}: {text} and {before}"));
        }
    }

    /// <summary>What only a disk that is gone had.</summary>
    public HashSet<string> Lost(Table table) => ledger.Kept.Where(k => k.Table == table && k.Lost is not null).Select(k => k.Id).ToHashSet(StringComparer.Ordinal);
}
