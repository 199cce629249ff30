using System.Security.Cryptography.X509Certificates;
using System.Security.Cryptography.Xml;
using System.Text;
using System.Xml;

namespace Holdfast.Tests.Sso;

/// <summary>SHA-1 passes by a connection's switch only, and every use of it is told (SAML-040).</summary>
public sealed class Sha1Tests(Shared shared) : IClassFixture<Shared>
{
    private const string RsaSha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";

    private readonly HoldfastServer _server = shared.Server;

    [Fact]
    public async Task Every_sign_in_that_used_sha1_says_so()
    {
        var connection = await _server.SamlConnectionAsync();
        var begun = await connection.BeginAsync();
        await _server.RefusedAsync(() => connection.PostAsync(begun.Browser, Weakly(connection.Response(begun, "ada@acme.test")), begun.RelayState), "sign_in_refused", "AlgorithmNotAllowed");
        var refused = _server.LatestAttempt.Id;

        (await _server.PutAsync($"/connections/{connection.Id}", new { saml = new { allow_sha1 = true } })).Is(200);
        for (var i = 0; i < 2; i++)
        {
            var next = await connection.BeginAsync();
            (await connection.PostAsync(next.Browser, Weakly(connection.Response(next, "ada@acme.test")), next.RelayState)).Is(302);
        }
        (await connection.FinishAsync(await connection.BeginAsync())).Is(302);

        var notes = (await _server.GetAsync($"/connections/{connection.Id}/attempts")).Is(200).Json.GetProperty("data").EnumerateArray()
            .Where(a => a.GetProperty("outcome").GetString() == "succeeded").Select(a => string.Join(',', a.GetProperty("notes").EnumerateArray()));
        Assert.Equal(["", "sha1", "sha1"], notes.Order());
        var replay = (await _server.PostAsync($"/connections/{connection.Id}/attempts/{refused}/replay", new { })).Is(200);
        Assert.Equal(("succeeded", "sha1"), (replay["outcome"], Assert.Single(replay.Json.GetProperty("notes").EnumerateArray()).GetString()));
    }

    /// <summary>The same response, its assertion signed with RSA and SHA-1.</summary>
    private static string Weakly(string response)
    {
        var document = new XmlDocument { PreserveWhitespace = true };
        using (var reader = XmlReader.Create(new MemoryStream(Convert.FromBase64String(response))))
        {
            document.Load(reader);
        }
        var assertion = (XmlElement)document.GetElementsByTagName("Assertion", "urn:oasis:names:tc:SAML:2.0:assertion")[0]!;
        assertion.RemoveChild(assertion.GetElementsByTagName("Signature", SignedXml.XmlDsigNamespaceUrl)[0]!);
        using var key = SamlProvider.Certificate.GetRSAPrivateKey()!;
        var signed = new SignedXml(document) { SigningKey = key };
        signed.SignedInfo!.CanonicalizationMethod = SignedXml.XmlDsigExcC14NTransformUrl;
        signed.SignedInfo.SignatureMethod = RsaSha1;
        var reference = new Reference("#" + assertion.GetAttribute("ID")) { DigestMethod = SignedXml.XmlDsigSHA1Url };
        reference.AddTransform(new XmlDsigEnvelopedSignatureTransform());
        reference.AddTransform(new XmlDsigExcC14NTransform());
        signed.AddReference(reference);
        signed.ComputeSignature();
        assertion.InsertAfter(document.ImportNode(signed.GetXml(), deep: true), assertion.FirstChild);
        return Convert.ToBase64String(Encoding.UTF8.GetBytes(document.OuterXml));
    }
}
