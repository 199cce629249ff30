using Holdfast.Environments;
using Holdfast.Sso;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Asks somebody who is signed in which of their organizations they want to be in. The answer is the application's to act on: it refreshes the session into that organization. Where the organization
/// asks for more than the session has shown, they sign in to it here, and the application gets a code instead.</summary>
internal sealed class SwitchOrganization(Database database, RedirectUriStore redirectUris, Acts acts, Visits visits) : Step
{
    public const string Path = "/switch-organization/choose";

    public override IResult Show(Visit visit) => Find(visit) is { } found ? Page(visit, found, null) : SignIn(visit, visit.Flow, "notice.signed_out");

    public override Task<IResult> TakeAsync(Visit visit) => Task.FromResult(Take(visit));

    private IResult Take(Visit visit)
    {
        if (Find(visit) is not { } found)
        {
            return SignIn(visit, visit.Flow, "notice.signed_out");
        }
        if (visit["organization_id"] is not { } id || found.Organizations.Find(o => o.OrganizationId == id) is not { } chosen)
        {
            return Page(visit, found, new Fault("organization_id", visit.Texts[visit["organization_id"] is null ? "organization.missing" : "organization.gone"]));
        }
        var (flow, session) = (visit.Flow, visit.Flow.Switch!);
        var act = acts.Of(flow.EnvironmentId);
        if (id != session.OrganizationId && database.Read(view => SwitchTo.Asks(view, act, session.Who with { OrganizationId = id }, session.Method)) is not null)
        {
            return SignIn(visit, flow with { OrganizationId = id, Address = found.Address }, "notice.switch_asks_more");
        }
        if (!redirectUris.Allows(flow.EnvironmentId, flow.RedirectUri))
        {
            return PageErrors.NoApplication;   // it was withdrawn meanwhile
        }
        visits.Finish(visit.Http, flow);
        return new SeeOther(SsoErrors.BackUrl(flow.RedirectUri, [("organization_id", chosen.OrganizationId), ("state", flow.State)]));
    }

    /// <summary>They sign in as anywhere, and the application gets a code.</summary>
    private static IResult SignIn(Visit visit, HostedFlow flow, string notice) => visit.GoOn(AskAddress.Path, flow with { Switch = null, Notice = notice });

    /// <summary>Who is asked, and from what they may choose; null when their session has ended.</summary>
    private Found? Find(Visit visit)
    {
        if (visit.Flow.Switch is not { } session)
        {
            return null;
        }
        var act = acts.Of(visit.Flow.EnvironmentId);
        return database.Read(view => session.Session.Ended(view, act) is not null ? null
            : new Found(UserStore.Find(view, act.EnvironmentId, session.Session.UserId)?.Email, Memberships.Of(view, act, session.Session.UserId)));
    }

    private static IResult Page(Visit visit, Found found, Fault? fault)
    {
        (string, object?)[] shown =
        [
            (nameof(SwitchPage.Choices), found.Organizations.ConvertAll(o => new SwitchPage.Choice(o.OrganizationId, o.Name, o.OrganizationId == visit.Flow.Switch!.OrganizationId))),
            (nameof(SwitchPage.Address), found.Address),
        ];
        return fault is null ? visit.Page<SwitchPage>(shown) : visit.Again<SwitchPage>(fault, shown);
    }

    private sealed record Found(string? Address, List<Memberships.Member> Organizations);
}
