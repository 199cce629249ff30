using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Peers;
using Holdfast.Storage;

namespace Holdfast.Sso;

/// <summary>What every way back from an identity provider goes through before anything is checked: may this flow still end, here and now?</summary>
internal sealed class ResumeFlow(
    Database database, RedirectUriStore redirectUris, StartSignIn start, FlowCookie cookie, FlowAttempts tries, AttemptRing attempts, ForwardToAuthority authority)
{
    /// <summary>Ends a flow, if it may end. The browser keeps its cookie while a reload may still end it: when something of ours or the provider is away.</summary>
    /// <param name="end">What ends it, once it may.</param>
    public async Task<IResult> EndAsync(HttpContext http, ReadyConnection connection, Flow flow, Func<Task<IResult>> end)
    {
        var (isActive, isAllowed) = (connection.Connection.IsActive, redirectUris.Allows(flow.EnvironmentId, flow.RedirectUri));
        if (isActive && isAllowed && flow.Authority != database.Incarnation)
        {
            return await authority.TryAsync(http, flow.Authority, ForwardToAuthority.SignInBudget) == Forwarded.Answered
                ? Results.Empty
                : await start.AgainAsync(http, connection, flow);   // who alone could end it is gone, or cannot be asked
        }
        if (!tries.MayTry(flow.Id))
        {
            return SsoErrors.NoFlow(attempts.Remember(flow.ConnectionId, "FlowTriedTooOften", $"the sign-in was tried {FlowAttempts.MostPerFlow} times"));
        }
        var answer = !isAllowed ? SsoErrors.RedirectUriNotRegistered
            : !isActive ? SsoErrors.Back(flow.RedirectUri, flow.State, "connection_unlinked", "The connection is not active.")
            : await end();
        if (answer is not ErrorPage { Status: >= 500 })
        {
            cookie.Delete(http, flow.Id);
        }
        return answer;
    }
}
