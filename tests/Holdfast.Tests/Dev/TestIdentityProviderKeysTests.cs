using Holdfast.Dev;

namespace Holdfast.Tests.Dev;

public sealed class TestIdentityProviderKeysTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-test-").FullName;

    private string FilePath => Path.Combine(_folder, TestIdentityProviderKeys.FileName);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Keys_are_made_once_and_found_again()
    {
        using var made = TestIdentityProviderKeys.LoadOrCreate(_folder, TimeProvider.System);
        using var found = TestIdentityProviderKeys.LoadOrCreate(_folder, TimeProvider.System);

        Assert.Equal(made.SamlCertificate.Thumbprint, found.SamlCertificate.Thumbprint);
        Assert.True(found.SamlCertificate.HasPrivateKey);
        Assert.Equal(made.OidcKey.ExportRSAPublicKey(), found.OidcKey.ExportRSAPublicKey());
        Assert.Equal(made.ClientSecret, found.ClientSecret);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(FilePath));
        }
    }

    [Fact]
    public void Every_folder_has_its_own()
    {
        using var one = TestIdentityProviderKeys.LoadOrCreate(_folder, TimeProvider.System);
        using var other = TestIdentityProviderKeys.LoadOrCreate(Path.Combine(_folder, "other"), TimeProvider.System);

        Assert.NotEqual(one.SamlCertificate.Thumbprint, other.SamlCertificate.Thumbprint);
        Assert.NotEqual(one.ClientSecret, other.ClientSecret);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("{\"samlKey\":\"x\"}")]
    public void A_broken_file_is_named(string content)
    {
        File.WriteAllText(FilePath, content);

        var error = Assert.Throws<InvalidDataException>(() => TestIdentityProviderKeys.LoadOrCreate(_folder, TimeProvider.System));
        Assert.Contains(FilePath, error.Message, StringComparison.Ordinal);
    }
}
