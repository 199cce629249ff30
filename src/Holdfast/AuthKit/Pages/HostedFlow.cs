using System.Text.Json.Serialization;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Sso;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>A sign-in at the hosted pages that is under way. The browser that began it keeps it, sealed; each page makes the next version of it.</summary>
/// <param name="FormToken">Stands in each form of the flow: who posts one has seen its page.</param>
internal sealed record HostedFlow(
    string Id, string EnvironmentId, string ClientId, string RedirectUri, string? State, string? CodeChallenge, string FormToken, DateTimeOffset ExpiresAt)
{
    /// <summary>As the application asked; null for the browser's own preference.</summary>
    public string? UiLocales { get; init; }

    /// <summary>The organization that the application wants them in, or that they were invited to; null for any.</summary>
    public string? OrganizationId { get; init; }

    public string? InvitationToken { get; init; }

    /// <summary>The application asked for the page of those who come for the first time.</summary>
    public bool IsSignUp { get; init; }

    /// <summary>An older session at the identity provider is not good enough.</summary>
    public bool IsAnew { get; init; }

    /// <summary>What the application adds to a request to a provider, as it came.</summary>
    public IReadOnlyDictionary<string, string>? ForProvider { get; init; }

    /// <summary>Who they say they are; null before they have said it.</summary>
    public string? Address { get; init; }

    /// <summary>The magic codes that were mailed to the address from here, the newest first.</summary>
    public IReadOnlyList<string>? MailedCodes { get; init; }

    /// <summary>The node that alone takes what was mailed last.</summary>
    public string? MailedBy { get; init; }

    /// <summary>The sign-up that waits for its mailbox, and the item whose code was mailed.</summary>
    public string? SignUpId { get; init; }

    public string? SignUpItemId { get; init; }

    /// <summary>Who they have proven to be, sealed, while something is still asked of them.</summary>
    public string? Pending { get; init; }

    /// <summary>The browser can make a passkey, and has said so.</summary>
    public bool CanHavePasskey { get; init; }

    /// <summary>The secret of the second factor that they are about to have (base 32): it is kept nowhere else until its code was typed in.</summary>
    public string? FactorSecret { get; init; }

    /// <summary>The recovery codes that they are shown, this once.</summary>
    public IReadOnlyList<string>? RecoveryCodes { get; init; }

    /// <summary>Names a text that the next page shows once.</summary>
    public string? Notice { get; init; }

    /// <summary>The device that is to be signed in; null for an application.</summary>
    public HostedDevice? Device { get; init; }

    /// <summary>The session whose organization is to be another; null where somebody signs in.</summary>
    public HostedSwitch? Switch { get; init; }

    /// <summary>It has ended at the application: whoever goes back is told so.</summary>
    public bool IsFinished { get; init; }

    /// <summary>The node that began it.</summary>
    public string Authority => Id[..Id.IndexOf('.', StringComparison.Ordinal)];

    /// <summary>The same from its beginning, with nothing that anybody has said or proven, under a new id.</summary>
    public HostedFlow Anew(string id, string formToken, DateTimeOffset until) => new(id, EnvironmentId, ClientId, RedirectUri, State, CodeChallenge, formToken, until)
    {
        UiLocales = UiLocales, OrganizationId = OrganizationId, InvitationToken = InvitationToken, IsSignUp = IsSignUp, IsAnew = IsAnew, ForProvider = ForProvider, Device = Device,
    };

    /// <summary>The same for another address: nothing that was proven or mailed for the one before goes with it.</summary>
    public HostedFlow For(string address) => Address == address ? this with { Notice = null } : Anew(Id, FormToken, ExpiresAt) with { Address = address };

    /// <summary>As the request that Single Sign-On goes on with. It ends here again: what the application asked for stays in this flow.</summary>
    /// <param name="under">The custom domain that the browser is at; null for the public address.</param>
    public AuthorizationRequest ToRequest(string? under)
    {
        var given = new Dictionary<string, string>(ForProvider ?? new Dictionary<string, string>(), StringComparer.Ordinal);
        void Add(string name, string? value)
        {
            if (value is not null)
            {
                given[name] = value;
            }
        }
        Add("login_hint", Address);
        Add("prompt", IsAnew ? "login" : null);
        return new AuthorizationRequest(EnvironmentId, ClientId, ContinueFromProvider.AddressOf(Id, under), null, given);
    }
}

/// <summary>A device's request that somebody is about to answer.</summary>
/// <param name="Authority">The node that takes the answer.</param>
/// <param name="AskedFrom">The address that it asked from; null when nobody knows.</param>
internal sealed record HostedDevice(string RequestId, string UserCode, string Authority, string? AskedFrom = null);

/// <summary>A session whose organization is to be another.</summary>
/// <param name="OrganizationId">Where it acts now, as the application says; null for not said.</param>
internal sealed record HostedSwitch(Session Session, string Method, string? OrganizationId)
{
    /// <summary>Who has proven what when it began.</summary>
    [JsonIgnore]
    public SignedIn Who => new(Session.UserId, Session.CredentialId, FactorId: Session.FactorId);
}

/// <summary>The cookie that binds it to its browser. The browser sends it only from our own pages, and when it comes here by a link.</summary>
internal sealed class HostedFlowCookie(ClusterKeys keys, PublicAddress address)
{
    /// <summary>Longer than a flow: whoever comes back late begins anew, instead of being told that we know nothing of it.</summary>
    private static readonly TimeSpan s_kept = TimeSpan.FromHours(24);

    private readonly BrowserFlows<HostedFlow> _flows = new(keys, "hosted-flow", "holdfast-sign-in", "/", SameSiteMode.Lax, address.IsHttps);

    public void Write(HttpContext http, HostedFlow flow) => _flows.Write(http, flow.Id, flow with { State = null }, flow.State, s_kept);

    /// <summary>The flow of this id, if this browser began it, over or not; null otherwise.</summary>
    public HostedFlow? Read(HttpContext http, string? id) => _flows.Read(http, id) is var (flow, state) && flow.Id == id && ServedUnder.Allows(http, flow.EnvironmentId) ? flow with { State = state } : null;

    public void Delete(HttpContext http, string id) => _flows.Delete(http, id);
}
