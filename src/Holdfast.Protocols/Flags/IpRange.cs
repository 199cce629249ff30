using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Holdfast.Protocols.Flags;

/// <summary>An address, or a range of them as address/prefix (RFC 4632 §3.1, RFC 4291 §2.3); bits beyond the prefix are not looked at.</summary>
internal static class IpRange
{
    public static bool Contains(string range, string address, bool version4Only)
    {
        var slash = range.IndexOf('/', StringComparison.Ordinal);
        if (Parse(slash < 0 ? range : range[..slash]) is not { } network || Parse(address) is not { } asked || network.AddressFamily != asked.AddressFamily
            || (version4Only && asked.AddressFamily != AddressFamily.InterNetwork))
        {
            return false;
        }
        var (a, b) = (network.GetAddressBytes(), asked.GetAddressBytes());
        var bits = a.Length * 8;
        if (slash >= 0 && (!int.TryParse(range.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out bits) || bits > a.Length * 8))
        {
            return false;
        }
        for (var i = 0; i < a.Length; i++)
        {
            var left = Math.Clamp(bits - (i * 8), 0, 8);
            if (((a[i] ^ b[i]) & (0xff << (8 - left))) != 0)
            {
                return false;
            }
        }
        return true;
    }

    private static IPAddress? Parse(string text) =>
        IPAddress.TryParse(text, out var address) && (address.AddressFamily == AddressFamily.InterNetworkV6 || text.Count(c => c == '.') == 3) ? address : null;
}
