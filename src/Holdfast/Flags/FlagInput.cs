using System.Text.Json;
using Holdfast.Http;

namespace Holdfast.Flags;

/// <summary>The body of creating and of changing a feature flag.</summary>
/// <param name="Slug">Given when it is made, and never changed: applications have it in their code.</param>
/// <param name="Name">The slug, where none is given.</param>
internal sealed record FlagInput(
    Given<string> Slug, Given<string> Name, Given<string> Description, Given<FlagInput.OwnerInput> Owner, Given<List<string?>> Tags, Given<bool?> Enabled, Given<bool?> DefaultValue)
{
    /// <summary>The most flags of an environment: all of them travel to every runtime client, and those that are on in every access token.</summary>
    public const int MostFlags = 500;

    public const int LongestSlug = 128;
    public const int MostTags = 50;

    public sealed record OwnerInput(Given<string> Email, Given<string> FirstName, Given<string> LastName);

    /// <summary>What is wrong with it; null when nothing is.</summary>
    public ApiAnswer? Check(bool isNew)
    {
        var fields = new Fields();
        if (isNew)
        {
            if (fields.Required("slug", Slug, LongestSlug) is { Length: > 0 } slug && !IsSlug(slug) && slug.Length <= LongestSlug)
            {
                fields.Fault("slug", "invalid");
            }
        }
        else if (Slug.Is)
        {
            fields.Fault("slug", "immutable");
        }
        if (Name.Is)
        {
            fields.Required("name", Name, 256);
        }
        fields.Optional("description", Description, 2048);
        if (Owner.Value is { } owner)
        {
            fields.Required("owner.email", owner.Email, 320);
            fields.Optional("owner.first_name", owner.FirstName, 256);
            fields.Optional("owner.last_name", owner.LastName, 256);
        }
        if (Tags is { Is: true, Value: null })
        {
            fields.Fault("tags", "required");
        }
        if (Tags.Value is { } tags)
        {
            if (tags.Count > MostTags)
            {
                fields.Fault("tags", "too_many");
            }
            foreach (var tag in tags.Take(MostTags))
            {
                fields.Required("tags", new Given<string>(true, tag), 64);
            }
        }
        if (Enabled is { Is: true, Value: null })
        {
            fields.Fault("enabled", "required");
        }
        if (DefaultValue is { Is: true, Value: null })
        {
            fields.Fault("default_value", "required");
        }
        return fields.Refusal;
    }

    /// <summary>The owner as it is stored.</summary>
    public string? OwnerText => Owner.Value is not { } owner
        ? null
        : JsonSerializer.Serialize(new FlagOwner(owner.Email.Value!, owner.FirstName.Value, owner.LastName.Value), JavaScriptJson.Options);

    /// <summary>The tags as they are stored: each once.</summary>
    public string TagsText => JsonSerializer.Serialize((Tags.Value ?? []).Distinct(StringComparer.Ordinal));

    /// <summary>Small letters, digits, and within them <c>-</c>, <c>_</c>, <c>.</c>: it stands in paths, in tokens, and as a key of objects.</summary>
    private static bool IsSlug(string slug) => char.IsAsciiLetterOrDigit(slug[0]) && slug.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.');
}
