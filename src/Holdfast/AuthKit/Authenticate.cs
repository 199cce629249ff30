using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Peers;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Signs a person in, or goes on with their session: every grant comes in here (RFC 6749 §3.2).</summary>
/// <remarks>Nothing of it waits for the primary: a sign-in and a refresh are facts of this node.</remarks>
internal sealed class Authenticate(
    OAuthClients clients, Idempotency idempotency, ForwardToAuthority authority, Database database, ClusterKeys keys, Acts acts, AuthKitOptions options, SessionAnswer answers, RefreshTokens refreshTokens,
    GrantByCode byCode, GrantByPassword byPassword, GrantByEmailCode byEmailCode, GrantByMagicCode byMagicCode, GrantByRefreshToken byRefreshToken, GrantByOrganization byOrganization,
    GrantByFactor byFactor, GrantByDeviceCode byDeviceCode, CrossOrigin crossOrigin, Actions actions)
{
    /// <summary>A request for a grant.</summary>
    /// <param name="IsBrowser">It comes from a page of a registered origin.</param>
    internal sealed record Asked(HttpContext Http, OAuthParameters Parameters, OAuthClients.Client Client, Operation Operation, bool IsBrowser = false)
    {
        public SignInOrigin Origin { get; } = SignInOrigin.Of(Parameters.Find("ip_address"), Parameters.Find("user_agent"));

        /// <summary>The refresh token came in the browser's cookie, and goes back there alone.</summary>
        public bool IsByCookie { get; init; }

        public string? Find(string name) => Parameters.Find(name);
    }

    public async Task<IResult> HandleAsync(HttpContext http)
    {
        var (parameters, refusal) = await OAuthParameters.ReadAsync(http);
        if (parameters is null)
        {
            return refusal!;
        }
        if (parameters.Find("grant_type") is not { } grant || parameters.Find("client_id") is not { } clientId)
        {
            return AuthKitErrors.Missing("grant_type and client_id");
        }
        var (client, unknown) = clients.Find(http, parameters, clientId);
        if (client is null)
        {
            return unknown!;
        }
        var isBrowser = crossOrigin.Admit(http, client.EnvironmentId) && client.IsPublic;
        if (client.IsPublic && grant is not ("authorization_code" or "refresh_token" or GrantByDeviceCode.Grant))
        {
            return ApiError.OAuth("invalid_client", "This grant needs client_secret.");
        }
        var asked = new Asked(http, parameters, client, await idempotency.BeginAsync(http, client.EnvironmentId, client.Owner), isBrowser);
        http.Response.Headers.CacheControl = "no-store";
        if (grant != "refresh_token" && Before(asked) is { } before)
        {
            return before;
        }
        return grant switch
        {
            "authorization_code" => await byCode.HandleAsync(asked, this),
            "password" => await byPassword.HandleAsync(asked, this),
            "urn:workos:oauth:grant-type:email-verification:code" => await byEmailCode.HandleAsync(asked, this),
            "refresh_token" => await byRefreshToken.HandleAsync(asked),
            "urn:workos:oauth:grant-type:magic-auth:code" => await byMagicCode.HandleAsync(asked, this),
            "urn:workos:oauth:grant-type:organization-selection" => await byOrganization.HandleAsync(asked, this),
            "urn:workos:oauth:grant-type:mfa-totp" => await byFactor.HandleAsync(asked, this),
            GrantByDeviceCode.Grant => await byDeviceCode.HandleAsync(asked, this),
            // There is no Radar here, so no token of ours waits for a challenge of it.
            "urn:workos:oauth:grant-type:radar-email-challenge:code" or "urn:workos:oauth:grant-type:radar-sms-challenge:code" => AuthKitErrors.BadPending,
            _ => ApiError.OAuth("invalid_request", "This grant_type is not known."),
        };
    }

    /// <summary>Answers with what a sign-in came to.</summary>
    /// <param name="refused">In the grant's own words.</param>
    public ApiAnswer Answer(Asked asked, BeginSession.Outcome outcome, string method, Func<Refusal, ApiAnswer> refused) => outcome switch
    {
        { Session: { } session } => answers.Of(asked, session, null),
        { Sso: { } sso } => AuthKitErrors.SsoRequired(sso),
        { Message: { } message } => ApiError.OAuth("access_denied", message),
        { Choice: { } choice } => AuthKitErrors.ChooseOrganization(Pending(asked, choice.Who, method, PendingAuthentication.Organization), choice.Organizations, choice.User),
        { Unproven: { } mailbox } => AuthKitErrors.ProveMailbox(
            Pending(asked, mailbox.Who, method, PendingAuthentication.Mailbox, mailbox.VerificationId), mailbox.Address, mailbox.VerificationId),
        { Asked: { } factors } => AuthKitErrors.ShowFactor(
            Pending(asked, factors.Who, method, PendingAuthentication.Factor, factorIds: [.. factors.Factors.Select(f => f.Id)]), factors),
        { Missing: { } missing } => AuthKitErrors.EnrollFactor(Pending(asked, missing.Who, method, PendingAuthentication.Enrollment), missing.User),
        _ => Before(asked) ?? refused(outcome.Refused ?? Refusal.Denied),   // two of one request at once: the one that came second is refused by what the first has used up
    };

    private string Pending(Asked asked, SignedIn who, string method, string next, string? emailVerificationId = null, IReadOnlyList<string>? factorIds = null) =>
        PendingAuthentication.Of(acts.Of(asked.Operation), who, method, options.PendingLifetime, next, emailVerificationId, factorIds).Seal(keys, asked.Client.EnvironmentId);

    /// <summary>The session that this very request began when it came before, and its answer was lost; null when it began none here.</summary>
    private ApiAnswer? Before(Asked asked)
    {
        if (asked.Operation.RequestId is null)
        {
            return null;
        }
        var act = acts.Of(asked.Operation);
        var (session, ended) = database.Read(view => Session.OfRequest(view, act, refreshTokens.KeyOf(act.EnvironmentId)) is { } found ? (found, found.Session.Ended(view, act)) : (null, null));
        return session is null ? null : ended is not null ? AuthKitErrors.SessionEnded : answers.Of(asked, session, null);
    }

    /// <inheritdoc cref="Actions.DecideAsync"/>
    public Task<T> DecideAsync<T>(Asked asked, Func<Task<T>> decide, Func<T, BeginSession.Outcome?> read) => actions.DecideAsync(asked.Origin, decide, read, asked.Http.RequestAborted);

    /// <inheritdoc cref="Actions.DecideAsync"/>
    public Task<BeginSession.Outcome> DecideAsync(Asked asked, Func<Task<BeginSession.Outcome>> decide) => DecideAsync(asked, decide, outcome => outcome);

    /// <summary>Sends the request on to the node that alone may decide about it, when that is another.</summary>
    /// <param name="isVoid">The answer when nobody can any more.</param>
    /// <returns>The answer; null when this node decides.</returns>
    public async Task<IResult?> SendOnAsync(Asked asked, string incarnation, ApiAnswer isVoid) => incarnation == database.Incarnation
        ? null
        : await authority.TryAsync(asked.Http, incarnation, isVoid, AuthKitErrors.AuthorityUnavailable);
}
