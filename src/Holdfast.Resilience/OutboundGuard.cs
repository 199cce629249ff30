using System.Net;
using System.Net.Sockets;

namespace Holdfast.Resilience;

/// <summary>Decides which addresses may be connected to on behalf of a tenant. What is not plainly the public internet is refused, unless
/// the operator listed it.</summary>
/// <remarks>IANA special-purpose registries (RFC 6890), CGNAT (RFC 6598), NAT64 (RFC 6052), 6to4 (RFC 3056).</remarks>
public sealed class OutboundGuard
{
    private static readonly IPNetwork[] s_refusedV4 =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            "168.63.129.16/32",   // looks public, but is a cloud's metadata host on its machines
        }.Select(n => IPNetwork.Parse(n)),
    ];

    private static readonly IPNetwork s_globalUnicast = IPNetwork.Parse("2000::/3");

    // Inside 2000::/3, and still not the public internet: IETF protocols with Teredo, and documentation.
    private static readonly IPNetwork[] s_refusedV6 =
        [.. new[] { "2001::/23", "2001:db8::/32", "3fff::/20" }.Select(n => IPNetwork.Parse(n))];

    private static readonly IPNetwork s_nat64 = IPNetwork.Parse("64:ff9b::/96");
    private static readonly IPNetwork s_6to4 = IPNetwork.Parse("2002::/16");

    private readonly IReadOnlyList<Allowance> _allowances;

    private OutboundGuard(IReadOnlyList<Allowance> allowances) => _allowances = allowances;

    /// <summary>The guard without exceptions.</summary>
    public static OutboundGuard Strict { get; } = new([]);

    /// <summary>Reads the operator's exceptions.</summary>
    /// <param name="entries"><c>CIDR:port</c> each; a single address may stand for its CIDR, <c>*</c> for every port, and IPv6 in brackets:
    /// <c>10.1.0.0/16:443</c>, <c>127.0.0.1:*</c>, <c>[fd00::/8]:8443</c>.</param>
    public static OutboundGuardReading Read(IEnumerable<string> entries)
    {
        var allowances = new List<Allowance>();
        var faults = new List<string>();
        foreach (var entry in entries)
        {
            if (Allowance.Parse(entry, out var fault) is { } allowance)
            {
                allowances.Add(allowance);
            }
            else
            {
                faults.Add($"'{entry}': {fault}");
            }
        }
        return new OutboundGuardReading(new OutboundGuard(allowances), faults);
    }

    public OutboundVerdict Check(IPAddress address, int port)
    {
        var target = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        if (_allowances.Any(e => e.Covers(target, port)))
        {
            return OutboundVerdict.Listed;
        }
        return IsPublic(target) ? OutboundVerdict.Public : OutboundVerdict.Refused;
    }

    private static bool IsPublic(IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            return !s_refusedV4.Any(n => n.Contains(address));
        }
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return false;
        }
        // A translator on the way turns these into the IPv4 address inside them, so that is the one to judge.
        if (s_nat64.Contains(address))
        {
            return IsPublic(new IPAddress(address.GetAddressBytes().AsSpan(12, 4)));
        }
        if (s_6to4.Contains(address))
        {
            return IsPublic(new IPAddress(address.GetAddressBytes().AsSpan(2, 4)));
        }
        return s_globalUnicast.Contains(address) && !s_refusedV6.Any(n => n.Contains(address));
    }

    /// <param name="Port">Null for every port.</param>
    private sealed record Allowance(IPNetwork Network, int? Port)
    {
        public bool Covers(IPAddress address, int port) => (Port is null || Port == port) && Network.Contains(address);

        public static Allowance? Parse(string entry, out string? fault)
        {
            var colon = entry.LastIndexOf(':');
            var (host, port) = colon < 0 ? (entry, "") : (entry[..colon], entry[(colon + 1)..]);
            var bracketed = host.StartsWith('[') && host.EndsWith(']');
            if (colon < 0 || (!bracketed && host.Contains(':') && !host.Contains('/')))
            {
                fault = "write it as CIDR:port, with IPv6 in brackets and * for every port";
                return null;
            }
            if (port != "*" && !(ushort.TryParse(port, System.Globalization.NumberStyles.None, null, out var number) && number > 0))
            {
                fault = $"'{port}' is not a port between 1 and 65535, nor *";
                return null;
            }
            host = bracketed ? host[1..^1] : host;
            if (ParseNetwork(host) is not { } network)
            {
                fault = $"'{host}' is not an address, nor a network without bits set after its prefix";
                return null;
            }
            fault = null;
            return new Allowance(network, port == "*" ? null : int.Parse(port, System.Globalization.CultureInfo.InvariantCulture));
        }

        private static IPNetwork? ParseNetwork(string text)
        {
            if (IPNetwork.TryParse(text, out var network))
            {
                // .NET drops the bits after the prefix; a list of exceptions should say what it means.
                return network.BaseAddress.Equals(IPAddress.Parse(text[..text.IndexOf('/')])) ? network : null;
            }
            // Only the spelled-out form: "127.1" or "0x7f000001" in a list of exceptions is more likely a slip than a wish.
            return IPAddress.TryParse(text, out var address) && (text.Contains(':') || text.Count(c => c == '.') == 3)
                ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
                : null;
        }
    }
}

/// <summary>A guard with the entries that were sound, and one sentence for each that was not. With faults, do not start.</summary>
public sealed record OutboundGuardReading(OutboundGuard Guard, IReadOnlyList<string> Faults);

public enum OutboundVerdict
{
    /// <summary>Not to be connected to.</summary>
    Refused,

    /// <summary>On the public internet: TLS only.</summary>
    Public,

    /// <summary>Named by the operator: plain http too.</summary>
    Listed,
}
