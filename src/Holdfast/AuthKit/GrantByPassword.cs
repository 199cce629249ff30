using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>An address and its password. Who has not proven the mailbox is asked to, before there is a session.</summary>
internal sealed class GrantByPassword(Database database, PasswordHasher hasher, Acts acts, BeginSession begin, ItemSecrets secrets, PersonMails mails, RateLimits limits, AuthKitOptions options)
{
    public async Task<IResult> HandleAsync(Authenticate.Asked asked, Authenticate authenticate)
    {
        if (asked.Find("email") is not { } email || asked.Find("password") is not { } password)
        {
            return AuthKitErrors.Missing("email and password");
        }
        var (environmentId, address) = (asked.Client.EnvironmentId, Addresses.Normal(email));
        if (AuthenticateLimits.Count(limits, asked, address) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        var outcome = await SignInAsync(asked.Http, environmentId, address, password, () => acts.Of(asked.Operation),
            (view, act, signIn, method) => begin.Decide(view, act, signIn, method, origin: asked.Origin), decide => authenticate.DecideAsync(asked, decide));
        return authenticate.Answer(asked, outcome, SignInMethod.Password, why => why switch
        {
            Refusal.WrongCredential => AuthKitErrors.WrongPassword,
            Refusal.ResetNeeded => AuthKitErrors.ResetNeeded,
            _ => AuthKitErrors.NotAdmitted,
        });
    }

    /// <summary>What an address and a password come to. The caller bounds how often it is tried.</summary>
    /// <param name="act">Made inside the decision.</param>
    /// <param name="then">What follows for somebody whose mailbox is proven.</param>
    /// <param name="decides">Runs the decision, and asks between two runs what is to be asked; null to run it once.</param>
    /// <exception cref="BusyException">Too much waits to be hashed.</exception>
    public async Task<BeginSession.Outcome> SignInAsync(
        HttpContext http, string environmentId, string address, string password, Func<Act> act, BeginSession.Ending then,
        Func<Func<Task<BeginSession.Outcome>>, Task<BeginSession.Outcome>>? decides = null)
    {
        if (password.Length > PasswordPolicy.Longest || await FindAsync(environmentId, address, password, http.RequestAborted) is not { } proven)
        {
            return new BeginSession.Outcome(Refused: Refusal.WrongCredential);
        }
        var renewed = PasswordHasher.IsOld(proven.Secret) ? await hasher.HashAsync(environmentId, password, http.RequestAborted) : null;
        Task<BeginSession.Outcome> DecideAsync() => database.RecordAsync(http, view => Decide(view, act(), address, proven.Id, renewed, then));
        return await (decides is null ? DecideAsync() : decides(DecideAsync));
    }

    /// <summary>The one that it opens. For an address that has none, as long is spent as for somebody of the environment: always the same one, so that no hash that was
    /// imported, and is slower or faster than ours, tells who is there (PWD-011).</summary>
    private async Task<Credential?> FindAsync(string environmentId, string address, string password, CancellationToken ct)
    {
        var (candidates, standIn) = database.Read(view => Passwords.Candidates(view, environmentId, address) is { Count: > 0 } own
            ? (own, false)
            : (Passwords.StandIn(view, acts.Of(environmentId), address), true));
        if (candidates.Count == 0)
        {
            await hasher.PretendAsync(environmentId, password, ct);
        }
        Credential? opened = null;
        foreach (var candidate in candidates)
        {
            if (await hasher.OpensAsync(environmentId, candidate.Secret, password, ct))
            {
                opened ??= candidate;
            }
        }
        return standIn ? null : opened;
    }

    private Decision<BeginSession.Outcome> Decide(View view, Act act, string address, string proven, string? renewed, BeginSession.Ending then)
    {
        var signIn = Passwords.SignIn(view, act, address, proven, renewed);
        if (signIn.Answer.Answer is not { } who || UserStore.Find(view, act.EnvironmentId, who.UserId) is not { IsVerified: false } user)
        {
            return then(view, act, signIn, SignInMethod.Password);
        }
        if (SentJustNow(view, act, who.UserId, address) is { } sent)
        {
            return new(new BeginSession.Outcome(Unproven: new BeginSession.Mailbox(who, address, sent, user.ToBody())), signIn.Changes);
        }
        var id = act.NewId(Ids.EmailVerification);
        var code = secrets.Code(act.EnvironmentId, id);
        return new(new BeginSession.Outcome(Unproven: new BeginSession.Mailbox(who, address, id, user.ToBody())),
        [
            .. signIn.Changes, VerifyAddress.Issue(act, who.UserId, address, code, options.MagicCodeLifetime, id),
            .. mails.EmailVerification(view, act, id, address, code, act.Now + options.MagicCodeLifetime, user.Locale, user.Id),
        ]);
    }

    /// <summary>The verification whose code this node has just mailed to them, and that is good; null when a new one is to be mailed. One of another node is none: it alone takes that code.</summary>
    private string? SentJustNow(View view, Act act, string userId, string address) =>
        PendingItem.Latest(view, act.EnvironmentId, Ids.EmailVerification, userId) is [var newest, ..]
        && newest.Authority == act.Incarnation && newest.Data == address && newest.ExpiresAt > act.Time && !newest.IsSpent(view)
        && act.Time - newest.CreatedAt is >= 0 and var age && age < (long)options.ResendAfter.TotalMilliseconds ? newest.Id : null;
}
