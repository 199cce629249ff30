using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>An address and its password. Who has not proven the mailbox is asked to, before there is a session.</summary>
internal sealed class GrantByPassword(Database database, PasswordHasher hasher, Acts acts, BeginSession begin, ItemSecrets secrets, RateLimits limits, AuthKitOptions options)
{
    public async Task<IResult> HandleAsync(Authenticate.Asked asked, Authenticate authenticate)
    {
        if (asked.Find("email") is not { } email || asked.Find("password") is not { } password)
        {
            return AuthKitErrors.Missing("email and password");
        }
        var (environmentId, address) = (asked.Client.EnvironmentId, Addresses.Normal(email));
        if (limits.Count(RateLimits.AuthenticatePerAddress, RateLimits.KeyOf(environmentId, address)) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        var outcome = await SignInAsync(asked.Http, environmentId, address, password, () => acts.Of(asked.Operation));
        return authenticate.Answer(asked, outcome, SignInMethod.Password, why => why switch
        {
            Refusal.WrongCredential => AuthKitErrors.WrongPassword,
            Refusal.ResetNeeded => AuthKitErrors.ResetNeeded,
            _ => AuthKitErrors.NotAdmitted,
        });
    }

    /// <summary>What an address and a password come to. The caller bounds how often it is tried.</summary>
    /// <param name="act">Made inside the decision.</param>
    /// <param name="then">What follows for somebody whose mailbox is proven; null for a session.</param>
    public async Task<BeginSession.Outcome> SignInAsync(
        HttpContext http, string environmentId, string address, string password, Func<Act> act, BeginSession.Ending? then = null)
    {
        var proven = password.Length > PasswordPolicy.Longest ? null
            : await FindAsync(database.Read(view => Passwords.Candidates(view, environmentId, address)), password, http.RequestAborted);
        if (proven is null)
        {
            return new BeginSession.Outcome(Refused: Refusal.WrongCredential);
        }
        var renewed = PasswordHasher.IsOld(proven.Secret) ? await hasher.HashAsync(password, http.RequestAborted) : null;
        return await database.RecordAsync(http, view => Decide(view, act(), address, proven.Id, renewed, then ?? ((v, a, signIn, method) => begin.Decide(v, a, signIn, method))));
    }

    /// <summary>The one that it opens. For an address that has none, as long is spent.</summary>
    private async Task<Credential?> FindAsync(List<Credential> candidates, string password, CancellationToken ct)
    {
        if (candidates.Count == 0)
        {
            await hasher.PretendAsync(password, ct);
        }
        foreach (var candidate in candidates)
        {
            if (await hasher.OpensAsync(candidate.Secret, password, ct))
            {
                return candidate;
            }
        }
        return null;
    }

    private Decision<BeginSession.Outcome> Decide(View view, Act act, string address, string proven, string? renewed, BeginSession.Ending then)
    {
        var signIn = Passwords.SignIn(view, act, address, proven, renewed);
        if (signIn.Answer.Answer is not { } who || UserStore.Find(view, act.EnvironmentId, who.UserId) is not { IsVerified: false } user)
        {
            return then(view, act, signIn, SignInMethod.Password);
        }
        var id = act.NewId(Ids.EmailVerification);
        return new(new BeginSession.Outcome(Unproven: new BeginSession.Mailbox(who, address, id, user.ToBody())),
            [.. signIn.Changes, VerifyAddress.Issue(act, who.UserId, address, secrets.Code(act.EnvironmentId, id), options.MagicCodeLifetime, id)]);
    }
}
