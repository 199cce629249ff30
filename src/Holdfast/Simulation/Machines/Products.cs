using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Sso;
using Holdfast.Storage;

namespace Holdfast.Simulation.Machines;

/// <summary>What the server puts together for a request, without HTTP.</summary>
internal sealed class Products
{
    public Products(Node node, StorageHost host, Surroundings surroundings, ClusterKeys keys)
    {
        (Node, Host, Clock, Keys) = (node, host, surroundings.Clock, keys);
        Ids = new Ids(Clock, surroundings.Entropy);
        Environments = new EnvironmentStore(Database, keys, Ids, surroundings.Entropy, Clock);
        Idempotency = new Idempotency(Database, keys, Ids, Clock);
        SignIns = new SignInStore(Database, Environments, keys, new SsoOptions(), surroundings.Entropy, Clock);
        Entropy = surroundings.Entropy;
    }

    public Node Node { get; }

    public StorageHost Host { get; }

    public Database Database => Host.Database;

    public TimeProvider Clock { get; }

    public Entropy Entropy { get; }

    public ClusterKeys Keys { get; }

    public Ids Ids { get; }

    public EnvironmentStore Environments { get; }

    public Idempotency Idempotency { get; }

    public SignInStore SignIns { get; }
}
