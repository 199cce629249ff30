namespace Holdfast.Resilience.Tests;

public sealed class PostgresServersTests
{
    /// <summary>The driver would wait 15 s for a server, open a hundred connections, and keep a dead one for hours.</summary>
    [Fact]
    public void What_a_connection_string_leaves_out_gets_our_bounds_and_what_it_says_stays()
    {
        var hosts = PostgresServers.Parse("Host=a,b:6000;Username=u;Maximum Pool Size=3;Command Timeout=30", "node-1");

        Assert.Equal([("a", 5432), ("b", 6000)], hosts.Select(h => (h.Host, h.Port)));
        Assert.All(hosts, h => Assert.Equal((2, 30, 3, 2), (h.Timeout, h.CommandTimeout, h.MaxPoolSize, h.MinPoolSize)));
        Assert.All(hosts, h => Assert.Equal((5, 2, 0, 3600, 0), (h.TcpKeepAliveTime, h.TcpKeepAliveInterval, h.MaxAutoPrepare, h.ConnectionIdleLifetime, h.ConnectionLifetime)));
        Assert.All(hosts, h => Assert.Equal("node-1", h.ApplicationName));
    }
}
