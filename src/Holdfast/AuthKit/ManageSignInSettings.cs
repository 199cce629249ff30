using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Organizations;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.AuthKit;

/// <summary>Times of sign-ins, for administrators: of an environment, and of one of its organizations. What is null follows the wider one.</summary>
internal sealed class ManageSignInSettings(Database database, Idempotency idempotency, PublicAddress address)
{
    private const int Minute = 60;
    private const int Day = 86_400;

    /// <summary>All in seconds.</summary>
    public sealed record Input(Given<long?> MaxStaleness, Given<long?> AccessTokenLifetime, Given<long?> SessionLifetime, Given<string> CookieDomain);

    public sealed record Body(string Object, string? OrganizationId, long? MaxStaleness, long? AccessTokenLifetime, long? SessionLifetime, string? CookieDomain);

    /// <param name="organizationId">Null for the environment's.</param>
    public ApiAnswer Get(HttpContext http, string? organizationId) => database.Read(view => Exists(view, Caller.Of(http).EnvironmentId, organizationId)
        ? ApiAnswer.Ok(Write(SignInSettings.Of(view, organizationId ?? Caller.Of(http).EnvironmentId), organizationId))
        : ApiError.NotFound("Organization", organizationId!));

    public async Task<ApiAnswer> SetAsync(HttpContext http, string? organizationId)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        refusal ??= Check(input!, organizationId is null);
        if (refusal is not null)
        {
            return refusal;
        }
        // The replica knows every deny that this node has taken, shipped or not; the primary may not yet.
        if (!database.Read(view => Exists(view, Caller.Of(http).EnvironmentId, organizationId)))
        {
            return ApiError.NotFound("Organization", organizationId!);
        }
        return await idempotency.WriteAsync(http, (view, operation) =>
        {
            var subject = organizationId ?? operation.EnvironmentId;
            if (!Exists(view, operation.EnvironmentId, organizationId))
            {
                return Decide.Nothing(ApiError.NotFound("Organization", subject));
            }
            var before = SignInSettings.Of(view, subject);
            var after = new SignInSettings(
                input!.MaxStaleness.Or(before.MaxStaleness), input.AccessTokenLifetime.Or(before.AccessTokenLifetime), input.SessionLifetime.Or(before.SessionLifetime),
                input.CookieDomain.Or(before.CookieDomain));
            return Decide.To(ApiAnswer.Ok(Write(after, organizationId)), after.Row(subject, operation.EnvironmentId));
        });
    }

    private ApiAnswer? Check(Input input, bool isEnvironment)
    {
        var fields = new Fields();
        void Between(string field, Given<long?> given, long least, long most)
        {
            if (given.Value is { } value && (value < least || value > most))
            {
                fields.Fault(field, "out_of_range");
            }
        }
        Between("max_staleness", input.MaxStaleness, (long)Freshness.LeastCeiling.TotalSeconds, 365 * Day);
        Between("access_token_lifetime", input.AccessTokenLifetime, Minute, Day);
        Between("session_lifetime", input.SessionLifetime, 5 * Minute, 365 * Day);
        if (input.CookieDomain.Value is { } domain && !(isEnvironment && IsAbove(domain, new Uri(address.Url).IdnHost)))
        {
            fields.Fault("cookie_domain", "invalid");
        }
        return fields.Refusal;
    }

    /// <summary>A domain of two names or more that this server's name ends with: what a browser takes a cookie for.</summary>
    private static bool IsAbove(string domain, string host) =>
        OrganizationInput.Normalize(domain) == domain && domain.Contains('.', StringComparison.Ordinal)
        && (host == domain || host.EndsWith("." + domain, StringComparison.Ordinal));

    private static bool Exists(View view, string environmentId, string? organizationId) => organizationId is null || OrganizationStore.Find(view, environmentId, organizationId) is not null;

    private static Body Write(SignInSettings settings, string? organizationId) => new(
        "sign_in_settings", organizationId, settings.MaxStaleness, settings.AccessTokenLifetime, settings.SessionLifetime, settings.CookieDomain);
}
