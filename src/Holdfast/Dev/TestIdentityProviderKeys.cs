using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Holdfast.Dev;

/// <summary>The keys of the built-in test identity providers, made once per data folder, so that a key that lies in one folder opens no other.</summary>
internal sealed class TestIdentityProviderKeys : IDisposable
{
    /// <summary>The file's name inside the data folder.</summary>
    public const string FileName = "dev-idp.json";

    /// <summary>The one client of the OpenID provider.</summary>
    public const string ClientId = "holdfast-dev";

    private TestIdentityProviderKeys(Saved saved)
    {
        SamlCertificate = X509Certificate2.CreateFromPem(saved.SamlCertificate, saved.SamlKey);
        OidcKey = RSA.Create();
        OidcKey.ImportFromPem(saved.OidcKey);
        ClientSecret = saved.ClientSecret;
        SealingKey = Convert.FromBase64String(saved.SealingKey);
    }

    /// <summary>With its private key.</summary>
    public X509Certificate2 SamlCertificate { get; }

    public RSA OidcKey { get; }

    /// <summary>What <see cref="ClientId"/> proves itself with.</summary>
    public string ClientSecret { get; }

    /// <summary>32 bytes that seal codes and access tokens.</summary>
    internal byte[] SealingKey { get; }

    /// <summary>Reads the keys of this data folder; on its first use makes them, with mode 0600.</summary>
    /// <exception cref="InvalidDataException">The file is there, but cannot be read.</exception>
    public static TestIdentityProviderKeys LoadOrCreate(string dataFolder, TimeProvider clock)
    {
        var path = Path.Combine(dataFolder, FileName);
        if (!File.Exists(path))
        {
            Directory.CreateDirectory(dataFolder);
            Write(path, Make(clock));
        }
        try
        {
            var saved = JsonSerializer.Deserialize<Saved>(File.ReadAllBytes(path), JsonSerializerOptions.Web)
                ?? throw new InvalidDataException($"{path} holds no keys.");
            return new TestIdentityProviderKeys(saved);
        }
        catch (Exception e) when (e is JsonException or ArgumentException or FormatException or CryptographicException)
        {
            throw new InvalidDataException($"{path} cannot be read. Delete it, and new keys are made.", e);
        }
    }

    public void Dispose()
    {
        SamlCertificate.Dispose();
        OidcKey.Dispose();
    }

    private static Saved Make(TimeProvider clock)
    {
        using var saml = RSA.Create(2048);
        using var oidc = RSA.Create(2048);
        var request = new CertificateRequest("CN=Holdfast test identity provider", saml, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var now = clock.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddYears(10));
        return new Saved(
            saml.ExportPkcs8PrivateKeyPem(), certificate.ExportCertificatePem(), oidc.ExportPkcs8PrivateKeyPem(),
            $"secret_{RandomNumberGenerator.GetHexString(40, lowercase: true)}", Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));
    }

    private static void Write(string path, Saved saved)
    {
        // Aside first, then under its name: a start that was cut short leaves no half a file.
        var aside = path + ".new";
        File.Delete(aside);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }
        using (var file = new FileStream(aside, options))
        {
            JsonSerializer.Serialize(file, saved, JsonSerializerOptions.Web);
        }
        File.Move(aside, path, overwrite: true);
    }

    /// <summary>The file: keys and certificate in PEM, the sealing key in base64.</summary>
    private sealed record Saved(string SamlKey, string SamlCertificate, string OidcKey, string ClientSecret, string SealingKey);
}
