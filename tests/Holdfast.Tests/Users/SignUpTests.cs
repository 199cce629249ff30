using Holdfast.Http;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Tests.Users;

/// <summary>Decision 0009, cases 1, 2, 3, 4 and 9.</summary>
public sealed class SignUpTests : IDisposable
{
    private readonly Cluster _cluster = new(2);

    private Node A => _cluster.Nodes[0];

    private Node B => _cluster.Nodes[1];

    [Fact]
    public void A_sign_up_touches_nobody_until_its_mailbox_is_proven()
    {
        var begun = A.SignUp("Ada@Example.com", "secret");
        Assert.Equal(0, A.Count("users") + A.Count("claims") + A.Count("credentials"));
        A.Password("ada@example.com", "secret").Is(Refusal.WrongCredential);

        var who = A.Prove(begun).Granted();

        Assert.True(who.IsNew);
        Assert.Equal(who.UserId, A.HolderOf("ADA@example.com"));
        Assert.Equal("ada@example.com", A.User(who.UserId)!.Email);
        Assert.Equal(who.CredentialId, A.Password("ada@example.com", "secret").Granted().CredentialId);
        A.Password("ada@example.com", "other").Is(Refusal.WrongCredential);
    }

    [Fact]
    public void A_second_sign_up_of_an_address_gives_it_no_password()
    {
        var strangers = A.SignUp("ada@example.com", "evil", "mail 1");
        var own = A.SignUp("ada@example.com", "secret", "mail 2");
        var who = A.Prove(own, "mail 2").Granted();
        A.Password("ada@example.com", "evil").Is(Refusal.WrongCredential);

        // Even its mail, opened by the owner in the stranger's browser, is but a sign-in.
        var late = A.Prove(strangers, "mail 1").Granted();

        Assert.Equal((who.UserId, false, null), (late.UserId, late.IsNew, late.CredentialId));
        A.Password("ada@example.com", "evil").Is(Refusal.WrongCredential);
        A.Password("ada@example.com", "secret").Granted();
    }

    [Fact] // OAUTH-065
    public void A_stranger_s_sign_up_is_not_proven_by_the_owner_s_browser_nor_the_owner_s_by_theirs()
    {
        var strangers = A.SignUp("ada@example.com", "evil", "mail 1");
        var own = A.SignUp("ada@example.com", "secret", "mail 2");
        A.Prove(new SignUp.Begun(own.SignUpId, strangers.ItemId), "mail 1").Is(Refusal.ItemUnknown);
        A.Prove(new SignUp.Begun(strangers.SignUpId, own.ItemId), "mail 2").Is(Refusal.ItemUnknown);
        A.Prove(strangers, "mail 2").Is(Refusal.ItemUnknown);
        Assert.Equal(0, A.Count("users"));
    }

    [Fact] // OAUTH-036
    public void An_item_is_refused_late_twice_elsewhere_and_for_another_purpose()
    {
        var late = A.SignUp("late@example.com", null);
        var twice = A.SignUp("ada@example.com", null);
        var code = A.Do((_, act) => MagicCode.Issue(act, "ada@example.com", "mailed", TimeSpan.FromHours(2)));
        A.Prove(twice with { ItemId = code }).Is(Refusal.ItemUnknown);
        A.Do((view, act) => MagicCode.Redeem(view, act, twice.ItemId, "mailed")).Is(Refusal.ItemUnknown);
        A.Do((view, act) => Passwords.Reset(view, act, code, "mailed", "h")).Is(Refusal.ItemUnknown);
        A.Prove(twice, "guess").Is(Refusal.ItemUnknown);
        A.Do((view, act) => SignUp.ProveMailbox(view, act with { EnvironmentId = "environment_2" }, twice.SignUpId, twice.ItemId, "mailed")).Is(Refusal.ItemUnknown);
        A.Prove(twice with { ItemId = "email_verification_unknown" }).Is(Refusal.ItemUnknown);
        _cluster.Meet();
        B.Prove(twice).Is(Refusal.ItemElsewhere);
        A.Prove(twice).Granted();
        A.Prove(twice).Is(Refusal.ItemSpent);
        A.Do((view, act) => MagicCode.Redeem(view, act, code, "mailed")).Granted();
        A.Do((view, act) => MagicCode.Redeem(view, act, code, "mailed")).Is(Refusal.ItemSpent);
        _cluster.Wait(TimeSpan.FromHours(1));
        A.Prove(late).Is(Refusal.ItemExpired);
        Assert.Equal(1, A.Count("users"));
    }

    [Fact]
    public void One_mailbox_proven_on_two_nodes_apart_is_one_user()
    {
        var (a, b) = (A.Join("ada@example.com"), B.Magic("ADA@example.com").Granted().UserId);
        Assert.Equal(a, b);
        _cluster.Meet();
        Assert.Equal((1, 1), (B.Count("users"), B.Count("claims")));
        Assert.Equal(a, A.Magic("ada@example.com").Granted().UserId);
    }

    [Fact]
    public void Two_passwords_of_two_sign_ups_apart_count_neither_until_a_reset()
    {
        A.Join("ada@example.com", "one");
        B.Join("ada@example.com", "two");
        _cluster.Meet();
        A.Password("ada@example.com", "one").Is(Refusal.ResetNeeded);
        B.Password("ada@example.com", "two").Is(Refusal.ResetNeeded);
        B.Password("ada@example.com", "three").Is(Refusal.WrongCredential);
        A.Reset("ada@example.com", "three").Granted();
        _cluster.Meet();
        B.Password("ada@example.com", "three").Granted();
        B.Password("ada@example.com", "two").Is(Refusal.WrongCredential);
    }

    [Theory, InlineData("kim@example.com", "\u212Aim@example.com"), InlineData("i@example.com", "İ@example.com"), InlineData("ss@example.com", "ß@example.com")]
    public void Letters_that_only_look_alike_are_another_address(string address, string other)
    {
        var who = A.Join(address);
        Assert.NotEqual(who, A.Join(other));
        Assert.Equal(who, A.HolderOf(address.ToUpperInvariant()));
    }

    [Fact]
    public void After_a_deletion_the_address_is_somebody_new()
    {
        var old = A.Join("ada@example.com", "secret");
        A.Do((view, act) => DenyUser.Delete(view, act, old)).Granted();
        A.Password("ada@example.com", "secret").Is(Refusal.WrongCredential);
        Assert.Null(A.User(old));

        var next = A.Join("ada@example.com");

        Assert.NotEqual(old, next);
        A.Password("ada@example.com", "secret").Is(Refusal.WrongCredential);
        A.Do((view, act) => DenyUser.Delete(view, act, old)).Is(Refusal.NotFound);
    }

    [Fact]
    public void A_user_deleted_on_one_node_and_signing_in_on_another_is_gone_when_they_meet()
    {
        var old = A.Join("ada@example.com");
        _cluster.Meet();
        A.Do((view, act) => DenyUser.Delete(view, act, old)).Granted();
        var next = A.Join("ada@example.com");
        Assert.Equal(old, B.Magic("ada@example.com").Granted().UserId);
        _cluster.Meet();
        Assert.Equal((next, next), (A.HolderOf("ada@example.com"), B.HolderOf("ada@example.com")));
        Assert.Null(B.User(old));
    }

    [Fact]
    public void A_deletion_that_arrives_before_the_claim_counts()
    {
        var old = A.Join("ada@example.com");
        A.Do((view, act) => DenyUser.Delete(view, act, old)).Granted();
        B.Take([.. A.Journal().Where(f => f.Version.Contains("\"denies\"", StringComparison.Ordinal)).Select(f => (A.Incarnation, f.Position, f.Version))]);
        Assert.NotEqual(old, B.Join("ada@example.com"));
        _cluster.Meet();
        Assert.NotEqual(old, A.HolderOf("ada@example.com"));
        Assert.Equal(B.HolderOf("ada@example.com"), A.Magic("ada@example.com").Granted().UserId);
    }

    [Fact]
    public void A_suspension_is_not_left_by_signing_up_again()
    {
        var who = A.Join("ada@example.com", "secret");
        A.Do((view, act) => DenyUser.Suspend(view, act, who)).Granted();
        A.Password("ada@example.com", "secret").Is(Refusal.Denied);
        A.Magic("ada@example.com").Is(Refusal.Denied);
        A.Prove(A.SignUp("ada@example.com", "other")).Is(Refusal.Denied);
        Assert.Equal((who, 1), (A.HolderOf("ada@example.com"), A.Count("users")));
    }

    [Fact]
    public void Of_two_suspensions_a_lift_takes_the_one_that_it_saw()
    {
        var who = A.Join("ada@example.com");
        var first = A.Do((view, act) => DenyUser.Suspend(view, act, who)).Granted();
        _cluster.Meet();
        var second = B.Do((view, act) => DenyUser.Suspend(view, act, who)).Granted();   // though one stands there already
        Assert.Equal([first], A.Write((view, act) => DenyUser.Lift(view, act, who, Denied.Standing(view, who))).Granted());
        A.Magic("ada@example.com").Granted();
        _cluster.Meet();
        A.Magic("ada@example.com").Is(Refusal.Denied);
        Assert.Empty(A.Write((view, act) => DenyUser.Lift(view, act, who, [first])).Granted());
        A.Magic("ada@example.com").Is(Refusal.Denied);
        A.Write((view, act) => DenyUser.Lift(view, act, who, [first, second])).Granted();
        _cluster.Meet();
        B.Magic("ada@example.com").Granted();
    }

    [Fact]
    public void Only_a_suspension_is_lifted()
    {
        var who = A.Join("ada@example.com");
        var suspended = A.Do((view, act) => DenyUser.Suspend(view, act, who)).Granted();
        A.Do((_, act) => Decide.To(true, Denied.Because("compromised", who, act.EnvironmentId, act.NewId(Ids.Deny), act.Now)));
        Assert.Equal([suspended], A.Write((view, act) => DenyUser.Lift(view, act, who, Denied.Standing(view, who))).Granted());
        A.Magic("ada@example.com").Is(Refusal.Denied);
    }

    [Fact]
    public void A_deletion_is_not_lifted()
    {
        var who = A.Join("ada@example.com");
        A.Do((view, act) => DenyUser.Delete(view, act, who)).Granted();
        A.Write((view, act) => DenyUser.Lift(view, act, who, Denied.Standing(view, who))).Is(Refusal.NotFound);
        A.Do((view, act) => DenyUser.Suspend(view, act, "user_unknown")).Is(Refusal.NotFound);
        Assert.Null(A.User(who));
    }

    [Fact]
    public void A_user_s_rows_are_those_of_one_environment()
    {
        var who = A.Join("ada@example.com", "secret");
        Assert.Null(A.Read(view => UserStore.Find(view, "environment_2", who)));
        Assert.Null(A.Read(view => UserStore.FindByAddress(view, "environment_2", "ada@example.com")));
        Assert.Empty(A.Read(view => Passwords.Candidates(view, "environment_2", "ada@example.com")));
        A.Do((view, act) => DenyUser.Suspend(view, act with { EnvironmentId = "environment_2" }, who)).Is(Refusal.NotFound);
        A.Do((view, act) => DenyUser.Delete(view, act with { EnvironmentId = "environment_2" }, who)).Is(Refusal.NotFound);
    }

    public void Dispose() => _cluster.Dispose();
}
