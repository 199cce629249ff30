using Holdfast.Keys;
using Holdfast.Peers;
using Holdfast.Storage;

namespace Holdfast.Tests.Peers;

public sealed class NodeKeyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-").FullName;

    private string File => Path.Combine(_folder, "node.key");

    [Fact]
    public void It_is_made_once_sealed_and_its_owner_s_alone()
    {
        using var made = NodeKey.LoadOrCreate(_folder, Keys("one"), "cluster.key");
        using var read = NodeKey.LoadOrCreate(_folder, Keys("one"), "cluster.key");
        Assert.Equal(made.PublicKey, read.PublicKey);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
        Assert.True(PublicKeys.Verifies(read.PublicKey, "text", made.Sign("text")));
        Assert.False(PublicKeys.Verifies(read.PublicKey, "text!", made.Sign("text")));
        Assert.StartsWith(Keys("one").Id + ".", System.IO.File.ReadAllText(File), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_cluster_s_key_does_not_open_it()
    {
        NodeKey.LoadOrCreate(_folder, Keys("one"), "cluster.key").Dispose();
        Assert.Throws<InvalidOperationException>(() => NodeKey.LoadOrCreate(_folder, Keys("two"), "cluster.key"));
        System.IO.File.WriteAllText(File, "nonsense");
        Assert.Throws<InvalidDataException>(() => NodeKey.LoadOrCreate(_folder, Keys("one"), "cluster.key"));
    }

    [Theory]
    [InlineData("", ""), InlineData("AAAA", "AAAA"), InlineData("not base64", "x")]
    public void What_is_no_key_verifies_nothing(string key, string signature)
    {
        using var own = NodeKey.LoadOrCreate(_folder, Keys("one"), "cluster.key");
        Assert.False(PublicKeys.Verifies(key, "text", own.Sign("text")));
        Assert.False(PublicKeys.Verifies(own.PublicKey, "text", signature));
    }

    private ClusterKeys Keys(string name) => ClusterKeys.LoadOrCreate(Path.Combine(_folder, name), Entropy.Real);

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
