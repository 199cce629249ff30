using Holdfast.Http;
using Holdfast.Organizations;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Asks somebody who was invited to accept: who has an account signs in, who has none makes one here. The token was mailed to the address, or an administrator who vouches for it passed it on: so
/// whoever makes the account has the mailbox.</summary>
internal sealed class AcceptInvitation(
    Database database, Acts acts, ToApplication toApplication, Visits visits, PasswordHasher hasher, PasswordPolicy policy, RateLimits limits, HomeRealm realm, TimeProvider clock) : Step
{
    public const string Path = "/sign-in/invitation";

    private const int LongestName = 256;

    public override IResult Show(Visit visit) => Page(visit, null);

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        if (Find(visit) is not { } invited)
        {
            return PageErrors.NoInvitation;
        }
        if (realm.Of(visit.Flow.EnvironmentId, invited.Row.Email) is { } home)
        {
            return await realm.GoAsync(visit.Http, visit.Flow.For(invited.Row.Email), home);   // their organization has its own way since they came
        }
        if (invited.HasAccount)
        {
            return visit.GoOn(AskPassword.Path, visit.Flow.For(invited.Row.Email));
        }
        var (first, last) = (visit["first_name"]?.Trim(), visit["last_name"]?.Trim());
        if (IsBad(first) || IsBad(last))
        {
            return Page(visit, new Fault(IsBad(first) ? "first_name" : "last_name", visit.Texts["invitation.bad_name"]));
        }
        if (visit["password"] is not { } password)
        {
            return Page(visit, new Fault("password", visit.Texts["reset.missing"]));
        }
        if (HostedLimits.Count(limits, visit, invited.Row.Email) is { } wait)
        {
            return Page(visit, new Fault("password", visit.Texts["fault.too_many_tries"], wait));
        }
        var environmentId = visit.Flow.EnvironmentId;
        if (await policy.CheckAsync(environmentId, password, invited.Row.Email, [first, last, invited.Organization], visit.Http.RequestAborted) is [{ Code: var weak }, ..])
        {
            return Page(visit, new Fault("password", visit.Texts[$"new_password.{weak}"]));
        }
        var hash = await hasher.HashAsync(environmentId, password, visit.Http.RequestAborted);
        var ending = toApplication.Ending(visit, Caller.Hash($"{invited.Row.Id}\n{visit.Flow.Id}"));
        var outcome = await toApplication.DecideAsync(visit, () => database.RecordAsync(visit.Http, view =>
        {
            var act = acts.Of(environmentId);
            return ending(view, act, SignUp(view, act, invited.Row.Email, hash, new PersonNames(first, last)), SignInMethod.Password);
        }));
        return toApplication.Answer(visit, outcome, SignInMethod.Password, why => why == Refusal.AddressTaken
            ? Page(visit, null)   // the account was made meanwhile: they sign in
            : visits.AgainFrom(visit.Http, visit.Flow, "notice.not_admitted"));
    }

    /// <summary>The account of an address that nobody has, with the password that was chosen.</summary>
    private static Decision<Ruling<SignedIn>> SignUp(View view, Act act, string address, string hash, PersonNames names)
    {
        if (Addresses.HolderOf(view, act.EnvironmentId, address) is not null)
        {
            return Rule.Refuse<SignedIn>(Refusal.AddressTaken);
        }
        var (who, changes) = ProveAddress.Of(view, act, address, names);
        if (ProveAddress.Refused(view, who.UserId) is { } why)
        {
            return Rule.Refuse<SignedIn>(why);
        }
        var credential = Credential.Make(act, who.UserId, Credential.Password, hash, Proof.Mailbox, "invitation", []);
        return Rule.Grant(who with { CredentialId = credential.Id }, [.. changes, credential]);
    }

    private sealed record Invited(InvitationRow Row, bool HasAccount, string? Organization, string? Inviter);

    private Invited? Find(Visit visit) => visit.Flow.InvitationToken is not { } token ? null : database.Read(view =>
    {
        var environmentId = visit.Flow.EnvironmentId;
        return Invitations.FindByToken(view, environmentId, token) is { } row && row.StateAt(clock.GetUtcNow()) is InvitationRow.Pending
            ? new Invited(row, Addresses.HolderOf(view, environmentId, row.Email) is not null,
                row.OrganizationId is { } organization ? OrganizationStore.Find(view, environmentId, organization)?.Name : null,
                row.InviterUserId is { } inviter && UserStore.Find(view, environmentId, inviter)?.ToBody() is { } body ? body.Name ?? body.Email : null)
            : null;
    });

    private IResult Page(Visit visit, Fault? fault)
    {
        if (Find(visit) is not { } invited)
        {
            return PageErrors.NoInvitation;
        }
        (string, object?)[] parameters =
        [
            (nameof(InvitationPage.HasAccount), invited.HasAccount), (nameof(InvitationPage.Organization), invited.Organization), (nameof(InvitationPage.Inviter), invited.Inviter),
            (nameof(InvitationPage.Address), invited.Row.Email), (nameof(InvitationPage.FirstName), visit["first_name"]), (nameof(InvitationPage.LastName), visit["last_name"]),
        ];
        return fault is null ? visit.Page<InvitationPage>(parameters) : visit.Again<InvitationPage>(fault, parameters);
    }

    private static bool IsBad(string? name) => name?.Length > LongestName || name?.Any(c => char.IsControl(c) || char.IsSurrogate(c) || c is '\ufffe' or '\uffff') == true;
}
