using Holdfast.Http;

namespace Holdfast.AuthKit;

/// <summary>Every refusal of <c>POST /user_management/authenticate</c>. Which keys stand in a body decides the exception that an SDK raises.</summary>
internal static class AuthKitErrors
{
    /// <summary>Whatever ended a session, it is said in these words: an SDK signs out.</summary>
    public static ApiAnswer SessionEnded { get; } = ApiError.OAuth("invalid_grant", "The session has ended, or the refresh token is not valid.");

    /// <summary>Who may not sign in: suspended, or their organization is.</summary>
    public static ApiAnswer NotAdmitted { get; } = ApiError.OAuth("access_denied", "This person may not sign in.");

    /// <summary>A session to be signed out that this node does not know: it must not be said that it has ended.</summary>
    public static ErrorPage SessionNotHere { get; } = new(StatusCodes.Status404NotFound, "session_not_found", "session_not_found");

    public static ApiAnswer NoMembership { get; } = ApiError.OAuth("organization_membership_not_found", "The user is not an active member of that organization.");

    /// <summary>For an address that nobody has, too.</summary>
    public static ApiAnswer WrongPassword { get; } = ApiError.BadRequest("invalid_credentials", "The e-mail address or the password is not right.");

    /// <summary>Passwords were changed on nodes apart, and none is effective: told only to whoever knew one of them.</summary>
    public static ApiAnswer ResetNeeded { get; } = ApiError.BadRequest("password_reset_required", "This password was changed in two places at once. Set a new one by e-mail.");

    public static ApiAnswer WrongCode { get; } = ApiError.BadRequest("invalid_one_time_code", "The code is not right.");

    public static ApiAnswer ExpiredCode { get; } = ApiError.BadRequest("one_time_code_expired", "The code has expired. Ask for a new one.");

    public static ApiAnswer UsedCode { get; } = ApiError.BadRequest("one_time_code_previously_used", "The code was used before. Ask for a new one.");

    public static ApiAnswer TooManyTries { get; } = ApiError.BadRequest("one_time_code_too_many_attempts", "Too many wrong codes. Ask for a new one.");

    public static ApiAnswer BadPending { get; } = ApiError.BadRequest("invalid_pending_authentication_token", "The pending authentication token is not valid, has expired, or was used.");

    /// <summary>RFC 8628 §3.5, all four.</summary>
    public static ApiAnswer DevicePending { get; } = ApiError.OAuth("authorization_pending", "The person has not answered yet.");

    public static ApiAnswer DeviceTooSoon { get; } = ApiError.OAuth("slow_down", "This was asked too soon: wait five seconds longer each time from now on.");

    public static ApiAnswer DeviceExpired { get; } = ApiError.OAuth("expired_token", "The device code has expired. Begin anew.");

    public static ApiAnswer DeviceRefused { get; } = ApiError.OAuth("access_denied", "The person has refused.");

    public static ApiAnswer Missing(string names) => ApiError.OAuth("invalid_request", $"{names} must be given.");

    /// <summary>The node that issued it, and alone redeems it, cannot be reached.</summary>
    public static ApiAnswer AuthorityUnavailable { get; } = ApiError.Unavailable("authority_unavailable",
        "The node that issued this does not answer now. Repeat with the same Idempotency-Key, or begin the sign-in anew.", retryAfter: 1);

    /// <summary>Somebody signs in at their organization's identity provider, and by nothing else: the application sends them to this connection.</summary>
    public static ApiAnswer SsoRequired(SsoRequired.Demand demand) => new(StatusCodes.Status400BadRequest,
        new SsoBody("sso_required", "People with this address sign in at their organization's identity provider.", demand.Email, demand.ConnectionIds));

    private sealed record SsoBody(string Error, string ErrorDescription, string Email, IReadOnlyList<string> ConnectionIds);

    /// <summary>Somebody has not proven their mailbox (403, as SDKs expect it).</summary>
    public static ApiAnswer ProveMailbox(string pendingToken, string email, string verificationId) => new(StatusCodes.Status403Forbidden,
        new ProveBody("email_verification_required", "Email ownership must be verified before authentication.", pendingToken, email, verificationId));

    private sealed record ProveBody(string Code, string Message, string PendingAuthenticationToken, string Email, string EmailVerificationId);

    /// <summary>Somebody who is in several organizations chooses one (403, as SDKs expect it).</summary>
    public static ApiAnswer ChooseOrganization(string pendingToken, IReadOnlyList<Users.Memberships.Member> organizations, Users.UserBody user) => new(StatusCodes.Status403Forbidden,
        new ChooseBody("organization_selection_required", "The user must choose an organization to finish their authentication.", pendingToken,
            [.. organizations.Select(o => new ChooseBody.Organization(o.OrganizationId, o.Name))], user));

    /// <summary>Somebody has a second factor, and shows it (403, as SDKs expect it). Beside the factors, as the description has them, stands a challenge that is ready to be answered.</summary>
    public static ApiAnswer ShowFactor(string pendingToken, BeginSession.FactorsAsked asked) => new(StatusCodes.Status403Forbidden,
        new FactorBody("mfa_challenge", "The user must answer a challenge of their second factor to finish their authentication.", pendingToken,
            [.. asked.Factors.Select(f => new FactorBody.Factor(f.Id, f.Type))], asked.Challenge, asked.User));

    private sealed record FactorBody(
        string Code, string Message, string PendingAuthenticationToken, IReadOnlyList<FactorBody.Factor> AuthenticationFactors, MultiFactor.ChallengeBody AuthenticationChallenge,
        Users.UserBody User)
    {
        public sealed record Factor(string Id, string Type);
    }

    /// <summary>Somebody must have a second factor, and has none (403, as SDKs expect it).</summary>
    public static ApiAnswer EnrollFactor(string pendingToken, Users.UserBody user) => new(StatusCodes.Status403Forbidden,
        new EnrollBody("mfa_enrollment", "The user must enroll a second factor to finish their authentication.", pendingToken, user));

    private sealed record EnrollBody(string Code, string Message, string PendingAuthenticationToken, Users.UserBody User);

    /// <summary>The organization to be switched to asks for a second factor, and the session was begun without: an SDK begins a sign-in anew.</summary>
    public static ApiAnswer FactorNeeded { get; } = ApiError.OAuth("mfa_enrollment", "The organization asks for a second factor. Sign in again.");

    private sealed record ChooseBody(string Code, string Message, string PendingAuthenticationToken, IReadOnlyList<ChooseBody.Organization> Organizations, Users.UserBody User)
    {
        public sealed record Organization(string Id, string Name);
    }
}
