using Holdfast.Http;
using Holdfast.Protocols.Saml;

namespace Holdfast.Sso;

/// <summary>Ends a SAML sign-in: checks the identity provider's response, then sends the browser back with a one-time code.</summary>
/// <remarks>SAML 2.0 Bindings §3.5 (HTTP POST); Profiles §4.1.4.3 (what must be checked) and §4.1.4.5 (no replay).</remarks>
internal sealed class FinishSamlSignIn(
    Connections connections, SignInStore signIns, FlowCookie cookie, AttemptRing attempts, ResumeFlow resume, SsoOptions options,
    PublicAddress address, TimeProvider clock) : IDisposable
{
    /// <summary>The largest post that is read, in bytes; above it the answer is 413. A response of 512 kB is 684 kB in base64.</summary>
    public const int MaxBytes = 768 * 1024;

    private const string Bounced = "holdfast_bounced";

    private readonly SemaphoreSlim _checks = new(Environment.ProcessorCount);

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
        if (!form.TryGetValue("SAMLResponse", out var response))
        {
            return SsoErrors.Refused(attempts.Remember(connectionId, "ResponseMissing", "the form holds no SAMLResponse"));
        }
        var relayState = form.TryGetValue("RelayState", out var given) ? given.ToString() : null;
        if (string.IsNullOrEmpty(relayState))
        {
            return SsoErrors.Unsolicited(attempts.Remember(connectionId, "Unsolicited", "the response came without RelayState: nobody here asked for it"));
        }
        if (cookie.Read(http, relayState, clock.GetUtcNow()) is not { RequestId: { } requestId } flow || flow.ConnectionId != connectionId)
        {
            return !address.IsHttps && !form.ContainsKey(Bounced) && http.Request.Headers["Sec-Fetch-Site"] == "cross-site"
                ? new Bounce(response.ToString(), relayState)
                : SsoErrors.NoFlow(attempts.Remember(connectionId, "FlowNotFound", "this browser has no sign-in under way with that RelayState"));
        }
        return await resume.EndAsync(http, connection, flow, () => EndAsync(connection, trust, flow, requestId, response.ToString(), http.RequestAborted));
    }

    private async Task<IResult> EndAsync(ReadyConnection connection, SamlTrust trust, Flow flow, string requestId, string response, CancellationToken ct)
    {
        var connectionId = connection.Connection.Id;

        // Decide: pure, no clock and no I/O of its own.
        var verdict = await CheckAsync(response, trust, requestId, clock.GetUtcNow(), ct);
        if (verdict is not SamlVerdict.Accepted { Assertion: var assertion })
        {
            var refused = (SamlVerdict.Refused)verdict;
            var attempt = attempts.Remember(connectionId, refused.Why.ToString(), refused.Detail);
            return refused.Why == SamlRefusal.StatusNotSuccess
                ? SsoErrors.Back(flow.RedirectUri, flow.State, "access_denied", $"The identity provider did not sign the person in. Reference {attempt}.")
                : SsoErrors.Refused(attempt);
        }
        if (flow.ForcedAt is { } forced && assertion.AuthnInstant < forced - options.ClockSkew)
        {
            return SsoErrors.Refused(attempts.Remember(connectionId, "AuthenticationTooOld", "the person was to sign in anew, and the assertion tells of an older session"));
        }
        var (who, incomplete) = Attributes.Of(assertion, connection.Settings.Saml!.AttributeMap);
        if (who is null)
        {
            return SsoErrors.Refused(attempts.Remember(connectionId, incomplete!, "the assertion does not say who the person is"));
        }

        // Save: the flow, the assertion, the profile and the code, in one transaction of the node's writer; then answer.
        var (code, failure) = await signIns.CompleteAsync(connection.Connection, flow, who, (assertion.Id, assertion.NotOnOrAfter));
        return code is null
            ? SsoErrors.Refused(attempts.Remember(connectionId, failure!, "the response or the sign-in was used before"))
            : new Back(SsoErrors.BackUrl(flow.RedirectUri, [("code", code), ("state", flow.State)]));
    }

    /// <summary>No more at once than there are cores: large forgeries must not take them from everybody else's sign-in.</summary>
    private async Task<SamlVerdict> CheckAsync(string response, SamlTrust trust, string requestId, DateTimeOffset now, CancellationToken ct)
    {
        await _checks.WaitAsync(ct);
        try
        {
            return SamlResponse.Check(response, trust, requestId, now, options.ClockSkew);
        }
        finally
        {
            _checks.Release();
        }
    }

    public void Dispose() => _checks.Dispose();

    /// <summary>Over plain http a browser keeps the flow's cookie from a post of another site; posted again from our own page, it comes along.</summary>
    private sealed class Bounce(string response, string relayState) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            var html = System.Text.Encodings.Web.HtmlEncoder.Default;
            return Pages.WriteAsync(httpContext, StatusCodes.Status200OK, "Signing in", $"""
                <h1>Signing in</h1>
                <form method="post" data-continue>
                <input type="hidden" name="SAMLResponse" value="{html.Encode(response)}">
                <input type="hidden" name="RelayState" value="{html.Encode(relayState)}">
                <input type="hidden" name="{Bounced}" value="1">
                <button>Continue</button>
                </form>
                <script src="/assets/continue.js" defer></script>
                """, "'self' http: https:");
        }
    }
}
