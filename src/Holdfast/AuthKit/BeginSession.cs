using Holdfast.Storage;
using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>From who somebody is to their session, in the decision that found it out.</summary>
internal sealed class BeginSession(NodeStore node, RefreshTokens refreshTokens, AuthKitOptions options)
{
    /// <summary>What a sign-in came to: a session, a choice that is still to be made, or a refusal.</summary>
    public sealed record Outcome(RefreshToken? Session, Refusal? Refused, Choice? Choice);

    /// <summary>Somebody is in several organizations.</summary>
    public sealed record Choice(SignedIn Who, UserBody User, IReadOnlyList<Memberships.Member> Organizations);

    /// <summary>Begins it in the organization of the sign-in; else in the only one that the user is in; else in none. Of several, the user chooses.</summary>
    public Decision<Outcome> Decide(View view, Act act, Decision<Ruling<SignedIn>> signIn, string method)
    {
        if (signIn.Answer.Answer is { OrganizationId: null } who)
        {
            var organizations = Memberships.Of(view, act, who.UserId);
            if (organizations.Count > 1)
            {
                var row = UserStore.Find(view, act.EnvironmentId, who.UserId) ?? new UserRow(who.UserId, null, null, null, act.Time, act.Time);
                return new(new Outcome(null, null, new Choice(who, UserBody.Of(row), organizations)), signIn.Changes);
            }
            signIn = Rule.Grant(who with { OrganizationId = organizations is [var only] ? only.OrganizationId : null }, signIn.Changes);
        }
        var started = Session.Start(view, act, signIn, method, options.SessionLifetime, refreshTokens.KeyOf(act.EnvironmentId), node.Clock.Next());
        return new(new Outcome(started.Answer.Answer, started.Answer.Refused, null), started.Changes);
    }
}
