using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Tests.Users;

/// <summary>Administrators and people on nodes apart: what they say is told once, is not unsaid by what another did not know, and a removal wins.</summary>
public sealed class ApartTests : IDisposable
{
    private readonly Cluster _cluster = new(2);

    private Node A => _cluster.Nodes[0];

    private Node B => _cluster.Nodes[1];

    [Fact]
    public void A_user_who_is_made_and_deleted_on_both_is_told_of_once()
    {
        var who = A.Join("ada@example.com");
        Assert.Equal(who, B.Join("ada@example.com"));
        _cluster.Meet();
        A.Do((view, act) => DeleteUser.Decided(view, act, who));
        B.Do((view, act) => DeleteUser.Decided(view, act, who));
        _cluster.Meet();

        Assert.All(_cluster.Nodes, node => Assert.Equal((1, 1), (Events(node, "user.created"), Events(node, "user.deleted"))));
    }

    [Fact]
    public void What_one_knows_is_not_unsaid_by_another_who_does_not()
    {
        var made = A.Write((view, act) => ProveAddress.ByAdministrator(
            view, act, "ada@example.com", new PersonNames("Ada", "L"), new UserDetails(IsVerified: false, Locale: "en", Metadata: "{}"))).Granted();
        _cluster.Wait(TimeSpan.FromSeconds(1));
        Assert.Equal(made.UserId, B.Magic("ada@example.com").Granted().UserId);   // knows the mailbox, and no name
        Assert.False(A.User(made.UserId)!.IsVerified);
        _cluster.Meet();

        Assert.All(_cluster.Nodes, node =>
        {
            var user = node.User(made.UserId)!;
            Assert.Equal((true, "Ada", "L", "en"), (user.IsVerified, user.FirstName, user.LastName, user.Locale));
            Assert.Equal(1, Events(node, "user.created"));
        });
    }

    [Fact]
    public void A_proven_mailbox_is_not_that_of_another_address()
    {
        var who = A.Join("ada@example.com");
        Assert.True(A.User(who)!.IsVerified);
        A.Write((view, act) => Addresses.ChangeTo(view, act, who, "ada@new.example")).Granted();
        Assert.False(A.User(who)!.IsVerified);
        A.Magic("ada@new.example").Granted();
        Assert.True(A.User(who)!.IsVerified);
        Assert.Equal(1, Events(A, "user.updated"));
    }

    [Fact]
    public void Who_comes_by_an_identity_provider_alone_holds_no_address_and_proves_none()
    {
        var who = A.Sso("subject", "ada@example.com").Granted().UserId;
        var user = A.User(who)!;
        Assert.Equal((null, "ada@example.com", false), (user.Email, user.ToBody().Email, user.ToBody().EmailVerified));
        A.VerifyDomain("example.com");
        A.Sso("subject", "ada@example.com").Granted();
        Assert.True(A.User(who)!.IsVerified);
        Assert.Equal((1, 1), (Events(A, "user.created"), Events(A, "user.updated")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_removal_ends_what_an_invitation_made_where_it_was_not_heard_of(bool wasKnown)
    {
        A.Write((_, act) => Decide.To(true, Change.To(Schema.Organizations, "org_1", ("environment_id", Cluster.Environment), ("created_at", act.Time), ("name", "Acme"))));
        var who = A.Join("ada@example.com");
        _cluster.Meet();
        var id = Memberships.IdOf(_cluster.IdKey, "org_1", who);
        A.Do((view, act) => Decide.To(true, Memberships.JustInTime(view, act, "org_1", who)));
        if (wasKnown)
        {
            _cluster.Meet();
        }
        Assert.Equal(200, A.Do((view, act) => ChangeMembership.Deleted(view, act, id)).Status);
        _cluster.Wait(TimeSpan.FromSeconds(1));
        B.Do((view, act) => Decide.To(true, Invitations.Accept(view, act, Invited(act), who).Changes));
        Assert.True(B.Read(view => Memberships.Allows(view, _cluster.IdKey, "org_1", who)));
        _cluster.Meet();

        Assert.All(_cluster.Nodes, node =>
        {
            Assert.False(node.Read(view => Memberships.Allows(view, _cluster.IdKey, "org_1", who)));
            Assert.Null(node.Read(view => MembershipStore.Find(view, Cluster.Environment, id)));
            Assert.Equal(1, Events(node, "organization_membership.created"));
        });
    }

    private static InvitationRow Invited(Act act) => new("invitation_1", "ada@example.com", "org_1", "admin", null, "", act.Time, act.Time, act.Time + 1);

    private static long Events(Node node, string name) => node.Read(view => view.Find<long>("SELECT count(*) FROM events WHERE event = @name", new { name }));

    public void Dispose() => _cluster.Dispose();
}
