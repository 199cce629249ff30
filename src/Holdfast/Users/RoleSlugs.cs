using System.Text.Json;
using Holdfast.Http;

namespace Holdfast.Users;

/// <summary>Roles of a membership. Until an environment has roles of its own, these are all that there are.</summary>
internal static class RoleSlugs
{
    /// <summary>The role of everybody who was given none.</summary>
    public const string Default = "member";

    private static readonly string[] Known = [Default, "admin"];

    /// <summary>Stored roles.</summary>
    public static IReadOnlyList<string> Read(string? stored) => stored is null ? [Default] : JsonSerializer.Deserialize<List<string>>(stored)!;

    /// <summary>A role as it is stored.</summary>
    public static string Write(string slug) => JsonSerializer.Serialize<string[]>([slug], JavaScriptJson.Options);

    /// <summary>The one role that a body names; null when it names none. Or the refusal.</summary>
    public static (string? Slug, ApiAnswer? Refusal) Read(Given<string> one, Given<List<string?>> several)
    {
        if (one.Value is not null && several.Value is not null)
        {
            return (null, ApiError.Validation("role_slugs", "exclusive_with_role_slug"));
        }
        if (several.Value is { Count: > 1 })
        {
            return (null, ApiError.Unprocessable("multiple_roles_not_enabled", "A membership has one role in this environment."));
        }
        if (several.Value is { Count: 0 })
        {
            return (null, ApiError.Validation("role_slugs", "required"));
        }
        var slug = several.Value is { } list ? list[0] ?? "" : one.Value;
        return slug is null || Known.Contains(slug) ? (slug, null) : (null, InvalidRole);
    }

    /// <summary>Whether there is such a role.</summary>
    public static bool IsKnown(string slug) => Known.Contains(slug);

    private static ApiAnswer InvalidRole { get; } = ApiError.Unprocessable("invalid_role", $"There is no such role. There are: {string.Join(", ", Known)}.");
}
