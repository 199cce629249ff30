using Holdfast.Http;

namespace Holdfast.MultiFactor;

/// <summary>Second factors: every service and route, one line each. Start reading here.</summary>
internal static class MultiFactorEndpoints
{
    public static void AddMultiFactor(this IServiceCollection services) => services.AddSingleton<EnrollFactor>().AddSingleton<ChallengeFactor>().AddSingleton<VerifyChallenge>().AddSingleton<OneTimeCodes>();

    public static void MapMultiFactor(this IEndpointRouteBuilder routes)
    {
        var auth = routes.MapGroup("/auth").WithTags("Multi-factor auth").WithMetadata(ApiKeyRequired.Yes);
        auth.MapPost("/factors/enroll", (HttpContext http, EnrollFactor enroll) => enroll.HandleAsync(http)).Accepts<EnrollFactor.Input>(JsonBody.AnyType).Produces<EnrolledBody>(201).WithMetadata(Writes.Fact);
        auth.MapGet("/factors/{id}", ManageFactors.Get).Produces<FactorBody>();
        auth.MapDelete("/factors/{id}", ManageFactors.DeleteAsync).Produces(204).WithMetadata(Writes.Deny);
        auth.MapPost("/factors/{id}/challenge", (string id, HttpContext http, ChallengeFactor challenge) => challenge.HandleAsync(id, http))
            .Accepts<ChallengeFactor.Input>(isOptional: true, JsonBody.AnyType).Produces<ChallengeBody>(201).WithMetadata(Writes.Fact);
        auth.MapPost("/challenges/{id}/verify", (string id, HttpContext http, VerifyChallenge verify) => verify.HandleAsync(id, http))
            .Accepts<VerifyChallenge.Input>(JsonBody.AnyType).Produces<VerifyChallenge.Body>(201).WithMetadata(Writes.Fact);

        var users = routes.MapGroup("/user_management/users/{id}").WithTags("Multi-factor auth").WithMetadata(ApiKeyRequired.Yes);
        users.MapGet("/auth_factors", ManageFactors.List).Produces<ListBody<FactorBody>>();
        users.MapPost("/auth_factors", (string id, HttpContext http, EnrollFactor enroll) => enroll.ForUserAsync(id, http))
            .Accepts<EnrollFactor.UserInput>(JsonBody.AnyType).Produces<EnrollFactor.UserBody>(201).WithMetadata(Writes.Fact);
        users.MapDelete("/auth_factors", ManageFactors.ResetAsync).Produces(204).WithMetadata(Writes.Deny);
        users.MapPost("/recovery_codes", MakeRecoveryCodes.HandleAsync).Accepts<EmptyInput>(isOptional: true, JsonBody.AnyType).Produces<MakeRecoveryCodes.Body>(201).WithMetadata(Writes.Fact);

        var policies = routes.MapGroup("").WithTags("Sign-in policy").WithMetadata(ApiKeyRequired.Yes);
        policies.MapGet("/sign_in_policy", SignInPolicies.Get).Produces<SignInPolicies.Body>();
        policies.MapPut("/sign_in_policy", SignInPolicies.SetAsync).Accepts<SignInPolicies.Input>(JsonBody.AnyType).Produces<SignInPolicies.Body>().WithMetadata(Writes.ToPrimary);
        policies.MapGet("/organizations/{id}/sign_in_policy", SignInPolicies.GetOfOrganization).Produces<SignInPolicies.Body>();
        policies.MapPut("/organizations/{id}/sign_in_policy", SignInPolicies.SetOfOrganizationAsync).Accepts<SignInPolicies.Input>(JsonBody.AnyType).Produces<SignInPolicies.Body>().WithMetadata(Writes.ToPrimary);
    }
}
