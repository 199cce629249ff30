using System.Net;
using System.Net.Sockets;
using Holdfast.Http;
using Holdfast.Peers;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>How often the hosted pages are tried: by one address and place, by one place, at one account. Who guesses from elsewhere does not lock the owner out.</summary>
internal static class HostedLimits
{
    /// <summary>Counts a try to sign in. Null when it may go on; else the seconds to wait.</summary>
    public static int? Count(RateLimits limits, Visit visit, string address)
    {
        if (ForwardedRequest.Of(visit.Http) is not null)
        {
            return null;   // counted where it came in
        }
        var (environment, normal, place) = (visit.Flow.EnvironmentId, Addresses.Normal(address), PlaceOf(visit.Http));
        return limits.Count(RateLimits.HostedPerPlace, place)
            ?? limits.Count(RateLimits.HostedPerAddressAndPlace, RateLimits.KeyOf(environment, $"{normal}\n{place}"))
            ?? limits.Count(RateLimits.HostedPerAddress, RateLimits.KeyOf(environment, normal));
    }

    /// <summary>Where somebody is: an address of IPv4, or the network that a subscriber of IPv6 has.</summary>
    public static string PlaceOf(HttpContext http)
    {
        var ip = http.Connection.RemoteIpAddress ?? IPAddress.None;
        ip = ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip;
        return ip.AddressFamily == AddressFamily.InterNetworkV6 ? Convert.ToHexStringLower(ip.GetAddressBytes().AsSpan(0, 8)) : ip.ToString();
    }
}
