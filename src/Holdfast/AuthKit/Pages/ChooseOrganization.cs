using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Asks somebody who is in several organizations which one they come for.</summary>
internal sealed class ChooseOrganization(Database database, ClusterKeys keys, Acts acts, ToApplication toApplication, Visits visits) : Step
{
    public const string Path = "/sign-in/organization";

    public override IResult Show(Visit visit) => Read(visit) is { } pending ? Page(visit, pending, null) : visit.GoOn(AskAddress.Path, visit.Flow);

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        if (Read(visit) is not { } pending)
        {
            return visit.GoOn(AskAddress.Path, visit.Flow);
        }
        if (visit["organization_id"] is not { } organizationId)
        {
            return Page(visit, pending, new Fault("organization_id", visit.Texts["organization.missing"]));
        }
        if (await visits.SendOnAsync(visit, pending.Authority) is { } elsewhere)
        {
            return elsewhere;
        }
        var flow = visit.Flow;
        var request = Caller.Hash($"{pending.Id}\n{organizationId}");   // a second click is the same request, and gets the same code
        var ending = toApplication.Ending(visit, request, flow with { OrganizationId = organizationId });
        var outcome = await database.RecordAsync(visit.Http, view => GrantByOrganization.Decide(view, acts.Of(flow.EnvironmentId), pending, organizationId, request, ending));
        return toApplication.Answer(visit, outcome, pending.Method, why => why == Refusal.NotFound
            ? Page(visit, pending, new Fault("organization_id", visit.Texts["organization.gone"]))
            : visits.AgainFrom(visit.Http, flow, why == Refusal.ItemSpent ? "notice.used" : "notice.not_admitted"));
    }

    private IResult Page(Visit visit, PendingAuthentication pending, Fault? fault)
    {
        var act = acts.Of(visit.Flow.EnvironmentId);
        var organizations = database.Read(view => Memberships.Of(view, act, pending.UserId)).ConvertAll(m => new OrganizationPage.Choice(m.OrganizationId, m.Name));
        return fault is null
            ? visit.Page<OrganizationPage>((nameof(OrganizationPage.Choices), organizations))
            : visit.Again<OrganizationPage>(fault, (nameof(OrganizationPage.Choices), organizations));
    }

    /// <summary>Who has proven who they are, and nothing else than this is asked of; null when nobody has.</summary>
    private PendingAuthentication? Read(Visit visit) =>
        visit.Flow.Pending is { } token && PendingAuthentication.Open(keys, visit.Flow.EnvironmentId, token) is { } pending && pending.Asks(PendingAuthentication.Organization) ? pending : null;
}
