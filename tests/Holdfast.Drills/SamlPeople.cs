using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Web;
using Holdfast.Protocols.Saml;

namespace Holdfast.Drills;

/// <summary>People who sign in by SAML at nodes of a cluster: their browsers, their identity provider, and the application, which shows the codes.</summary>
internal sealed class SamlPeople : IDisposable
{
    private const string Callback = "https://app.test/callback";
    private const string Issuer = "https://idp.test/drill";

    private readonly IReadOnlyList<NodeCaller> _nodes;
    private readonly X509Certificate2 _certificate;
    private readonly (string ApiKey, string ClientId) _environment;
    private readonly string _publicUrl;

    private SamlPeople(IReadOnlyList<NodeCaller> nodes, (string ApiKey, string ClientId) environment, string publicUrl)
    {
        (_nodes, _environment, _publicUrl) = (nodes, environment, publicUrl);
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=idp.test", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        _certificate = request.CreateSelfSigned(new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(2040, 1, 1, 0, 0, 0, TimeSpan.Zero));
    }

    public string ApiKey => _environment.ApiKey;

    public string ConnectionId { get; private set; } = "";

    /// <summary>An administrator makes an organization and its connection; every node has it when this returns.</summary>
    public static Task<SamlPeople> SetUpAsync(Nodes nodes) => SetUpAsync(nodes.All, nodes.Environment, "http://id.drill.test");

    public static async Task<SamlPeople> SetUpAsync(IReadOnlyList<NodeCaller> nodes, (string ApiKey, string ClientId) environment, string publicUrl)
    {
        var people = new SamlPeople(nodes, environment, publicUrl);
        (await people.MadeAsync("/user_management/redirect_uris", new { uri = Callback })).Is(201);
        var organization = (await people.MadeAsync("/organizations", new { name = "Acme" })).Is(201).Text("id");
        people.ConnectionId = (await people.MadeAsync("/connections", new
        {
            organization_id = organization, connection_type = "GenericSAML", name = "Acme",
            saml = new { idp_entity_id = Issuer, idp_sso_url = "https://idp.test/sso", idp_certificates = new[] { people._certificate.ExportCertificatePem() } },
        })).Is(201).Text("id")!;
        foreach (var node in nodes)
        {
            await Nodes.UntilAsync("the connection is at every node", TimeSpan.FromSeconds(20), async () =>
                (await node.SendAsync("GET", $"/connections/{people.ConnectionId}", bearer: people.ApiKey)).Status == 200);
        }
        return people;
    }

    /// <summary>A whole sign-in at one node, up to the code.</summary>
    /// <param name="name">The first name that the provider says they have; null where it says none.</param>
    public async Task<string> ObtainCodeAsync(NodeCaller node, string email, string? name = null)
    {
        var path = $"/sso/authorize?response_type=code&client_id={_environment.ClientId}&connection={ConnectionId}&redirect_uri={Uri.EscapeDataString(Callback)}";
        var begun = (await node.SendAsync("GET", path)).Is(302);
        var query = HttpUtility.ParseQueryString(new Uri(begun.Location!).Query);
        var asked = Assert.IsType<AuthnRequestRead.Request>(AuthnRequest.Read(query["SAMLRequest"]!));
        var acs = $"{_publicUrl}/sso/saml/acs/{ConnectionId}";
        var response = SamlIssuer.Issue(
            new SamlIssue(NewId(), NewId(), Issuer, asked.Issuer, acs, asked.Id, email, TimeProvider.System.GetUtcNow())
            {
                Attributes = name is null ? new Dictionary<string, IReadOnlyList<string>>() : new Dictionary<string, IReadOnlyList<string>> { ["firstName"] = [name] },
            }, _certificate);
        var form = $"SAMLResponse={Uri.EscapeDataString(response)}&RelayState={Uri.EscapeDataString(query["RelayState"]!)}";
        var back = (await node.SendAsync("POST", new Uri(acs).AbsolutePath, form, "application/x-www-form-urlencoded", cookie: begun.Cookies)).Is(302);
        return HttpUtility.ParseQueryString(new Uri(back.Location!).Query)["code"] ?? throw new InvalidOperationException($"No code came back: {back.Location}");
    }

    /// <summary>The application shows a code at a node.</summary>
    /// <param name="key">Its <c>Idempotency-Key</c>.</param>
    public Task<Node.Answer> RedeemAsync(NodeCaller node, string code, string? key = null) => node.SendAsync(
        "POST", "/sso/token", $"grant_type=authorization_code&client_id={_environment.ClientId}&client_secret={ApiKey}&code={Uri.EscapeDataString(code)}", "application/x-www-form-urlencoded",
        key: key);

    /// <summary>The same, again and again while its authority did not answer in time: for a moment, on a busy machine.</summary>
    public Task<Node.Answer> RedeemInTimeAsync(NodeCaller node, string code, string key) => InTimeAsync(() => RedeemAsync(node, code, key));

    /// <summary>An administrator's change, likewise.</summary>
    public Task<Node.Answer> MadeAsync(string path, object body, int node = 1, string? key = null)
    {
        key ??= NewId();
        return InTimeAsync(() => CallAsync(path, body, node, key));
    }

    private static async Task<Node.Answer> InTimeAsync(Func<Task<Node.Answer>> ask)
    {
        Node.Answer? answer = null;
        await Nodes.UntilAsync("the other node answers", TimeSpan.FromSeconds(90), async () => (answer = await ask()).Status is not (0 or 503));   // 0: not in time
        return answer!;
    }

    /// <summary>An administrator's change, by way of the first node.</summary>
    public Task<Node.Answer> CallAsync(string path, object body, int node = 1, string? key = null) =>
        _nodes[node - 1].SendAsync("POST", path, JsonSerializer.Serialize(body), "application/json", bearer: ApiKey, key: key);

    public void Dispose() => _certificate.Dispose();

    private static string NewId() => AuthnRequest.NewId(RandomNumberGenerator.GetBytes(16));
}

/// <summary>People who have an address and a password, or a mailbox.</summary>
internal static class MailPeople
{
    /// <summary>Signs up at a node and proves the mailbox there.</summary>
    public static async Task<Node.Answer> JoinAsync(this Node node, string email, string password = "right")
    {
        var begun = (await node.PostAsync("sign-up", new { email, password })).Is(200);
        return (await node.ProveAsync(begun)).Is(200);
    }

    /// <summary>Shows what the mail said, in the browser that began the sign-up.</summary>
    public static Task<Node.Answer> ProveAsync(this Node node, Node.Answer begun, string? signUpId = null, string? secret = null) => node.PostAsync(
        "sign-up/prove", new { sign_up_id = signUpId ?? begun.Text("sign_up_id"), item = begun.Text("item"), secret = secret ?? begun.Text("secret") });

    public static Task<Node.Answer> SignInAsync(this Node node, string email, string password = "right") => node.PostAsync("password", new { email, password });

    public static Task<Node.Answer> RefreshAsync(this Node node, Node.Answer session) => node.PostAsync("refresh", new { token = session.Text("token") });

    public static Task<Node.Answer> CheckAsync(this Node node, Node.Answer session) => node.PostAsync("check", new { token = session.Text("token") });

    public static Task<Node.Answer> RevokeAsync(this Node node, Node.Answer session) => node.PostAsync("revoke", new { session_id = session.Text("session_id") });

    public static Task<Node.Answer> StepAsync(this Node node, string item, long madeAt, bool needsCopy = false) =>
        node.PostAsync("step", new { item, made_at = madeAt, needs_copy = needsCopy });

    public static long Now => TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
}
