using Holdfast.Http;
using Holdfast.Peers;

namespace Holdfast.AuthKit;

/// <summary>How often <c>POST /user_management/authenticate</c> is tried. The documented bound is of an address; where the application says from where its person comes (<c>ip_address</c>), it is of the
/// address from there, and a wider one of the address from anywhere: who guesses elsewhere does not lock the owner out.</summary>
internal static class AuthenticateLimits
{
    private const int LongestPlace = 64;

    /// <summary>Counts a try. Null when it may go on; else the seconds to wait.</summary>
    public static int? Count(RateLimits limits, Authenticate.Asked asked, string address)
    {
        if (ForwardedRequest.Of(asked.Http) is not null)
        {
            return null;   // counted where it came in
        }
        var environmentId = asked.Client.EnvironmentId;
        return PlaceOf(asked) is { } place
            ? limits.Count(RateLimits.AuthenticatePerAddress, RateLimits.KeyOf(environmentId, $"{address}\n{place}"))
                ?? limits.Count(RateLimits.AuthenticatePerAddressAnywhere, RateLimits.KeyOf(environmentId, address))
            : limits.Count(RateLimits.AuthenticatePerAddress, RateLimits.KeyOf(environmentId, address));
    }

    /// <summary>Counts a try at what somebody was asked.</summary>
    /// <param name="challengeId">Of the pending authentication.</param>
    public static int? CountChallenge(RateLimits limits, Authenticate.Asked asked, string challengeId) =>
        ForwardedRequest.Of(asked.Http) is not null ? null : limits.Count(RateLimits.AuthenticatePerChallenge, RateLimits.KeyOf(asked.Client.EnvironmentId, challengeId));

    /// <summary>What bounds the guesses of a mailed code: it, and any of its address, from there and from anywhere.</summary>
    /// <param name="whose">The key of the address.</param>
    public static (RateLimit Limit, string Key)[] GuessesOf(Authenticate.Asked asked, string itemId, string whose) => PlaceOf(asked) is { } place
        ?
        [
            (RateLimits.GuessesPerCode, Caller.Hash($"{itemId}\n{place}")), (RateLimits.GuessesPerCodeAnywhere, itemId),
            (RateLimits.GuessesPerAddress, Caller.Hash($"{whose}\n{place}")), (RateLimits.GuessesPerAddressAnywhere, whose),
        ]
        : [(RateLimits.GuessesPerCode, itemId), (RateLimits.GuessesPerAddress, whose)];

    /// <summary>Believed of an application that has shown its secret, and only if it is an address.</summary>
    private static string? PlaceOf(Authenticate.Asked asked) => !asked.Client.IsPublic && asked.Find("ip_address") is { Length: <= LongestPlace } text && System.Net.IPAddress.TryParse(text, out var ip)
        ? ip.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 && !ip.IsIPv4MappedToIPv6 ? Convert.ToHexStringLower(ip.GetAddressBytes().AsSpan(0, 8)) : ip.MapToIPv4().ToString()
        : null;
}
