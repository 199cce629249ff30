using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.MultiFactor;
using Holdfast.Protocols.OneTimePasswords;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Gives somebody who must have a second factor one. It is kept once its first code was typed in, and its recovery codes with it.</summary>
internal sealed class EnrollFactor(
    Database database, Acts acts, ClusterKeys keys, EnvironmentStore environments, Branding branding, ToApplication toApplication, Visits visits, OneTimeCodes codes, RateLimits limits) : Step
{
    public const string Path = "/sign-in/enroll";

    private const int LongestName = 64;

    public override IResult Show(Visit visit) => Read(visit) is var (pending, secret) ? Page(visit, pending, secret, null) : visit.GoOn(AskAddress.Path, visit.Flow);

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        var (flow, environmentId) = (visit.Flow, visit.Flow.EnvironmentId);
        if (Read(visit) is not var (pending, secret))
        {
            return visit.GoOn(AskAddress.Path, flow);
        }
        if (await visits.SendOnAsync(visit, pending.Authority) is { } elsewhere)
        {
            return elsewhere;
        }
        IResult Wrong(string why) => Page(visit, pending, secret, new Fault("code", visit.Texts[why]));
        if (MailedCode.Read(visit["code"]) is not { } code)
        {
            return Wrong(visit["code"] is null ? "factor.missing" : "factor.malformed");
        }
        if (limits.Count(RateLimits.TriesPerFactor, RateLimits.KeyOf(environmentId, pending.UserId)) is not null)
        {
            return Wrong("factor.too_many");
        }
        // Of this one enrollment: a second click is the same request, and the same factor.
        var request = Caller.Hash($"{pending.Id}\n{code}");
        var factorId = Ids.Derived(Ids.Factor, environments.IdKey(environmentId), "enrolled", pending.Id);
        switch (await codes.TakeStepAsync(environmentId, factorId, secret, code, request, visit.Http.RequestAborted))
        {
            case CodeVerdict.Right:
                limits.GiveBack(RateLimits.TriesPerFactor, RateLimits.KeyOf(environmentId, pending.UserId));
                break;
            case CodeVerdict.Used:
                return Wrong("factor.used");
            case CodeVerdict.Unavailable:
                return Wrong("factor.unavailable");
            default:
                return Wrong("enroll.wrong");
        }
        var setId = Ids.Derived(Ids.Factor, environments.IdKey(environmentId), "recovery codes", pending.Id);
        var shown = await database.RecordAsync<IReadOnlyList<string>?>(visit.Http, view =>
        {
            // Its randomness is that of the enrollment, too: so the same codes are shown again.
            var act = acts.Of(environmentId) with { Random = keys.Mac("enrollment", environmentId, pending.Id) };
            if (!pending.IsGood(view, act, request) || pending.IsOvertaken(view, environmentId, factorId))
            {
                return Decide.Nothing<IReadOnlyList<string>?>(null);
            }
            var (made, set) = RecoveryCodes.Make(view, act, pending.UserId, Proof.Credential, setId, pending.CredentialId);
            return made.Answer is null ? Decide.Nothing<IReadOnlyList<string>?>(null) : Decide.To<IReadOnlyList<string>?>(made.Answer,
            [
                .. set, pending.Spent(act, request), .. FactorEvents.Succeeded(view, act, pending),
                Factor.Make(act, factorId, pending.UserId, Factor.Totp, keys.SealAtRest(Factor.PlaceOf(factorId), secret), DetailsOf(visit, pending), Proof.Credential, provenBy: pending.CredentialId),
            ]);
        });
        return shown is null
            ? visits.AgainFrom(visit.Http, flow, "notice.used")
            : visit.GoOn(ReadRecoveryCodes.Path, toApplication.Asked(flow, pending.Who with { FactorId = factorId }, pending.Method, PendingAuthentication.RecoveryCodes) with { RecoveryCodes = shown });
    }

    private IResult Page(Visit visit, PendingAuthentication pending, byte[] secret, Fault? fault)
    {
        var details = DetailsOf(visit, pending);
        var (side, picture) = QrCode.Lines(Totp.Uri(details.Issuer, details.User, secret));
        (string, object?)[] parameters = [(nameof(EnrollPage.Secret), Base32.Encode(secret)), (nameof(EnrollPage.Side), side), (nameof(EnrollPage.Picture), picture)];
        return fault is null ? visit.Page<EnrollPage>(parameters) : visit.Again<EnrollPage>(fault, parameters);
    }

    /// <summary>What their app calls it: by the name that the pages have, and the address that they know themselves by.</summary>
    private Factor.TotpDetails DetailsOf(Visit visit, PendingAuthentication pending)
    {
        var environmentId = visit.Flow.EnvironmentId;
        var user = database.Read(view => UserStore.Find(view, environmentId, pending.UserId));
        var (issuer, name) = (branding.Of(environmentId, visit.Flow.OrganizationId).Name ?? environments.NameOf(environmentId), user?.Email ?? visit.Flow.Address ?? pending.UserId);
        return new Factor.TotpDetails(issuer.Length > LongestName ? issuer[..LongestName] : issuer, name.Length > LongestName ? name[..LongestName] : name);
    }

    private (PendingAuthentication Pending, byte[] Secret)? Read(Visit visit) =>
        toApplication.Pending(visit.Flow, PendingAuthentication.Enrollment) is { } pending && visit.Flow.FactorSecret is { } secret ? (pending, Base32.Decode(secret)!) : null;
}
