using Holdfast.Http;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Tests.Users;

/// <summary>Sessions and their refresh, on one node and on nodes apart (decision 0009, cases 6, 7 and 8).</summary>
public sealed class SessionTests : IDisposable
{
    private const string Ada = "ada@example.com";

    private readonly Cluster _cluster = new(3);
    private readonly string _who;

    public SessionTests()
    {
        _who = A.Join(Ada, "secret");
        _cluster.Meet();
    }

    private Node A => _cluster.Nodes[0];

    private Node B => _cluster.Nodes[1];

    [Fact]
    public void A_refused_sign_in_begins_no_session()
    {
        A.TryStart((view, act) => Passwords.SignIn(view, act, Ada, null)).Is(Refusal.WrongCredential);
        A.Do((view, act) => DenyUser.Suspend(view, act, _who)).Granted();
        A.TryStart((_, _) => Rule.Grant(new SignedIn(_who))).Is(Refusal.Denied);
        Assert.Equal(0, A.Count("sessions"));
    }

    [Fact]
    public void A_session_s_birth_is_the_place_of_its_row()
    {
        A.StartBy(Ada, "secret");
        var token = A.StartBy(Ada, "secret");
        Assert.Contains(A.Journal(), f => $"{f.Position}" == token.Birth.Position && f.Version.Contains($"\"{token.SessionId}\"", StringComparison.Ordinal));
        Assert.Equal(A.Incarnation, token.Birth.Incarnation);
    }

    [Fact] // OAUTH-026
    public void A_token_has_one_successor_and_that_one_the_next()
    {
        var token = A.StartBy(Ada, "secret");
        var next = A.Refresh(token).Granted();
        Assert.Equal((1, token.SessionId, token.ExpiresAt), (next.Generation, next.SessionId, next.ExpiresAt));
        Assert.NotEqual(token.Mark, next.Mark);
        _cluster.Wait(TimeSpan.FromSeconds(10));
        Assert.Equal(next, A.Refresh(token).Granted());   // the response was lost
        Assert.Equal(2, A.Refresh(next).Granted().Generation);
    }

    [Fact] // OAUTH-024
    public void A_token_spent_again_after_the_grace_ends_the_session()
    {
        var token = A.StartBy(Ada, "secret");
        var other = A.StartBy(Ada, "secret");
        var next = A.Refresh(token).Granted();
        _cluster.Wait(TimeSpan.FromSeconds(10.001));
        A.Refresh(token).Is(Refusal.SessionReplayed);
        A.Refresh(next).Is(Refusal.SessionEnded);
        _cluster.Meet();
        B.Refresh(next).Is(Refusal.SessionEnded);
        B.Refresh(other).Granted();
    }

    [Fact]
    public void A_token_that_is_not_ours_is_refused()
    {
        var token = A.StartBy(Ada, "secret");
        A.Refresh(token with { Generation = 7 }).Is(Refusal.SessionUnknown);
        A.Refresh(token with { KeyId = "successor_2" }).Is(Refusal.SessionUnknown);
        A.Refresh(token with { Mark = "" }).Is(Refusal.SessionUnknown);
        A.Refresh(token with { UserId = "user_other" }).Is(Refusal.SessionUnknown);
        A.Refresh(token with { ExpiresAt = token.ExpiresAt + 1 }).Is(Refusal.SessionUnknown);
        A.Do((view, act) => RefreshSession.Decide(view, act with { EnvironmentId = "environment_2" }, token, _cluster.SuccessorKey, true)).Is(Refusal.SessionUnknown);
        A.Refresh(token).Granted();
    }

    [Fact]
    public void A_session_ends_at_its_end()
    {
        var token = A.StartBy(Ada, "secret");
        _cluster.Wait(TimeSpan.FromDays(30) - TimeSpan.FromMilliseconds(1));
        var next = A.Refresh(token).Granted();
        _cluster.Wait(TimeSpan.FromMilliseconds(1));
        A.Refresh(next).Is(Refusal.SessionExpired);
    }

    [Fact]
    public void A_node_that_has_not_heard_of_a_session_goes_on_with_it_and_writes_the_row_that_it_was()
    {
        var token = A.StartBy(Ada, "secret");
        _cluster.Wait(TimeSpan.FromMinutes(5));

        var next = B.Refresh(token).Granted();

        Assert.Equal(1, B.Count("sessions"));
        _cluster.Meet();   // digests are equal
        Assert.Equal(1, A.Count("sessions"));
        Assert.Equal(2, A.Refresh(next).Granted().Generation);
    }

    [Fact]
    public void Where_the_birth_has_arrived_and_no_session_there_is_none()
    {
        var token = A.StartBy(Ada, "secret");
        B.Do((view, act) => RefreshSession.Decide(view, act, token, _cluster.SuccessorKey, birthIsApplied: true)).Is(Refusal.SessionUnknown);
        Assert.Equal(0, B.Count("sessions") + B.Count("session_spends"));
    }

    [Fact] // OAUTH-027
    public void Spent_on_two_nodes_apart_inside_the_grace_it_goes_on()
    {
        var token = A.StartBy(Ada, "secret");
        var onA = A.Refresh(token).Granted();
        _cluster.Wait(TimeSpan.FromSeconds(9));
        Assert.Equal(onA, B.Refresh(token).Granted());
        _cluster.Meet();
        Assert.All(_cluster.Nodes, node => Assert.Null(node.Ended(token)));
        Assert.Equal(2, B.Refresh(onA).Granted().Generation);
    }

    [Theory, InlineData(10_000, null), InlineData(10_001, Refusal.SessionReplayed)] // OAUTH-027
    public void Nor_may_a_clock_that_is_behind_make_the_grace_longer(int behind, object? why)
    {
        var token = A.StartBy(Ada, "secret");
        _cluster.Wait(TimeSpan.FromMinutes(1));
        A.Refresh(token).Granted();
        _cluster.Meet();
        var ruling = B.Do((view, act) => RefreshSession.Decide(
            view, act with { Now = act.Now - TimeSpan.FromMilliseconds(behind) }, token, _cluster.SuccessorKey, birthIsApplied: true));
        Assert.Equal(why, ruling.Refused);
        Assert.Equal(2, B.Count("session_spends"));   // it is a spend like the first
        _cluster.Meet();
        Assert.All(_cluster.Nodes, node => Assert.Equal(why is null, node.Ended(token) is null));
    }

    [Fact]
    public void Spent_on_two_nodes_apart_outside_the_grace_it_has_ended_everywhere()
    {
        var token = A.StartBy(Ada, "secret");
        var onA = A.Refresh(token).Granted();
        _cluster.Wait(TimeSpan.FromSeconds(11));
        Assert.Equal(onA, B.Refresh(token).Granted());   // it cannot know
        _cluster.Meet();
        Assert.All(_cluster.Nodes, node => node.Refresh(onA).Is(Refusal.SessionReplayed));
    }

    [Fact] // OAUTH-028
    public void Spent_on_three_nodes_each_inside_the_grace_of_the_next_it_has_ended()
    {
        var token = A.StartBy(Ada, "secret");
        foreach (var node in _cluster.Nodes)
        {
            node.Refresh(token).Granted();
            _cluster.Wait(TimeSpan.FromSeconds(8));
        }
        _cluster.Meet();
        Assert.All(_cluster.Nodes, node => Assert.Equal(Refusal.SessionReplayed, node.Ended(token)));
    }

    [Fact] // OAUTH-057
    public void Ended_on_one_node_it_is_refused_on_the_other_once_they_met()
    {
        var token = A.StartBy(Ada, "secret");
        A.Do((view, act) => Session.End(view, act with { EnvironmentId = "environment_2" }, token.SessionId, "revoked")).Is(Refusal.NotFound);
        B.Do((view, act) => Session.End(view, act, token.SessionId, "revoked")).Granted();   // where it has not arrived yet
        A.Do((view, act) => Session.End(view, act, token.SessionId, "signed_out")).Granted();
        B.Do((view, act) => Session.End(view, act, token.SessionId, "signed_out")).Granted();
        B.Refresh(token).Is(Refusal.SessionEnded);
        _cluster.Meet();
        A.Refresh(token).Is(Refusal.SessionEnded);
        Assert.Equal(2, A.Count("denies"));
    }

    [Fact]
    public void Whoever_ends_it_from_another_environment_where_it_has_not_arrived_ends_nothing()
    {
        var token = A.StartBy(Ada, "secret");
        B.Do((view, act) => Session.End(view, act with { EnvironmentId = "environment_2", IdKey = [9] }, token.SessionId, "revoked")).Granted();
        Assert.Null(B.Ended(token));
        _cluster.Meet();
        A.Refresh(token).Granted();
        A.Do((view, act) => Session.End(view, act, token.SessionId, "revoked")).Granted();
        A.Refresh(token).Is(Refusal.SessionEnded);
    }

    [Fact] // OAUTH-029
    public void It_ends_with_its_user_organization_and_membership()
    {
        foreach (var (reason, subject) in new[]
        {
            ("suspended", _who), ("deleted", "org_1"), ("suspended", Memberships.IdOf(_cluster.IdKey, "org_1", _who)),
        })
        {
            var token = A.Start((_, _) => Rule.Grant(new SignedIn(_who, null, "org_1")));
            var elsewhere = A.Start((_, _) => Rule.Grant(new SignedIn(_who, null, "org_2")));
            var deny = B.Do((_, act) => Decide.To(act.NewId(Ids.Deny), Denied.Because(reason, subject, act.EnvironmentId, act.NewId(Ids.Deny), act.Now)));
            A.Refresh(token).Granted();
            _cluster.Meet();
            A.Refresh(token).Is(Refusal.Denied);
            Assert.Equal(subject == _who ? Refusal.Denied : null, A.Ended(elsewhere));
            A.Write((_, act) => Decide.To(true, Denied.Lifted(deny, act.EnvironmentId, act.NewId(Ids.Lift), act.Now)));
        }
    }

    [Fact]
    public void A_reset_on_one_node_ends_a_session_that_began_later_on_another()
    {
        A.Reset(Ada, "new").Granted();
        _cluster.Wait(TimeSpan.FromMinutes(1));
        var late = B.StartBy(Ada, "secret");
        _cluster.Meet();
        Assert.Equal(Refusal.SessionEnded, B.Ended(late));
    }

    public void Dispose() => _cluster.Dispose();
}
