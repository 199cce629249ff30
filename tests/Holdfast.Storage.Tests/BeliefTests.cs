using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;
using Holdfast.Storage.Tests.Peers;

namespace Holdfast.Storage.Tests;

/// <summary>What a node is believed about: by table, column group and kind of claim (decision 0029). Everything else is the primary's, whoever says it.</summary>
public sealed class BeliefTests
{
    internal const string Thief = "feedfacecafe";

    /// <summary>What no node may write, and the name by which it is told.</summary>
    internal static readonly IReadOnlyList<(string Told, Change Change)> Primarys =
    [
        ("organizations", Change.To(Schema.Organizations, "org_1", ("name", "Theirs"))),
        ("connections", Change.To(Schema.Connections, "conn_1", ("state", "active"))),
        ("api_keys", Change.To(Schema.ApiKeys, "api_key_1", ("environment_id", "e"), ("name", "n"), ("hash", "h"), ("obfuscated_value", "o"), ("created_at", 1L))),
        ("signing_keys", Change.To(Schema.SigningKeys, "key_1", ("activated_at", 1L))),
        ("lifts", Change.To(Schema.Lifts, "lift_1", ("environment_id", "e"), ("deny_id", "deny_1"), ("created_at", 1L))),
        ("node_list", Change.To(Schema.NodeList, "list_thief", ("number", 9L), ("names_before", "[]"), ("names", "[]"))),
        ("users.external", Change.To(Schema.Users, "user_1", ("external_id", "theirs"))),
        ("users.meta", Change.To(Schema.Users, "user_1", ("metadata", "{}"))),
        ("invitations.made", Invitation),
        ("invitations.mail", Change.To(Schema.Invitations, "invitation_1", ("mail_wanted_at", 1L), ("locale", null))),
        ("claims.claim of the kind 'organization.domain'", Claim("organization.domain", "org_thief")),
        ("claims.claim of the kind 'organization.external_id'", Claim("organization.external_id", "org_thief")),
        ("claims.claim of the kind 'user.external_id'", Claim("user.external_id", null)),
        ("claims.claim of the kind 'flag.slug'", Claim("flag.slug", "flag_1")),
        ("claims.claim of the kind 'unheard.of'", Claim("unheard.of", "org_thief")),
        ("claims.claim of the kind ''", Change.To(Schema.Claims, "claim_0", ("holder", "org_thief"), ("term", 9L), ("verified", true))),
    ];

    /// <summary>The same tables, where nodes do write.</summary>
    internal static readonly IReadOnlyList<Change> Facts =
    [
        Change.To(Schema.Users, "user_1", ("environment_id", "e"), ("created_at", 1L), ("email", "a@b.test"), ("locale", "en")),
        Change.To(Schema.Invitations, "invitation_1", ("accepted_at", 1L), ("updated_at", 1L)),
        Claim("user.email", "user_1"), Claim("user.sso_profile", "user_1"), Claim("invitation", "user_1"), Claim("organization.domain", null),
        Change.To(Schema.Denies, "deny_1", ("environment_id", "e"), ("subject", "user_9"), ("reason", "deleted"), ("created_at", 1L)),
    ];

    private static Change Invitation => Change.To(Schema.Invitations, "invitation_1",
        ("environment_id", "e"), ("email", "a@b.test"), ("organization_id", "org_1"), ("role_slug", "admin"), ("inviter_user_id", null), ("token_hash", "h"), ("token_sealed", "s"), ("created_at", 1L), ("expires_at", long.MaxValue));

    private static Change Claim(string kind, string? holder) => Change.To(Schema.Claims, "claim_" + kind + holder,
        ("holder", holder), ("term", 9L), ("verified", true), ("environment_id", "e"), ("kind", kind), ("value", "v"));

    /// <summary>A whole journal that says all of it, what is refused first.</summary>
    internal static JournalAnswer Journal(HybridClock clock)
    {
        var facts = Primarys.Select(p => p.Change).Concat(Facts).Select((change, i) => new JournalFact(i + 1, change.Stamped(clock.Next()).ToJson())).ToList();
        return new JournalAnswer(new NodeIdentity("thief", "r", "z", Thief), 0, 0, [new JournalSegment(Thief, 0, facts.Count, 0, LogPosition.Start, false, 0, facts)], null);
    }

    /// <summary>What of it came through, in a text that a database of either kind gives.</summary>
    internal static string Taken(View view) => string.Join(' ', Primarys.Select(p => p.Change).Concat(Facts).Select(c => c.Table).Distinct().SelectMany(table =>
        view.Query<string>($"SELECT id FROM {table.Name} WHERE id <> 'nodes' ORDER BY id").Select(id => $"{table.Name}:{id}")));

    internal const string Expected =
        "users:user_1 invitations:invitation_1 claims:claim_invitationuser_1 claims:claim_organization.domain claims:claim_user.emailuser_1 claims:claim_user.sso_profileuser_1 denies:deny_1";

    [Fact]
    public void Every_refusal_is_named()
    {
        Assert.All(Primarys, p => Assert.Equal(p.Told, Belief.Refused(p.Change)));
        Assert.All(Primarys, p => Assert.Equal(p.Told, Belief.Refused(p.Change.Stamped(HybridClockStamp))));
        Assert.All(Facts, f => Assert.Null(Belief.Refused(f)));
        Assert.All(Facts, f => Assert.Null(Belief.Refused(f.Stamped(HybridClockStamp))));
        // Each column of a table that nodes do not write is refused by itself, whatever else the version says.
        foreach (var table in Schema.Tables.Where(t => !t.FromNodes))
        {
            foreach (var group in table.Groups)
            {
                Assert.Equal(table.Name, Belief.Refused(new Change(table, "id", group.Columns.ToDictionary(c => c, _ => (object?)null))));
            }
        }
    }

    private const string HybridClockStamp = "0000000000010000.aaaaaaaaaaaa";

    [Fact]
    public async Task What_a_peer_s_journal_says_of_it_is_not_taken_counted_and_told_and_the_rest_is()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        await cluster.LevelAsync();
        var (a, told) = (cluster["a"], new List<string>());
        var before = a.Database.Read(Taken);
        var journal = Journal(a.Node.Clock);
        var (isNew, refused) = await a.Node.Writer.EnqueueAsync(session => session.AbsorbJournal(journal, (what, life) => told.Add($"{what} {life}")));

        Assert.True(isNew);
        Assert.Equal(Primarys.Count, refused);
        Assert.Equal(Primarys.Select(p => $"{p.Told} {Thief}"), told);
        Assert.Equal("", before);
        Assert.Equal(Expected, a.Database.Read(Taken));

        // Nor does it come to anybody by way of those who have heard it: not to the primary, and by it not to the others.
        await Until.TrueAsync(() => cluster["b"].Database.Read(view => view.Find<long>("SELECT count(*) FROM denies WHERE id = 'deny_1'")) == 1, () => "The rest did not come.");
        await Until.TrueAsync(async () => (await LogOf(cluster)).Contains("\"deny_1\"", StringComparison.Ordinal), () => "The primary has not got the rest.");
        Assert.Equal(Expected, cluster["b"].Database.Read(Taken));
        Assert.DoesNotContain("thief\"", await LogOf(cluster), StringComparison.Ordinal);
        Assert.DoesNotContain("theirs", await LogOf(cluster), StringComparison.OrdinalIgnoreCase);
    }

    private static async Task<string> LogOf(TestCluster cluster) =>
        string.Join('\n', (await cluster.Primary.Inner.ReadLogAsync(LogPosition.Start, 10_000, CancellationToken.None)).Rows.Select(r => r.Version));

    [Fact]
    public async Task A_node_does_not_record_it_either()
    {
        await using var storage = await TestStorage.StartAsync();
        foreach (var (told, change) in Primarys)
        {
            var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => storage.Host.Database.RecordAsync(_ => Decide.To(true, [.. Facts, change])));
            Assert.StartsWith(told + " is the primary's", fault.Message, StringComparison.Ordinal);
        }
        Assert.Equal("", storage.Host.Database.Read(Taken));
        await storage.Host.Database.WriteAsync(_ => Decide.To(true, Change.To(Schema.Users, "user_1", ("external_id", "ours"))), CancellationToken.None);
        Assert.Equal("ours", storage.Host.Database.Read(view => view.Find<string>("SELECT external_id FROM users WHERE id = 'user_1'")));
    }
}
