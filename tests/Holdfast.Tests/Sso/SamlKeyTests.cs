using System.Security.Cryptography.X509Certificates;
using System.Xml.Linq;
using Holdfast.Protocols.Saml;

namespace Holdfast.Tests.Sso;

/// <summary>Our keys towards identity providers roll over without a sign-in that fails: the next is there before it is used, the old one until it is retired.</summary>
public sealed class SamlKeyTests : IAsyncLifetime
{
    private static readonly XNamespace Md = "urn:oasis:names:tc:SAML:2.0:metadata";

    private HoldfastServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await HoldfastServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_signing_key_is_published_before_it_signs_and_until_it_is_retired()
    {
        var connection = await _server.SamlConnectionAsync(null, "GenericSAML", ("sign_requests", true));
        var old = Assert.Single(await KeysAsync("signing"));
        Assert.Equal("current", old.State);
        Assert.Equal([old.Fingerprint], await PublishedAsync(connection, "signing"));

        var next = Key((await _server.PostAsync("/saml_keys", new { purpose = "signing" })).Is(201));
        Assert.Equal(("next", null), (next.State, next.ActivatedAt));
        Assert.Equal([next.Fingerprint, old.Fingerprint], await PublishedAsync(connection, "signing"));
        Assert.True(await SignsWithAsync(connection, old));
        Assert.False(await SignsWithAsync(connection, next));

        for (var times = 0; times < 2; times++)   // the same twice is the same
        {
            Assert.Equal("current", Key((await _server.PostAsync($"/saml_keys/{next.Id}/activate", new { })).Is(200)).State);
        }
        Assert.Equal(["current", "previous"], (await KeysAsync("signing")).Select(k => k.State));
        Assert.Equal([next.Fingerprint, old.Fingerprint], await PublishedAsync(connection, "signing"));
        Assert.True(await SignsWithAsync(connection, next));
        Assert.False(await SignsWithAsync(connection, old));

        (await _server.WithoutEffectAsync(() => _server.DeleteAsync($"/saml_keys/{next.Id}"))).Is(409, "key_in_use");
        (await _server.WithoutEffectAsync(() => _server.PostAsync($"/saml_keys/{old.Id}/activate", new { }))).Is(409, "key_superseded");
        (await _server.DeleteAsync($"/saml_keys/{old.Id}")).Is(204);
        Assert.Equal([next.Fingerprint], await PublishedAsync(connection, "signing"));
        (await _server.DeleteAsync($"/saml_keys/{old.Id}")).Is(404);
        (await _server.PostAsync($"/saml_keys/{old.Id}/activate", new { })).Is(404);
        await connection.SignInAsync();
    }

    [Fact]
    public async Task A_decryption_key_works_before_it_is_published_and_until_it_is_retired()
    {
        var connection = await _server.SamlConnectionAsync();
        var old = Assert.Single(await KeysAsync("encryption"));
        var next = Key((await _server.PostAsync("/saml_keys", new { purpose = "encryption" })).Is(201));
        // Whoever reads our metadata encrypts for what stands there: not before every node can decrypt it.
        Assert.Equal([old.Fingerprint], await PublishedAsync(connection, "encryption"));
        Assert.True(await DecryptsAsync(connection, next) && await DecryptsAsync(connection, old));

        (await _server.PostAsync($"/saml_keys/{next.Id}/activate", new { })).Is(200);
        Assert.Equal([next.Fingerprint, old.Fingerprint], await PublishedAsync(connection, "encryption"));
        Assert.True(await DecryptsAsync(connection, next) && await DecryptsAsync(connection, old));

        (await _server.DeleteAsync($"/saml_keys/{old.Id}")).Is(204);
        Assert.Equal([next.Fingerprint], await PublishedAsync(connection, "encryption"));
        Assert.True(await DecryptsAsync(connection, next));
        Assert.False(await DecryptsAsync(connection, old));
        Assert.Equal("DecryptionFailed", _server.LatestAttempt.Reason);
    }

    [Fact]
    public async Task What_may_not_be_asked_for_is_refused_and_changes_nothing()
    {
        Task<Answer> MakeAsync(object body) => _server.WithoutEffectAsync(() => _server.PostAsync("/saml_keys", body));
        (await MakeAsync(new { purpose = "signing" })).Is(409, "no_saml_keys");
        await _server.SamlConnectionAsync();
        Assert.Equal(["purpose required"], (await MakeAsync(new { })).Is(422).Faults);
        Assert.Equal(["purpose invalid"], (await MakeAsync(new { purpose = "tokens" })).Is(422).Faults);
        var next = Key((await _server.PostAsync("/saml_keys", new { purpose = "signing" })).Is(201));
        (await MakeAsync(new { purpose = "signing" })).Is(409, "next_key_waiting");
        (await _server.DeleteAsync($"/saml_keys/{next.Id}")).Is(204);   // one that was never used may go
        for (var i = 0; i < 3; i++)
        {
            next = Key((await _server.PostAsync("/saml_keys", new { purpose = "signing" })).Is(201));
            (await _server.PostAsync($"/saml_keys/{next.Id}/activate", new { })).Is(200);
        }
        (await MakeAsync(new { purpose = "signing" })).Is(409, "too_many_saml_keys");
    }

    [Fact]
    public async Task A_repeated_request_makes_one_key()
    {
        await _server.SamlConnectionAsync();
        var (one, again) = (
            await _server.PostAsync("/saml_keys", new { purpose = "signing" }, ("Idempotency-Key", "one")), await _server.PostAsync("/saml_keys", new { purpose = "signing" }, ("Idempotency-Key", "one")));
        Assert.Equal(one.Is(201).Text, again.Is(201).Text);
        Assert.Equal(2, (await KeysAsync("signing")).Count);
        Assert.DoesNotContain("PRIVATE", one.Text, StringComparison.Ordinal);
    }

    private sealed record Shown(string Id, string State, string Fingerprint, string Certificate, string? ActivatedAt);

    private static Shown Key(Answer answer) => Read(answer.Json);

    private static Shown Read(System.Text.Json.JsonElement key)
    {
        string? Text(string name) => key.GetProperty(name).GetString();
        return new Shown(Text("id")!, Text("state")!, Text("fingerprint")!, Text("certificate")!, Text("activated_at"));
    }

    private async Task<List<Shown>> KeysAsync(string purpose) =>
        [.. (await _server.GetAsync("/saml_keys")).Is(200).Json.GetProperty("data").EnumerateArray().Where(k => k.GetProperty("purpose").GetString() == purpose).Select(Read)];

    private async Task<List<string>> PublishedAsync(SamlConnection connection, string use)
    {
        var metadata = XElement.Parse((await _server.SendAsync("GET", $"/sso/saml/metadata/{connection.Id}", null)).Is(200).Text);
        return [.. metadata.Descendants(Md + "KeyDescriptor").Where(k => k.Attribute("use")!.Value == use)
            .Select(k => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Convert.FromBase64String(k.Value))))];
    }

    private async Task<bool> SignsWithAsync(SamlConnection connection, Shown key)
    {
        using var certificate = X509Certificate2.CreateFromPem(key.Certificate);
        var sent = (await new Browser(_server).GetAsync(connection.AuthorizePath())).Is(302);
        return AuthnRequest.Check(SamlBinding.Redirect, new Uri(sent.Location!).Query, [certificate]) is AuthnRequestRead.Request;
    }

    private static async Task<bool> DecryptsAsync(SamlConnection connection, Shown key)
    {
        using var certificate = X509Certificate2.CreateFromPem(key.Certificate);
        return (await connection.FinishAsync(await connection.BeginAsync(), "ada@acme.test", i => i with { EncryptFor = new SamlEncryption(certificate) })).Status == 302;
    }
}
