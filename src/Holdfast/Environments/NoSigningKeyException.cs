using Holdfast.Storage;

namespace Holdfast.Environments;

/// <summary>Every signing key of an environment was denied, on nodes apart, and the next one has not come from the primary yet.</summary>
public sealed class NoSigningKeyException() : StorageUnavailableException("The environment has no signing key that may be used. One is made as soon as the primary database is there.", null)
{
    public override string Code => "signing_key_unavailable";   // one environment's: no other node has one
}
