using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Protocols.Saml;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Sso;

/// <summary>Takes an identity provider's logout messages: its request ends what the person's sign-ins gave, and is answered; its answer to ours ends the sign-out.</summary>
/// <remarks>SAML 2.0 Profiles §4.4; Bindings §3.4 (redirect) and §3.5 (post). A deny: it works on a connection that is switched off, and with the primary gone.</remarks>
internal sealed class AnswerSamlLogout(
    Database database, Connections connections, AttemptRing attempts, SamlChecks checks, RateLimits limits, SsoOptions options, ClusterKeys keys, Ids ids, Entropy entropy, TimeProvider clock)
{
    /// <summary>The longest relay state of the other side that is given back to it, in characters.</summary>
    private const int LongestRelayState = 4096;

    public async Task<IResult> HandleAsync(string connectionId, HttpContext http)
    {
        if (connections.Find(connectionId) is not { Trust: { SloUrl: not null } trust, Settings.Saml: { } saml, SpKeys.Signer: { } signer } connection)
        {
            return SsoErrors.NoConnection;
        }
        if (limits.Count(RateLimits.LogoutPerConnection, connectionId) is { } wait)
        {
            return SsoErrors.TooManySignOuts(http, wait);
        }
        var (message, refusal) = await ReadAsync(http);
        if (message is null)
        {
            return refusal ?? Refuse(connectionId, "FormAmbiguous", "the message holds a field twice, or not exactly one of SAMLRequest and SAMLResponse");
        }
        var now = clock.GetUtcNow();
        if (!message.IsRequest)
        {
            if (message.RelayState is not { Length: > 0 and <= 80 } sent)
            {
                return Refuse(connectionId, "RelayStateMissing", "the answer to a logout came without the RelayState that went out with the request");
            }
            var requestId = StartLogout.RequestId(keys, connection.Connection, sent);
            return await checks.BesideAsync(() => LogoutResponse.Check(message.Binding, message.Text, trust, requestId, now, options.ClockSkew), http.RequestAborted) switch
            {
                LogoutResponseVerdict.Accepted { Status: SamlLogoutStatus.Success } => SignedOut.Everywhere,
                LogoutResponseVerdict.Accepted => SignedOut.HereOnly,
                LogoutResponseVerdict.Refused no => Refuse(connectionId, no.Why.ToString(), no.Detail),
                _ => throw new InvalidOperationException("There is no such verdict."),
            };
        }
        if (message.RelayState is { Length: > LongestRelayState })
        {
            return Refuse(connectionId, "RelayStateTooLong", $"the relay state is longer than {LongestRelayState} characters");
        }
        var verdict = await checks.BesideAsync(() => LogoutRequest.Check(message.Binding, message.Text, trust, now, options.ClockSkew), http.RequestAborted);
        if (verdict is not LogoutRequestVerdict.Accepted accepted)
        {
            var refused = (LogoutRequestVerdict.Refused)verdict;
            return Refuse(connectionId, refused.Why.ToString(), refused.Detail);
        }
        if (!await EndAsync(connection.Connection, accepted, now, http))
        {
            return Refuse(connectionId, "Replayed", "the logout request was used before");
        }
        var answer = new SamlLogoutAnswer(
            AuthnRequest.NewId(entropy.Bytes(20)), trust.SpEntityId, saml.IdpSloResponseUrl ?? saml.IdpSloUrl!, accepted.Id, SamlLogoutStatus.Success, now);
        var relayState = (message.Binding == SamlBinding.Redirect ? accepted.RelayState : message.RelayState) ?? "";
        return saml.SloByPost
            ? PostOn.Of(PostOn.SigningOut, LogoutResponse.PostForm(answer, relayState, signer))
            : new Back(LogoutResponse.RedirectUrl(answer, relayState, signer).AbsoluteUri);
    }

    /// <summary>Uses the request up, and denies every session that it means, in one transaction. False when it was used before: replayed later, it would end a newer session.</summary>
    private Task<bool> EndAsync(Connection connection, LogoutRequestVerdict.Accepted request, DateTimeOffset now, HttpContext http)
    {
        var key = Caller.Hash($"logout\n{connection.Id}\n{request.Id}");
        // Opened before: every sign-in of this node waits for its writer.
        var meant = database.Read(view => SamlSessions.OfName(view, connection.Id, request.NameId, now)).Where(s => request.Ends(s.Open(keys))).Select(s => s.Id).ToList();
        return database.RecordAsync(http, view => SignInStore.IsSpent(view, key)
            ? Decide.Nothing(false)
            : new(true,
            [
                SignInStore.Spend(key, "saml_logout", connection.EnvironmentId, null, now, request.NotOnOrAfter + options.ClockSkew),
                .. meant.Where(id => !Denied.Is(view, id)).Select(id => Denied.Because("revoked", id, connection.EnvironmentId, ids, now)),
            ]));
    }

    private ErrorPage Refuse(string connectionId, string reason, string detail) => SsoErrors.LogoutRefused(attempts.Remember(connectionId, reason, detail, isSignOut: true));

    /// <summary>The one message that came, by either binding; no refusal when it is none.</summary>
    private static async Task<(Message? Message, IResult? Refusal)> ReadAsync(HttpContext http)
    {
        if (!HttpMethods.IsPost(http.Request.Method))
        {
            var query = http.Request.Query;
            return query.ContainsKey("SAMLRequest") == query.ContainsKey("SAMLResponse")
                ? (null, null)
                // The library reads the raw query itself: the signature is over its characters. Of the relay state it says what was signed, and refuses a second one.
                : (new Message(query.ContainsKey("SAMLRequest"), SamlBinding.Redirect, http.Request.QueryString.Value!, query.TryGetValue("RelayState", out var relayed) ? relayed.ToString() : null), null);
        }
        var (form, refusal) = await Forms.ReadAsync(http, FinishSamlSignIn.MaxBytes);
        if (form is null)
        {
            return (null, refusal);
        }
        return form.ContainsKey("SAMLRequest") == form.ContainsKey("SAMLResponse") || form.Any(f => f.Value.Count != 1) || form.Keys.Any(http.Request.Query.ContainsKey)
            ? (null, null)
            : (new Message(form.TryGetValue("SAMLRequest", out var request), SamlBinding.Post, (form.TryGetValue("SAMLResponse", out var response) ? response : request).ToString(),
                form.TryGetValue("RelayState", out var state) ? state.ToString() : null), null);
    }

    private sealed record Message(bool IsRequest, SamlBinding Binding, string Text, string? RelayState);
}
