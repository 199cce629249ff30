namespace Holdfast.Sso;

/// <summary>Which roles a person has by the groups that the identity provider names. Read when a profile is shown, so that a change holds at once.</summary>
/// <param name="Default">The role of whom no rule fits.</param>
/// <param name="Rules">The first that fits gives the profile's one role.</param>
internal sealed record RoleMap(string Default, IReadOnlyList<RoleMap.Rule> Rules)
{
    /// <summary>The role that the public API documents for whoever has no other.</summary>
    public const string Member = "member";

    public const int MostRules = 200;

    /// <param name="Group">As the identity provider spells it.</param>
    /// <param name="Role">A slug.</param>
    internal sealed record Rule(string Group, string Role);

    /// <summary>The slugs for these groups, in the order of the rules; at least one.</summary>
    public IReadOnlyList<string> Of(IReadOnlyCollection<string> groups)
    {
        var theirs = groups.ToHashSet(StringComparer.Ordinal);
        var roles = Rules.Where(r => theirs.Contains(r.Group)).Select(r => r.Role).Distinct(StringComparer.Ordinal).ToList();
        return roles.Count == 0 ? [Default] : roles;
    }

    /// <summary>Lower-case letters, digits, hyphens and underscores, at most 48.</summary>
    public static bool IsSlug(string? text) => text is { Length: > 0 and <= 48 } && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_');
}
