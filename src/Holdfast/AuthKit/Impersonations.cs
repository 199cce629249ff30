using System.Text.Json;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Lets one of the people who run the application act as one of its users, for an hour, with a reason that everybody sees who looks at the session.</summary>
internal sealed class Impersonations(Database database, Idempotency idempotency, RedirectUriStore redirectUris, Acts acts, ItemSecrets secrets)
{
    /// <summary>How long the code may be exchanged.</summary>
    public static readonly TimeSpan CodeLifetime = TimeSpan.FromMinutes(5);

    /// <summary>How long the session lasts; no refresh makes it longer.</summary>
    public static readonly TimeSpan SessionLifetime = TimeSpan.FromMinutes(60);

    private const int LongestReason = 500;

    internal sealed record Input(Given<string> ImpersonatorEmail, Given<string> Reason, Given<string> OrganizationId, Given<string> RedirectUri);

    /// <param name="Code">To be exchanged at <c>/user_management/authenticate</c> with the client's secret, once.</param>
    /// <param name="Url">Where a browser takes the code to the application; null when no address is registered.</param>
    internal sealed record Body(
        string Object, string Id, string UserId, string? OrganizationId, Impersonator Impersonator, string Code, string? Url, DateTimeOffset ExpiresAt, DateTimeOffset CreatedAt);

    /// <summary>What the item knows.</summary>
    internal sealed record Content(string Email, string Reason, string? OrganizationId);

    public async Task<ApiAnswer> CreateAsync(string id, HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        var fields = new Fields();
        fields.Required("impersonator_email", input.ImpersonatorEmail, Addresses.Longest);
        fields.Required("reason", input.Reason, LongestReason);
        if (input.ImpersonatorEmail.Value is { Length: > 0 } address && !Addresses.IsAddress(address))
        {
            fields.Fault("impersonator_email", "invalid_email");
        }
        var environmentId = Caller.Of(http).EnvironmentId;
        if (input.RedirectUri.Value is { } wanted && !redirectUris.Allows(environmentId, wanted))
        {
            fields.Fault("redirect_uri", "not_registered");
        }
        if (fields.Refusal is { } wrong)
        {
            return wrong;
        }
        var operation = await idempotency.BeginAsync(http);
        var itemId = operation.NewId(Ids.Impersonation, database.Incarnation);
        var content = new Content(input.ImpersonatorEmail.Value!, input.Reason.Value!, input.OrganizationId.Value);
        var (fault, act) = await database.RecordAsync(http, view =>
        {
            var now = acts.Of(operation);
            return Why(view, now, id, content.OrganizationId) is { } why
                ? Decide.Nothing<(ApiAnswer?, Act)>((why, now))
                : Decide.To<(ApiAnswer?, Act)>((null, now), PendingItem.Issue(
                    now, Ids.Impersonation, id, secrets.Token(environmentId, itemId), JsonSerializer.Serialize(content), CodeLifetime, itemId).Row);
        });
        if (fault is not null)
        {
            return fault;
        }
        var code = $"{database.Incarnation}.{itemId}.{secrets.Token(environmentId, itemId)}";
        var home = input.RedirectUri.Value ?? redirectUris.Default(environmentId);
        return ApiAnswer.Created(new Body("impersonation", itemId, id, content.OrganizationId, new Impersonator(content.Email, content.Reason), code,
            home is null ? null : $"{home}{(home.Contains('?', StringComparison.Ordinal) ? '&' : '?')}code={code}", act.Now + CodeLifetime, act.Now));
    }

    /// <summary>Why nobody can act as this user; null when somebody can.</summary>
    private static ApiAnswer? Why(View view, Act act, string userId, string? organizationId) =>
        UserStore.Find(view, act.EnvironmentId, userId) is null ? ApiError.NotFound("User", userId)
        : Denied.Is(view, userId) ? ApiError.Conflict("user_not_admitted", "This user may not sign in, and so nobody can act as them.")
        : organizationId is not null && !Memberships.IsIn(view, act, organizationId, userId) ? ApiError.Validation("organization_id", "not_a_member")
        : organizationId is null && Memberships.Of(view, act, userId).Count > 1 ? ApiError.Validation("organization_id", "required")
        : null;
}

/// <summary>The code of an impersonation: a session in which somebody acts as a user.</summary>
internal sealed class GrantByImpersonation(Database database, Acts acts, BeginSession begin)
{
    /// <summary>Whether it looks like such a code.</summary>
    public static bool Reads(string code) => code.Split('.') is [_, var id, _] && id.StartsWith(Ids.Impersonation, StringComparison.Ordinal);

    public async Task<IResult> HandleAsync(Authenticate.Asked asked, string code, Authenticate authenticate)
    {
        if (asked.Client.IsPublic)
        {
            return ApiError.OAuth("invalid_client", "This code needs client_secret.");
        }
        if (code.Split('.') is not [var incarnation, var id, var secret])
        {
            return AuthKitErrors.SessionEnded;
        }
        if (await authenticate.SendOnAsync(asked, incarnation, Invalid) is { } elsewhere)
        {
            return elsewhere;
        }
        var outcome = await database.RecordAsync(asked.Http, view =>
        {
            var act = acts.Of(asked.Operation);
            var (item, refused) = PendingItem.Redeem(view, act, id, Ids.Impersonation, secret);
            if (item is null)
            {
                return Decide.Nothing(new BeginSession.Outcome(Refused: refused));
            }
            var content = JsonSerializer.Deserialize<Impersonations.Content>(item.Data!)!;
            var organizations = Memberships.Of(view, act, item.Subject);
            var organizationId = content.OrganizationId ?? (organizations is [var only] ? only.OrganizationId : null);
            if (ProveAddress.Refused(view, item.Subject) is { } why || (content.OrganizationId is { } there && !organizations.Exists(o => o.OrganizationId == there)))
            {
                return Decide.To(new BeginSession.Outcome(Refused: Refusal.Denied), item.Spent(act));
            }
            var (begun, changes) = begin.Start(
                view, act, Rule.Grant(new SignedIn(item.Subject, OrganizationId: organizationId)), SignInMethod.Impersonation, asked.Origin, new Impersonator(content.Email, content.Reason),
                Impersonations.SessionLifetime);
            return new Decision<BeginSession.Outcome>(begun, [.. changes, item.Spent(act)]);
        });
        return authenticate.Answer(asked, outcome, SignInMethod.Impersonation, why => why == Refusal.Denied ? AuthKitErrors.NotAdmitted : Invalid);
    }

    private static ApiAnswer Invalid { get; } = ApiError.OAuth("invalid_grant", "The code is not valid, has expired, or was used.");
}
