using Holdfast.Flags.Sources;
using Holdfast.Protocols.Flags;
using Holdfast.Storage;

namespace Holdfast.Flags;

/// <summary>The flags that stand in a session's access token: those that are on for its user, and for the organization that they act in. All of it is read from this node.</summary>
internal sealed class FlagsOfSession(Database database, ProviderFlags provider)
{
    /// <summary>Slugs, in the order of their letters.</summary>
    public List<string> On(string environmentId, string userId, string? organizationId)
    {
        var context = FlagContext.Of(userId, organizationId);
        if (!provider.IsOn(Switches.FlagsInTokens, context))
        {
            return [];
        }
        var ours = database.Read(view => FlagStore.On(view, environmentId, userId, organizationId));
        return provider.IsOn(Switches.ProviderFlagsInTokens, context) ? [.. ours.Union(provider.On(context), StringComparer.Ordinal).Order(StringComparer.Ordinal)] : ours;
    }
}
