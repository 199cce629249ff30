using Holdfast.Bench;

namespace Holdfast.Tests.Postgres;

/// <summary>A real server for all tests of a class. Who stops or freezes it starts it again.</summary>
public sealed class PostgresFixture : IAsyncLifetime
{
    internal PostgresProcess Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await PostgresProcess.StartAsync();

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
