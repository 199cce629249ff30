namespace Holdfast.Tests;

/// <summary>One server for the tests of a class, which run one after the other.</summary>
public sealed class Shared : IAsyncLifetime
{
    internal HoldfastServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await HoldfastServer.StartAsync();

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
