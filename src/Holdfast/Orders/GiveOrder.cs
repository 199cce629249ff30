using Holdfast.Http;
using Holdfast.Incidents;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;

namespace Holdfast.Orders;

/// <summary>An operator changes something at run time. A fact of the node that was asked: the primary is not needed (decision 0029).</summary>
internal static class GiveOrder
{
    public static readonly TimeSpan Usual = TimeSpan.FromHours(1);

    public static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    public static async Task<ApiAnswer> HandleAsync(HttpContext http, OperatorKey key, Database database, ApplyOrders apply, Ids ids, NodePlace here, TimeProvider clock)
    {
        if (!key.IsShownBy(http))
        {
            return ApiError.Unauthorized;
        }
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (refusal is not null)
        {
            return refusal;
        }
        var now = clock.GetUtcNow();
        if (Read(input!, ids.New(Ids.Order), now, out var fault) is not { } order)
        {
            return fault!;
        }
        var answer = await database.RecordAsync(http, view =>
            order.Scope == "node" && order.Place != here.Node && !OrderStore.IsNode(view, order.Place!) ? Decide.Nothing(ApiError.Validation("node", "unknown"))
            : order.Scope == "region" && order.Place != here.Region && !OrderStore.IsRegion(view, order.Place!) ? Decide.Nothing(ApiError.Validation("region", "unknown"))
            : OrderStore.InForce(view, now).Count >= OrderStore.Most ? Decide.Nothing(ApiError.Unprocessable("too_many_orders", $"At most {OrderStore.Most} orders are in force at a time. Lift some."))
            : order.Kind == OrderKind.Drain && !LeavesSomebody(view, order, here, now) ? Decide.Nothing(ApiError.Conflict("last_node", "With this no node would be left that takes new work. Lift another drain first."))
            : Decide.To(ApiAnswer.Created(ReadOrders.BodyOf(order, now)), OrderStore.Given(order)));
        apply.Round();
        return answer;
    }

    /// <summary>Whether a node is left that is not drained, as far as this one knows. Two who are asked at once, apart, may still drain all.</summary>
    private static bool LeavesSomebody(View view, OrderRow order, NodePlace here, DateTimeOffset now)
    {
        List<OrderRow> drains = [.. OrderStore.InForce(view, now).Where(o => o.Kind == OrderKind.Drain), order];
        return NodeList.Of(view).Now.Where(name => name != here.Node).Select(name => OrderStore.RegionOf(view, name) is { } region ? new NodePlace(name, region) : null).OfType<NodePlace>()
            .Append(here).Any(node => !drains.Any(d => d.IsFor(node)));
    }

    private static OrderRow? Read(Input input, string id, DateTimeOffset now, out ApiAnswer? refusal)
    {
        var fields = new Fields();
        var kind = fields.Required("kind", input.Kind, maxLength: 20);
        var settings = OrderKind.Settings.GetValueOrDefault(kind, []);
        if (kind.Length > 0 && settings.Length == 0)
        {
            fields.Fault("kind", "invalid");
        }
        var setting = settings.Length == 1 && !input.Setting.Is ? settings[0] : fields.Required("setting", input.Setting, maxLength: 20);
        if (settings.Length > 0 && setting.Length > 0 && !settings.Contains(setting))
        {
            fields.Fault("setting", "invalid");
        }
        var target = kind is OrderKind.Dependency or OrderKind.Log ? fields.Required("target", input.Target, maxLength: 300) : null;
        if (target is { Length: > 0 } && !(kind == OrderKind.Dependency ? IsDependency(target) : LogLevels.IsOurs(target)))
        {
            fields.Fault("target", "unknown");
        }
        var (node, region) = (fields.Optional("node", input.Node, maxLength: 200), fields.Optional("region", input.Region, maxLength: 200));
        if (node is not null && region is not null)
        {
            fields.Fault("region", "one_of_node_and_region");
        }
        if (kind == OrderKind.Drain && node is null && region is null)
        {
            fields.Fault("node", "required");   // with every node drained, a router has none
        }
        var lasts = input.LastsS.Or((long)Usual.TotalSeconds);
        if (lasts < 1 || lasts > (long)Longest.TotalSeconds)
        {
            fields.Fault("lasts_s", "out_of_range");
        }
        var (author, reason) = (fields.Required("author", input.Author, maxLength: 100), fields.Required("reason", input.Reason, maxLength: 500));
        refusal = fields.Refusal;
        return refusal is not null ? null : new OrderRow(
            id, kind, target, setting, node is not null ? "node" : region is not null ? "region" : "all", node ?? region, author, reason, now.ToUnixTimeMilliseconds(),
            now.AddSeconds(lasts).ToUnixTimeMilliseconds(), null, null);
    }

    /// <summary>A name in the catalogue, or of one of those that it has many of. Whether this node has it does not matter: another may.</summary>
    public static bool IsDependency(string target) => Catalogue.All.Any(p => p.MayBeSetByHand && IsOf(p, target)) && !Catalogue.All.Any(p => !p.MayBeSetByHand && IsOf(p, target));

    private static bool IsOf(DependencyPolicy policy, string name)
    {
        var (from, to) = (policy.Name.IndexOf('{', StringComparison.Ordinal), policy.Name.IndexOf('}', StringComparison.Ordinal));
        return name == policy.Name
            || (from >= 0 && name.Length > policy.Name.Length - (to - from + 1) && name.StartsWith(policy.Name[..from], StringComparison.Ordinal)
                && name.EndsWith(policy.Name[(to + 1)..], StringComparison.Ordinal) && !name.Contains('{', StringComparison.Ordinal));
    }

    /// <param name="Kind"><c>dependency</c>, <c>flags</c>, <c>drain</c> or <c>log</c>.</param>
    /// <param name="Target">Of a dependency its name in the catalogue, for one (<c>mail</c>, <c>flags:unleash</c>) or, with the braces, for all of its kind (<c>idp_token:{connection}</c>); of the log a
    /// category of ours.</param>
    /// <param name="Setting"><c>closed</c> or <c>open</c>; <c>polling</c>; <c>drained</c>; <c>trace</c>, <c>debug</c> or <c>information</c>.</param>
    /// <param name="Node">The one node that it is for; with neither this nor a region, for all.</param>
    /// <param name="LastsS">How long, in seconds: 3600 unless said, 7 days at most.</param>
    /// <param name="Reason">Why. It stands in <c>/health</c>, which anybody reads.</param>
    internal sealed record Input(
        Given<string> Kind, Given<string> Target, Given<string> Setting, Given<string> Node, Given<string> Region, Given<long> LastsS, Given<string> Author, Given<string> Reason);
}
