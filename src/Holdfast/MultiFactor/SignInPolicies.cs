using Holdfast.Http;
using Holdfast.Organizations;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.MultiFactor;

/// <summary>Whether a second factor is asked for: in an environment, and in one of its organizations.</summary>
internal static class SignInPolicies
{
    internal sealed record Input(Given<string> Mfa, Given<bool> MfaAfterSso);

    /// <param name="OrganizationId">Null for that of the environment.</param>
    /// <param name="UpdatedAt">Null for one that nobody has set.</param>
    internal sealed record Body(string Object, string? OrganizationId, string Mfa, bool MfaAfterSso, DateTimeOffset? UpdatedAt);

    public static ApiAnswer Get(HttpContext http, Database database)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return ApiAnswer.Ok(Write(null, database.Read(view => SignInPolicy.Of(view, environmentId, environmentId))));
    }

    public static ApiAnswer GetOfOrganization(string id, HttpContext http, Database database)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view => OrganizationStore.Find(view, environmentId, id) is null
            ? ApiError.NotFound("Organization", id)
            : ApiAnswer.Ok(Write(id, SignInPolicy.Of(view, environmentId, id))));
    }

    public static Task<ApiAnswer> SetAsync(HttpContext http, Idempotency idempotency, TimeProvider clock) => SetAsync(null, http, idempotency, clock);

    public static Task<ApiAnswer> SetOfOrganizationAsync(string id, HttpContext http, Idempotency idempotency, TimeProvider clock) => SetAsync(id, http, idempotency, clock);

    private static async Task<ApiAnswer> SetAsync(string? organizationId, HttpContext http, Idempotency idempotency, TimeProvider clock)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        if (input.Mfa.Is && input.Mfa.Value is not (SignInPolicy.Required or SignInPolicy.Optional or SignInPolicy.Off))
        {
            return ApiError.Validation("mfa", "invalid");
        }
        return await idempotency.WriteAsync(http, (view, operation) =>
        {
            var environmentId = operation.EnvironmentId;
            if (organizationId is not null && OrganizationStore.Find(view, environmentId, organizationId) is null)
            {
                return Decide.Nothing(ApiError.NotFound("Organization", organizationId));
            }
            var before = SignInPolicy.Of(view, environmentId, organizationId ?? environmentId);
            var after = new SignInPolicy(
                input.Mfa.Or(before.Mfa)!, input.MfaAfterSso.Or(before.MfaAfterSso), Math.Max(clock.GetUtcNow().ToUnixTimeMilliseconds(), (before.UpdatedAt ?? 0) + 1));
            return Decide.To(ApiAnswer.Ok(Write(organizationId, after)), Change.To(Schema.SignInPolicies, organizationId ?? environmentId,
                ("environment_id", environmentId), ("mfa", after.Mfa), ("mfa_after_sso", after.MfaAfterSso ? 1 : 0), ("updated_at", after.UpdatedAt)));
        });
    }

    private static Body Write(string? organizationId, SignInPolicy policy) => new("sign_in_policy", organizationId, policy.Mfa, policy.MfaAfterSso,
        policy.UpdatedAt is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null);
}
