using Holdfast.Http;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Asks for the password of who they say they are. An address that nobody has is asked for one, too, and it takes as long to refuse it.</summary>
internal sealed class AskPassword(GrantByPassword passwords, ToApplication toApplication, Acts acts, RateLimits limits) : Step
{
    public const string Path = "/sign-in/password";

    public override IResult Show(Visit visit) => visit.Flow.Address is null ? visit.GoOn(AskAddress.Path, visit.Flow) : visit.Page<PasswordPage>();

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        if (visit.Flow.Address is not { } address)
        {
            return visit.GoOn(AskAddress.Path, visit.Flow);
        }
        if (visit["password"] is not { } password)
        {
            return visit.Again<PasswordPage>(new Fault("password", visit.Texts["password.missing"]));
        }
        if (HostedLimits.Count(limits, visit, address) is { } wait)
        {
            return visit.Again<PasswordPage>(new Fault("password", visit.Texts["fault.too_many_tries"], wait));
        }
        var outcome = await passwords.SignInAsync(
            visit.Http, visit.Flow.EnvironmentId, Addresses.Normal(address), password, () => acts.Of(visit.Flow.EnvironmentId), toApplication.Ending(visit.Flow));
        return toApplication.Answer(visit, outcome, SignInMethod.Password, why => visit.Again<PasswordPage>(new Fault("password", visit.Texts[why switch
        {
            Refusal.ResetNeeded => "password.reset_needed",
            Refusal.WrongCredential => "password.wrong",
            _ => "fault.not_admitted",
        }])));
    }
}
