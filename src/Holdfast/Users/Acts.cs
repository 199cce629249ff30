using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;

namespace Holdfast.Users;

/// <summary>Gives the rules of people what they take from outside.</summary>
internal sealed class Acts(Database database, EnvironmentStore environments, ClusterKeys keys, Entropy entropy, TimeProvider clock)
{
    /// <summary>An act of a request: repeats of one share its randomness. To be made inside the decision, so that its time is that of the decision.</summary>
    public Act Of(Operation operation) => new(
        operation.EnvironmentId, environments.IdKey(operation.EnvironmentId), ItemKey(operation.EnvironmentId), database.Incarnation, clock.GetUtcNow(),
        operation.RequestId is { } request ? ClusterKeys.Mac(operation.Key, "act", request) : entropy.Bytes(16))
    {
        Request = operation.RequestId, SessionIdKey = SessionIdKey,
    };

    /// <summary>An act whose repeats are others.</summary>
    public Act Of(string environmentId) => new(
        environmentId, environments.IdKey(environmentId), ItemKey(environmentId), database.Incarnation, clock.GetUtcNow(), entropy.Bytes(16)) { SessionIdKey = SessionIdKey };

    /// <summary>The key of <see cref="SessionIds"/>.</summary>
    public byte[] SessionIdKey { get; } = keys.Derive("session-ids");

    private byte[] ItemKey(string environmentId) => keys.Derive("single-use-items", environmentId);
}
