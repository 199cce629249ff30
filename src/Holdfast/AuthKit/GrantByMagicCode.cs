using Holdfast.Http;
using Holdfast.Peers;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>A code that was mailed to an address: whoever types it in has that mailbox.</summary>
internal sealed class GrantByMagicCode(Database database, Acts acts, BeginSession begin, RateLimits limits)
{
    public async Task<IResult> HandleAsync(Authenticate.Asked asked, Authenticate authenticate)
    {
        if (asked.Find("code") is not { } code || asked.Find("email") is not { } email)
        {
            return AuthKitErrors.Missing("code and email");
        }
        var (environmentId, address) = (asked.Client.EnvironmentId, Addresses.Normal(email));
        var whose = RateLimits.KeyOf(environmentId, address);
        if (AuthenticateLimits.Count(limits, asked, address) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        // Those that were sent last: an elder mail may be read first.
        var sent = database.Read(view => PendingItem.Latest(view, environmentId, Ids.MagicCode, address));
        if (sent is not [var newest, ..])
        {
            return AuthKitErrors.WrongCode;
        }
        // Where the newest was made all guesses are counted: at each node by itself there would be as many for each.
        if (ForwardedRequest.Of(asked.Http) is null && await authenticate.SendOnAsync(asked, newest.Authority, AuthKitErrors.ExpiredCode) is { } elsewhere)
        {
            return elsewhere;
        }
        var guesses = AuthenticateLimits.GuessesOf(asked, newest.Id, whose);
        if (limits.IsOneTooMany(guesses))
        {
            return AuthKitErrors.TooManyTries;
        }
        var act = acts.Of(asked.Operation);
        if (sent.Find(item => item.Opens(act, code)) is not { } item)
        {
            return AuthKitErrors.WrongCode;
        }
        limits.GiveBack(guesses);
        if (item.Authority != act.Incarnation)
        {
            return AuthKitErrors.ExpiredCode;   // an elder one of another node: the newest is good
        }
        var outcome = await authenticate.DecideAsync(asked, () => database.RecordAsync(asked.Http, view =>
        {
            var now = acts.Of(asked.Operation);
            return begin.Decide(view, now, MagicCode.Redeem(view, now, item.Id, code), SignInMethod.MagicCode, origin: asked.Origin);
        }));
        return authenticate.Answer(asked, outcome, SignInMethod.MagicCode, why => why switch
        {
            Refusal.ItemUnknown => AuthKitErrors.WrongCode,
            Refusal.ItemExpired or Refusal.ItemElsewhere => AuthKitErrors.ExpiredCode,
            Refusal.ItemSpent => AuthKitErrors.UsedCode,
            _ => AuthKitErrors.NotAdmitted,
        });
    }
}
