using System.Globalization;
using System.Text;
using Holdfast.Peers;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Replication;

namespace Holdfast;

/// <summary>Everything outside this process that it calls, declared in one place (law 7). No other file makes a <see cref="DependencyPolicy"/>, and
/// <c>docs/continuity.md</c> shows this one as a table.</summary>
internal static class Catalogue
{
    private const string Sso = "sso";
    private const string Administration = "administration";

    private static readonly TimeSpan s_signInPart = TimeSpan.FromSeconds(2);

    /// <summary>Driven by Storage's replicator, which tries every quarter of a second and says what it met.</summary>
    public static readonly DependencyPolicy Primary = new DependencyPolicy("primary", "database", Database.WriteDeadline, 1,
        "Sign-in goes on from this node's replica and journal. Administrators' changes answer 503; denies and deletions are taken.", [Administration])
    {
        For = "administrators' changes",
        Again = "the replicator's loop, every 250 ms",
        IsJudgedByItsDriver = true,
    };

    /// <summary>Driven as a file is. No breaker: who replicates asks every quarter of a second whether it is back, and nobody else asks while it is not.</summary>
    public static readonly DependencyPolicy PostgresPrimary = Primary with
    {
        Deadline = TimeSpan.FromSeconds(10), MaxConcurrent = 16,
        For = "administrators' changes, where PostgreSQL is the primary",
        OpensAfter = int.MaxValue,
        IsAnswer = static _ => true,   // what becomes of a call is told by who replicates
    };

    public static readonly DependencyPolicy Credentials = new DependencyPolicy("credentials", "secrets", TimeSpan.FromSeconds(5), 2,
        "The last credential that a server let in, also after a cold start. Connections that are open stay open.", [Administration])
    {
        For = "new credentials of the database",
        Again = "the next round",
    };

    /// <summary>The replicator tries all the time and tells everybody else how it went, so a breaker would only delay the news that it is back.</summary>
    public static readonly DependencyPolicy PrimaryNode = new DependencyPolicy("primary:{address}", "database", Replicator.StepDeadline, 64,
        "Sign-in goes on from this node's replica and journal. Administrators' changes answer 503.", [Administration])
    {
        For = "administrators' changes, where another node has the primary",
        Again = "the replicator's loop, every 250 ms",
        Scope = DependencyScope.Peer,
        OpensAfter = int.MaxValue,
    };

    public static readonly DependencyPolicy Peer = new DependencyPolicy("peer:{address}", "peer", HttpPeer.SpendDeadline, 64,
        "Sign-in goes on. Facts wait in the journal; single-use items of that node are begun anew or answered with 503.", [Sso])
    {
        For = "codes and one-time steps that the other node decides about",
        Scope = DependencyScope.Peer,
        SignIn = SignInStake.Optional,
        SlowAfter = TimeSpan.FromMilliseconds(250),
    };

    /// <summary>Waiting for news is no trouble, so this and the snapshot say what they met by <see cref="Peer"/>, which people wait for.</summary>
    public static readonly DependencyPolicy PeerJournal = new DependencyPolicy("peer:{address} journal", "peer", HttpPeer.MostPatience + HttpPeer.JournalSlack, 4,
        "Facts are read from it when it is back.", [])
    {
        For = "facts and denies of the other node",
        Again = "the link's loop, every 250 ms",
        Scope = DependencyScope.Peer,
        MayBeSetByHand = false,
        OpensAfter = int.MaxValue,
    };

    public static readonly DependencyPolicy PeerSnapshot = new DependencyPolicy("peer:{address} snapshot", "peer", HttpPeer.SnapshotDeadline, 2,
        "Another node or the primary fills an empty disk.", [])
    {
        For = "filling an empty disk",
        Again = "the start's loop",
        Scope = DependencyScope.Peer,
        MayBeSetByHand = false,
        OpensAfter = int.MaxValue,
    };

    public static readonly DependencyPolicy PeerForward = new DependencyPolicy("peer:{address} forward", "peer", HttpPeer.ForwardBackstop, 64,
        "A browser's sign-in begins anew; a code is answered with 503.", [Sso])
    {
        For = "requests that only the other node can decide",
        Scope = DependencyScope.Peer,
        SignIn = SignInStake.Optional,
    };

    public static readonly DependencyPolicy IdpToken = new DependencyPolicy("idp_token:{connection}", "identity provider token endpoint", s_signInPart, 64,
        "None: the person is asked to sign in again. Other connections do not notice.", [Sso])
    {
        For = "sign-ins by this connection (OpenID Connect)",
        Scope = DependencyScope.Tenant,
        SignIn = SignInStake.Needed,
        SlowAfter = TimeSpan.FromSeconds(1),
    };

    /// <summary>A provider's UserInfo endpoint may be elsewhere than its token endpoint, and fail alone.</summary>
    public static readonly DependencyPolicy IdpUserInfo = new DependencyPolicy("idp_userinfo:{connection}", "identity provider userinfo endpoint", s_signInPart, 64,
        "The names that are known already; without an address in the ID token, none.", [Sso])
    {
        For = "names, and addresses that the ID token does not hold",
        Scope = DependencyScope.Tenant,
        SignIn = SignInStake.Optional,
        SlowAfter = TimeSpan.FromSeconds(1),
    };

    /// <summary>One for each connection: a host that many share must not be closed to all by the settings of one.</summary>
    public static readonly DependencyPolicy IdpDocuments = new DependencyPolicy("idp_documents:{connection}", "identity provider documents", s_signInPart, 8,
        "The last documents that were read, without a time limit; a sign-in with a key that they do not hold is refused.", [Sso])
    {
        For = "new signing keys of the provider",
        Again = "the next round, after 10 minutes; a sign-in with an unknown key, after 5 s",
        Scope = DependencyScope.Tenant,
        SignIn = SignInStake.Optional,
        SlowAfter = TimeSpan.FromSeconds(1),
    };

    public static readonly DependencyPolicy IdpMetadata = new DependencyPolicy("idp_metadata:{environment}", "identity provider metadata", TimeSpan.FromSeconds(5), 4,
        "None is needed: it is read when a connection is saved, never on the path of a sign-in.", [])
    {
        For = "saving a SAML connection by its metadata address",
        Scope = DependencyScope.Tenant,
    };

    /// <summary>One for all, without a breaker: no address is asked more than once an hour, and one host says nothing of another.</summary>
    /// <param name="deadline">As the operator set it.</param>
    public static DependencyPolicy SamlMetadata(TimeSpan deadline, int atOnce) => new DependencyPolicy("saml_metadata", "identity provider metadata in the background", deadline, atOnce,
        "What was taken last, without a time limit.", [])
    {
        For = "new signing certificates of SAML providers",
        Again = "the schedule: an hour later at the soonest",
        Scope = DependencyScope.Tenant,
        OpensAfter = int.MaxValue,
    };

    /// <summary>One for all: whatever a knock comes to is told to the provider's own dependency, so here it is always an answer. What is full is not knocked at now.</summary>
    public static readonly DependencyPolicy ProviderKnock = new DependencyPolicy("provider_knock", "identity provider, asked whether it is there", TimeSpan.FromSeconds(3), 16,
        "What broke is named after three calls that people make, instead of one.", [])
    {
        For = "naming a provider that is called rarely, after a call has failed",
        Again = "five at most, a second apart; then one in 15 s for a host, and only after another call has failed",
        Scope = DependencyScope.Tenant,
        OpensAfter = int.MaxValue,
        IsAnswer = static _ => true,
    };

    public static readonly DependencyPolicy Dns = new DependencyPolicy("dns", "resolver", TimeSpan.FromSeconds(2), 8,
        "Domains keep the state that they have; what is pending is looked for again later. Sign-ins ask for nothing.", ["domains"])
    {
        For = "proofs of domains",
        Again = "one more try inside the call, after 0.6 s; what is pending, in the next round",
        RepeatShare = 0.1,
        SlowAfter = TimeSpan.FromMilliseconds(500),
        IsMissedUnused = true,
    };

    public static readonly DependencyPolicy Mail = new DependencyPolicy("mail", "mail", TimeSpan.FromSeconds(20), 4,
        "What is to be mailed waits, and is sent later or, when the code in it has expired, not at all. Sign-ins that need no mailed code go on.", ["mail"])
    {
        For = "codes, links and invitations",
        Again = "the next round: after 5 s, then twice as late each time, up to 10 minutes",
        RepeatShare = 0.1,
        OpenFor = TimeSpan.FromSeconds(15),
        SlowAfter = TimeSpan.FromSeconds(5),
    };

    /// <summary>Nobody waits for it, so its deadline is long enough for a document of the largest size.</summary>
    public static readonly DependencyPolicy Flags = new DependencyPolicy("flags:{provider}", "flags", TimeSpan.FromSeconds(10), 2,
        "Flags are what the provider last said, from memory, after a restart from this disk; where it never spoke, the defaults in the code.", [])
    {
        For = "news of the operator's flags",
        Again = "the source's pace, with a pause that grows",
    };

    /// <summary>An application's own endpoint, asked inside the sign-in's budget.</summary>
    public static readonly DependencyPolicy Action = new DependencyPolicy("action:{endpoint}", "action", s_signInPart, 64,
        "What the endpoint's own setting says: nobody signs in, or everybody does.", ["authkit"])
    {
        For = "asking the application before somebody signs in or signs up",
        Scope = DependencyScope.Tenant,
        SignIn = SignInStake.Needed,
        SlowAfter = TimeSpan.FromSeconds(1),
    };

    /// <summary>Whatever the operator watches the node by. Nothing waits for it: what it does not take is dropped, and counted.</summary>
    public static readonly DependencyPolicy Telemetry = new DependencyPolicy("telemetry", "telemetry", TimeSpan.FromSeconds(2), 1,
        "The last 15 minutes are kept on the node, and what was named is in its ring. What cannot be sent is dropped and counted.", [])
    {
        For = "metrics, traces and logs for the operator",
        Again = "the next round, after 5 s",
        SlowAfter = TimeSpan.FromMilliseconds(500),
    };

    /// <summary>Asked by the verb <c>status</c>, in a process of its own.</summary>
    public static readonly DependencyPolicy Node = new DependencyPolicy("node", "node", TimeSpan.FromSeconds(5), 1, "None: the verb says that it cannot be reached.", [])
    {
        MayBeSetByHand = false,
        For = "the verbs status and ops",
    };

    /// <summary>A node, as the edge sends requests on to it. How ill it is, the edge judges by what became of them; a breaker that knows nothing of the other nodes would shut out the last.</summary>
    public static readonly DependencyPolicy EdgeNode = new DependencyPolicy("edge_node:{address}", "node", TimeSpan.FromSeconds(15), 512,
        "Another node, for what is safe to repeat and for what was not sent yet.", [Sso])
    {
        For = "every request, at the edge",
        Again = "once at another node, of what is safe to repeat",
        Scope = DependencyScope.Peer,
        SignIn = SignInStake.Needed,
        OpensAfter = int.MaxValue,
    };

    public static readonly DependencyPolicy EdgeProbe = new DependencyPolicy("edge_node:{address} probe", "node", TimeSpan.FromMilliseconds(500), 4,
        "Another node is asked until it answers again.", [])
    {
        For = "whether a node is ready, at the edge",
        Again = "the next round, after a second",
        Scope = DependencyScope.Peer,
        OpensAfter = int.MaxValue,
    };

    public static readonly DependencyPolicy EdgeDomains = new DependencyPolicy("edge_node:{address} domains", "node", TimeSpan.FromSeconds(5), 1,
        "The last map of domains, from memory, after a restart from the edge's disk, without a time limit.", [])
    {
        For = "custom domains, at the edge",
        Again = "the next round, after 10 s, at each node in turn",
        Scope = DependencyScope.Peer,
        OpensAfter = int.MaxValue,
    };

    /// <summary>What a page or a test lists; <see cref="SamlMetadata"/> with its defaults.</summary>
    public static IReadOnlyList<DependencyPolicy> All { get; } =
        [Primary, PostgresPrimary, Credentials, PrimaryNode, Peer, PeerJournal, PeerSnapshot, PeerForward, IdpToken, IdpUserInfo, IdpDocuments, IdpMetadata, SamlMetadata(TimeSpan.FromSeconds(5), 16), ProviderKnock, Dns, Mail, Flags, Action, Telemetry, Node, EdgeNode, EdgeProbe, EdgeDomains];

    /// <summary>The catalogue as a table in Markdown, for <c>docs/continuity.md</c>.</summary>
    public static string Table()
    {
        var page = new StringBuilder("""
            | dependency | needed by, for what | a sign-in | deadline | at once | breaker | slow after | again | without it |
            |---|---|---|---|---|---|---|---|---|

            """);
        foreach (var p in All)
        {
            page.Append(CultureInfo.InvariantCulture,
                $"| `{p.Name}` ({p.Kind}) | {(p.NeededBy.Count > 0 ? string.Join(", ", p.NeededBy) + ": " : "")}{p.For} | {Stake(p.SignIn)} | {Time(p.Deadline)} | {p.MaxConcurrent} | {Breaker(p)} | {(p.SlowAfter is { } slow ? Time(slow) : "–")} | {p.Again}{Repeats(p)} | {p.Fallback} |\n");
        }
        return page.ToString();
    }

    private static string Stake(SignInStake stake) => stake switch
    {
        SignInStake.None => "never calls it",
        SignInStake.Optional => "goes on without it",
        _ => "of its own needs it",
    };

    private static string Repeats(DependencyPolicy p) => p.RepeatShare is { } share
        ? string.Create(CultureInfo.InvariantCulture, $"; of repeats that fail at most {share:P0} of the calls, and one a second") : "";

    private static string Breaker(DependencyPolicy p) => p.OpensAfter == int.MaxValue
        ? "none"
        : $"after {p.OpensAfter} failures{(p.OpensOnSlow ? " or slow answers" : "")} in a row, for {Time(p.OpenFor)}";

    private static string Time(TimeSpan time) => time < TimeSpan.FromSeconds(1)
        ? $"{time.TotalMilliseconds.ToString(CultureInfo.InvariantCulture)} ms"
        : $"{time.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s";
}
