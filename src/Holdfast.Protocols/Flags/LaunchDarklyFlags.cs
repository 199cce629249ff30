using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Holdfast.Protocols.Flags;

/// <summary>Flags and segments as LaunchDarkly's server-side SDKs are given them, evaluated by the rules that its documentation gives
/// (<see href="https://launchdarkly.com/docs/sdk/concepts/flag-evaluation-rules"/>).</summary>
public sealed class LaunchDarklyFlags : FlagSet
{
    /// <summary>The most flags and segments that one evaluation goes through: prerequisites of prerequisites could double with every step.</summary>
    private const int MostSteps = 1000;

    private readonly ImmutableDictionary<string, LdFlag> _flags;
    private readonly ImmutableDictionary<string, LdSegment> _segments;

    private LaunchDarklyFlags(ImmutableDictionary<string, LdFlag> flags, ImmutableDictionary<string, LdSegment> segments) => (_flags, _segments) = (flags, segments);

    public static LaunchDarklyFlags Empty { get; } = new(ImmutableDictionary<string, LdFlag>.Empty, ImmutableDictionary<string, LdSegment>.Empty);

    public override IReadOnlyCollection<string> Names => [.. _flags.Where(f => !f.Value.Deleted).Select(f => f.Key)];

    /// <summary>All of them: the answer to a poll, or the <c>data</c> of a stream's <c>put</c>.</summary>
    /// <exception cref="FlagDocumentException">It is not of the form <c>{"flags": {…}, "segments": {…}}</c>.</exception>
    public static LaunchDarklyFlags Parse(ReadOnlySpan<byte> document)
    {
        try
        {
            using var read = JsonDocument.Parse(document.ToArray(), new JsonDocumentOptions { MaxDepth = 64 });
            return Of(read.RootElement);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FlagDocumentException("The document has no flags.", fault);
        }
    }

    /// <summary>These, after one event of a stream. What a <c>patch</c> and a <c>delete</c> say counts only when it is newer than what is here.</summary>
    /// <param name="kind"><c>put</c>, <c>patch</c> or <c>delete</c>; of anything else nothing changes.</param>
    /// <exception cref="FlagDocumentException">It is not such an event.</exception>
    public LaunchDarklyFlags After(string kind, string data)
    {
        try
        {
            using var read = JsonDocument.Parse(data, new JsonDocumentOptions { MaxDepth = 64 });
            var path = read.RootElement.TryGetProperty("path", out var named) ? named.GetString() ?? "/" : "/";
            return kind switch
            {
                "put" => path == "/" ? Of(read.RootElement.GetProperty("data")) : this,
                "patch" => Patched(path, read.RootElement.GetProperty("data")),
                "delete" => Deleted(path, read.RootElement.GetProperty("version").GetInt64()),
                _ => this,
            };
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new FlagDocumentException($"The event '{kind}' cannot be read.", fault);
        }
    }

    /// <summary>As a document that <see cref="Parse"/> reads: what stands here, without what was deleted.</summary>
    public byte[] ToDocument()
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            Write(json, "flags", _flags.Where(f => !f.Value.Deleted).Select(f => (f.Key, f.Value.Raw)));
            Write(json, "segments", _segments.Where(s => !s.Value.Deleted).Select(s => (s.Key, s.Value.Raw)));
            json.WriteEndObject();
        }
        return bytes.ToArray();
    }

    private static void Write(Utf8JsonWriter json, string name, IEnumerable<(string Key, JsonElement Raw)> items)
    {
        json.WriteStartObject(name);
        foreach (var (key, raw) in items)
        {
            json.WritePropertyName(key);
            raw.WriteTo(json);
        }
        json.WriteEndObject();
    }

    public override FlagResult Evaluate(string name, FlagContext context, DateTimeOffset now)
    {
        if (!_flags.TryGetValue(name, out var flag) || flag.Deleted)
        {
            return new FlagResult(FlagOutcome.Unknown);
        }
        try
        {
            var chosen = new Evaluation(this, new LdContext(context)).Of(flag, []);
            return chosen.Value is { ValueKind: not JsonValueKind.Null } value
                ? FlagResult.Of(value, chosen.Index?.ToString(CultureInfo.InvariantCulture))
                : new FlagResult(FlagOutcome.None);
        }
        catch (CannotEvaluateException cannot)
        {
            return new FlagResult(cannot.Outcome);
        }
    }

    private static LaunchDarklyFlags Of(JsonElement document)
    {
        var flags = ImmutableDictionary.CreateBuilder<string, LdFlag>(StringComparer.Ordinal);
        foreach (var flag in document.GetProperty("flags").EnumerateObject())
        {
            flags[flag.Name] = LdFlag.Read(flag.Name, flag.Value);
        }
        var segments = ImmutableDictionary.CreateBuilder<string, LdSegment>(StringComparer.Ordinal);
        if (document.TryGetProperty("segments", out var listed) && listed.ValueKind == JsonValueKind.Object)
        {
            foreach (var segment in listed.EnumerateObject())
            {
                segments[segment.Name] = LdSegment.Read(segment.Name, segment.Value);
            }
        }
        return new LaunchDarklyFlags(flags.ToImmutable(), segments.ToImmutable());
    }

    private LaunchDarklyFlags Patched(string path, JsonElement data)
    {
        if (Key(path, "/flags/") is { } flag)
        {
            var read = LdFlag.Read(flag, data);
            return _flags.TryGetValue(flag, out var there) && there.Version >= read.Version ? this : new(_flags.SetItem(flag, read), _segments);
        }
        if (Key(path, "/segments/") is { } segment)
        {
            var read = LdSegment.Read(segment, data);
            return _segments.TryGetValue(segment, out var there) && there.Version >= read.Version ? this : new(_flags, _segments.SetItem(segment, read));
        }
        return this;
    }

    /// <summary>What was deleted stays as a note of its version: a late patch must not bring it back.</summary>
    private LaunchDarklyFlags Deleted(string path, long version)
    {
        if (Key(path, "/flags/") is { } flag)
        {
            return _flags.TryGetValue(flag, out var there) && there.Version >= version ? this : new(_flags.SetItem(flag, LdFlag.Gone(flag, version)), _segments);
        }
        return Key(path, "/segments/") is not { } segment || (_segments.TryGetValue(segment, out var held) && held.Version >= version)
            ? this
            : new(_flags, _segments.SetItem(segment, LdSegment.Gone(segment, version)));
    }

    private static string? Key(string path, string under) => path.StartsWith(under, StringComparison.Ordinal) ? path[under.Length..] : null;

    /// <summary>Where a hash falls, from 0 up to 1.</summary>
    private static double Bucket(string prefix, string value)
    {
        Span<byte> hash = stackalloc byte[20];
#pragma warning disable CA5350 // It spreads people and keeps no secret; another hash would put them elsewhere than the provider's SDKs do.
        SHA1.HashData(Encoding.UTF8.GetBytes($"{prefix}.{value}"), hash);
#pragma warning restore CA5350
        long first = 0;
        for (var i = 0; i < 8; i++)
        {
            first = (first << 8) | hash[i];
        }
        return (double)((first >> 4) & 0x0fffffffffffffff) / 0x0fffffffffffffff;
    }

    private sealed class CannotEvaluateException(FlagOutcome outcome) : Exception
    {
        public FlagOutcome Outcome => outcome;
    }

    private readonly record struct Chosen(JsonElement? Value, int? Index, bool IsOff = false);

    private sealed class Evaluation(LaunchDarklyFlags all, LdContext context)
    {
        private int _steps;

        /// <param name="through">Keys of the flags whose prerequisite this one is.</param>
        public Chosen Of(LdFlag flag, ImmutableList<string> through)
        {
            Step();
            if (flag.IsMalformed)
            {
                throw new CannotEvaluateException(FlagOutcome.Malformed);
            }
            if (!flag.On)
            {
                return Off(flag) with { IsOff = true };
            }
            foreach (var wanted in flag.Prerequisites ?? [])
            {
                if (through.Contains(wanted.Key ?? ""))
                {
                    throw new CannotEvaluateException(FlagOutcome.Malformed);   // it stands on itself
                }
                if (wanted.Key is null || !all._flags.TryGetValue(wanted.Key, out var prerequisite) || prerequisite.Deleted)
                {
                    return Off(flag);
                }
                var got = Of(prerequisite, through.Add(wanted.Key));
                if (got.IsOff || got.Index != wanted.Variation)
                {
                    return Off(flag);
                }
            }
            return Targeted(flag)
                ?? (flag.Rules?.Find(rule => Holds(rule.Clauses, [])) is { } rule ? Choose(flag, rule.Variation, rule.Rollout) : Choose(flag, flag.Fallthrough?.Variation, flag.Fallthrough?.Rollout));
        }

        private static Chosen Off(LdFlag flag) => flag.OffVariation is { } off ? At(flag, off) : new Chosen(null, null);

        private static Chosen At(LdFlag flag, int index) => flag.Variations is { } variations && index >= 0 && index < variations.Count
            ? new Chosen(variations[index], index)
            : throw new CannotEvaluateException(FlagOutcome.Malformed);

        /// <summary>Users' targets stand in a list of their own; the other list, where there is one, has the order of all.</summary>
        private Chosen? Targeted(LdFlag flag)
        {
            bool Names(LdTarget target, string kind) => context.KeyOf(kind) is { } key && target.Values?.Contains(key) == true;
            if (flag.ContextTargets is null or [])
            {
                return flag.Targets?.Find(t => Names(t, t.ContextKind ?? FlagContext.User)) is { } named ? At(flag, named.Variation) : null;
            }
            foreach (var target in flag.ContextTargets)
            {
                var meant = target.ContextKind is null or "" or FlagContext.User ? flag.Targets?.Find(t => t.Variation == target.Variation) : target;
                if (meant is not null && Names(meant, meant.ContextKind is null or "" ? FlagContext.User : meant.ContextKind))
                {
                    return At(flag, meant.Variation);
                }
            }
            return null;
        }

        private Chosen Choose(LdFlag flag, int? variation, LdRollout? rollout)
        {
            if (variation is { } fixedOne)
            {
                return At(flag, fixedOne);
            }
            if (rollout?.Variations is null or [])
            {
                throw new CannotEvaluateException(FlagOutcome.Malformed);
            }
            var by = rollout.Kind == "experiment" ? LdAttribute.Key : rollout.By;
            var prefix = rollout.Seed is { } seed ? seed.ToString(CultureInfo.InvariantCulture) : $"{flag.Key}.{flag.Salt}";
            var bucket = BucketOf(by, rollout.ContextKind, prefix);
            double sum = 0;
            foreach (var share in rollout.Variations)
            {
                sum += share.Weight / 100_000.0;
                if (bucket < sum)
                {
                    return At(flag, share.Variation);
                }
            }
            return At(flag, rollout.Variations[^1].Variation);   // the weights' sum fell a little short
        }

        private double BucketOf(LdAttribute by, string? kind, string prefix) => !by.IsValid
            ? throw new CannotEvaluateException(FlagOutcome.Malformed)
            : context.Find(by, kind) is { } value && LdContext.ToBucket(value) is { } text ? Bucket(prefix, text) : 0;

        /// <param name="within">Keys of the segments that are being looked through.</param>
        private bool Holds(List<LdClause>? clauses, ImmutableList<string> within) => clauses is not null && clauses.TrueForAll(clause => Holds(clause, within));

        private bool Holds(LdClause clause, ImmutableList<string> within)
        {
            if (clause.Op == "segmentMatch")
            {
                var isIn = (clause.Values ?? []).Exists(key => key.ValueKind == JsonValueKind.String && all._segments.TryGetValue(key.GetString()!, out var segment) && !segment.Deleted && IsIn(segment, within));
                return isIn != clause.Negate;
            }
            if (!clause.On.IsValid)
            {
                throw new CannotEvaluateException(FlagOutcome.Malformed);
            }
            if (clause.Patterns?.Exists(p => p.IsNotEvaluated) == true || !LdOperators.Knows(clause.Op))
            {
                throw new CannotEvaluateException(FlagOutcome.NotEvaluated);
            }
            if (clause.On.IsKind && context.Kinds is var kinds)
            {
                return kinds.Any(kind => LdOperators.Any(clause, kind)) != clause.Negate;
            }
            return context.Find(clause.On, clause.ContextKind) is { ValueKind: not JsonValueKind.Null } value
                && (value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Any(item => LdOperators.Any(clause, item)) : LdOperators.Any(clause, value)) != clause.Negate;
        }

        private bool IsIn(LdSegment segment, ImmutableList<string> within)
        {
            Step();
            if (segment.Unbounded)
            {
                throw new CannotEvaluateException(FlagOutcome.NotEvaluated);   // its members are in a store that would have to be asked
            }
            if (segment.IsMalformed || within.Contains(segment.Key))
            {
                throw new CannotEvaluateException(FlagOutcome.Malformed);
            }
            bool Lists(List<LdTarget>? targets, HashSet<string>? users) =>
                targets?.Exists(t => context.KeyOf(t.ContextKind is null or "" ? FlagContext.User : t.ContextKind) is { } key && t.Values?.Contains(key) == true) == true
                || (users is not null && context.KeyOf(FlagContext.User) is { } user && users.Contains(user));
            return Lists(segment.IncludedContexts, segment.Included)
                || (!Lists(segment.ExcludedContexts, segment.Excluded) && (segment.Rules ?? []).Exists(rule => Matches(segment, rule, within.Add(segment.Key))));
        }

        private bool Matches(LdSegment segment, LdSegmentRule rule, ImmutableList<string> within) =>
            Holds(rule.Clauses, within) && (rule.Weight is not { } weight || BucketOf(rule.By, rule.RolloutContextKind, $"{segment.Key}.{segment.Salt}") < weight / 100_000.0);

        private void Step()
        {
            if (++_steps > MostSteps)
            {
                throw new CannotEvaluateException(FlagOutcome.NotEvaluated);
            }
        }
    }
}
