using Holdfast.Http;

namespace Holdfast.Users;

/// <summary>What a new password must be (NIST SP 800-63B-4 §3.1.1.2): long enough, and not what everybody tries first. No rules of composition.</summary>
internal static class PasswordPolicy
{
    public const int Shortest = 8;
    public const int Longest = 1024;

    private static readonly HashSet<string> TriedFirst = new(StringComparer.OrdinalIgnoreCase)
    {
        "password", "password1", "password12", "password123", "password1234", "passw0rd", "p@ssw0rd", "12345678", "123456789", "1234567890", "123123123", "11111111", "00000000", "87654321",
        "qwertyui", "qwertyuiop", "qwerty123", "1q2w3e4r", "1qaz2wsx", "abcd1234", "abc12345", "iloveyou", "sunshine", "princess", "football", "baseball", "superman", "welcome1", "letmein1",
        "changeme", "trustno1", "computer", "internet", "administrator",
    };

    /// <summary>What is wrong with it; empty when nothing is.</summary>
    /// <param name="email">Whose it is to be; null when that is not known here.</param>
    public static IReadOnlyList<ApiError.Reason> Check(string password, string? email)
    {
        var faults = new List<ApiError.Reason>();
        if (password.Length < Shortest)
        {
            faults.Add(new("password_too_short", $"A password has at least {Shortest} characters."));
        }
        if (password.Length > Longest)
        {
            faults.Add(new("password_too_long", $"A password has at most {Longest} characters."));
        }
        if (TriedFirst.Contains(password) || password.Distinct().Count() <= 2)
        {
            faults.Add(new("password_too_common", "This password is one of the first that is guessed."));
        }
        if (email is not null && password.Contains(email, StringComparison.OrdinalIgnoreCase))
        {
            faults.Add(new("password_contains_email", "A password does not hold the e-mail address."));
        }
        return faults;
    }
}
