using System.Text.Json;

namespace Holdfast.Protocols.Flags;

/// <summary>Flags as Unleash's client API gives them (<c>GET /api/client/features</c>), evaluated by its published strategies
/// (<see href="https://docs.getunleash.io/reference/activation-strategies"/>).</summary>
/// <remarks>Three answers, not two: what stands on something that is not evaluated here is neither on nor off, and whoever asks has a default.</remarks>
public sealed class UnleashFlags : FlagSet
{
    /// <summary>What divides strategies' hashes from variants', so that the two choices are independent. Published with the SDKs' specification.</summary>
    private const uint VariantSeed = 86028157;

    private readonly Dictionary<string, UnleashFeature> _features;
    private readonly Dictionary<long, UnleashSegment> _segments;
    private readonly string _hostName;

    private UnleashFlags(Dictionary<string, UnleashFeature> features, Dictionary<long, UnleashSegment> segments, string hostName) =>
        (_features, _segments, _hostName) = (features, segments, hostName);

    public override IReadOnlyCollection<string> Names => _features.Keys;

    /// <param name="hostName">This node, for the strategy that goes by it.</param>
    /// <exception cref="FlagDocumentException">It is not such a document.</exception>
    public static UnleashFlags Parse(byte[] document, string hostName)
    {
        try
        {
            var read = JsonSerializer.Deserialize<UnleashDocument>(document, UnleashDocument.Options);
            var features = read?.Features ?? throw new JsonException("It has no features.");
            return new UnleashFlags(
                features.Where(f => f?.Name is not null).DistinctBy(f => f!.Name).ToDictionary(f => f!.Name!, f => f!.Prepared(), StringComparer.Ordinal),
                (read.Segments ?? []).Where(s => s is not null).DistinctBy(s => s!.Id).ToDictionary(s => s!.Id, s => s!.Prepared()),
                hostName);
        }
        catch (JsonException fault)
        {
            throw new FlagDocumentException("The document is no answer of Unleash's client API.", fault);
        }
    }

    public override FlagResult Evaluate(string name, FlagContext context, DateTimeOffset now)
    {
        if (!_features.TryGetValue(name, out var feature))
        {
            return new FlagResult(FlagOutcome.Unknown);
        }
        var fields = new UnleashContext(context, now);
        var (isOn, variant) = IsOn(feature, fields);
        return isOn switch
        {
            null => new FlagResult(FlagOutcome.NotEvaluated),
            false => FlagResult.Of(false),
            _ => FlagResult.Of(true, variant ?? Choose(feature.Variants, feature.Name!, feature.Variants?.FirstOrDefault()?.Stickiness, fields)),
        };
    }

    /// <returns>Null for neither; with true, the variant of the strategy that let it through.</returns>
    private (bool? IsOn, string? Variant) IsOn(UnleashFeature feature, UnleashContext fields)
    {
        if (!feature.Enabled)
        {
            return (false, null);
        }
        var parents = All(feature.Dependencies ?? [], parent => IsMet(parent, fields));
        if (parents != true)
        {
            return (parents, null);
        }
        if (feature.Strategies is null or [])
        {
            return (feature.Strategies is not null, null);
        }
        bool? sum = false;
        foreach (var strategy in feature.Strategies)
        {
            switch (Holds(strategy, feature.Name!, fields))
            {
                case true:
                    return (true, Choose(strategy.Variants, strategy.Parameter("groupId") ?? feature.Name!, strategy.Variants?.FirstOrDefault()?.Stickiness ?? strategy.Parameter("stickiness"), fields));
                case null:
                    sum = null;
                    break;
            }
        }
        return (sum, null);
    }

    /// <summary>A parent of a parent is not asked: one that has parents is not met, as the SDKs have it.</summary>
    private bool? IsMet(UnleashDependency parent, UnleashContext fields)
    {
        if (parent.Feature is null || !_features.TryGetValue(parent.Feature, out var feature) || feature.Dependencies is { Count: > 0 })
        {
            return false;
        }
        var (isOn, variant) = IsOn(feature, fields);
        if (parent.Enabled == false)
        {
            return !isOn;
        }
        return isOn == true && parent.Variants is { Count: > 0 } wanted
            ? wanted.Contains(variant ?? Choose(feature.Variants, feature.Name!, feature.Variants?.FirstOrDefault()?.Stickiness, fields) ?? "disabled")
            : isOn;
    }

    private bool? Holds(UnleashStrategy strategy, string feature, UnleashContext fields)
    {
        var segments = strategy.Segments ?? [];
        if (segments.Exists(id => !_segments.ContainsKey(id)))
        {
            return false;
        }
        var constraints = All((strategy.Constraints ?? []).Concat(segments.SelectMany(id => _segments[id].Constraints ?? [])), constraint => constraint.Holds(fields));
        return constraints == false ? false : And(constraints, Fits(strategy, feature, fields));
    }

    private bool? Fits(UnleashStrategy strategy, string feature, UnleashContext fields)
    {
        switch (strategy.Name)
        {
            case "default":
                return true;
            case "userWithId":
                return fields["userId"] is { } id && Listed(strategy.Parameter("userIds")).Contains(id);
            case "gradualRolloutUserId":
                return IsWithin(strategy, "percentage", fields["userId"], strategy.Parameter("groupId") ?? "");
            case "gradualRolloutSessionId":
                return IsWithin(strategy, "percentage", fields["sessionId"], strategy.Parameter("groupId") ?? "");
            case "gradualRolloutRandom":
                return ByChance(strategy.Number("percentage"));
            case "flexibleRollout":
                var stickiness = strategy.Parameter("stickiness") ?? "default";
                var sticks = stickiness == "default" ? fields.NonEmpty("userId") ?? fields.NonEmpty("sessionId") : stickiness == "random" ? null : fields[stickiness];
                return sticks is null && stickiness is "default" or "random"
                    ? ByChance(strategy.Number("rollout"))
                    : IsWithin(strategy, "rollout", sticks, strategy.Parameter("groupId") ?? feature);
            case "remoteAddress":
                return fields["remoteAddress"] is { } address && Listed(strategy.Parameter("IPs")).Any(range => range == address || IpRange.Contains(range, address, version4Only: true));
            case "applicationHostname":
                return Listed(strategy.Parameter("hostNames")).Contains(_hostName, StringComparer.OrdinalIgnoreCase);
            default:
                return null;   // one of the operator's own: nobody here knows what it does
        }
    }

    private static bool IsWithin(UnleashStrategy strategy, string share, string? sticks, string groupId) =>
        sticks is { Length: > 0 } && strategy.Number(share) is { } percent && percent > 0 && (Murmur3.Hash($"{groupId}:{sticks}", 0) % 100) + 1 <= percent;

    /// <summary>What is for everybody or nobody needs no chance; what needs it is not evaluated: two answers to one question would differ.</summary>
    private static bool? ByChance(double? percent) => percent is not > 0 ? false : percent >= 100 ? true : null;

    /// <summary>Blanks beside a comma are no part of an entry; those at the ends of the whole are, as the SDKs have it.</summary>
    private static string[] Listed(string? list)
    {
        var entries = list?.Split(',') ?? [];
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = i > 0 ? entries[i].TrimStart() : entries[i];
            entries[i] = i < entries.Length - 1 ? entries[i].TrimEnd() : entries[i];
        }
        return entries;
    }

    /// <summary>The variant's name; null when there is none, or it would be chosen by chance.</summary>
    private static string? Choose(List<UnleashVariant>? variants, string groupId, string? stickiness, UnleashContext fields)
    {
        var total = variants?.Sum(v => Math.Clamp(v.Weight, 0, 1_000_000)) ?? 0;
        if (variants is null || total == 0)
        {
            return null;
        }
        if (variants.Find(v => v.Overrides?.Exists(o => o.ContextName is { } name && fields[name] is { } value && o.Values?.Contains(value) == true) == true) is { } chosen)
        {
            return chosen.Name;
        }
        var sticks = stickiness is null or "default"
            ? fields.NonEmpty("userId") ?? fields.NonEmpty("sessionId") ?? fields.NonEmpty("remoteAddress")
            : stickiness == "random" ? null : fields.NonEmpty(stickiness);
        if (sticks is null)
        {
            return null;
        }
        var target = (Murmur3.Hash($"{groupId}:{sticks}", VariantSeed) % (uint)total) + 1;
        long counted = 0;
        return variants.Find(v => v.Weight > 0 && (counted += Math.Min(v.Weight, 1_000_000)) >= target)?.Name;
    }

    private static bool? All<T>(IEnumerable<T> items, Func<T, bool?> holds)
    {
        bool? sum = true;
        foreach (var item in items)
        {
            switch (holds(item))
            {
                case false:
                    return false;
                case null:
                    sum = null;
                    break;
            }
        }
        return sum;
    }

    private static bool? And(bool? a, bool? b) => a == false || b == false ? false : a is null || b is null ? null : true;
}
