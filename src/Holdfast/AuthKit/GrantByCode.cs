using Holdfast.Http;
using Holdfast.Sso;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>A code that a sign-in ended with: at a hosted page, or at an identity provider. That of an identity provider is the code of <c>/sso/token</c>, too, and good for one of the two.</summary>
internal sealed class GrantByCode(SignInStore signIns, GrantByImpersonation byImpersonation, ToCodesAuthority authority, Acts acts, BeginSession begin, RateLimits limits, Ids ids)
{
    public async Task<IResult> HandleAsync(Authenticate.Asked asked, Authenticate authenticate)
    {
        if (asked.Find("code") is not { } code)
        {
            return AuthKitErrors.Missing("code");
        }
        var client = asked.Client;
        if (GrantByImpersonation.Reads(code))
        {
            return await byImpersonation.HandleAsync(asked, code, authenticate);
        }
        var shown = new ShownCode(code, asked.Find("redirect_uri"), asked.Find("code_verifier"), client.IsPublic);
        if (shown.Verifier is null && client.IsPublic)
        {
            return ApiError.OAuth("invalid_client", "Without client_secret, code_verifier is needed.");
        }
        if (client.IsPublic && !signIns.Knows(shown) && limits.Count(RateLimits.PublicExchangePerEnvironment, client.EnvironmentId) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        if (await authority.TryAsync(asked.Http, code) is { } elsewhere)
        {
            return elsewhere;
        }
        var method = SignInMethod.Sso;
        var outcome = await authenticate.DecideAsync(asked, () => signIns.RedeemAsync<BeginSession.Outcome>(shown, client, asked.Operation.RequestId, ids, (view, redemption) =>
        {
            var act = acts.Of(asked.Operation);
            if (redemption.Hosted is { } hosted)
            {
                method = hosted.Method;
                var (session, facts) = begin.Admit(view, act, Rule.Grant(hosted.Who), method, asked.Origin);   // what there was to ask of the person, the pages have asked
                return new(session, facts);
            }
            var profile = redemption.Profile!;
            method = SignInMethod.Of(profile.ConnectionType);
            var (answer, changes) = begin.Decide(view, act, SignIn(view, act, profile), method, origin: asked.Origin);
            return new(answer, changes);
        }, keeps: answer => answer?.Question is null, began: answer => answer.Session?.SessionId), answer => answer);
        return outcome is null ? SsoErrors.InvalidCode : authenticate.Answer(asked, outcome, method, _ => AuthKitErrors.NotAdmitted);
    }

    /// <summary>Who it is that an identity provider has said something of.</summary>
    public static Decision<Ruling<SignedIn>> SignIn(View view, Act act, ProfileRow profile) => SsoSignIn.Decide(view, act, new SsoSignIn.Profile(
        profile.ConnectionId, profile.OrganizationId, profile.IdpId, profile.Email, new PersonNames(profile.FirstName, profile.LastName)));
}
