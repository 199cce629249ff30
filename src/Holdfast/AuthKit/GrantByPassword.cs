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
        var proven = password.Length > PasswordPolicy.Longest ? null
            : await FindAsync(database.Read(view => Passwords.Candidates(view, environmentId, address)), password, asked.Http.RequestAborted);
        if (proven is null)
        {
            return AuthKitErrors.WrongPassword;
        }
        var renewed = PasswordHasher.IsOld(proven.Secret) ? await hasher.HashAsync(password, asked.Http.RequestAborted) : null;
        var outcome = await authenticate.DecideAsync(asked, () => database.RecordAsync(asked.Http, view => Decide(view, acts.Of(asked.Operation), address, proven.Id, renewed, asked.Origin)));
        return authenticate.Answer(asked, outcome, SignInMethod.Password, why => why switch
        {
            Refusal.WrongCredential => AuthKitErrors.WrongPassword,
            Refusal.ResetNeeded => AuthKitErrors.ResetNeeded,
            _ => AuthKitErrors.NotAdmitted,
        });
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

    private Decision<BeginSession.Outcome> Decide(View view, Act act, string address, string proven, string? renewed, SignInOrigin origin)
    {
        var signIn = Passwords.SignIn(view, act, address, proven, renewed);
        if (signIn.Answer.Answer is not { } who || UserStore.Find(view, act.EnvironmentId, who.UserId) is not { IsVerified: false } user)
        {
            return begin.Decide(view, act, signIn, SignInMethod.Password, origin);
        }
        var id = act.NewId(Ids.EmailVerification);
        return new(new BeginSession.Outcome(Unproven: new BeginSession.Mailbox(who, address, id, user.ToBody())),
            [.. signIn.Changes, VerifyAddress.Issue(act, who.UserId, address, secrets.Code(act.EnvironmentId, id), options.MagicCodeLifetime, id)]);
    }
}
