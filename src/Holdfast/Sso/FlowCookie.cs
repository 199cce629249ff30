using Holdfast.Http;
using Holdfast.Keys;

namespace Holdfast.Sso;

/// <summary>The cookie that binds a flow to its browser. An identity provider posts from its own site, so it must come along across sites; which browsers allow over https only.</summary>
internal sealed class FlowCookie(ClusterKeys keys, bool isHttps)
{
    private readonly BrowserFlows<Flow> _flows = new(keys, "sso-flow", "holdfast-flow", "/sso", isHttps ? SameSiteMode.None : SameSiteMode.Lax, isHttps);

    public void Write(HttpContext http, Flow flow, TimeSpan lifetime) => _flows.Write(http, flow.Id, flow with { State = null }, flow.State, lifetime);

    /// <summary>The flow of this id, if this browser began it and it is not over; null otherwise.</summary>
    public Flow? Read(HttpContext http, string? id, DateTimeOffset now) =>
        _flows.Read(http, id) is var (flow, state) && flow.Id == id && flow.ExpiresAt > now ? flow with { State = state } : null;

    public void Delete(HttpContext http, string id) => _flows.Delete(http, id);
}
