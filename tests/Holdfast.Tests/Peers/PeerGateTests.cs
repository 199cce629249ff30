using System.Security.Cryptography;
using Holdfast.Keys;
using Holdfast.Peers;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Holdfast.Tests.Peers;

/// <summary>Two nodes, for the tests of a class.</summary>
public sealed class TwoNodes : IAsyncLifetime
{
    internal Cluster Nodes { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Nodes = await Cluster.StartAsync(2);

    public ValueTask DisposeAsync() => Nodes.DisposeAsync();
}

/// <summary>Who is let in where nodes talk to each other.</summary>
public sealed class PeerGateTests(TwoNodes two) : IClassFixture<TwoNodes>
{
    private const string Path = "/peers/primary/FindCluster";
    private const string Question = """{"call":"FindCluster","cluster":null}""";

    private HoldfastServer A => two.Nodes[0];

    private PeerVoice B => two.Nodes[1].Services.GetRequiredService<PeerVoice>();

    [Fact]
    public async Task A_signed_question_is_answered_under_a_signature()
    {
        var (headers, nonce) = Sign(B);
        var answer = (await AskAsync(headers)).Is(200);
        var flat = answer.Headers.ToDictionary(h => h.Key, h => string.Join('\n', h.Value));
        Assert.Equal(A.Storage.ClusterId, answer["cluster"]);
        Assert.Equal(A.Storage.Database.Incarnation, B.Verify(nonce, 200, flat, answer.Bytes)?.Incarnation);
        Assert.Null(B.Verify(nonce, 503, flat, answer.Bytes));
        Assert.Null(B.Verify(nonce, 200, flat, [.. answer.Bytes, 32]));
        Assert.Null(B.Verify(Sign(B).Nonce, 200, flat, answer.Bytes));   // an answer to something else
    }

    [Theory]
    [InlineData("/peers/journal"), InlineData("/peers/snapshot"), InlineData("/peers/spend"), InlineData("/peers/primary/ReadLog"), InlineData("/peers/primary/Commit")]
    public async Task Without_a_signature_nobody_is_told_anything(string path)
    {
        var answer = (await A.SendAsync("POST", path, null, Question)).Is(401);
        Assert.Equal("""{"message":"Unauthorized"}""", answer.Text);
        Assert.False(answer.Headers.Contains(SignedText.NodeHeader));
        (await A.SendAsync("POST", path, A.A.ApiKey, Question)).Is(401);
    }

    [Fact]
    public async Task A_request_that_was_sent_before_is_refused()
    {
        var (headers, _) = Sign(B);
        (await AskAsync(headers)).Is(200);
        (await AskAsync(headers)).Is(401);
    }

    [Fact]
    public async Task Nothing_of_what_was_signed_can_be_changed()
    {
        (await AskAsync(Sign(B).Headers, Question + " ")).Is(401);
        (await AskAsync(Sign(B).Headers, path: "/peers/primary/ReadLog")).Is(401);
        (await AskAsync(Sign(B).Headers, path: Path + "?x=1")).Is(401);
        (await AskAsync([.. Sign(B).Headers, new(SignedText.ForHeader, "192.0.2.1")])).Is(401);
        var other = Sign(B).Headers[1].Value.Split(' ');
        for (var field = 0; field < other.Length; field++)
        {
            var (headers, _) = Sign(B);
            var fields = headers[1].Value.Split(' ');
            fields[field] = field == 0 ? (long.Parse(fields[0], System.Globalization.CultureInfo.InvariantCulture) + 1).ToString(System.Globalization.CultureInfo.InvariantCulture)
                : field == 2 ? A.Storage.Database.Incarnation : field == 3 ? new string('0', 64) : other[field];
            (await AskAsync([headers[0], new(SignedText.SignedHeader, string.Join(' ', fields))])).Is(401);
        }
    }

    [Fact]
    public async Task What_is_meant_for_another_node_is_refused()
    {
        (await AskAsync(Sign(B, to: "ffffffffffff").Headers)).Is(401);
        (await AskAsync(Sign(B, to: A.Storage.Database.Incarnation).Headers)).Is(200);
    }

    [Fact]
    public async Task A_clock_may_be_off_by_five_minutes_and_no_more()
    {
        foreach (var (off, status) in ((int, int)[])[(299, 200), (-299, 200), (301, 401), (-301, 401)])
        {
            var clock = new HeldClock();
            clock.Advance(two.Nodes.Clock.GetUtcNow() - clock.GetUtcNow() + TimeSpan.FromSeconds(off));
            using var stranger = new Stranger(A.Services.GetRequiredService<ClusterKeys>(), clock);
            (await AskAsync(Sign(stranger.Voice).Headers)).Is(status);
        }
    }

    [Fact]
    public async Task A_node_that_is_new_is_let_in_by_the_cluster_key_and_another_cluster_s_is_not()
    {
        using var novice = new Stranger(A.Services.GetRequiredService<ClusterKeys>(), two.Nodes.Clock);
        (await AskAsync(Sign(novice.Voice).Headers)).Is(200);
        var folder = Directory.CreateTempSubdirectory("holdfast-").FullName;
        using var foreign = new Stranger(ClusterKeys.LoadOrCreate(System.IO.Path.Combine(folder, "other.key"), Entropy.Real), two.Nodes.Clock);
        (await AskAsync(Sign(foreign.Voice).Headers)).Is(401);
        var borrowed = Sign(novice.Voice).Headers[0];   // whose admission was seen on the way
        (await AskAsync([borrowed, Sign(foreign.Voice).Headers[1]])).Is(401);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_life_that_a_deny_stands_against_is_refused_whatever_it_shows()
    {
        using var stranger = new Stranger(A.Services.GetRequiredService<ClusterKeys>(), two.Nodes.Clock);
        (await AskAsync(Sign(stranger.Voice).Headers)).Is(200);
        await two.Nodes.DeclareDeadAsync(0, stranger.Voice.Self.Incarnation);
        (await AskAsync(Sign(stranger.Voice).Headers)).Is(401);
    }

    [Fact]
    public async Task Nor_does_it_come_back_as_another_life_of_its_name_or_key()
    {
        var keys = A.Services.GetRequiredService<ClusterKeys>();
        using var stolen = new Stranger(keys, two.Nodes.Clock, "stolen");
        using var anew = new Stranger(keys, two.Nodes.Clock, "stolen");
        await A.Storage.Database.RecordAsync(_ => Decide.To(true, Change.To(Schema.Nodes, stolen.Voice.Self.Incarnation,
            ("name", "stolen"), ("region", "r"), ("zone", "z"), ("born_at", 1L), ("public_key", stolen.PublicKey))));
        (await AskAsync(Sign(stolen.Voice).Headers)).Is(200);
        (await AskAsync(Sign(anew.Voice).Headers)).Is(200);
        await two.Nodes.DeclareDeadAsync(0, stolen.Voice.Self.Incarnation);
        (await AskAsync(Sign(stolen.Voice).Headers)).Is(401);
        (await AskAsync(Sign(anew.Voice).Headers)).Is(401);
        (await AskAsync(Sign(stolen.As("other")).Headers)).Is(401);
        using var replacement = new Stranger(keys, two.Nodes.Clock, "replacement");
        (await AskAsync(Sign(replacement.Voice).Headers)).Is(200);
    }

    [Fact]
    public async Task A_life_of_which_two_keys_were_said_is_nobody_s_and_its_node_comes_back_as_another()
    {
        var keys = A.Services.GetRequiredService<ClusterKeys>();
        using var honest = new Stranger(keys, two.Nodes.Clock, "twice");
        using var thief = new Stranger(keys, two.Nodes.Clock, "thief");
        var life = honest.Voice.Self.Incarnation;
        Task SayAsync(string key) => A.Storage.Database.RecordAsync(_ => Decide.To(true,
            Change.To(Schema.Nodes, life, ("name", "twice"), ("region", "r"), ("zone", "z"), ("born_at", 1L), ("public_key", key))));
        await SayAsync(honest.PublicKey);
        (await AskAsync(Sign(honest.Voice).Headers)).Is(200);
        (await AskAsync(Sign(thief.As("twice", life)).Headers)).Is(401);
        await SayAsync(thief.PublicKey);
        (await AskAsync(Sign(thief.As("twice", life)).Headers)).Is(401);
        (await AskAsync(Sign(honest.Voice).Headers)).Is(401);
        (await AskAsync(Sign(honest.As("twice")).Headers)).Is(200);

        const string Log = "/peers/primary/ReadLog", Read = """{"call":"ReadLog","cluster":null}""", Offer = """{"call":"Offer","cluster":null}""";
        (await AskAsync(Sign(honest.Voice, Log, Read).Headers, Read, Log)).Is(200);   // where it hears of it
        (await AskAsync(Sign(honest.Voice, "/peers/primary/Offer", Offer).Headers, Offer, "/peers/primary/Offer")).Is(401);
        (await AskAsync(Sign(honest.Voice, "/peers/journal", "{}").Headers, "{}", "/peers/journal")).Is(401);
        var (forwarded, _) = honest.Voice.Sign("GET", "/health", [], null, "192.0.2.7");
        (await A.SendAsync("GET", "/health", null, null, [.. forwarded.Select(h => (h.Key, h.Value))])).Is(401);
    }

    [Fact]
    public async Task A_node_that_is_known_speaks_under_no_other_name()
    {
        await two.Nodes.HeardAsync(by: 0, whom: 1);
        var keys = A.Services.GetRequiredService<ClusterKeys>();
        using var key = NodeKey.LoadOrCreate(two.Nodes.Data(1), keys, "cluster.key");
        PeerVoice Called(string name) => new(key, new KnownNodes(() => null, keys), name, () => two.Nodes[1].Storage.Database.Incarnation, Entropy.Real, two.Nodes.Clock);
        (await AskAsync(Sign(Called("node-2")).Headers)).Is(200);
        (await AskAsync(Sign(Called("node-1")).Headers)).Is(401);
    }

    [Fact]
    public async Task Nobody_answers_in_another_s_name()
    {
        using var novice = new Stranger(A.Services.GetRequiredService<ClusterKeys>(), two.Nodes.Clock);
        var self = novice.Voice.Self;
        NodeIdentity Called(string name, string incarnation) => new(name, "region", "zone", incarnation);
        var said = Called(self.Name, self.Incarnation);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        await using var app = builder.Build();
        app.Urls.Add($"http://127.0.0.1:{HoldfastServer.FreePort()}");
        app.Run(async http =>
        {
            var nonce = SignedText.ReadRequest(http.Request.Headers[SignedText.SignedHeader].ToString())!.Value.Request.Nonce;
            var body = PeerJson.Write(http.Request.Path == HttpPeer.SpendPath
                ? new SpendAnswer(SpendVerdict.Granted)
                : new JournalAnswer(said, 0, 0, [], null));
            foreach (var (name, value) in novice.Voice.SignAnswer(nonce, 200, "", "", body))
            {
                http.Response.Headers[name] = value;
            }
            await http.Response.Body.WriteAsync(body);
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var outbound = new OperatorHttp();
        var peer = new HttpPeer(new PeerChannel(new Uri(app.Urls.Single()), B, outbound, two.Nodes.Clock), new Dependencies(), two.Nodes.Clock);
        Task<JournalAnswer> Journal() => peer.ReadJournalAsync(new JournalQuestion(Called("node-2", "x"), new Dictionary<string, JournalMark>(), 0, 1, TimeSpan.Zero), default);
        Task<SpendAnswer> Spend() => peer.SpendAsync(new SpendQuestion(Called("node-2", "x"), "e", "kind", "item", null, 0, 0, false), default);

        await Assert.ThrowsAsync<PeerUnavailableException>(Spend);   // nobody was heard there yet
        said = Called("node-1", A.Storage.Database.Incarnation);
        await Assert.ThrowsAsync<PeerUnavailableException>(Journal);
        said = Called("node-1", self.Incarnation);
        await Assert.ThrowsAsync<PeerUnavailableException>(Journal);
        await Assert.ThrowsAsync<PeerUnavailableException>(Spend);
        said = Called(self.Name, self.Incarnation);
        await Journal();
        Assert.Equal(SpendVerdict.Granted, (await Spend()).Verdict);
    }

    [Fact]
    public async Task Nobody_speaks_as_this_node_itself()
    {
        (await AskAsync(Sign(A.Services.GetRequiredService<PeerVoice>()).Headers)).Is(401);
    }

    [Theory]
    [InlineData(""), InlineData("null"), InlineData("[]"), InlineData("{}"), InlineData("{\"call\":\"Nonsense\",\"cluster\":null}"), InlineData("{\"call\":\"ReadLog\",\"cluster\":null}"),
     InlineData("{\"call\":\"FindCluster\",\"cluster\":null,\"versions\":null}"), InlineData("{\"call\":\"FindCluster\",\"call\":\"Prune\",\"cluster\":null}")]
    public async Task What_is_malformed_is_400(string body) => (await AskAsync(Sign(B, body: body).Headers, body)).Is(400);

    [Fact]
    public async Task What_is_too_deep_or_too_large_is_refused()
    {
        var deep = $$"""{"call":"FindCluster","cluster":null,"x":{{new string('[', 40)}}{{new string(']', 40)}}}""";
        (await AskAsync(Sign(B, body: deep).Headers, deep)).Is(400);
        var large = new string(' ', PeerJson.MaxBytes + 1);
        (await AskAsync([.. Sign(B, body: large).Headers, new("Expect", "100-continue")], large)).Is(413);
    }

    [Fact]
    public async Task A_version_that_is_none_is_400_and_changes_nothing()
    {
        const string Body = """{"call":"Offer","cluster":null,"versions":["nonsense"]}""";
        (await AskAsync(Sign(B, "/peers/primary/Offer", Body).Headers, Body, "/peers/primary/Offer")).Is(400);
    }

    [Fact]
    public async Task A_node_whose_primary_is_elsewhere_answers_for_none()
    {
        var (headers, _) = Sign(A.Services.GetRequiredService<PeerVoice>());
        var answer = await two.Nodes[1].SendAsync("POST", Path, null, Question, [.. headers.Select(h => (h.Key, h.Value))]);
        answer.Is(404, "not_found");
    }

    [Fact]
    public async Task Dev_knows_no_peers()
    {
        await using var dev = await HoldfastServer.StartAsync(new Start(IsDev: true));
        (await dev.SendAsync("POST", Path, null, Question)).Is(404);
    }

    [Fact]
    public void A_nonce_is_taken_once_and_forgotten_when_its_time_is_over()
    {
        var clock = new HeldClock();
        var nonces = new Nonces(clock, TimeSpan.FromMinutes(10), most: 2);
        Assert.True(nonces.Take("a"));
        Assert.False(nonces.Take("a"));
        Assert.True(nonces.Take("b"));
        Assert.False(nonces.Take("c"));   // full: nothing is forgotten early
        clock.Advance(TimeSpan.FromMinutes(11));
        Assert.True(nonces.Take("c"));
    }

    private static (List<KeyValuePair<string, string>> Headers, string Nonce) Sign(PeerVoice by, string path = Path, string body = Question, string? to = null) =>
        by.Sign("POST", path, System.Text.Encoding.UTF8.GetBytes(body), to);

    private Task<Answer> AskAsync(IEnumerable<KeyValuePair<string, string>> headers, string body = Question, string path = Path) =>
        A.SendAsync("POST", path, null, body, [.. headers.Select(h => (h.Key, h.Value))]);

    /// <summary>A node that nobody has heard of.</summary>
    private sealed class Stranger : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-").FullName;
        private readonly NodeKey _key;

        private readonly ClusterKeys _keys;
        private readonly TimeProvider _clock;

        public Stranger(ClusterKeys keys, TimeProvider clock, string name = "stränger")
        {
            (_keys, _clock, _key) = (keys, clock, NodeKey.LoadOrCreate(_folder, keys, "cluster.key"));
            Voice = As(name);
        }

        public PeerVoice Voice { get; }

        public string PublicKey => _key.PublicKey;

        /// <summary>Another life, with the same key.</summary>
        /// <param name="life">Its incarnation; null for a new one.</param>
        public PeerVoice As(string name, string? life = null)
        {
            var incarnation = life ?? Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));
            return new PeerVoice(_key, new KnownNodes(() => null, _keys), name, () => incarnation, Entropy.Real, _clock);
        }

        public void Dispose()
        {
            _key.Dispose();
            Directory.Delete(_folder, recursive: true);
        }
    }
}
