using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace Holdfast.AuthKit;

/// <summary>Passkeys (WebAuthn level 3): registered after a sign-in, and signed in with instead of all else.</summary>
/// <remarks>The checks of §7.1 and §7.2 are those of ASP.NET Core Identity, over our rows (decision 0016).</remarks>
internal sealed class Passkeys(Database database, ClusterKeys keys, EnvironmentStore environments, Acts acts, BeginSession begin, PublicAddress address, ILogger<Passkeys> log)
{
    /// <summary>How long a person may take.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    /// <summary>Of an answer, in characters; those of real ones have some two thousand.</summary>
    private const int LongestAnswer = 16 * 1024;

    /// <summary>What a browser is asked, and what it brings back beside the passkey's answer.</summary>
    /// <param name="Options">JSON, as <c>parseCreationOptionsFromJSON</c> and <c>parseRequestOptionsFromJSON</c> read it.</param>
    internal sealed record Question(string Options, string Token);

    /// <summary>Asks for a new one. The caller has made sure that this user has just signed in.</summary>
    public async Task<Question?> AskForNewAsync(HttpContext http, string environmentId, string userId)
    {
        if (Home is null || database.Read(view => UserStore.Find(view, environmentId, userId)) is not { } user)
        {
            return null;
        }
        using var users = Users(environmentId);
        var name = user.Email ?? user.Id;
        var options = await Checker(users).MakeCreationOptionsAsync(new PasskeyUserEntity { Id = userId, Name = name, DisplayName = name }, http);
        return new Question(options.CreationOptionsJson, Seal(environmentId, userId, options.AttestationState!));
    }

    /// <summary>Keeps a new one, of whoever has just signed in.</summary>
    /// <returns>The factor's id, or why not.</returns>
    public async Task<Ruling<string>> KeepAsync(HttpContext http, string environmentId, PendingAuthentication pending, string token, string answer)
    {
        if (Open(environmentId, token, answer) is not { } ceremony || ceremony.UserId != pending.UserId)
        {
            return new Ruling<string>(null, Refusal.ItemUnknown);
        }
        using var users = Users(environmentId);
        var checkedAnswer = await Checker(users).PerformAttestationAsync(new PasskeyAttestationContext { HttpContext = http, CredentialJson = answer, AttestationState = ceremony.State });
        if (!checkedAnswer.Succeeded)
        {
            AuthKitLog.PasskeyRefused(log, environmentId, checkedAnswer.Failure.Message);
            return new Ruling<string>(null, Refusal.WrongCredential);
        }
        var made = checkedAnswer.Passkey;
        var details = new Factor.PasskeyDetails(Base64.Encode(made.CredentialId), Base64.Encode(made.PublicKey), made.Transports ?? [], made.IsBackupEligible, made.IsBackedUp);
        return await database.RecordAsync(http, view =>
        {
            var act = acts.Of(environmentId);
            if (!ceremony.IsGood(view, act) || !pending.IsGood(view, act, pending.Id))
            {
                return Rule.Refuse<string>(Refusal.ItemSpent);
            }
            var (ruling, changes) = Passkey.Register(view, act, pending.UserId, made.CredentialId, details, made.SignCount, pending.CredentialId);
            return new Decision<Ruling<string>>(ruling, [.. changes, ceremony.Spent(act)]);
        });
    }

    /// <summary>Asks for one of those that the browser has: it says whose it is.</summary>
    public async Task<Question?> AskAsync(HttpContext http, string environmentId)
    {
        if (Home is null)
        {
            return null;
        }
        using var users = Users(environmentId);
        var options = await Checker(users).MakeRequestOptionsAsync(null, http);
        return new Question(options.RequestOptionsJson, Seal(environmentId, null, options.AssertionState!));
    }

    /// <summary>The node that alone takes the answer to a question; null when it is none of this environment.</summary>
    public string? AuthorityOf(string environmentId, string token) => PasskeyCeremony.Open(keys, environmentId, token)?.Authority;

    /// <summary>Signs in with one.</summary>
    /// <param name="then">What follows for whom it is; null for a session.</param>
    public async Task<BeginSession.Outcome> SignInAsync(HttpContext http, string environmentId, string token, string answer, BeginSession.Ending? then = null)
    {
        if (Open(environmentId, token, answer) is not { UserId: null } ceremony)
        {
            return new BeginSession.Outcome(Refused: Refusal.ItemUnknown);
        }
        using var users = Users(environmentId);
        var checkedAnswer = await Checker(users).PerformAssertionAsync(new PasskeyAssertionContext { HttpContext = http, CredentialJson = answer, AssertionState = ceremony.State });
        if (!checkedAnswer.Succeeded)
        {
            AuthKitLog.PasskeyRefused(log, environmentId, checkedAnswer.Failure.Message);
            return new BeginSession.Outcome(Refused: Refusal.WrongCredential);
        }
        var (shown, owner) = (checkedAnswer.Passkey, checkedAnswer.User.Id);
        var outcome = await database.RecordAsync(http, view =>
        {
            var act = acts.Of(environmentId);
            if (!ceremony.IsGood(view, act))
            {
                return Decide.Nothing(new BeginSession.Outcome(Refused: Refusal.ItemSpent));
            }
            var signIn = Passkey.SignIn(view, act, shown.CredentialId, shown.SignCount);
            var (answered, changes) = then is null ? begin.Decide(view, act, signIn, SignInMethod.Passkey) : then(view, act, signIn, SignInMethod.Passkey);
            return new Decision<BeginSession.Outcome>(answered, [.. changes, ceremony.Spent(act), .. FactorEvents.OfPasskey(view, act, ceremony.Id, owner, signIn.Answer)]);
        });
        if (outcome.Refused == Refusal.PasskeyCopied)
        {
            AuthKitLog.PasskeyCopied(log, owner, Passkey.IdOf(environments.IdKey(environmentId), shown.CredentialId));
        }
        return outcome;
    }

    /// <summary>Where passkeys belong to: our pages' origin. An address in numbers is none (WebAuthn §5.1.2), so a server without a name has no passkeys: null. A developer's has <c>localhost</c>.</summary>
    public Uri? Home { get; } = HomeOf(address);

    private static Uri? HomeOf(PublicAddress address) => new Uri(address.Url) is { HostNameType: UriHostNameType.Dns } named ? named
        : address.IsDev ? new UriBuilder(address.Url) { Host = "localhost" }.Uri
        : null;

    private string Seal(string environmentId, string? userId, string state) => PasskeyCeremony.Of(acts.Of(environmentId), userId, state, Lifetime).Seal(keys, environmentId);

    /// <summary>What was asked; null when it was not by this node, or is over.</summary>
    private PasskeyCeremony? Open(string environmentId, string token, string answer) => Home is not null && answer.Length <= LongestAnswer
        && PasskeyCeremony.Open(keys, environmentId, token) is { } ceremony && database.Read(view => ceremony.IsGood(view, acts.Of(environmentId))) ? ceremony : null;

    private UserManager<PasskeyOwner> Users(string environmentId) =>
        new(new PasskeyStore(database, environmentId, environments.IdKey(environmentId)), null!, null!, null!, null!, null!, null!, null!, null!);

    private PasskeyHandler<PasskeyOwner> Checker(UserManager<PasskeyOwner> users)
    {
        var home = Home!;
        return new PasskeyHandler<PasskeyOwner>(users, Options.Create(new IdentityPasskeyOptions
        {
            ServerDomain = home.Host,
            UserVerificationRequirement = "required",
            ResidentKeyRequirement = "required",   // so that the sign-in page need not know who comes
            AttestationConveyancePreference = "none",
            AuthenticatorTimeout = Lifetime,
            // Our own pages, and in no frame of another's.
            ValidateOrigin = origin => ValueTask.FromResult(!origin.CrossOrigin && origin.Origin == home.GetLeftPart(UriPartial.Authority)),
        }));
    }
}
