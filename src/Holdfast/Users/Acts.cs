using Holdfast.Environments;
using Holdfast.Keys;
using Holdfast.Storage;

namespace Holdfast.Users;

/// <summary>Makes the act of a request: what the rules take from outside.</summary>
internal sealed class Acts(EnvironmentStore environments, ClusterKeys keys, Database database, Entropy entropy, TimeProvider clock)
{
    public Act Of(string environmentId) => new(
        environmentId, environments.IdKey(environmentId), keys.Derive("pending_items", environmentId), database.Incarnation, clock.GetUtcNow(), entropy.Bytes(16));
}
