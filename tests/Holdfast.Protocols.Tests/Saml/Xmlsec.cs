using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Xml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>The program <c>xmlsec1</c>: another hand's reading of XML Signature and XML Encryption, over another parser (libxml2).</summary>
internal sealed class Xmlsec : IDisposable
{
    private static readonly string? s_program = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Select(folder => Path.Combine(folder, "xmlsec1")).FirstOrDefault(System.IO.File.Exists);

    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("holdfast-xmlsec");

    /// <summary>Skips the test where the program is not installed; <c>./test</c> installs it, and fails where that did not bring it.</summary>
    public Xmlsec() => Assert.SkipWhen(s_program is null, "xmlsec1 is not installed.");

    /// <summary>Verifies the signature that is a child of the element with that ID, by one certificate and nothing that the document says about keys.</summary>
    /// <returns>The element as it was digested; null when it does not verify.</returns>
    public XmlElement? Verify(string xml, string id, X509Certificate2 certificate)
    {
        // Of all the kinds of key that KeyInfo can hold only AES is enabled, which none does: so the pinned one is all there is.
        var (code, output) = Run(
            "--verify", "--enabled-key-data", "aes", "--pubkey-cert-pem", File("cert.pem", certificate.ExportCertificatePem()),
            "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion", "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response",
            "--node-xpath", $"//*[@ID='{id}']/*[local-name()='Signature']", "--store-references", "--print-debug", File("message.xml", xml));
        if (code != 0)
        {
            return null;
        }
        const string Start = "== PreDigest data - start buffer:\n";
        var from = output.IndexOf(Start, StringComparison.Ordinal) + Start.Length;
        return Xml.Parse(output[from..output.IndexOf("\n== PreDigest data - end buffer", from, StringComparison.Ordinal)]).DocumentElement!;
    }

    /// <summary>Fills in a signature's template.</summary>
    public string Sign(string xml, X509Certificate2 certificate) => Out(
        "--sign", "--privkey-pem", File("key.pem", PrivateKey(certificate)),
        "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion", "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response",
        File("message.xml", xml));

    /// <summary>Encrypts a document whole, by a template.</summary>
    public string Encrypt(string xml, string template, string sessionKey, X509Certificate2 certificate) => Out(
        "--encrypt", "--pubkey-cert-pem", File("cert.pem", certificate.ExportCertificatePem()), "--session-key", sessionKey,
        "--xml-data", File("plain.xml", xml), File("template.xml", template));

    /// <summary>Puts the plaintext in the place of the first EncryptedData.</summary>
    public string Decrypt(string xml, X509Certificate2 certificate) =>
        Out("--decrypt", "--privkey-pem", File("key.pem", PrivateKey(certificate)), File("message.xml", xml));

    public void Dispose() => _folder.Delete(recursive: true);

    private static string PrivateKey(X509Certificate2 certificate)
    {
        using AsymmetricAlgorithm key = (AsymmetricAlgorithm?)certificate.GetRSAPrivateKey() ?? certificate.GetECDsaPrivateKey()!;
        return key.ExportPkcs8PrivateKeyPem();
    }

    private string File(string name, string text)
    {
        var path = Path.Combine(_folder.FullName, name);
        System.IO.File.WriteAllText(path, text, new UTF8Encoding(false));
        return path;
    }

    private string Out(params string[] arguments)
    {
        var (code, output) = Run(arguments);
        Assert.Equal(0, code);
        return output;
    }

    /// <summary>A judge that hangs fails its test, and is not left behind.</summary>
    private static (int Code, string Output) Run(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(s_program!, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (errors, output) = (process.StandardError.ReadToEndAsync(), process.StandardOutput.ReadToEndAsync());
        if (!process.WaitForExit(s_longest))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"xmlsec1 {arguments[0]} did not end within {s_longest.TotalSeconds} s.");
        }
        Task.WaitAll(errors, output);
        return (process.ExitCode, output.Result);
    }
}
