using Holdfast.Http;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Tests.Users;

/// <summary>Which credential is effective, on one node and after two have met (decision 0009, case 5).</summary>
public sealed class PasswordTests : IDisposable
{
    private const string Ada = "ada@example.com";

    private readonly Cluster _cluster = new(2);
    private readonly string _who;

    public PasswordTests()
    {
        _who = A.Join(Ada, "old");
        _cluster.Meet();
    }

    private Node A => _cluster.Nodes[0];

    private Node B => _cluster.Nodes[1];

    [Fact]
    public void A_change_needs_the_old_one_and_ends_no_session()
    {
        var session = A.StartBy(Ada, "old");
        A.Change(Ada, "guess", "evil").Is(Refusal.WrongCredential);
        A.Change(Ada, "old", "new").Granted();
        A.Password(Ada, "new").Granted();
        A.Password(Ada, "old").Is(Refusal.WrongCredential);
        A.Change(Ada, "old", "evil").Is(Refusal.WrongCredential);
        Assert.Null(A.Ended(session));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_password_that_was_set_before_any_proof_counts_for_nobody_who_proves_the_mailbox_elsewhere(bool isSignUp)
    {
        const string Grace = "grace@example.com";
        // A stranger fills in an application's form on one side; on the other the owner of the mailbox comes.
        var made = Made(A.Do((view, act) => CreateUser.Decided(view, act, Input(Grace), "hash of the stranger's", "admin_1")));
        var owner = isSignUp ? B.Join(Grace, "the owner's") : B.Magic(Grace).Granted().UserId;
        Assert.Equal(made, owner);
        _cluster.Meet();

        foreach (var node in _cluster.Nodes)
        {
            node.Password(Grace, "the stranger's").Is(Refusal.WrongCredential);
            node.Change(Grace, "the stranger's", "evil").Is(Refusal.WrongCredential);
            Assert.Equal(isSignUp ? null : Refusal.WrongCredential, node.Password(Grace, "the owner's").Refused);
        }
    }

    [Fact]
    public void A_password_that_was_set_before_the_proof_counts_for_who_comes_through_it()
    {
        const string Grace = "grace@example.com";
        var made = Made(A.Do((view, act) => CreateUser.Decided(view, act, Input(Grace), "hash of hers", "admin_1")));
        A.Password(Grace, "hers").Granted();   // and is asked for the mailbox
        var item = Ids.Of(Ids.EmailVerification, A.Act().Now, new byte[10]);
        A.Do((_, act) => Decide.To(true, VerifyAddress.Issue(act, made, Grace, "123456", TimeSpan.FromMinutes(10), item)));
        Assert.Null(A.Do((view, act) => VerifyAddress.Redeem(view, act, item, "123456", made) is var (changes, why) && changes is not null
            ? new Decision<Refusal?>(why, changes) : Decide.Nothing<Refusal?>(why ?? Refusal.NotFound)));
        _cluster.Meet();

        Assert.All(_cluster.Nodes, node => node.Password(Grace, "hers").Granted());
        Assert.All(_cluster.Nodes, node => Assert.True(node.User(made)!.IsVerified));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_imported_password_that_two_nodes_renew_apart_before_any_proof_stays_one(bool isAFirst)
    {
        const string Grace = "grace@example.com";
        var made = Made(A.Do((view, act) => CreateUser.Decided(view, act, Input(Grace), "hash of hers", "admin_1")));
        _cluster.Meet();
        var old = A.Read(view => Passwords.Candidates(view, Cluster.Environment, Grace)).Single();
        foreach (var node in isAFirst ? new[] { A, B } : [B, A])
        {
            node.Do((view, act) => Passwords.SignIn(view, act, Grace, old.Id, $"renewed by {(node == A ? "A" : "B")}")).Granted();
            _cluster.Wait(TimeSpan.FromSeconds(1));
        }
        _cluster.Meet();

        foreach (var node in _cluster.Nodes)
        {
            var all = node.Read(view => Credential.Of(view, Cluster.Environment, made));
            Assert.Equal(2, Credential.Standing(all).Count);
            var effective = Credential.Effective(all)!;
            Assert.Equal($"renewed by {(isAFirst ? "B" : "A")}", effective.Secret);
            Assert.False(Credential.IsReset(all, old.Id));
            node.Do((view, act) => Passwords.SignIn(view, act, Grace, effective.Id)).Granted();
        }
        // Who comes through it proves the mailbox, and it counts.
        var item = Ids.Of(Ids.EmailVerification, A.Act().Now, new byte[10]);
        A.Do((_, act) => Decide.To(true, VerifyAddress.Issue(act, made, Grace, "123456", TimeSpan.FromMinutes(10), item)));
        Assert.Null(A.Do((view, act) => VerifyAddress.Redeem(view, act, item, "123456", made) is var (changes, why) && changes is not null
            ? new Decision<Refusal?>(why, changes) : Decide.Nothing<Refusal?>(why ?? Refusal.NotFound)));
        _cluster.Meet();
        Assert.All(_cluster.Nodes, node => Assert.Equal($"renewed by {(isAFirst ? "B" : "A")}", Credential.Effective(node.Read(view => Credential.Of(view, Cluster.Environment, made)))?.Secret));
    }

    private static string Made(ApiAnswer answer) => Assert.IsType<UserBody>(answer.Body).Id;

    private static UserInput Input(string email) => new(new(true, email), default, default, default, default, default, default, default, default, default, default, default);

    [Fact] // OAUTH-029
    public void A_reset_ends_the_sessions_of_all_that_it_replaces_whenever_they_began()
    {
        var first = A.StartBy(Ada, "old");
        A.Change(Ada, "old", "new").Granted();
        var second = A.StartBy(Ada, "new");
        var magic = A.Start((_, _) => Rule.Grant(new SignedIn(_who)));
        A.Reset(Ada, "newest").Granted();
        var third = A.StartBy(Ada, "newest");
        Assert.Equal((Refusal.SessionEnded, Refusal.SessionEnded), (A.Ended(first), A.Ended(second)));
        Assert.Null(A.Ended(third));
        Assert.Null(A.Ended(magic));   // no credential proved it
        A.Refresh(second).Is(Refusal.SessionEnded);
        A.Change(Ada, "newest", "last").Granted();
        Assert.Null(A.Ended(third));
        A.Password(Ada, "last").Granted();
    }

    [Fact] // OAUTH-063
    public void A_reset_follows_the_address_and_not_the_user_who_had_it()
    {
        var item = A.Do((view, act) => Passwords.RequestReset(view, act, Ada, "mailed", TimeSpan.FromHours(1))).Granted();
        A.Do((view, act) => Addresses.ChangeTo(view, act, _who, "new@example.com")).Granted();
        A.Do((view, act) => Passwords.Reset(view, act, item, "mailed", "h")).Is(Refusal.ItemUnknown);
        A.Password("new@example.com", "old").Granted();
    }

    [Fact] // OAUTH-063
    public void A_reset_is_redeemed_once_here_and_in_time()
    {
        var item = A.Do((view, act) => Passwords.RequestReset(view, act, Ada, "mailed", TimeSpan.FromHours(1))).Granted();
        var late = A.Do((view, act) => Passwords.RequestReset(view, act, Ada, "mailed", TimeSpan.FromHours(1))).Granted();
        _cluster.Meet();
        B.Do((view, act) => Passwords.Reset(view, act, item, "mailed", "h")).Is(Refusal.ItemElsewhere);
        A.Do((view, act) => Passwords.Reset(view, act, item, "guess", "h")).Is(Refusal.ItemUnknown);
        A.Do((view, act) => Passwords.Reset(view, act, item, "mailed", "hash of new")).Granted();
        A.Do((view, act) => Passwords.Reset(view, act, item, "mailed", "hash of evil")).Is(Refusal.ItemSpent);
        _cluster.Wait(TimeSpan.FromHours(1));
        A.Do((view, act) => Passwords.Reset(view, act, late, "mailed", "hash of evil")).Is(Refusal.ItemExpired);
        A.Password(Ada, "new").Granted();
        A.Do((view, act) => Passwords.RequestReset(view, act, "nobody@example.com", "s", TimeSpan.FromHours(1))).Is(Refusal.NotFound);
    }

    [Fact] // OAUTH-063
    public void A_link_from_before_another_reset_or_an_administrator_s_password_is_over()
    {
        string Ask() => A.Do((view, act) => Passwords.RequestReset(view, act, Ada, "mailed", TimeSpan.FromHours(1))).Granted();
        Ruling<SignedIn> Use(string item, string password) => A.Do((view, act) => Passwords.Reset(view, act, item, "mailed", "hash of " + password));
        var older = Ask();
        var other = Ask();
        A.Change(Ada, "old", "changed").Granted();
        var newer = Ask();
        Use(newer, "new").Granted();   // a change by the old password has not ended the way back
        Use(older, "evil").Is(Refusal.ItemExpired);
        Use(older, "evil").Is(Refusal.ItemSpent);
        var last = Ask();
        A.Do((view, act) => Passwords.SetByAdministrator(view, act, _who, "hash of given", "admin_1")).Granted();
        Use(last, "evil").Is(Refusal.ItemExpired);
        Use(other, "evil").Is(Refusal.ItemExpired);
        A.Password(Ada, "given").Granted();
        Use(Ask(), "own").Granted();
    }

    [Fact]
    public void An_administrator_s_password_ends_the_sessions_of_the_old_one()
    {
        var session = A.StartBy(Ada, "old");
        A.Do((view, act) => Passwords.SetByAdministrator(view, act, _who, "hash of given", "admin_1")).Granted();
        Assert.Equal(Refusal.SessionEnded, A.Ended(session));
        A.Password(Ada, "given").Granted();
        A.Password(Ada, "old").Is(Refusal.WrongCredential);
        A.Do((view, act) => Passwords.SetByAdministrator(view, act, "user_unknown", "h", "admin_1")).Is(Refusal.NotFound);
    }

    [Fact]
    public void Of_two_changes_apart_from_one_old_password_the_later_wins()
    {
        A.Change(Ada, "old", "from A").Granted();
        _cluster.Wait(TimeSpan.FromSeconds(1));
        B.Change(Ada, "old", "from B").Granted();
        _cluster.Meet();
        foreach (var node in _cluster.Nodes)
        {
            node.Password(Ada, "from B").Granted();
            node.Password(Ada, "from A").Is(Refusal.WrongCredential);
            node.Change(Ada, "from A", "evil").Is(Refusal.WrongCredential);
        }
        A.Change(Ada, "from B", "next").Granted();
        _cluster.Meet();
        B.Password(Ada, "next").Granted();
    }

    [Fact]
    public void Changes_apart_that_do_not_follow_one_old_password_leave_none()
    {
        A.Change(Ada, "old", "a1").Granted();
        A.Change(Ada, "a1", "a2").Granted();
        B.Change(Ada, "old", "b1").Granted();
        _cluster.Meet();
        A.Password(Ada, "a2").Is(Refusal.ResetNeeded);
        B.Password(Ada, "b1").Is(Refusal.ResetNeeded);
        B.Change(Ada, "b1", "evil").Is(Refusal.ResetNeeded);
        B.Password(Ada, "old").Is(Refusal.WrongCredential);
        A.Reset(Ada, "new").Granted();
        _cluster.Meet();
        B.Password(Ada, "new").Granted();
    }

    [Fact]
    public void Two_passwords_that_one_administrator_set_apart_leave_none()
    {
        A.Do((view, act) => Passwords.SetByAdministrator(view, act, _who, "hash of a", "admin_1")).Granted();
        B.Do((view, act) => Passwords.SetByAdministrator(view, act, _who, "hash of b", "admin_1")).Granted();
        _cluster.Meet();
        A.Password(Ada, "a").Is(Refusal.ResetNeeded);
        B.Password(Ada, "b").Is(Refusal.ResetNeeded);
    }

    [Fact]
    public void A_thief_who_changed_the_password_apart_from_the_owner_s_reset_has_nothing_left()
    {
        B.Change(Ada, "old", "evil").Granted();
        var thief = B.StartBy(Ada, "evil");
        A.Reset(Ada, "new").Granted();
        var owner = A.StartBy(Ada, "new");
        _cluster.Meet();
        foreach (var node in _cluster.Nodes)
        {
            node.Password(Ada, "new").Is(Refusal.ResetNeeded);    // which of them is the owner, the mailbox decides
            node.Password(Ada, "evil").Is(Refusal.ResetNeeded);
            Assert.Equal(Refusal.SessionEnded, node.Ended(thief));
            Assert.Null(node.Ended(owner));
        }
        A.Reset(Ada, "newest").Granted();
        _cluster.Meet();
        B.Password(Ada, "newest").Granted();
        B.Password(Ada, "evil").Is(Refusal.WrongCredential);
    }

    [Fact]
    public void The_password_of_a_user_who_lost_the_address_does_not_open_it()
    {
        A.Do((view, act) => Addresses.ChangeTo(view, act, _who, "shared@example.com")).Granted();
        B.Join("shared@example.com", "theirs");
        _cluster.Meet();
        B.Password("shared@example.com", "theirs").Is(Refusal.WrongCredential);
        B.Password("shared@example.com", "old").Granted();
    }

    [Fact]
    public void A_denied_user_changes_nothing()
    {
        A.Do((view, act) => DenyUser.Suspend(view, act, _who)).Granted();
        A.Change(Ada, "old", "new").Is(Refusal.Denied);
        A.Reset(Ada, "new").Is(Refusal.Denied);
        Assert.Equal(1, A.Count("credentials"));
    }

    public void Dispose() => _cluster.Dispose();
}
