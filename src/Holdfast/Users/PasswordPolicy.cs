using Holdfast.Http;

namespace Holdfast.Users;

/// <summary>What a new password must be (NIST SP 800-63B-4 §3.1.1.2): long enough, hard to guess, and not known to thieves. No rules of composition.</summary>
internal sealed class PasswordPolicy(HashQueue queue, PasswordLists lists)
{
    public const int Shortest = 8;
    public const int Longest = 1024;

    /// <summary>The least that is taken of what guessing it is worth, from 0 to 4: 3 withstands ten thousand million guesses.</summary>
    private const int LeastScore = 3;

    /// <summary>How much of a password its strength is read from, in characters: the work grows faster than the length. What is strong so far does not become weak by going on.</summary>
    private const int MostRead = 48;

    private const int MostWords = 24;
    private const int LongestWord = 64;

    /// <summary>What is wrong with it; empty when nothing is.</summary>
    /// <param name="email">Whose it is to be; null when that is not known here.</param>
    /// <param name="names">Words that are easy to guess of them.</param>
    /// <exception cref="BusyException">Too much waits to be hashed.</exception>
    public async Task<IReadOnlyList<ApiError.Reason>> CheckAsync(string environmentId, string password, string? email, IEnumerable<string?> names, CancellationToken ct)
    {
        if (password.Length < Shortest)
        {
            return [new("password_too_short", $"A password has at least {Shortest} characters.")];
        }
        if (password.Length > Longest)
        {
            return [new("password_too_long", $"A password has at most {Longest} characters.")];
        }
        if (email is not null && password.Contains(email, StringComparison.OrdinalIgnoreCase))
        {
            return [new("password_contains_email", "A password does not hold the e-mail address.")];
        }
        var words = Words(email, names);
        return await queue.RunAsync<IReadOnlyList<ApiError.Reason>>(environmentId, 1, () =>
            lists.IsBreached(password) ? [new("password_breached", "This password is in a list of stolen ones. Whoever has that list tries it first.")]
            : lists.Score(password.Length > MostRead ? password[..MostRead] : password, words) < LeastScore ? [new("password_too_weak", "This password is soon guessed. Add another word or two that have nothing to do with you or with each other.")]
            : [], ct);
    }

    /// <summary>The address, its parts and the names, whole and word by word.</summary>
    private static List<string> Words(string? email, IEnumerable<string?> names) =>
    [
        .. names.OfType<string>().Prepend(email ?? "").SelectMany(text => text.Split(' ', '@', '.', '-', '_', '+').Prepend(text)).Select(word => word.Trim().ToLowerInvariant())
            .Where(word => word.Length is > 2 and <= LongestWord).Distinct(StringComparer.Ordinal).Take(MostWords),
    ];
}

/// <summary>Lists that passwords are held against.</summary>
/// <param name="breached">Null for none.</param>
internal sealed class PasswordLists(BreachedPasswords? breached, ILogger<PasswordLists> log)
{
    private readonly Lazy<Zxcvbn.Zxcvbn> _strength = new(() => new Zxcvbn.Zxcvbn());

    /// <summary>From 0, guessed at once, to 4. Some milliseconds: its library is not made for several threads.</summary>
    public int Score(string password, IReadOnlyList<string> words)
    {
        lock (_strength)
        {
            return _strength.Value.EvaluatePassword(password, words).Score;
        }
    }

    /// <summary>Whether thieves have it. When the file cannot be read any more, nobody is kept from a password by it.</summary>
    public bool IsBreached(string password)
    {
        try
        {
            return breached?.Contains(password) == true;
        }
        catch (IOException fault)
        {
            PasswordsLog.ListUnreadable(log, fault);
            return false;
        }
    }
}

internal static partial class PasswordsLog
{
    [LoggerMessage(1145, LogLevel.Error, "The list of breached passwords cannot be read: new passwords are not held against it")]
    public static partial void ListUnreadable(ILogger log, Exception fault);
}
