using Holdfast.Http;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Tests.Users;

/// <summary>Which user an identity provider's word is about, and which it must not touch.</summary>
public sealed class SsoSignInTests : IDisposable
{
    private readonly Cluster _cluster = new(2);

    private Node A => _cluster.Nodes[0];

    private Node B => _cluster.Nodes[1];

    [Fact] // OAUTH-041
    public void Inside_a_verified_domain_the_address_links_to_its_user()
    {
        var ada = A.Join("ada@example.com", "secret");
        A.VerifyDomain("example.com");

        var who = A.Sso("subject-1", "Ada@Example.com").Granted();

        Assert.Equal((ada, "org_1", false), (who.UserId, who.OrganizationId, who.IsNew));
        Assert.Equal(1, A.Count("memberships"));
        Assert.Equal(ada, A.Sso("subject-1", "renamed@example.com").Granted().UserId);   // the subject is who it is
        Assert.Equal("ada@example.com", A.User(ada)!.Email);
        Assert.Equal(1, A.Count("memberships"));
    }

    [Theory, InlineData("other.example", "org_1"), InlineData("example.com", "org_2"), InlineData("sub.example.com", "org_1"), InlineData("com", "org_1")] // OAUTH-041, OAUTH-065
    public void Outside_of_it_nobody_is_touched(string verified, string owner)
    {
        var ada = A.Join("ada@example.com", "secret");
        A.VerifyDomain(verified, owner);

        var who = A.Sso("subject-1", "ada@example.com").Granted();

        Assert.NotEqual(ada, who.UserId);
        Assert.Null(A.User(who.UserId)!.Email);
        Assert.Equal(ada, A.HolderOf("ada@example.com"));
        Assert.Equal(who.UserId, A.Sso("subject-1", "ada@example.com").Granted().UserId);
        Assert.NotEqual(who.UserId, A.Sso("subject-2", "ada@example.com").Granted().UserId);
        Assert.NotEqual(who.UserId, A.Sso("subject-1", "ada@example.com", connection: "conn_2").Granted().UserId);
    }

    [Theory, InlineData("ada@evil.example@example.com.evil"), InlineData("ada@evil.example@example.com"), InlineData("a da@example.com"), InlineData("example.com"), InlineData("@example.com"), InlineData("ada@example.com@")]
    public void An_address_that_is_none_vouches_for_nobody(string address)
    {
        A.VerifyDomain("example.com");
        Assert.Null(A.User(A.Sso("subject-1", address).Granted().UserId)!.Email);
    }

    [Fact]
    public void An_address_given_to_the_link_proves_no_mailbox_outside_its_domain_and_the_mailbox_makes_its_own_user()
    {
        var own = A.Sso("subject-1", "ada@example.com").Granted().UserId;
        var mailbox = A.Join("ada@example.com");
        Assert.NotEqual(own, mailbox);
        Assert.Equal(own, A.Sso("subject-1", "ada@example.com").Granted().UserId);
    }

    [Fact]
    public void A_first_sign_in_on_two_nodes_apart_makes_one_user()
    {
        A.VerifyDomain("example.com");
        _cluster.Meet();
        var vouched = A.Sso("subject-1", "ada@example.com").Granted().UserId;
        Assert.Equal(vouched, B.Sso("subject-1", "ada@example.com").Granted().UserId);
        Assert.Equal(vouched, B.Magic("ada@example.com").Granted().UserId);
        var own = A.Sso("subject-2", "bob@other.example").Granted().UserId;
        Assert.Equal(own, B.Sso("subject-2", "bob@other.example").Granted().UserId);
        _cluster.Meet();
        Assert.Equal((2, 2), (A.Count("users"), A.Count("memberships")));
    }

    [Fact]
    public void When_one_node_knew_of_the_domain_and_one_did_not_the_vouched_link_stays()
    {
        A.VerifyDomain("example.com");
        var own = B.Sso("subject-1", "ada@example.com").Granted().UserId;
        _cluster.Wait(TimeSpan.FromSeconds(1));
        var vouched = A.Sso("subject-1", "ada@example.com").Granted().UserId;
        Assert.NotEqual(own, vouched);
        _cluster.Meet();
        Assert.Equal((vouched, vouched), (A.Sso("subject-1", "ada@example.com").Granted().UserId, B.Sso("subject-1", "ada@example.com").Granted().UserId));
        Assert.Equal(vouched, B.HolderOf("ada@example.com"));
    }

    [Fact] // OAUTH-065
    public void A_user_from_before_the_domain_was_verified_gets_their_address_if_it_is_free()
    {
        var own = A.Sso("subject-1", "ada@example.com").Granted().UserId;
        var taken = A.Sso("subject-2", "bob@example.com").Granted().UserId;
        var bob = A.Join("bob@example.com");
        A.VerifyDomain("example.com");
        Assert.Equal(own, A.Sso("subject-1", "ada@example.com").Granted().UserId);
        Assert.Equal(taken, A.Sso("subject-2", "bob@example.com").Granted().UserId);
        Assert.Equal((own, bob), (A.HolderOf("ada@example.com"), A.HolderOf("bob@example.com")));
        Assert.Equal(own, A.Magic("ada@example.com").Granted().UserId);
    }

    [Fact]
    public void What_was_denied_does_not_sign_in()
    {
        var who = A.Sso("subject-1", "ada@example.com").Granted().UserId;
        var denies = new (string Subject, string Reason)[]
        {
            ("conn_1", "deactivated"), ("org_1", "deleted"), (who, "suspended"), (Memberships.IdOf(_cluster.IdKey, "org_1", who), "suspended"),
        };
        foreach (var (subject, reason) in denies)
        {
            var deny = A.Do((_, act) => Decide.To(act.NewId(Ids.Deny), Denied.Because(reason, subject, act.EnvironmentId, act.NewId(Ids.Deny), act.Now)));
            A.Sso("subject-1", "ada@example.com").Is(Refusal.Denied);
            A.Write((_, act) => Decide.To(true, Denied.Lifted(deny, act.EnvironmentId, act.NewId(Ids.Lift), act.Now)));
            A.Sso("subject-1", "ada@example.com").Granted();
        }
    }

    [Fact]
    public void A_deleted_user_comes_back_as_somebody_new()
    {
        var who = A.Sso("subject-1", "ada@example.com").Granted().UserId;
        A.Do((view, act) => DenyUser.Delete(view, act, who)).Granted();
        var next = A.Sso("subject-1", "ada@example.com").Granted().UserId;
        Assert.NotEqual(who, next);
        Assert.Equal(next, A.Sso("subject-1", "ada@example.com").Granted().UserId);
    }

    [Fact]
    public void A_membership_that_was_taken_away_does_not_come_back_by_itself()
    {
        var who = A.Sso("subject-1", "ada@example.com").Granted().UserId;
        var session = A.Start((_, _) => Rule.Grant(new SignedIn(who, null, "org_1")));
        A.Do((_, act) => Decide.To(true, Memberships.Set(act, "org_1", who, present: false)));
        A.Sso("subject-1", "ada@example.com").Is(Refusal.Denied);
        A.Refresh(session).Is(Refusal.Denied);
        A.Do((_, act) => Decide.To(true, Memberships.Set(act, "org_1", who, present: true)));
        A.Sso("subject-1", "ada@example.com").Granted();
    }

    [Fact]
    public void Nor_by_a_sign_in_where_nobody_has_heard_of_it()
    {
        var who = A.Sso("subject-1", "ada@example.com").Granted().UserId;
        A.Do((_, act) => Decide.To(true, Memberships.Set(act, "org_1", who, present: false)));
        _cluster.Wait(TimeSpan.FromMinutes(1));
        Assert.Equal(who, B.Sso("subject-1", "ada@example.com").Granted().UserId);
        B.Sso("subject-1", "ada@example.com").Granted();
        _cluster.Meet();
        A.Sso("subject-1", "ada@example.com").Is(Refusal.Denied);
        B.Sso("subject-1", "ada@example.com").Is(Refusal.Denied);
    }

    public void Dispose() => _cluster.Dispose();
}
