using System.Globalization;
using Holdfast.Claims;
using Holdfast.Storage;
using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Tests.Users;

/// <summary>Nodes that decide apart, on one thread, by the rules alone; their facts meet when a test lets them.</summary>
internal sealed class Cluster : IDisposable
{
    public const string Environment = "environment_1";

    private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-").FullName;

    public Cluster(int nodes, ulong seed = 1)
    {
        Dice = new Dice(seed);
        Nodes = [.. Enumerable.Range(0, nodes).Select(n => new Node(this, Path.Combine(_folder, $"node-{n}.db")))];
    }

    public Dice Dice { get; }

    public HeldClock Clock { get; } = new();

    public IReadOnlyList<Node> Nodes { get; }

    public byte[] IdKey { get; } = [1];

    public SuccessorKey SuccessorKey { get; } = new("successor_1", [2]);

    public void Wait(TimeSpan time) => Clock.Advance(time);

    /// <summary>Everybody's facts reach everybody: in any order, some of them twice.</summary>
    public void Meet()
    {
        var facts = Nodes.SelectMany(n => n.Journal().Select(f => (n.Incarnation, f.Position, f.Version))).ToList();
        foreach (var node in Nodes)
        {
            node.Take(Dice.Shuffled(facts.SelectMany(f => Dice.OneIn(4) ? [f, f] : new[] { f })));
        }
        var digests = Nodes.Select(n => n.Store.Digest()).Distinct().ToList();
        Assert.Single(digests);
    }

    /// <summary>A part of one node's facts, in order, reaches another.</summary>
    public void Tell(Node from, Node to, int most) =>
        to.Take([.. from.Journal().Where(f => !to.Knows(from.Incarnation, f.Position)).Take(most).Select(f => (from.Incarnation, f.Position, f.Version))]);

    public void Dispose()
    {
        foreach (var node in Nodes)
        {
            node.Store.Dispose();
        }
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>One of them.</summary>
internal sealed class Node
{
    private readonly Cluster _cluster;
    private readonly Dictionary<string, long> _applied = new(StringComparer.Ordinal);

    public Node(Cluster cluster, string path)
    {
        _cluster = cluster;
        var world = Surroundings.Real with { Clock = cluster.Clock, Entropy = new Entropy(buffer => cluster.Dice.Fill(buffer.Span)) };
        Store = NodeStore.Open(path, new JournalLimits(), world, new Lane(work => work()));
    }

    public NodeStore Store { get; }

    public string Incarnation => Store.Incarnation;

    /// <summary>A new act, now and here.</summary>
    public Act Act()
    {
        var random = new byte[16];
        _cluster.Dice.Fill(random);
        return new Act(Cluster.Environment, _cluster.IdKey, [3], Incarnation, _cluster.Clock.GetUtcNow(), random);
    }

    /// <summary>What only the primary decides, as this node has it when it has read the change log.</summary>
    public T Write<T>(Func<View, Act, Decision<T>> rule)
    {
        var act = Act();
        var task = Store.Writer.EnqueueAsync(session =>
        {
            var decision = rule(session.View, act);
            foreach (var change in decision.Changes)
            {
                if (session.Rows.Put(change, Store.Clock) is { } version)
                {
                    session.Journal.Append(version, version.ToJson(), act.Now);
                }
            }
            return decision.Answer;
        });
        Assert.True(task.IsCompleted);
        return task.GetAwaiter().GetResult();
    }

    /// <summary>Decides in the node's writer. The work is done when this returns: the lane is the caller's thread.</summary>
    public T Do<T>(Func<View, Act, Decision<T>> rule)
    {
        var act = Act();
        var task = Store.Writer.RecordAsync(view => rule(view, act));
        Assert.True(task.IsCompleted);
        return task.GetAwaiter().GetResult().Answer;
    }

    public T Read<T>(Func<View, T> read) => Store.Read(read);

    public List<JournalRow> Journal() => Read(view => view.Query<JournalRow>("SELECT position AS Position, version AS Version FROM journal ORDER BY position"));

    public void Take(IReadOnlyList<(string Incarnation, long Position, string Version)> facts)
    {
        Assert.True(Store.Writer.EnqueueAsync(session =>
        {
            foreach (var (_, _, text) in facts)
            {
                var version = RowVersion.FromJson(text, Schema.ByName)!;
                Store.Clock.Observe(version.LatestStamp);
                session.Rows.Apply(version);
            }
            return true;
        }).GetAwaiter().GetResult());
        foreach (var (incarnation, position, _) in facts)
        {
            _applied[incarnation] = Math.Max(_applied.GetValueOrDefault(incarnation), position);
        }
    }

    /// <summary>Whether it has applied a place in a journal.</summary>
    public bool Knows(string incarnation, long position) => incarnation == Incarnation || _applied.GetValueOrDefault(incarnation) >= position;

    // What people do. A password's hash is the password with a word before it; a mail's secret is what it says.

    public SignUp.Begun SignUp(string address, string? password, string secret = "mailed") =>
        Do((_, act) => Holdfast.Users.SignUp.Begin(act, address, Hash(password), new PersonNames("Ada", null), secret, TimeSpan.FromHours(1)));

    public Ruling<SignedIn> Prove(SignUp.Begun begun, string secret = "mailed") =>
        Do((view, act) => Holdfast.Users.SignUp.ProveMailbox(view, act, begun.SignUpId, begun.ItemId, secret));

    /// <summary>Signs up and proves the mailbox.</summary>
    public string Join(string address, string? password = null) => Prove(SignUp(address, password)).Granted().UserId;

    public Ruling<SignedIn> Magic(string address)
    {
        var item = Do((_, act) => MagicCode.Issue(act, address, "123456", TimeSpan.FromMinutes(10)));
        return Do((view, act) => MagicCode.Redeem(view, act, item, "123456"));
    }

    public Ruling<SignedIn> Password(string address, string password) => Do((view, act) => Passwords.SignIn(view, act, address, Opened(view, address, password)));

    public Ruling<string> Change(string address, string old, string password) => Do((view, act) =>
        Passwords.Change(view, act, Addresses.HolderOf(view, Cluster.Environment, address)!, Opened(view, address, old), Hash(password)!));

    public Ruling<SignedIn> Reset(string address, string password)
    {
        var item = Do((view, act) => Passwords.RequestReset(view, act, address, "mailed", TimeSpan.FromHours(1))).Granted();
        return Do((view, act) => Passwords.Reset(view, act, item, "mailed", Hash(password)!));
    }

    public Ruling<SignedIn> Sso(string subject, string email, string organization = "org_1", string connection = "conn_1") => Do((view, act) =>
        SsoSignIn.Decide(view, act, new SsoSignIn.Profile(connection, organization, subject, email, new PersonNames("Ada", "L"))));

    public void VerifyDomain(string domain, string organization = "org_1") => Write((view, act) =>
        Decide.To(true, Claim.Give(view, act.EnvironmentId, act.IdKey, Claim.VerifiedDomain, domain, organization, verified: true)));

    public RefreshToken Start(Func<View, Act, Decision<Ruling<SignedIn>>> signIn) => TryStart(signIn).Granted();

    public Ruling<RefreshToken> TryStart(Func<View, Act, Decision<Ruling<SignedIn>>> signIn)
    {
        var stamp = Store.Clock.Next();
        return Do((view, act) => Session.Start(view, act, signIn(view, act), "password", TimeSpan.FromDays(30), _cluster.SuccessorKey, stamp));
    }

    public RefreshToken StartBy(string address, string password) =>
        Start((view, act) => Passwords.SignIn(view, act, address, Opened(view, address, password)));

    public Ruling<RefreshToken> Refresh(RefreshToken token) => Do((view, act) => RefreshSession.Decide(
        view, act, token, _cluster.SuccessorKey, Knows(token.Birth.Incarnation, long.Parse(token.Birth.Position, CultureInfo.InvariantCulture))));

    public Refusal? Ended(RefreshToken token) => Read(view => token.Session.Ended(view, Act()));

    public string? HolderOf(string address) => Read(view => Addresses.HolderOf(view, Cluster.Environment, address));

    public UserRow? User(string id) => Read(view => UserStore.Find(view, Cluster.Environment, id));

    public long Count(string table) => Read(view => view.Find<long>($"SELECT count(*) FROM {table}"));

    private static string? Hash(string? password) => password is null ? null : "hash of " + password;

    private static string? Opened(View view, string address, string password) =>
        Passwords.Candidates(view, Cluster.Environment, address).FirstOrDefault(c => c.Secret == Hash(password))?.Id;
}

internal static class Rulings
{
    public static T Granted<T>(this Ruling<T> ruling) where T : class
    {
        Assert.Null(ruling.Refused);
        return ruling.Answer!;
    }

    public static void Is<T>(this Ruling<T> ruling, Refusal why) where T : class => Assert.Equal(why, ruling.Refused);
}

/// <summary>A generator whose seed is the test's argument, so that what failed fails again (SplitMix64).</summary>
internal sealed class Dice(ulong seed)
{
    private ulong _state = seed;

    public int Below(int number) => (int)(Next() % (ulong)number);

    public bool OneIn(int number) => Below(number) == 0;

    public T Pick<T>(IReadOnlyList<T> from) => from[Below(from.Count)];

    public List<T> Shuffled<T>(IEnumerable<T> items)
    {
        var list = items.ToList();
        for (var i = list.Count - 1; i > 0; i--)
        {
            var other = Below(i + 1);
            (list[i], list[other]) = (list[other], list[i]);
        }
        return list;
    }

    public void Fill(Span<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)Next();
        }
    }

    private ulong Next()
    {
        var z = _state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
