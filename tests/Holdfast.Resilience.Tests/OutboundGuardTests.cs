using System.Net;

namespace Holdfast.Resilience.Tests;

public sealed class OutboundGuardTests
{
    [Theory]   // the first and the last of each class; OAUTH-047
    [InlineData("0.0.0.0", "0.255.255.255")]
    [InlineData("10.0.0.0", "10.255.255.255")]
    [InlineData("100.64.0.0", "100.127.255.255")]
    [InlineData("127.0.0.1", "127.255.255.255")]
    [InlineData("169.254.0.0", "169.254.255.255")]
    [InlineData("172.16.0.0", "172.31.255.255")]
    [InlineData("192.0.0.0", "192.0.0.255")]
    [InlineData("192.168.0.0", "192.168.255.255")]
    [InlineData("198.18.0.0", "198.19.255.255")]
    [InlineData("224.0.0.0", "239.255.255.255")]
    [InlineData("240.0.0.0", "255.255.255.255")]
    [InlineData("::", "::1")]
    [InlineData("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    [InlineData("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    [InlineData("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    [InlineData("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    [InlineData("::ffff:127.0.0.1", "::ffff:10.0.0.1")]
    [InlineData("::127.0.0.1", "::10.0.0.1")]
    [InlineData("64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe")]
    [InlineData("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff")]
    [InlineData("2002:7f00:1::", "2002:c0a8:ffff::1")]
    [InlineData("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff")]
    [InlineData("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")]
    [InlineData("169.254.169.254", "100.100.100.200")]   // metadata hosts
    [InlineData("fd00:ec2::254", "168.63.129.16")]       // and more of them
    public void What_is_not_public_is_refused(string first, string last)
    {
        Assert.Equal(OutboundVerdict.Refused, OutboundGuard.Strict.Check(IPAddress.Parse(first), 443));
        Assert.Equal(OutboundVerdict.Refused, OutboundGuard.Strict.Check(IPAddress.Parse(last), 443));
    }

    [Theory]   // the neighbours outside
    [InlineData("1.0.0.0", "9.255.255.255")]
    [InlineData("11.0.0.0", "100.63.255.255")]
    [InlineData("100.128.0.0", "126.255.255.255")]
    [InlineData("128.0.0.0", "169.253.255.255")]
    [InlineData("169.255.0.0", "172.15.255.255")]
    [InlineData("172.32.0.0", "191.255.255.255")]
    [InlineData("192.0.1.0", "192.167.255.255")]
    [InlineData("192.169.0.0", "198.17.255.255")]
    [InlineData("198.20.0.0", "223.255.255.255")]
    [InlineData("168.63.129.15", "168.63.129.17")]
    [InlineData("2001:200::1", "2001:db7:ffff::1")]
    [InlineData("2606:4700::1111", "2a00:1450::1")]
    [InlineData("::ffff:1.1.1.1", "64:ff9b::1.1.1.1")]
    [InlineData("2002:101:101::1", "2003::1")]
    public void What_is_public_is_let_through(string first, string last)
    {
        Assert.Equal(OutboundVerdict.Public, OutboundGuard.Strict.Check(IPAddress.Parse(first), 443));
        Assert.Equal(OutboundVerdict.Public, OutboundGuard.Strict.Check(IPAddress.Parse(last), 443));
    }

    [Fact] // OAUTH-047
    public void A_listed_network_is_let_through_on_its_port_only()
    {
        var (guard, faults) = OutboundGuard.Read(["10.1.0.0/16:443", "127.0.0.1:*", "[fd00::/8]:8443", "fc00::/8:*", "[::1]:4100"]);

        Assert.Empty(faults);
        Listed("10.1.255.255", 443);
        Refused("10.1.0.1", 80);
        Refused("10.2.0.1", 443);
        Listed("127.0.0.1", 1);
        Listed("::ffff:127.0.0.1", 1);
        Refused("127.0.0.2", 1);
        Listed("fd12::1", 8443);
        Refused("fd12::1", 443);
        Listed("fc00::1", 443);
        Listed("::1", 4100);
        Refused("::1", 4101);
        Refused("64:ff9b::127.0.0.1", 1);   // the form with a translator on the way is another address

        void Listed(string address, int port) => Assert.Equal(OutboundVerdict.Listed, guard.Check(IPAddress.Parse(address), port));
        void Refused(string address, int port) => Assert.Equal(OutboundVerdict.Refused, guard.Check(IPAddress.Parse(address), port));
    }

    [Fact]
    public void All_faults_of_a_list_are_told_at_once()
    {
        string[] wrong =
        [
            "", "10.0.0.0/8", "10.0.0.0/8:", "10.0.0.0/8:0", "10.0.0.0/8:65536", "10.0.0.0/8:-1", "10.0.0.0/8: 80", "10.0.0.1/8:80",
            "10.0.0.0/33:80", "::1:80", "localhost:80", "127.1:80", "2130706433:80", "[::1]", "*:80",
        ];

        var (guard, faults) = OutboundGuard.Read([.. wrong, "127.0.0.1:80"]);

        Assert.Equal(wrong, faults.Select(f => f.Split('\'')[1]));   // each names its entry
        Assert.Equal(OutboundVerdict.Listed, guard.Check(IPAddress.Loopback, 80));
    }
}
