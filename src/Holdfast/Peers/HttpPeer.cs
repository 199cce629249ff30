using Holdfast.Resilience;
using Holdfast.Storage.Peers;

namespace Holdfast.Peers;

/// <summary>Another node, over HTTP.</summary>
internal sealed class HttpPeer : IPeer
{
    public const string JournalPath = "/peers/journal";
    public const string SnapshotPath = "/peers/snapshot";
    public const string SpendPath = "/peers/spend";

    /// <summary>The longest that a journal may be waited at.</summary>
    public static readonly TimeSpan MostPatience = TimeSpan.FromSeconds(30);

    public static readonly TimeSpan SpendDeadline = TimeSpan.FromMilliseconds(500);   // law 1
    public static readonly TimeSpan SnapshotDeadline = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan JournalSlack = TimeSpan.FromSeconds(2);
    public static readonly TimeSpan ForwardBackstop = TimeSpan.FromSeconds(10);

    private readonly Dependency _journal;
    private readonly Dependency _snapshot;
    private string? _name;

    public HttpPeer(PeerChannel channel, Dependencies dependencies, TimeProvider clock)
    {
        Channel = channel;
        Dependency = dependencies.Add(new Dependency(Catalogue.Peer.Of(Address), clock));
        _journal = new Dependency(Catalogue.PeerJournal.Of(Address), clock);
        _snapshot = new Dependency(Catalogue.PeerSnapshot.Of(Address), clock);
        Forwarding = dependencies.Beside(new Dependency(Catalogue.PeerForward.Of(Address), clock));
        Dependency.Probe = channel.KnockAsync;
    }

    public PeerChannel Channel { get; }

    public string Address => Channel.Address;

    /// <summary>How it is, for the operator.</summary>
    public Dependency Dependency { get; }

    /// <summary>Whole requests sent on to it. Whoever sends one keeps the time.</summary>
    public Dependency Forwarding { get; }

    public async Task<JournalAnswer> ReadJournalAsync(JournalQuestion question, CancellationToken ct)
    {
        var patience = question.Patience < MostPatience ? question.Patience : MostPatience;
        var (answer, by) = await AskAsync<JournalAnswer>(_journal, JournalPath, question with { Patience = patience }, patience + JournalSlack, ct);
        if (answer.From.Name != by.Name || answer.From.Incarnation != by.Incarnation)
        {
            throw new PeerUnavailableException($"The node at {Address} answers in the name of another.");
        }
        Volatile.Write(ref _name, by.Name);
        return answer;
    }

    public async Task<SnapshotAnswer> ReadSnapshotAsync(SnapshotQuestion question, CancellationToken ct) =>
        (await AskAsync<SnapshotAnswer>(_snapshot, SnapshotPath, question, SnapshotDeadline, ct)).Answer;

    /// <remarks>The name is what makes an authority: only the node that was heard here, and is asked by its name, may say that something is spent.</remarks>
    public async Task<SpendAnswer> SpendAsync(SpendQuestion question, CancellationToken ct)
    {
        var asked = Volatile.Read(ref _name);
        var (answer, by) = await AskAsync<SpendAnswer>(Dependency, SpendPath, question, SpendDeadline, ct);
        return by.Name == asked ? answer : throw new PeerUnavailableException($"The node at {Address} is not the one that was asked.");
    }

    private async Task<(T Answer, Speaker By)> AskAsync<T>(Dependency dependency, string path, object question, TimeSpan within, CancellationToken ct) where T : class
    {
        try
        {
            var (status, body, by) = await Channel.AskAsync(dependency, path, question, within, ct);
            Note(dependency, null);
            return status == StatusCodes.Status200OK && PeerJson.Read<T>(body) is { } answer
                ? (answer, by)
                : throw new PeerUnavailableException($"The node at {Address} answers {status}.");
        }
        catch (DependencyUnavailableException away)
        {
            Note(dependency, away.How);
            throw new PeerUnavailableException($"The node at {Address} does not answer: {away.How}.", away);
        }
    }

    /// <summary>Nobody's traffic is needed to learn how the node is.</summary>
    private void Note(Dependency asked, string? how)
    {
        if (asked != Dependency)
        {
            Dependency.Report(how is null, how);
        }
    }
}
