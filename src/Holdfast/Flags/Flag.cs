using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Http;

namespace Holdfast.Flags;

/// <summary>A feature flag: what the API shows of it.</summary>
/// <param name="DefaultValue">For whom no target names.</param>
internal sealed record FlagBody(
    string Object, string Id, string Slug, string Name, string? Description, FlagOwner? Owner, IReadOnlyList<string> Tags, bool Enabled, bool DefaultValue, DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt)
{
    public FlagEventBody ToEvent(string environmentId) => new(Object, Id, environmentId, Slug, Name, Description, Owner, Tags, Enabled, DefaultValue, CreatedAt, UpdatedAt);
}

/// <summary>The same as events tell of it, where the public API has one field more.</summary>
internal sealed record FlagEventBody(
    string Object, string Id, string EnvironmentId, string Slug, string Name, string? Description, FlagOwner? Owner, IReadOnlyList<string> Tags, bool Enabled, bool DefaultValue,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

/// <summary>Who answers for a flag: a note of the administrators', and no user of the environment.</summary>
internal sealed record FlagOwner(string Email, string? FirstName, string? LastName);

/// <summary>A flag as the SDKs' runtime client reads it.</summary>
internal sealed record FlagPollBody(string Slug, bool Enabled, bool DefaultValue, FlagPollBody.TargetsBody Targets)
{
    /// <param name="CustomTargets">Left out when there are none: elder clients do not know them.</param>
    internal sealed record TargetsBody(
        IReadOnlyList<TargetBody> Users, IReadOnlyList<TargetBody> Organizations,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<CustomTargetBody>? CustomTargets);

    /// <param name="Enabled">One that is not counts as absent.</param>
    internal sealed record TargetBody(string Id, bool Enabled);

    /// <param name="Type">The application's own kind of thing, such as <c>workspace</c>.</param>
    internal sealed record CustomTargetBody(string Type, string Id, bool Enabled);
}

/// <summary>A flag as it is stored.</summary>
/// <param name="Owner">JSON; null for none.</param>
/// <param name="Tags">A JSON array.</param>
internal sealed record FlagRow(
    string Id, string EnvironmentId, string Slug, string Name, string? Description, string? Owner, string? Tags, long Enabled, long DefaultValue, long CreatedAt, long UpdatedAt)
{
    public FlagBody ToBody() => new(
        "feature_flag", Id, Slug, Name, Description, Owner is null ? null : JsonSerializer.Deserialize<FlagOwner>(Owner, JavaScriptJson.Options),
        Tags is null ? [] : JsonSerializer.Deserialize<List<string>>(Tags)!, Enabled == 1, DefaultValue == 1,
        DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(UpdatedAt));
}

/// <summary>A target as it is stored.</summary>
/// <param name="Named">What it is called: an organization's name, a user's address. Null for the application's own kinds.</param>
internal sealed record FlagTargetRow(string Id, string FlagId, string Kind, string ResourceId, long Enabled, string? Named)
{
    public const string User = "user";
    public const string Organization = "organization";
}
