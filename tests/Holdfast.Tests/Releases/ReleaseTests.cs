using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Holdfast.AuthKit;
using Holdfast.Keys;
using Holdfast.Peers;
using Holdfast.Storage;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Primary.Remote;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Tests.Releases;

/// <summary>What nodes of an elder release have written, kept as files, and read by this one (decision 0029). A release adds a folder with <c>HOLDFAST_KEEP=name</c>; what is kept is never changed.</summary>
public sealed class ReleaseTests
{
    private const string Environment = "environment_01KE0000000000000000000000";
    private const string Stamp = "019b76da64000001.aaaaaaaaaaaa";

    private static readonly string Kept = Path.Combine(FloorsTests.Root, "tests/Holdfast.Tests/Releases");

    private static readonly NodeIdentity Node = new("node-1", "eu", "eu-1", "aaaaaaaaaaaa");

    private static readonly RefreshTokens.Shown Session = new(
        new RefreshToken("session_1", "user_1", "org_1", "sso", 3, 1_798_761_600_000, new Birth("aaaaaaaaaaaa", "17"), "credential_1", Stamp, 1_767_225_600_000, "key", "mark", "org_2", "auth_factor_1",
            new Impersonator("op@acme.test", "why")),
        new RefreshTokens.Person("ada@acme.test", true, "Ada", null, 1_767_225_600_000), NeedsSecret: true);

    private static readonly PendingAuthentication Pending = new(
        "pending_authentication_1", "aaaaaaaaaaaa", "user_1", "credential_1", "password", null, 1_767_225_700_000, "org_1", "auth_factor_1", PendingAuthentication.Factor, ["auth_factor_1"]);

    /// <summary>One of everything that nodes say to each other, by file.</summary>
    private static readonly Dictionary<string, object> Spoken = new(StringComparer.Ordinal)
    {
        ["journal-question"] = new JournalQuestion(Node, new Dictionary<string, JournalMark> { ["bbbbbbbbbbbb"] = new(7, "0011223344556677", 3) }, 2, 500, TimeSpan.FromSeconds(2)),
        ["journal-answer"] = new JournalAnswer(Node, 1_767_225_600_000, 2,
            [new JournalSegment("bbbbbbbbbbbb", 7, 8, 6, new LogPosition(1, 40, "hash"), true, 3, [new JournalFact(8, """{"t":"events","i":"event_1","g":{}}""")])], new JournalMark(5, "8899aabbccddeeff")),
        ["snapshot-question"] = new SnapshotQuestion(Node, "users", "user_1", 500),
        ["snapshot-answer"] = new SnapshotAnswer("cluster_1", "1/40/hash", new Dictionary<string, JournalMark> { ["bbbbbbbbbbbb"] = new(7, "0011223344556677") }, ["""{"t":"events","i":"event_1","g":{}}"""], "users", "user_2")
        {
            EventPlaces = [new Storage.Node.EventPlace("event_1", 1, 12)],
        },
        ["spend-question"] = new SpendQuestion(Node, Environment, "code", "item", "request", 1, 2, true),
        ["spend-answer"] = new SpendAnswer(SpendVerdict.Granted),
        ["primary-question"] = new PrimaryQuestion(PrimaryCall.Commit, "cluster_1")
        {
            At = new LogPosition(1, 40, "hash"), Seen = new LogPosition(1, 39, "before"), Limit = 10, Versions = ["""{"t":"events","i":"event_1","g":{}}"""], Positions = [new LogPosition(1, 2, "h")],
            NewCluster = "cluster_2", Before = DateTimeOffset.UnixEpoch.AddYears(56),
        },
        ["primary-answer"] = new PrimaryAnswer("cluster_1", new LogPosition(1, 41, "hash"), new LogPage([new LogRow(new LogPosition(1, 41, "hash"), "")], new LogPosition(1, 41, "hash"), true)),
        ["primary-refusal"] = new PrimaryRefusal(PrimaryFault.Damaged, "It is damaged."),
    };

    public static TheoryData<string> Releases() => [.. Directory.EnumerateDirectories(Kept).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal)];

    /// <summary>Writes down what this release says, for the tests of those that come.</summary>
    [Fact]
    public void A_release_keeps_what_it_says()
    {
        if (System.Environment.GetEnvironmentVariable("HOLDFAST_KEEP") is not { Length: > 0 } name)
        {
            Assert.NotEmpty(Releases());
            return;
        }
        var folder = Directory.CreateDirectory(Path.Combine(Kept, name)).FullName;
        foreach (var (file, said) in Spoken)
        {
            File.WriteAllBytes(Path.Combine(folder, file + ".json"), PeerJson.Write(said));
        }
        var versions = Schema.Tables.Select(WholeOf).Select(v => v.ToJson()).ToList();
        File.WriteAllLines(Path.Combine(folder, "versions.ndjson"), versions);
        var (at, log) = (LogPosition.Start, new List<string>());
        foreach (var version in versions.Prepend(""))
        {
            at = at.Next(log.Count == 0 ? 1 : 2, version);
            log.Add(JsonSerializer.Serialize(new LogRow(at, version)));
        }
        File.WriteAllLines(Path.Combine(folder, "log.ndjson"), log);
        var keys = ClusterKeys.LoadOrCreate(Path.Combine(folder, "cluster.key"), Entropy.Real);
        using var key = NodeKey.LoadOrCreate(folder, keys, "cluster.key");
        var request = new SignedText.Request(1_767_225_600, Base64.Encode(new byte[16]), "bbbbbbbbbbbb", SignedText.HashOf("{}"u8));
        File.WriteAllText(Path.Combine(folder, "sealed.json"), JsonSerializer.Serialize(new Dictionary<string, string>
        {
            ["refresh-token"] = new RefreshTokens(keys).Seal(Environment, Session),
            ["pending-authentication"] = Pending.Seal(keys, Environment),
            ["at-rest"] = keys.SealAtRest("place", "secret"u8),
            ["operator-key"] = new Holdfast.Incidents.OperatorKey(keys).Value,
            ["node-header"] = SignedText.Node(Speaker, key.PublicKey, "admission"),
            ["signed-header"] = request.Header(key.Sign(request.Text(Speaker, "POST", "/sso/token?x=1", "192.0.2.7"))),
            ["signed-answer"] = key.Sign(SignedText.Answer(Speaker, request.Nonce, 302, "https://app.test/callback", "a=b", "{}"u8)),
        }));
    }

    private static Speaker Speaker => new(Node.Name, Node.Incarnation);

    private static RowVersion WholeOf(Table table) => new(table, $"{table.Name}_1", [.. table.Groups.Select(g => new GroupVersion(Stamp, [.. g.Columns.Select((c, i) => i % 3 == 2 ? null : (object)(c.EndsWith("_at", StringComparison.Ordinal) ? 1_767_225_600_000L : $"{c} \"é\""))]))]);

    [Theory]
    [MemberData(nameof(Releases))]
    public void What_nodes_say_to_each_other_is_read(string release)
    {
        foreach (var (file, said) in Spoken)
        {
            var bytes = File.ReadAllBytes(Path.Combine(Kept, release, file + ".json"));
            Assert.Equal(Text(said), Text(Read(said.GetType(), bytes)));

            // A younger node says more: what is not known is skipped. What a call or a verdict means must be known, or it is refused.
            var more = JsonNode.Parse(bytes)!.AsObject();
            more["from_a_younger_release"] = new JsonObject { ["deep"] = new JsonArray(1, 2) };
            Assert.Equal(Text(said), Text(Read(said.GetType(), Encoding.UTF8.GetBytes(more.ToJsonString()))));
        }
        Assert.Null(PeerJson.Read<SpendAnswer>("""{"verdict":"Perhaps"}"""u8));
        Assert.Null(PeerJson.Read<PrimaryRefusal>("""{"fault":"Tired","message":"m"}"""u8));
        Assert.Null(PeerJson.Read<PrimaryQuestion>("""{"call":"Dance","cluster":null}"""u8));
    }

    private static object? Read(Type type, byte[] bytes) => type == typeof(JournalQuestion) ? PeerJson.Read<JournalQuestion>(bytes)
        : type == typeof(JournalAnswer) ? PeerJson.Read<JournalAnswer>(bytes)
        : type == typeof(SnapshotQuestion) ? PeerJson.Read<SnapshotQuestion>(bytes)
        : type == typeof(SnapshotAnswer) ? PeerJson.Read<SnapshotAnswer>(bytes)
        : type == typeof(SpendQuestion) ? PeerJson.Read<SpendQuestion>(bytes)
        : type == typeof(SpendAnswer) ? PeerJson.Read<SpendAnswer>(bytes)
        : type == typeof(PrimaryQuestion) ? PeerJson.Read<PrimaryQuestion>(bytes)
        : type == typeof(PrimaryAnswer) ? PeerJson.Read<PrimaryAnswer>(bytes)
        : PeerJson.Read<PrimaryRefusal>(bytes);

    private static string Text(object? said) => said is null ? "nothing" : Encoding.UTF8.GetString(PeerJson.Write(said));

    [Theory]
    [MemberData(nameof(Releases))]
    public void Facts_rows_of_a_snapshot_and_of_the_change_log_are_read_and_written_as_they_were(string release)
    {
        var lines = File.ReadAllLines(Path.Combine(Kept, release, "versions.ndjson"));
        Assert.NotEmpty(lines);
        foreach (var line in lines)
        {
            var version = RowVersion.FromJson(line, Schema.ByName);
            Assert.True(version is not null, $"A part of it is not known any more: {line}");
            Assert.Equal(line, version.ToJson());

            // What a younger node adds is not half read: the whole version waits aside, as it is, until a release that knows it.
            Assert.Null(RowVersion.FromJson(line.Replace("\"g\":{", $"\"g\":{{\"new_group\":[\"{Stamp}\",{{\"c\":1}}],", StringComparison.Ordinal), Schema.ByName));
            Assert.Null(RowVersion.FromJson(line.Replace("\",{\"", "\",{\"new_column\":1,\"", StringComparison.Ordinal), Schema.ByName));
            Assert.Null(RowVersion.FromJson(line.Replace($"\"t\":\"{version.Table}\"", "\"t\":\"new_table\"", StringComparison.Ordinal), Schema.ByName));
        }
        var at = LogPosition.Start;
        foreach (var row in File.ReadLines(Path.Combine(Kept, release, "log.ndjson")).Select(l => JsonSerializer.Deserialize<LogRow>(l)!))
        {
            Assert.True(row.Follows(at) && at.Next(row.At.Epoch, row.Version) == row.At, $"The chain of hashes breaks at {row.At}.");
            at = row.At;
        }
        Assert.Equal(lines.Length + 1, at.Sequence);
    }

    [Theory]
    [MemberData(nameof(Releases))]
    public void Tokens_that_people_hold_what_is_sealed_and_what_is_signed_still_count(string release)
    {
        var folder = Path.Combine(Kept, release);
        var said = JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(Path.Combine(folder, "sealed.json")))!;
        var keys = ClusterKeys.LoadOrCreate(Path.Combine(folder, "cluster.key"), Entropy.Real);
        Assert.Equal(Session, new RefreshTokens(keys).Open(Environment, said["refresh-token"]));
        Assert.Equal(said["refresh-token"], new RefreshTokens(keys).Seal(Environment, Session));   // any node gives the same successor, of either release
        Assert.Equal(JsonSerializer.Serialize(Pending), JsonSerializer.Serialize(PendingAuthentication.Open(keys, Environment, said["pending-authentication"])));
        Assert.Equal("secret"u8.ToArray(), keys.OpenAtRest("place", said["at-rest"]));
        Assert.Equal(said["operator-key"], new Holdfast.Incidents.OperatorKey(keys).Value);

        // A token of a younger release holds more: it is read as far as it is known.
        var more = JsonSerializer.SerializeToNode(Session)!.AsObject();
        more["FromAYoungerRelease"] = 7;
        Assert.Equal(Session, SealedToken.Read<RefreshTokens.Shown>(keys, "refresh-token", Environment, SealedToken.Make(keys, "refresh-token", Environment, more)));

        var (speaker, publicKey, _) = SignedText.ReadNode(said["node-header"])!.Value;
        var (request, signature) = SignedText.ReadRequest(said["signed-header"])!.Value;
        Assert.Equal(Speaker, speaker);
        Assert.True(PublicKeys.Verifies(publicKey, request.Text(speaker, "POST", "/sso/token?x=1", "192.0.2.7"), signature));
        Assert.False(PublicKeys.Verifies(publicKey, request.Text(speaker, "POST", "/sso/token?x=2", "192.0.2.7"), signature));
        Assert.True(PublicKeys.Verifies(publicKey, SignedText.Answer(speaker, request.Nonce, 302, "https://app.test/callback", "a=b", "{}"u8), said["signed-answer"]));
        using var key = NodeKey.LoadOrCreate(folder, keys, "cluster.key");
        Assert.Equal(publicKey, key.PublicKey);
    }
}
