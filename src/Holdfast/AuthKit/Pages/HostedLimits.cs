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

    /// <summary>Counts a mail: of one place, to a mailbox from there, and to the mailbox from anywhere. Null when it may be sent; else the seconds to wait.</summary>
    /// <param name="limit">Of such mails to a mailbox, from one place.</param>
    /// <param name="whose">The key of the mailbox.</param>
    public static int? CountMail(RateLimits limits, Visit visit, RateLimit limit, string whose)
    {
        if (ForwardedRequest.Of(visit.Http) is not null)
        {
            return null;   // counted where it came in
        }
        var place = PlaceOf(visit.Http);
        return limits.Count(RateLimits.HostedMailsPerPlace, place) ?? limits.Count(limit, At(whose, place)) ?? limits.Count(RateLimits.HostedMailsPerAddress, whose);
    }

    /// <summary>Counts a try of a mailed code, before it is looked at. Whether it may not be: it, or any of its address, was guessed at too often, from there or from anywhere.</summary>
    /// <remarks>At the node that alone takes the code, wherever the try came in.</remarks>
    /// <param name="whose">The key of the address, or of the user.</param>
    public static bool IsGuessed(RateLimits limits, Visit visit, string itemId, string whose)
    {
        var place = PlaceOf(visit.Http);
        return limits.IsReached(RateLimits.GuessesPerAddress, At(whose, place)) || limits.IsReached(RateLimits.GuessesPerAddressAnywhere, whose)
            || limits.Count(RateLimits.GuessesPerCode, At(itemId, place)) is not null || limits.Count(RateLimits.GuessesPerCodeAnywhere, itemId) is not null;
    }

    /// <summary>Counts a wrong code of an address.</summary>
    public static void Guessed(RateLimits limits, Visit visit, string whose)
    {
        limits.Count(RateLimits.GuessesPerAddress, At(whose, PlaceOf(visit.Http)));
        limits.Count(RateLimits.GuessesPerAddressAnywhere, whose);
    }

    private static string At(string what, string place) => Caller.Hash($"{what}\n{place}");

    /// <summary>Where somebody is: an address of IPv4, or the network that a subscriber of IPv6 has.</summary>
    public static string PlaceOf(HttpContext http) => PlaceOf(http.Connection.RemoteIpAddress ?? IPAddress.None);

    /// <inheritdoc cref="PlaceOf(HttpContext)"/>
    public static string PlaceOf(IPAddress ip)
    {
        ip = ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip;
        return ip.AddressFamily == AddressFamily.InterNetworkV6 ? Convert.ToHexStringLower(ip.GetAddressBytes().AsSpan(0, 8)) : ip.ToString();
    }
}
