using Holdfast.Http;

namespace Holdfast.AuthKit.Pages;

/// <summary>Where the link of a switch leads: it begins a flow of this browser, and asks. Writes nothing; the link may be followed again until it is over.</summary>
internal sealed class FollowSwitch(OrganizationSwitches switches, Visits visits, HostedFlowCookie cookie)
{
    public const string Path = "/switch-organization";

    public IResult Handle(HttpContext http)
    {
        if (switches.Open(http.Request.Query["token"].ToString()) is not var (environmentId, content) || !ServedUnder.Allows(http, environmentId))
        {
            return PageErrors.NoSwitch;
        }
        var flow = visits.Begin(new HostedFlow("", environmentId, content.ClientId, content.RedirectUri, content.State, null, "", default)) with { Switch = content.Switch };
        cookie.Write(http, flow);
        return new SeeOther(Visit.AddressOf(SwitchOrganization.Path, flow.Id));
    }
}
