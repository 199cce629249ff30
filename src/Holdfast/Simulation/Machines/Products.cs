using Holdfast.AuthKit;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Mail;
using Holdfast.MultiFactor;
using Holdfast.Sso;
using Holdfast.Storage;
using Holdfast.Users;
using Microsoft.Extensions.Logging.Abstractions;

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
        var address = new PublicAddress("https://holdfast.example", IsDev: false);
        Acts = new Acts(Database, Environments, keys, surroundings.Entropy, Clock);
        Mails = new Mails(keys);
        PersonMails = new PersonMails(Mails, address);
        Invitations = new Invitations(keys, PersonMails, Clock);
        OneTimeCodes = new OneTimeCodes(Database, host.SingleUse, host.Peers, keys, Acts, Ids, Clock);
        RefreshTokens = new RefreshTokens(keys);
        Freshness = new Freshness(host.Replicator, Database, new StalenessCeiling(TimeSpan.FromHours(72)));
        // The ground has no endpoint of an action, so nobody is asked anything over a network.
        BeginSession = new BeginSession(host.Node, RefreshTokens, Options, Freshness, new Actions(keys, null!, null!, address, Clock, NullLogger<Actions>.Instance));
    }

    /// <summary>Times that fit into a simulated minute or three.</summary>
    public static AuthKitOptions Options { get; } = new() { SessionLifetime = TimeSpan.FromHours(2), MagicCodeLifetime = TimeSpan.FromMinutes(30) };

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

    public Acts Acts { get; }

    public Mails Mails { get; }

    public PersonMails PersonMails { get; }

    public Invitations Invitations { get; }

    public OneTimeCodes OneTimeCodes { get; }

    public RefreshTokens RefreshTokens { get; }

    public Freshness Freshness { get; }

    public BeginSession BeginSession { get; }
}
