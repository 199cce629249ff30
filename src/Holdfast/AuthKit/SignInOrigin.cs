using System.Net;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Where a sign-in comes from, as the application or the browser says; and what actions have said about it so far.</summary>
internal sealed class SignInOrigin(SessionClient client)
{
    private const int LongestAgent = 512;

    private readonly Dictionary<string, ActionVerdict> _verdicts = new(StringComparer.Ordinal);

    public SessionClient Client { get; } = client;

    /// <summary>What an application tells of its user's browser. What is no address is left out, what is too long is cut: neither keeps anybody from signing in.</summary>
    public static SignInOrigin Of(string? ipAddress, string? userAgent) => new(new SessionClient(
        ipAddress is { Length: <= 64 } && IPAddress.TryParse(ipAddress, out var address) ? address.ToString() : null, Text(userAgent)));

    /// <summary>What was said of this question; null when it was not asked yet.</summary>
    public ActionVerdict? Said(ActionQuestion question) => _verdicts.GetValueOrDefault(question.Key);

    public void Say(ActionQuestion question, ActionVerdict verdict) => _verdicts[question.Key] = verdict;

    private static string? Text(string? agent)
    {
        if (string.IsNullOrWhiteSpace(agent))
        {
            return null;
        }
        var clean = new string([.. agent.Where(c => !char.IsControl(c) && !char.IsSurrogate(c) && c is not ('\ufffe' or '\uffff'))]);
        return clean.Length > LongestAgent ? clean[..LongestAgent] : clean.Length == 0 ? null : clean;
    }
}
