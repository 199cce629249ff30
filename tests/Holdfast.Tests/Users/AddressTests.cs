using Holdfast.Claims;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Tests.Users;

/// <summary>Changing, giving up, and losing an address (decision 0009, case 1).</summary>
public sealed class AddressTests : IDisposable
{
    private readonly Cluster _cluster = new(2);

    private Node A => _cluster.Nodes[0];

    private Node B => _cluster.Nodes[1];

    [Fact] // OAUTH-062
    public void A_changed_address_is_the_user_s_and_the_old_one_somebody_new_s()
    {
        var who = A.Join("ada@example.com", "secret");
        ChangeTo(A, who, "Ada@New.example").Granted();

        Assert.Equal("ada@new.example", A.User(who)!.Email);
        Assert.Equal(who, A.Password("ada@new.example", "secret").Granted().UserId);
        A.Password("ada@example.com", "secret").Is(Refusal.WrongCredential);
        var next = A.Join("ada@example.com");
        Assert.NotEqual(who, next);
        Assert.Equal(2, A.Read(view => Claim.Find(view, Cluster.Environment, Claim.UserEmail, "ada@example.com"))!.Term);
        _cluster.Meet();
        Assert.Equal((who, next), (B.HolderOf("ada@new.example"), B.HolderOf("ada@example.com")));
    }

    [Fact]
    public void An_address_that_another_has_is_not_taken()
    {
        var (ada, bob) = (A.Join("ada@example.com"), A.Join("bob@example.com"));
        ChangeTo(A, bob, "ADA@example.com").Is(Refusal.AddressTaken);
        A.Do((view, act) => ProveAddress.ByAdministrator(view, act, "ada@example.com", new PersonNames(null, null), new UserDetails(true))).Is(Refusal.AddressTaken);
        ChangeTo(A, "user_unknown", "c@example.com").Is(Refusal.NotFound);
        Assert.Equal((ada, bob), (A.HolderOf("ada@example.com"), A.HolderOf("bob@example.com")));
        ChangeTo(A, ada, "ada@example.com").Granted();
        Assert.Equal(ada, A.HolderOf("ada@example.com"));
    }

    [Fact]
    public void An_address_given_up_belongs_to_nobody()
    {
        var who = A.Join("ada@example.com", "secret");
        A.Do((view, act) => Addresses.GiveUp(view, act, "user_other", "ada@example.com")).Is(Refusal.NotFound);
        A.Do((view, act) => Addresses.GiveUp(view, act, who, "ada@example.com")).Granted();
        Assert.Null(A.HolderOf("ada@example.com"));
        Assert.Null(A.User(who)!.Email);
        A.Password("ada@example.com", "secret").Is(Refusal.WrongCredential);
        A.Do((view, act) => Passwords.RequestReset(view, act, "ada@example.com", "s", TimeSpan.FromHours(1))).Is(Refusal.NotFound);
    }

    [Fact]
    public void Given_up_and_its_holder_deleted_is_one_term_and_not_two()
    {
        var who = A.Join("ada@example.com");
        _cluster.Meet();
        A.Do((view, act) => Addresses.GiveUp(view, act, who, "ada@example.com")).Granted();
        B.Do((view, act) => DenyUser.Delete(view, act, who)).Granted();
        // One node saw the one, one the other; both make the same user.
        Assert.Equal(A.Join("ada@example.com"), B.Join("ada@example.com"));
        _cluster.Meet();
        Assert.NotEqual(who, A.HolderOf("ada@example.com"));
    }

    [Fact]
    public void A_user_that_an_administrator_made_is_the_one_that_the_mailbox_makes()
    {
        var made = A.Do((view, act) => ProveAddress.ByAdministrator(view, act, "ada@example.com", new PersonNames("Ada", null), new UserDetails(false))).Granted();
        Assert.Equal(made.UserId, B.Join("ada@example.com"));
        _cluster.Meet();
        Assert.Equal(1, A.Count("users"));
    }

    [Fact]
    public void Of_two_users_that_got_one_address_apart_one_keeps_it_and_an_event_tells_the_other()
    {
        var changed = A.Join("old@example.com", "secret");
        _cluster.Meet();
        ChangeTo(A, changed, "ada@example.com").Granted();
        var signedUp = B.Join("ada@example.com", "secret");
        Assert.NotEqual(changed, signedUp);
        var (a, b) = (ClaimIn(A), ClaimIn(B));
        _cluster.Meet();

        Assert.All(_cluster.Nodes, node =>
        {
            Assert.Equal(changed, node.HolderOf("ada@example.com"));   // the earlier
            Assert.Equal("ada@example.com", node.User(changed)!.Email);
            Assert.Null(node.User(signedUp)!.Email);                   // keeps its id
            Assert.Equal(changed, node.Password("ada@example.com", "secret").Granted().UserId);
        });
        var (onA, onB) = (EventOf(A, a, b), EventOf(B, b, a));
        Assert.Equal(onA!.Id, onB!.Id);
        Assert.Equal($$"""{"user_id":"{{signedUp}}","email":"ada@example.com","holder_id":"{{changed}}"}""", onA.Values["data"]);
        Assert.Null(EventOf(A, a, a));
        A.Do((view, act) => DenyUser.Delete(view, act, signedUp)).Granted();
        Assert.Null(EventOf(A, a, b));   // nobody is left to be told
    }

    [Fact]
    public void There_is_no_event_for_those_who_gave_it_up()
    {
        var who = A.Join("ada@example.com");
        var first = ClaimIn(A);
        A.Do((view, act) => Addresses.GiveUp(view, act, who, "ada@example.com")).Granted();
        var none = ClaimIn(A);
        A.Join("ada@example.com");
        Assert.Null(EventOf(A, first, none));
        Assert.Null(EventOf(A, first, ClaimIn(A)));
        Assert.Null(EventOf(A, none, ClaimIn(A)));
    }

    private static Ruling<string> ChangeTo(Node node, string who, string address) => node.Do((view, act) => Addresses.ChangeTo(view, act, who, address));

    private Change? EventOf(Node node, RowVersion held, RowVersion incoming) =>
        node.Read(view => ClaimLost.EventOf(view, held, incoming, _cluster.IdKey, _cluster.Clock.GetUtcNow()));

    /// <summary>The last version of the claim on the one address that the test is about.</summary>
    private static RowVersion ClaimIn(Node node) => node.Journal().Select(f => RowVersion.FromJson(f.Version, Schema.ByName)!)
        .Last(v => v.Table == Schema.Claims && (string?)v.Value("value") == "ada@example.com");

    public void Dispose() => _cluster.Dispose();
}
