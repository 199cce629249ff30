using Holdfast.Http;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Asks for the password of who they say they are. An address that nobody has is asked for one, too, and it takes as long to refuse it.</summary>
internal sealed class AskPassword(GrantByPassword passwords, HomeRealm realm, ToApplication toApplication, Acts acts, RateLimits limits) : Step
{
    public const string Path = "/sign-in/password";

    public override IResult Show(Visit visit) => visit.Flow.Address is null ? visit.GoOn(AskAddress.Path, visit.Flow) : visit.Page<PasswordPage>();

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        var flow = visit.Flow;
        if (flow.Address is not { } address)
        {
            return visit.GoOn(AskAddress.Path, flow);
        }
        if (realm.Of(flow.EnvironmentId, address) is { } home)
        {
            return await realm.GoAsync(visit.Http, flow, home);   // their organization has its own way since they came
        }
        if (visit["password"] is not { } password)
        {
            return Wrong(visit, "password.missing");
        }
        if (HostedLimits.Count(limits, visit, address) is { } wait)
        {
            return Wrong(visit, "fault.too_many_tries", wait);
        }
        var outcome = await passwords.SignInAsync(
            visit.Http, flow.EnvironmentId, Addresses.Normal(address), password, () => acts.Of(flow.EnvironmentId), toApplication.Ending(visit));
        return toApplication.Answer(visit, outcome, SignInMethod.Password, why => Wrong(visit, why switch
        {
            Refusal.ResetNeeded => "password.reset_needed",
            Refusal.WrongCredential => "password.wrong",
            _ => ToApplication.Why(why),
        }));
    }

    private static IResult Wrong(Visit visit, string why, int? wait = null) => visit.Again<PasswordPage>(new Fault("password", visit.Texts[why], wait));
}
