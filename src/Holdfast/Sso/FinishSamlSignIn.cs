using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Protocols.Saml;
using Holdfast.Storage;
using Holdfast.Storage.Peers;

namespace Holdfast.Sso;

/// <summary>Ends a SAML sign-in: checks the identity provider's response, then sends the browser back with a one-time code.</summary>
/// <remarks>SAML 2.0 Bindings §3.5 (HTTP POST); Profiles §4.1.4.3 (what must be checked), §4.1.4.5 (no replay) and §4.1.5 (what nobody asked for).</remarks>
internal sealed class FinishSamlSignIn(
    Connections connections, SignInStore signIns, FlowCookie cookie, AttemptRing attempts, ResumeFlow resume, StartSignIn start, SamlChecks checks, SingleUse singleUse,
    PeerLinks peers, Database database, EnvironmentStore environments, RedirectUriStore redirectUris, RateLimits limits, SsoOptions options, PublicAddress address, Ids ids,
    Entropy entropy, TimeProvider clock, ILogger<FinishSamlSignIn> log)
{
    /// <summary>The largest post that is read, in bytes; above it the answer is 413. A response of 512 kB is 684 kB in base64.</summary>
    public const int MaxBytes = 768 * 1024;

    private const string Bounced = "holdfast_bounced";

    public async Task<IResult> HandleAsync(string connectionId, HttpContext http)
    {
        // Load.
        var (form, refusal) = await Forms.ReadAsync(http, MaxBytes);
        if (form is null)
        {
            return refusal!;
        }
        if (connections.Find(connectionId) is not { Trust: { } trust } connection)
        {
            return SsoErrors.NoConnection;
        }
        if (form.Keys.Any(http.Request.Query.ContainsKey) || form.Any(f => f.Value.Count != 1) || form.ContainsKey("SAMLRequest") || form.ContainsKey("SAMLart"))
        {
            return SsoErrors.Refused(attempts.Remember(connectionId, "FormAmbiguous", "the form holds a field twice, or more than a response"));
        }
        if (!form.TryGetValue("SAMLResponse", out var given))
        {
            return SsoErrors.Refused(attempts.Remember(connectionId, "ResponseMissing", "the form holds no SAMLResponse"));
        }
        var response = given.ToString();
        var relayState = form.TryGetValue("RelayState", out var relayed) ? relayed.ToString() : "";
        if (!Flow.IsId(relayState) && trust.AllowUnsolicited)
        {
            return await EndUnsolicitedAsync(http, connection, trust, response);
        }
        if (relayState.Length == 0)
        {
            return SsoErrors.Unsolicited(attempts.Remember(connectionId, "Unsolicited", "the response came without RelayState: nobody here asked for it"));
        }
        if (cookie.Read(http, relayState, clock.GetUtcNow()) is not { RequestId: { } requestId } flow || flow.ConnectionId != connectionId)
        {
            return !address.IsHttps && !form.ContainsKey(Bounced) && http.Request.Headers["Sec-Fetch-Site"] == "cross-site"
                // Over plain http a browser keeps the flow's cookie from a post of another site; posted again from our own page, it comes along.
                ? new PostOn(PostOn.SigningIn, null, [new("SAMLResponse", response), new("RelayState", relayState), new(Bounced, "1")])
                : SsoErrors.NoFlow(attempts.Remember(connectionId, "FlowNotFound", "this browser has no sign-in under way with that RelayState"));
        }
        return await resume.EndAsync(http, connection, flow, () => EndAsync(connection, trust, flow, requestId, response, http.RequestAborted));
    }

    private async Task<IResult> EndAsync(ReadyConnection connection, SamlTrust trust, Flow flow, string requestId, string response, CancellationToken ct)
    {
        // Decide: pure, no clock and no I/O of its own.
        var (verdict, surface) = await checks.CheckAsync(response, trust, requestId, clock.GetUtcNow(), ct);
        var material = new SamlMaterial(surface, trust, requestId, flow.BeganAt, response);
        string Remember(string reason, string detail) => attempts.Remember(connection.Connection.Id, reason, detail, material);
        if (verdict is not SamlVerdict.Accepted accepted)
        {
            var refused = (SamlVerdict.Refused)verdict;
            var refusal = Remember(refused.Why.ToString(), refused.Detail);
            return refused.Why == SamlRefusal.StatusNotSuccess
                ? SsoErrors.Back(flow.RedirectUri, flow.State, "access_denied", $"The identity provider did not sign the person in. Reference {refusal}.")
                : SsoErrors.Refused(refusal);
        }
        if (flow.ForcedAt is { } forced && accepted.Assertion.AuthnInstant < forced - options.ClockSkew)
        {
            return SsoErrors.Refused(Remember("AuthenticationTooOld", "the person was to sign in anew, and the assertion tells of an older session"));
        }
        var (who, incomplete) = Attributes.Of(accepted.Assertion, connection.Settings.Saml!.AttributeMap);
        if (who is null)
        {
            return SsoErrors.Refused(Remember(incomplete!, "the assertion does not say who the person is"));
        }

        // Save: the flow, the assertion, the profile and the code, in one transaction of the node's writer; then answer.
        var (code, failure) = await KeepAsync(connection, flow, who, accepted, surface!, response, isIdpInitiated: false);
        return code is null
            ? SsoErrors.Refused(Remember(failure!, "the response or the sign-in was used before"))
            : new Back(SsoErrors.BackUrl(flow.RedirectUri, [("code", code), ("state", flow.State)]));
    }

    /// <summary>Ends what began at the identity provider. It leads to the default redirect URI and nowhere else, carries no state, and says what it is: nothing binds it to
    /// the browser that brings it, so whether that is good enough is the application's to say.</summary>
    private async Task<IResult> EndUnsolicitedAsync(HttpContext http, ReadyConnection connection, SamlTrust trust, string response)
    {
        var (connectionId, environmentId, now) = (connection.Connection.Id, connection.Connection.EnvironmentId, clock.GetUtcNow());
        if (limits.Count(RateLimits.AuthorizePerConnection, connectionId) is { } wait)
        {
            return SsoErrors.TooManySignIns(http, wait);
        }
        if (redirectUris.Default(environmentId) is not { } redirectUri || environments.FindClient(environmentId) is not { } clientId)
        {
            return SsoErrors.NoRedirectUri;
        }
        if (!connection.Connection.IsActive)
        {
            return SsoErrors.Back(redirectUri, null, "connection_unlinked", "The connection is not active.");
        }

        // Decide.
        var (verdict, surface) = await checks.CheckAsync(response, trust, requestId: null, now, http.RequestAborted);
        string Remember(string reason, string detail) => attempts.Remember(connectionId, reason, detail, new SamlMaterial(surface, trust, null, null, response));
        if (verdict is not SamlVerdict.Accepted { Assertion: var assertion } accepted)
        {
            var refused = (SamlVerdict.Refused)verdict;
            return SsoErrors.Refused(Remember(refused.Why.ToString(), refused.Detail));
        }
        var (who, incomplete) = Attributes.Of(assertion, connection.Settings.Saml!.AttributeMap);
        if (who is null)
        {
            return SsoErrors.Refused(Remember(incomplete!, "the assertion does not say who the person is"));
        }

        // Save: one node decides that it was not used (law 5), then the profile and the code are this node's.
        // While the node list changes two are asked, and the second may have heard of the first one's answer: by this post's own id it knows that it is about the same use.
        var question = new SpendQuestion(
            peers.Own, environmentId, "saml_assertion", SignInStore.AssertionKey(connectionId, assertion.Id), ids.New(Ids.Request), assertion.IssueInstant.ToUnixTimeMilliseconds(),
            (assertion.NotOnOrAfter + options.ClockSkew).ToUnixTimeMilliseconds(), NeedsCopy: false);
        switch (await singleUse.SpendAsync(question, http.RequestAborted))
        {
            case SpendVerdict.Granted:
                break;
            case SpendVerdict.Used:
                return SsoErrors.Refused(Remember("Replayed", "the assertion was used before"));
            default:
                // Nobody can say; the identity provider has a session with the person, and answers a request of ours at once.
                return await start.InsteadAsync(http, connection, clientId, redirectUri);
        }
        var flow = new Flow(
            Flow.NewId(database.Incarnation, now, entropy.Bytes(16)), environmentId, clientId, connectionId, redirectUri, null, null, null, null, null, null,
            now + options.FlowLifetime, 0);
        var (code, failure) = await KeepAsync(connection, flow, who, accepted, surface!, response, isIdpInitiated: true);
        return code is null
            ? SsoErrors.Refused(Remember(failure!, "the response or the sign-in was used before"))
            : new Back(SsoErrors.BackUrl(redirectUri, [("code", code), ("idp_initiated", "true")]));
    }

    /// <summary>Keeps a sign-in that was accepted, and what it was proven by.</summary>
    /// <param name="isIdpInitiated">Then its assertion is used up already.</param>
    private async Task<(string? Code, string? Refusal)> KeepAsync(
        ReadyConnection connection, Flow flow, Attributes who, SamlVerdict.Accepted accepted, SamlSurface surface, string response, bool isIdpInitiated)
    {
        var assertion = accepted.Assertion;
        var notes = accepted.Evidence.Notes(clock.GetUtcNow()).Order().Select(SamlWords.Of).ToList();
        var attempt = new SucceededAttempt(ids.New(Ids.Attempt), new AttemptFacts(surface, notes, isIdpInitiated));
        if (notes.Count > 0)
        {
            SsoLog.Noted(log, attempt.Id, connection.Connection.Id, string.Join(", ", notes));
        }
        var completed = await signIns.CompleteAsync(connection.Connection, flow, who, attempt, new SamlProof(
            assertion.Id, assertion.NotOnOrAfter, isIdpInitiated, connection.Settings.Saml!.IdpSloUrl is null ? null : assertion.Session, assertion.SessionNotOnOrAfter));
        if (completed.Code is not null)
        {
            attempts.KeepResponse(attempt.Id, response);
        }
        return completed;
    }
}
