using Holdfast.Claims;
using Holdfast.AuthKit;
using Holdfast.Http;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Tests.Users;

/// <summary>Factors on nodes apart: who has one, whose it is, and what is gone (decision 0016).</summary>
public sealed class FactorRulesTests : IDisposable
{
    private const string Address = "ada@example.com";

    private readonly Cluster _cluster = new(3);

    private Node A => _cluster.Nodes[0];

    private Node B => _cluster.Nodes[1];

    private static string Enroll(Node node, string userId) => node.Do((view, act) => act.NewId(Ids.Factor) is var id
        ? Decide.To(id, Factor.Make(act, id, userId, Factor.Totp, "sealed", new Factor.TotpDetails("Acme", "ada"), Proof.Administrator))
        : throw new InvalidOperationException());

    private static List<string> Of(Node node, string userId, string type = Factor.Totp) => node.Read(view => Factor.Of(view, Cluster.Environment, userId, type).ConvertAll(f => f.Id));

    private static Ruling<string> Register(Node node, string userId, byte credential) => node.Do((view, act) =>
        Passkey.Register(view, act, userId, [credential], new Factor.PasskeyDetails("id", "key", [], IsBackupEligible: false, IsBackedUp: false), signCount: 1));

    private static Ruling<SignedIn> Sign(Node node, byte credential, long count) => node.Do((view, act) => Passkey.SignIn(view, act, [credential], count));

    private string Join()
    {
        var who = A.Join(Address);
        _cluster.Meet();
        return who;
    }

    [Fact]
    public void Factors_of_one_person_on_nodes_apart_are_all_theirs()
    {
        var who = Join();
        var (one, other) = (Enroll(A, who), Enroll(B, who));
        _cluster.Meet();

        Assert.All(_cluster.Nodes, node => Assert.Equal(new[] { one, other }.Order(StringComparer.Ordinal), Of(node, who).Order(StringComparer.Ordinal)));
    }

    [Fact]
    public void What_was_taken_away_is_gone_even_where_it_arrives_later()
    {
        var who = Join();
        var factor = Enroll(A, who);
        _cluster.Tell(A, B, 100);
        B.Do((_, act) => Decide.To(true, Factor.Deleted(act, factor)));
        _cluster.Tell(B, _cluster.Nodes[2], 100);   // which has the deny before the factor
        _cluster.Meet();

        Assert.All(_cluster.Nodes, node => Assert.Empty(Of(node, who)));
    }

    [Fact]
    public void A_reset_takes_what_it_has_seen_and_one_enrolled_apart_stays()
    {
        var who = Join();
        var seen = Enroll(A, who);
        Register(A, who, 7).Granted();
        A.Do((view, act) => RecoveryCodes.Make(view, act, who, Proof.Administrator)).Granted();
        var apart = Enroll(B, who);

        Assert.Equal(3, A.Do((view, act) => Factor.Reset(view, act, who)).Granted().Count);
        _cluster.Meet();

        Assert.All(_cluster.Nodes, node =>
        {
            Assert.Equal([apart], Of(node, who));
            Assert.DoesNotContain(seen, Of(node, who));
            Assert.Empty(Of(node, who, Factor.Passkey));
            Assert.Empty(Of(node, who, Factor.RecoveryCodes));
        });
        A.Do((view, act) => Factor.Reset(view, act, "user_nobody")).Is(Refusal.NotFound);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_was_set_up_before_the_mailbox_was_proven_goes_when_it_is(bool byReset)
    {
        var who = A.Write((view, act) => ProveAddress.ByAdministrator(view, act, Address, new PersonNames(null, null), new UserDetails(IsVerified: false))).Granted().UserId;
        Enroll(A, who);
        Register(A, who, 7).Granted();
        A.Do((view, act) => RecoveryCodes.Make(view, act, who, Proof.Administrator)).Granted();
        A.Do((_, act) => Decide.To(true, Claim.Give(act.EnvironmentId, act.IdKey, Claim.UserSsoProfile, "prof_1", who, 1, verified: false)));
        A.Do((_, act) => Decide.To(true, Claim.Give(act.EnvironmentId, act.IdKey, Claim.UserSsoProfile, "prof_2", who, 1, verified: true)));
        var session = A.Start((_, _) => Rule.Grant(new SignedIn(who)));
        Sign(A, 7, 2).Is(Refusal.WrongCredential);
        Assert.Null(A.Ended(session));

        Assert.Equal(who, byReset ? A.Reset(Address, "new").Granted().UserId : A.Join(Address));

        Assert.Empty(A.Read(view => Factor.Of(view, Cluster.Environment, who)));
        Assert.NotNull(A.Ended(session));
        Assert.Equal(((string?)null, (string?)who), A.Read(view => (Claim.Find(view, Cluster.Environment, Claim.UserSsoProfile, "prof_1")!.Holder, Claim.Find(view, Cluster.Environment, Claim.UserSsoProfile, "prof_2")!.Holder)));
        // What they set up from now on is theirs, and stays.
        Enroll(A, who);
        A.Reset(Address, "newer").Granted();
        Assert.Single(Of(A, who));
    }

    [Fact]
    public void What_a_stolen_password_enrolled_counts_no_more_once_it_is_reset_and_what_was_pending_is_over()
    {
        var who = A.Join(Address, "stolen");
        var kept = Enroll(A, who);
        var own = A.Do((view, act) => RecoveryCodes.Make(view, act, who, Proof.Administrator)).Granted();
        var stolen = A.StartBy(Address, "stolen").CredentialId!;
        var id = Passkey.IdOf(A.Act().IdKey, [7]);
        A.Do((view, act) => Passkey.Register(view, act, who, [7], new Factor.PasskeyDetails("id", "key", [], IsBackupEligible: false, IsBackedUp: false), signCount: 1, stolen)).Granted();
        A.Do((view, act) => RecoveryCodes.Make(view, act, who, Proof.Credential, provenBy: stolen)).Granted();
        A.Do((_, act) => Decide.To(true, Factor.Make(act, "auth_factor_thief", who, Factor.Totp, "sealed", new Factor.TotpDetails("Acme", "ada"), Proof.Credential, provenBy: stolen)));
        var session = A.Start((_, _) => Rule.Grant(new SignedIn(who, FactorId: id)));
        PendingAuthentication Pending(string? credential = null, string? factor = null) =>
            PendingAuthentication.Of(A.Act(), new SignedIn(who, credential, FactorId: factor), "password", TimeSpan.FromMinutes(10), PendingAuthentication.Passkey);
        var (byPassword, byFactor, byMail) = (Pending(stolen), Pending(factor: id), Pending(factor: kept));
        bool IsGood(PendingAuthentication pending) => A.Read(view => pending.IsGood(view, A.Act(), null));
        Assert.Equal(2, Of(A, who).Count);
        Assert.True(IsGood(byPassword) && IsGood(byFactor) && IsGood(byMail));

        A.Reset(Address, "new").Granted();
        _cluster.Meet();

        Assert.All(_cluster.Nodes, node =>
        {
            Assert.Equal([kept], Of(node, who));
            Assert.Empty(Of(node, who, Factor.Passkey));
            Assert.NotNull(node.Read(view => RecoveryCodes.Find(view, node.Act(), who, own[0])));   // the owner's stand again
            Sign(node, 7, 2).Is(Refusal.WrongCredential);
            Assert.NotNull(node.Ended(session));
        });
        Assert.Equal((false, false, true), (IsGood(byPassword), IsGood(byFactor), IsGood(byMail)));
        A.Do((_, act) => Decide.To(true, Factor.Deleted(act, kept)));
        Assert.False(IsGood(byMail));
        var last = Pending();
        A.Do((view, act) => DenyUser.Suspend(view, act, who)).Granted();
        Assert.False(IsGood(last));
    }

    [Fact]
    public void One_credential_that_two_register_apart_is_one_s()
    {
        var (ada, grace) = (A.Join(Address), A.Join("grace@example.com"));
        _cluster.Meet();
        var (one, other) = (Register(A, ada, 7).Granted(), Register(B, grace, 7).Granted());
        Assert.Equal(one, other);   // its id says which credential it is
        _cluster.Meet();

        var holders = _cluster.Nodes.Select(node => Sign(node, 7, 2).Granted().UserId).Distinct().ToList();
        Assert.Single(holders);
        Register(A, grace, 7).Is(Refusal.CredentialTaken);
    }

    [Fact]
    public void The_highest_count_of_signatures_is_kept_whoever_saw_it()
    {
        var who = Join();
        Register(A, who, 7).Granted();
        _cluster.Meet();
        Sign(A, 7, 5).Granted();
        Sign(B, 7, 9).Granted();
        _cluster.Meet();

        Assert.All(_cluster.Nodes, node => Sign(node, 7, 9).Is(Refusal.PasskeyCopied));
        Sign(A, 7, 10).Granted();
        Sign(A, 8, 1).Is(Refusal.WrongCredential);
    }

    [Fact]
    public void A_suspended_user_signs_in_by_no_passkey_and_registers_none_and_a_deleted_one_has_none()
    {
        var who = Join();
        Register(A, who, 7).Granted();
        A.Do((view, act) => DenyUser.Suspend(view, act, who)).Granted();
        Sign(A, 7, 2).Is(Refusal.Denied);
        Register(A, who, 8).Is(Refusal.Denied);
        A.Do((view, act) => DenyUser.Delete(view, act, who)).Granted();
        Sign(A, 7, 2).Is(Refusal.WrongCredential);
        Register(A, who, 9).Is(Refusal.NotFound);
    }

    [Fact]
    public void A_session_names_its_factor_and_ends_with_it_on_every_node()
    {
        var who = Join();
        var factor = Enroll(A, who);
        var with = A.Start((_, _) => Rule.Grant(new SignedIn(who, FactorId: factor)));
        var without = A.Start((_, _) => Rule.Grant(new SignedIn(who)));
        // A node that has never heard of the session goes on with it, and writes the same row.
        var next = B.Refresh(with).Granted();
        Assert.Equal(factor, next.FactorId);
        A.Do((_, act) => Decide.To(true, Factor.Deleted(act, factor)));
        _cluster.Meet();

        Assert.All(_cluster.Nodes, node =>
        {
            Assert.Equal(Refusal.SessionEnded, node.Ended(next));
            node.Refresh(without).Granted();
        });
    }

    [Fact]
    public void New_recovery_codes_take_the_place_of_those_that_were_seen_and_sets_made_apart_stand_both()
    {
        var who = Join();
        IReadOnlyList<string> Make(Node node) => node.Do((view, act) => RecoveryCodes.Make(view, act, who, Proof.Mailbox)).Granted();
        bool Knows(Node node, string code) => node.Do((view, act) => Decide.Nothing(RecoveryCodes.Find(view, act, who, code) is not null));
        var first = Make(A);
        _cluster.Meet();
        var (one, other) = (Make(A), Make(B));
        _cluster.Meet();

        Assert.All(_cluster.Nodes, node => Assert.Equal((false, true, true), (Knows(node, first[0]), Knows(node, one[3]), Knows(node, other[9]))));
        var last = Make(_cluster.Nodes[2]);
        _cluster.Meet();
        Assert.All(_cluster.Nodes, node => Assert.Equal((false, false, true), (Knows(node, one[3]), Knows(node, other[9]), Knows(node, last[0].ToUpperInvariant()))));
        Assert.False(Knows(A, ""));
        Assert.False(Knows(A, new string('a', 1000)));
    }

    public void Dispose() => _cluster.Dispose();
}
