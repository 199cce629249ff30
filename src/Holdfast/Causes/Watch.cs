using Holdfast.Resilience;

namespace Holdfast.Causes;

/// <summary>Judges one dependency by what its calls came to. Deterministic: the same outcomes at the same times give the same finding.</summary>
internal sealed class Watch(Dependency dependency, TimeProvider clock)
{
    /// <summary>Failures in a row that are a finding. Two of those that do not come by chance: a hang has cost its deadline, and nothing loses its name or expires for one call alone. A refused connection may: one of many behind an address was restarted.</summary>
    private const int InARow = 3;
    private const int PlainInARow = 2;

    private static readonly string[] s_plain = [Trouble.Hangs, Trouble.Unresolved, Trouble.Certificate];

    /// <summary>Failures of the way there, of which a knock that is answered says that they are over.</summary>
    private static readonly string[] s_ofTheWay = [Trouble.Hangs, Trouble.Refuses, Trouble.Unreachable, Trouble.Unresolved, Trouble.Reset, Trouble.Certificate];

    /// <summary>Answers in a row after which it may be over.</summary>
    private const int WellInARow = 3;

    /// <summary>How far back a share of failures looks.</summary>
    private static readonly TimeSpan s_recent = TimeSpan.FromSeconds(20);

    /// <summary>How long no failure must have been, so that a thing that flaps is one cause.</summary>
    private static readonly TimeSpan s_calm = TimeSpan.FromSeconds(5);

    /// <summary>How long several may wait without anybody being answered.</summary>
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(2);

    /// <summary>What nobody has called for so long is not known to be broken any more.</summary>
    private static readonly TimeSpan s_forgotten = TimeSpan.FromMinutes(10);

    /// <summary>The same of what the background reads every ten minutes and a knock asks meanwhile: one read less or later is not forgetting.</summary>
    private static readonly TimeSpan s_forgottenDocument = 2.5 * s_forgotten;

    /// <summary>In a row, where this process was late itself: on a machine that has too much to do everybody seems to hang now and then, and whoever truly does hangs on.</summary>
    private const int InARowWhenLate = 6;

    /// <summary>How long failures in a row must have lasted where knocks are among them: what comes by chance for a second is not made a finding by asking quickly.</summary>
    private static readonly TimeSpan s_lasting = TimeSpan.FromSeconds(3);

    /// <summary>Over what time three slow answers in a row are no single moment's.</summary>
    private static readonly TimeSpan s_slowLasting = TimeSpan.FromSeconds(2);

    public Dependency Dependency { get; } = dependency;

    /// <summary>The finding; null while there is none.</summary>
    public Symptom? Symptom { get; private set; }

    /// <summary>Whether the last outcome was a failure, or several wait already: perhaps a finding soon.</summary>
    public bool IsSuspect { get; private set; }

    /// <summary>How the last call went that somebody had need of, if it went ill and lately: in what way, when it was over, and when it began.</summary>
    public (string How, long At, long Since)? Doubt { get; private set; }

    /// <summary>When it last answered, in timestamps of the clock; null when it did not among what is kept.</summary>
    public long? WellAt { get; private set; }

    /// <summary>When it last had an outcome that was no knock's; or was found, where none was kept. What knocks alone keep alive is forgotten like the rest.</summary>
    private long? _metAt;

    /// <summary>When its last finding was over: what came before is told, and makes no other one.</summary>
    private long _overAt = long.MinValue;

    /// <summary>When anything was last heard of it, in timestamps of the clock.</summary>
    public long? HeardAt { get; private set; }

    public void Look(Lateness lateness)
    {
        var now = clock.GetTimestamp();
        var slow = Dependency.Policy.SlowAfter;
        var calls = Dependency.Calls.Last().Where(c => c.How != Trouble.Guarded && !lateness.Covers(c)).ToArray();
        WellAt = calls.LastOrDefault(c => IsWell(Dependency, c)) is { At: > 0 } well ? well.At : null;
        HeardAt = calls.Length > 0 ? calls[^1].At : null;
        var silence = lateness.Awake(SilenceNow(calls), now);
        if (Array.FindLast(calls, c => !c.IsKnock || Dependency.IsProbeAKnock) is { At: > 0 } met)   // the operator's own things go on being knocked at
        {
            _metAt = met.At;
        }
        IsSuspect = (calls.Length > 0 && calls[^1].How is not null && !IsForgotten(now)) || silence > TimeSpan.FromMilliseconds(500);
        Doubt = calls.Length > 0 && Array.FindLast(calls, c => !c.IsKnock) is { At: > 0 } last && !IsWell(Dependency, last) && !IsWell(Dependency, calls[^1]) && clock.GetElapsedTime(last.At, now) < s_recent
            && !lateness.Weakens(last, slow)
            ? (last.How ?? Trouble.Slow, last.At, last.At - (last.Took is { } took ? Ticks(took) : 0))
            : null;
        if (Symptom is { } known)
        {
            if (IsOver(calls, silence, now))
            {
                (Symptom, _overAt) = (null, now);
            }
            else
            {
                Symptom = known with { How = HowNow(calls, known.How), Detail = Dependency.Detail };
            }
        }
        else if (calls.Where(c => c.At > _overAt).ToArray() is var fresh && Find(fresh, [.. fresh.Select(c => lateness.Weakens(c, slow))], silence, now) is var (how, since))
        {
            Found(how, since, now);
        }
    }

    /// <summary>Somebody on the same host, or of the same provider, is found to fail in the same way since then, and this one has not answered since: then one failure of it is one more of those.</summary>
    public void JoinIn(string how, long since)
    {
        if (Symptom is null && Doubt is { } doubt && doubt.How == how && !(WellAt >= Math.Min(since, doubt.Since)))
        {
            Found(how, doubt.Since, clock.GetTimestamp());
        }
    }

    private void Found(string how, long since, long now)
    {
        _metAt ??= now;
        Symptom = new Symptom(Dependency, how, Utc(since, now), since, now) { Detail = Dependency.Detail };
    }

    private bool IsForgotten(long now) => _metAt is { } met && clock.GetElapsedTime(met, now) > (Dependency.Document is null ? s_forgotten : s_forgottenDocument);

    /// <summary>It answered, and in time.</summary>
    public static bool IsWell(Dependency dependency, CallOutcome call) => call.How is null && !(call.Took > dependency.Policy.SlowAfter);

    /// <param name="weak">Which of them say less, because this process was late itself.</param>
    private (string How, long Since)? Find(CallOutcome[] calls, bool[] weak, TimeSpan silence, long now)
    {
        if (IsForgotten(now))
        {
            (calls, weak) = ([], []);   // knocks go on for a while yet; they find nothing anew
        }
        var run = Trailing(calls, c => c.How is not null);
        if (run > 0 && clock.GetElapsedTime(calls[^1].At, now) < s_forgotten && (Dependency.Policy.IsJudgedByItsDriver || IsEnough(calls.AsSpan()[^run..], weak.AsSpan()[^run..])))
        {
            return (Most(calls[^run..]), Began(calls[^run]));
        }
        var recent = calls.Where((c, i) => !weak[i] && clock.GetElapsedTime(c.At, now) <= s_recent).ToArray();
        var (eight, failed) = (recent.TakeLast(8).ToArray(), recent.Count(c => c.How is not null));
        if ((eight.Length == 8 && eight.Count(c => c.How is not null) >= 4) || (recent.Length >= 20 && failed * 4 >= recent.Length))
        {
            var failures = recent.Where(c => c.How is not null).ToArray();
            return (Most(failures), failures[0].At);
        }
        if (Dependency.Policy.IsJudgedByItsDriver && silence >= s_silence)
        {
            return (Trouble.Hangs, now - Ticks(silence));
        }
        if (Dependency.Policy.SlowAfter is not { } slow)
        {
            return null;
        }
        if (silence >= SilenceThatTells(slow) && Dependency.Waiting >= 2)
        {
            return (Trouble.Hangs, now - Ticks(silence));
        }
        var timed = calls.Where((c, i) => !weak[i] && c.Took is not null && c.How is null && clock.GetElapsedTime(c.At, now) <= 3 * s_recent).TakeLast(5).ToArray();
        var late = Trailing(timed, c => c.Took > slow);
        return (timed.Length == 5 && timed.Count(c => c.Took > slow) >= 4) || (late >= InARow && clock.GetElapsedTime(timed[^late].At, timed[^1].At) >= s_slowLasting)
            ? (Trouble.Slow, timed.First(c => c.Took > slow).At)
            : null;
    }

    /// <summary>Whether failures in a row are a finding: those that somebody met are by their number, with knocks among them only if they lasted as well.</summary>
    private bool IsEnough(ReadOnlySpan<CallOutcome> run, ReadOnlySpan<bool> weak)
    {
        var (met, plain, all, allPlain, isPlain) = (0, 0, 0, 0, true);
        for (var i = run.Length - 1; i >= 0; i--)
        {
            if (weak[i])
            {
                continue;
            }
            isPlain &= s_plain.Contains(run[i].How);
            (all, allPlain) = (all + 1, allPlain + (isPlain ? 1 : 0));
            (met, plain) = run[i].IsKnock ? (met, plain) : (met + 1, plain + (isPlain ? 1 : 0));
        }
        return met >= InARow || plain >= PlainInARow || run.Length >= InARowWhenLate
            || ((all >= InARow || allPlain >= PlainInARow) && clock.GetElapsedTime(Began(run[0]), run[^1].At) >= s_lasting);
    }

    private bool IsOver(CallOutcome[] calls, TimeSpan silence, long now)
    {
        if (calls.Length == 0 || IsForgotten(now))
        {
            return silence < s_silence;
        }
        if (Dependency.IsProbeAKnock && Array.FindLast(calls, c => !c.IsKnock) is { How: { } met } && !s_ofTheWay.Contains(met))
        {
            calls = [.. calls.Where(c => !c.IsKnock)];   // who was reached and answered badly: a knock is answered all the while
        }
        var well = Trailing(calls, c => IsWell(Dependency, c));
        if (well < WellInARow || (silence >= SilenceThatTells(Dependency.Policy.SlowAfter) && (Dependency.Waiting >= 2 || Dependency.Policy.IsJudgedByItsDriver)))
        {
            return false;
        }
        return Dependency.Policy.IsJudgedByItsDriver || clock.GetElapsedTime(calls[^well].At, now) >= s_calm;
    }

    /// <summary>Another way of failing takes the name over only when three in a row agree on it.</summary>
    private string HowNow(CallOutcome[] calls, string known) =>
        (Dependency.Policy.IsJudgedByItsDriver && calls.Length > 0 && calls[^1].How is { } said) ? said
        : Trailing(calls, c => c.How is not null) >= InARow && calls[^InARow..].Select(c => c.How).Distinct(StringComparer.Ordinal).ToArray() is [{ } one] ? one
        : known == Trouble.Hangs && Dependency.Policy.SlowAfter is { } slow && Trailing(calls, c => c.How is null && c.Took > slow) >= InARow ? Trouble.Slow   // it answers after all
        : known;

    /// <summary>What may take five seconds is not missed after two.</summary>
    private static TimeSpan SilenceThatTells(TimeSpan? slow) => 1.5 * slow is { } longer && longer > s_silence ? longer : s_silence;

    /// <summary>For how long nobody was answered.</summary>
    private TimeSpan SilenceNow(CallOutcome[] calls) =>
        // Whoever drives one by a loop of its own tells how it went each time round: when it tells nothing, it waits.
        Dependency.Policy.IsJudgedByItsDriver && calls.Length > 0 ? clock.GetElapsedTime(calls[^1].At) : Dependency.Silence;

    private long Began(CallOutcome call) => call.At - (call.Took is { } took ? Ticks(took) : 0);

    private static int Trailing(CallOutcome[] calls, Func<CallOutcome, bool> like)
    {
        var run = 0;
        while (run < calls.Length && like(calls[^(run + 1)]))
        {
            run++;
        }
        return run;
    }

    /// <summary>The way of failing that most have; of two alike, the later.</summary>
    private static string Most(CallOutcome[] failures) =>
        failures.Select((c, place) => (c.How, place)).GroupBy(c => c.How!, StringComparer.Ordinal).OrderByDescending(g => g.Count()).ThenByDescending(g => g.Max(c => c.place)).First().Key;

    private DateTimeOffset Utc(long at, long now) => clock.GetUtcNow() - clock.GetElapsedTime(at, now);

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * clock.TimestampFrequency);
}

/// <summary>A dependency that is ill.</summary>
/// <param name="Since">When its first failure began (UTC).</param>
/// <param name="SinceAt">The same in timestamps of the clock.</param>
/// <param name="FoundAt">When it was found, in timestamps of the clock.</param>
internal sealed record Symptom(Dependency Dependency, string How, DateTimeOffset Since, long SinceAt, long FoundAt)
{
    /// <summary>What is the matter, in its driver's words.</summary>
    public string? Detail { get; init; }

    public string Name => Dependency.Name;

    public DependencyPolicy Policy => Dependency.Policy;

    /// <summary>The host that was called, without its port.</summary>
    public string? Host => HostOf(Dependency);

    public static string? HostOf(Dependency dependency) => dependency.Host is { } host
        ? host.LastIndexOf(':') is var colon && colon > host.LastIndexOf(']') ? host[..colon] : host
        : null;
}
