using Holdfast.Storage;

namespace Holdfast.Flags;

/// <summary>The flags that stand in a session's access token: those that are on for its user, and for the organization that they act in.</summary>
internal sealed class FlagsOfSession(Database database)
{
    /// <summary>Slugs, in the order of their letters.</summary>
    public List<string> On(string environmentId, string userId, string? organizationId) =>
        database.Read(view => FlagStore.On(view, environmentId, userId, organizationId));
}
