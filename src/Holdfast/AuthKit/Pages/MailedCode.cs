using Holdfast.Http;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Codes that people copy out of a mail.</summary>
internal static class MailedCode
{
    private const int Digits = 6;

    /// <summary>The six digits of what was typed or pasted, with spaces or dashes in it; null when it is not that.</summary>
    public static string? Read(string? typed)
    {
        var digits = string.Concat((typed ?? "").Where(c => !char.IsWhiteSpace(c) && c is not '-'));
        return digits.Length == Digits && digits.All(char.IsAsciiDigit) ? digits : null;
    }

    /// <summary>Names what is said of a code that was not taken.</summary>
    public static string Why(Refusal why) => why switch
    {
        Refusal.ItemUnknown => "code.wrong",
        Refusal.ItemExpired or Refusal.ItemElsewhere => "code.expired",
        Refusal.ItemSpent => "code.used",
        _ => ToApplication.Why(why),
    };

    /// <summary>Counts a mail. Null when it may be sent; else the seconds to wait.</summary>
    /// <param name="whose">The key of whose mailbox it is.</param>
    public static int? Count(RateLimits limits, Visit visit, string whose) => HostedLimits.CountMail(limits, visit, RateLimits.MagicCodesPerAddress, whose);
}
