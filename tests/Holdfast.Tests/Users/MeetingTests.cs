using Holdfast.Users;

namespace Holdfast.Tests.Users;

/// <summary>Whatever three nodes do apart, and in whatever order their facts meet (decision 0009, case 10): they agree, nobody was taken over, nobody is two.</summary>
public sealed class MeetingTests
{
    private static readonly string[] Addresses = ["ada@example.com", "bob@example.com"];

    [Theory, MemberData(nameof(Seeds))]
    public void Nodes_that_meet_agree_and_nobody_was_taken_over_or_split(int seed)
    {
        using var cluster = new Cluster(3, (ulong)seed);
        cluster.Nodes[0].VerifyDomain("example.com");
        cluster.Meet();
        var tokens = new List<RefreshToken>();
        for (var step = 0; step < 40; step++)
        {
            cluster.Wait(TimeSpan.FromMilliseconds(cluster.Dice.Below(8000)));
            Act(cluster, cluster.Dice.Pick(cluster.Nodes), cluster.Dice.Pick(Addresses), tokens);
        }
        cluster.Meet();

        Agree(cluster, tokens);
        Assert.All(cluster.Nodes, NobodyWasTakenOver);
        Assert.All(cluster.Nodes, NobodyIsTwo);
        cluster.Meet();   // nothing that was read or refused above has changed anything
    }

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 40)];

    private static void Act(Cluster cluster, Node node, string address, List<RefreshToken> tokens)
    {
        var dice = cluster.Dice;
        var holder = node.HolderOf(address);
        switch (dice.Below(13))
        {
            case 0: node.SignUp(address, "evil"); break;   // a stranger, who never sees the mail
            case 1: node.Prove(node.SignUp(address, "evil"), "guess").Is(Refusal.ItemUnknown); break;
            case 2: node.Join(address, $"p{dice.Below(3)}"); break;
            case 3: node.Magic(address); break;
            case 4: node.Sso($"subject of {address}", address); break;
            case 5: node.Sso("subject of a stranger", address, "org_evil", "conn_evil"); break;
            case 6 when holder is not null: node.Change(address, $"p{dice.Below(3)}", $"p{dice.Below(3)}"); break;
            case 7 when holder is not null: node.Reset(address, $"p{dice.Below(3)}"); break;
            case 8 when holder is not null && node.User(holder) is not null && dice.OneIn(2): node.Do((view, act) => DenyUser.Delete(view, act, holder)); break;
            case 9 when holder is not null && node.Password(address, $"p{dice.Below(3)}").Answer is { } who:
                if (node.TryStart((_, _) => Rule.Grant(who)).Answer is { } begun)
                {
                    tokens.Add(begun);
                }
                break;
            case 10 when tokens.Count > 0:
                if (node.Refresh(dice.Pick(tokens)).Answer is { } next)
                {
                    tokens.Add(next);
                }
                break;
            case 11 when tokens.Count > 0 && dice.OneIn(3): node.Do((view, act) => Session.End(view, act, dice.Pick(tokens).SessionId, "revoked")); break;
            default: cluster.Tell(dice.Pick(cluster.Nodes), node, dice.Below(20)); break;
        }
    }

    private static void Agree(Cluster cluster, List<RefreshToken> tokens)
    {
        foreach (var address in Addresses)
        {
            Assert.Single(cluster.Nodes.Select(n => (n.HolderOf(address), n.HolderOf(address) is { } id ? n.User(id) : null)).Distinct());
            Assert.Single(cluster.Nodes.Select(n => n.Read(view => n.HolderOf(address) is { } id
                ? Credential.Effective(Credential.Of(view, Cluster.Environment, id))?.Id : null)).Distinct());
        }
        foreach (var token in tokens)
        {
            Assert.Single(cluster.Nodes.Select(n => n.Ended(token)).Distinct());
        }
        // What ended on one node is refused on all.
        var ended = tokens.Where(t => cluster.Nodes[0].Ended(t) is not null).ToList();
        Assert.All(ended, t => Assert.All(cluster.Nodes, n => Assert.NotNull(n.Refresh(t).Refused)));
    }

    private static void NobodyWasTakenOver(Node node)
    {
        Assert.Equal(0, node.Read(view => view.Find<long>("SELECT count(*) FROM credentials WHERE secret = 'hash of evil'")));
        Assert.All(Addresses, address => node.Password(address, "evil").Is(Refusal.WrongCredential));
        var stranger = node.Sso("subject of a stranger", Addresses[0], "org_evil", "conn_evil").Granted().UserId;
        Assert.All(Addresses, address => Assert.NotEqual(stranger, node.HolderOf(address)));
    }

    /// <summary>The users that a mailbox or the verified domain made: one that is not deleted for each address, and that one holds it.</summary>
    private static void NobodyIsTwo(Node node)
    {
        foreach (var address in Addresses)
        {
            var all = node.Read(view => view.Query<string>(
                "SELECT id FROM users u WHERE email = @address AND EXISTS (SELECT 1 FROM claims c WHERE c.value = @address) AND NOT EXISTS "
                + "(SELECT 1 FROM denies d WHERE d.subject = u.id) AND id NOT IN "
                + "(SELECT holder FROM claims WHERE kind = 'user.sso_profile' AND verified = 0)", new { address }));
            Assert.Equal(node.HolderOf(address) is { } holder ? [holder] : [], all);
            if (all is [var only])
            {
                Assert.Equal(only, node.Sso($"subject of {address}", address).Granted().UserId);
                Assert.Equal(only, node.Magic(address).Granted().UserId);
            }
        }
    }
}
