using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Whether a session may go on in another organization: the page that asks and the refresh that acts judge alike.</summary>
internal static class SwitchTo
{
    /// <summary>What that organization asks for beyond what the session has shown; null for nothing.</summary>
    /// <param name="who">With the organization that they want to be in.</param>
    public static Refusal? Asks(View view, Act act, SignedIn who, string method) =>
        SsoRequired.Of(view, act.EnvironmentId, who.UserId, who.OrganizationId!, method) is not null ? Refusal.ProviderNeeded
        : SecondFactor.StopsSwitch(view, act, who, method) ? Refusal.FactorMissing
        : null;
}
