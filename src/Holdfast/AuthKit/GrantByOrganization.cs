using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Somebody who has proven who they are, and is in several organizations, has chosen one.</summary>
internal sealed class GrantByOrganization(Database database, ClusterKeys keys, Acts acts, BeginSession begin)
{
    public async Task<IResult> HandleAsync(Authenticate.Asked asked, Authenticate authenticate)
    {
        if (asked.Find("pending_authentication_token") is not { } token || asked.Find("organization_id") is not { } organizationId)
        {
            return AuthKitErrors.Missing("pending_authentication_token and organization_id");
        }
        if (PendingAuthentication.Open(keys, asked.Client.EnvironmentId, token) is not { EmailVerificationId: null } pending)   // one who has not proven the mailbox chooses nothing
        {
            return AuthKitErrors.BadPending;
        }
        if (await authenticate.SendOnAsync(asked, pending.Authority, AuthKitErrors.BadPending) is { } elsewhere)
        {
            return elsewhere;
        }
        var request = asked.Operation.RequestId;
        var outcome = await database.RecordAsync(asked.Http, view => Decide(view, acts.Of(asked.Operation), pending, organizationId, request, (v, a, signIn, method) => begin.Decide(v, a, signIn, method)));
        return authenticate.Answer(asked, outcome, pending.Method, why => why switch
        {
            Refusal.NotFound => AuthKitErrors.NoMembership,
            Refusal.ItemSpent => AuthKitErrors.BadPending,
            _ => AuthKitErrors.NotAdmitted,
        });
    }

    /// <summary>What the choice comes to. The pending authentication is used up by it.</summary>
    public static Decision<BeginSession.Outcome> Decide(View view, Act act, PendingAuthentication pending, string organizationId, string? request, BeginSession.Ending then)
    {
        if (!pending.IsGood(view, act, request))
        {
            return new(new BeginSession.Outcome(Refused: Refusal.ItemSpent), []);
        }
        if (!Memberships.IsIn(view, act, organizationId, pending.UserId))
        {
            return new(new BeginSession.Outcome(Refused: Refusal.NotFound), []);   // they may choose another
        }
        var (answer, changes) = then(view, act, Rule.Grant(new SignedIn(pending.UserId, pending.CredentialId, organizationId)), pending.Method);
        return new Decision<BeginSession.Outcome>(answer, [.. changes, pending.Spent(act, request)]);
    }
}
