using System.Text.Json.Serialization;
using Holdfast.Environments;
using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Flags;

/// <summary>A change of a flag by an administrator, and what its event says beside the flag: who did it, for whom it is on, and what was before.</summary>
/// <param name="view">The state that the change is decided on.</param>
internal sealed class FlagChange(View view, Caller caller, string clientId, byte[] idKey, DateTimeOffset now)
{
    /// <summary>The most targets of one kind that an event names. The flag's own are not cut.</summary>
    private const int MostTold = 100;

    public DateTimeOffset Now => now;

    /// <summary>Unix milliseconds.</summary>
    public long Time => now.ToUnixTimeMilliseconds();

    /// <summary>The time of the change: later than the last one, whatever this node's clock says.</summary>
    public long After(FlagRow row) => Math.Max(Time, row.UpdatedAt + 1);

    public Change Created(FlagRow row) => Event("flag.created", row, row.Id, new Context(clientId, Actor()));

    public Change Deleted(FlagRow row) => Event("flag.deleted", row, row.Id, new Context(clientId, Actor()));

    /// <summary>Name, description, tags, or whether it is enabled.</summary>
    public Change Updated(FlagRow before, FlagRow row)
    {
        var (was, stands) = (before.ToBody(), row.ToBody());
        return Event("flag.updated", row, $"{row.Id}/{row.UpdatedAt}", new Context(clientId, Actor(), new Previous(
            new PreviousData(
                was.Name == stands.Name ? null : was.Name, was.Description == stands.Description ? null : was.Description, before.Tags == row.Tags ? null : was.Tags,
                was.Enabled == stands.Enabled ? null : was.Enabled, was.DefaultValue == stands.DefaultValue ? null : was.DefaultValue))));
    }

    /// <summary>For whom it is on.</summary>
    public Change RuleUpdated(FlagRow before, FlagRow row, IReadOnlyList<FlagTargetRow> had, IReadOnlyList<FlagTargetRow> has) =>
        Event("flag.rule_updated", row, $"{row.Id}/{row.UpdatedAt}", new RuleContext(
            clientId, Actor(), Access(row, has), Told(has),
            new PreviousRule(new PreviousRuleData(before.DefaultValue == row.DefaultValue ? null : before.DefaultValue == 1), new PreviousRuleContext(Access(before, had), Told(had)))));

    private Change Event(string name, FlagRow row, string derivedFrom, object context) =>
        EventRow.Of(name, row.ToBody().ToEvent(row.EnvironmentId), row.EnvironmentId, idKey, derivedFrom, now, context);

    private ActorBody Actor() => new(
        caller.ApiKeyId, "api", view.Find<string>("SELECT name FROM api_keys WHERE id = @ApiKeyId", new { caller.ApiKeyId }));

    private static string Access(FlagRow row, IReadOnlyList<FlagTargetRow> targets) => row.DefaultValue == 1 ? "all" : targets.Any(t => t.Enabled == 1) ? "some" : "none";

    private static Configured Told(IReadOnlyList<FlagTargetRow> targets) => new(
        [.. targets.Where(t => t is { Kind: FlagTargetRow.Organization, Enabled: 1 }).Take(MostTold).Select(t => new ConfiguredOrganization(t.ResourceId, t.Named ?? ""))],
        [.. targets.Where(t => t is { Kind: FlagTargetRow.User, Enabled: 1 }).Take(MostTold).Select(t => new ConfiguredUser(t.ResourceId, t.Named ?? ""))]);

    /// <param name="Source"><c>api</c>: there is no Dashboard that could do it yet.</param>
    private sealed record ActorBody(string Id, string Source, string? Name);

    private sealed record Context(string ClientId, ActorBody Actor, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Previous? PreviousAttributes = null);

    private sealed record Previous(PreviousData Data);

    private sealed record PreviousData(
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Name, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Description, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? Tags, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? Enabled,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? DefaultValue);

    private sealed record RuleContext(string ClientId, ActorBody Actor, string AccessType, Configured ConfiguredTargets, PreviousRule PreviousAttributes);

    private sealed record PreviousRule(PreviousRuleData Data, PreviousRuleContext Context);

    private sealed record PreviousRuleData([property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? DefaultValue);

    private sealed record PreviousRuleContext(string AccessType, Configured ConfiguredTargets);

    private sealed record Configured(IReadOnlyList<ConfiguredOrganization> Organizations, IReadOnlyList<ConfiguredUser> Users);

    private sealed record ConfiguredOrganization(string Id, string Name);

    private sealed record ConfiguredUser(string Id, string Email);
}

/// <summary>Makes <see cref="FlagChange"/>s.</summary>
internal sealed class FlagChanges(EnvironmentStore environments, TimeProvider clock)
{
    public FlagChange Of(View view, Caller caller) => new(view, caller, environments.FindClient(caller.EnvironmentId) ?? "", IdKey(caller), clock.GetUtcNow());

    public byte[] IdKey(Caller caller) => environments.IdKey(caller.EnvironmentId);
}
