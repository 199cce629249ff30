using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Holdfast.Keys;
using Holdfast.Protocols.Flags;
using Holdfast.Resilience;
using Holdfast.Storage;

namespace Holdfast.Flags.Sources;

/// <summary>The flags of the operator's provider, as it last said them: in memory, and on the disk for the next start. Evaluating one reads memory, and nothing else: it asks nobody, waits for
/// nobody, and writes nothing. Before the provider ever spoke there are the defaults in the code.</summary>
/// <remarks>What was last said never expires (law 6): its age stands in <c>/health</c>.</remarks>
internal sealed class ProviderFlags : BackgroundService
{
    /// <summary>How often what has changed is written to the disk, at most.</summary>
    public static readonly TimeSpan KeptEvery = TimeSpan.FromSeconds(5);

    /// <summary>The most names of flags that are remembered because they could not be evaluated.</summary>
    private const int MostNamed = 100;

    private readonly IFlagSource? _source;
    private readonly string _path;
    private readonly string _whose;
    private readonly OperatorHttp _http = new();
    private readonly TimeProvider _clock;
    private readonly ILogger<ProviderFlags> _log;
    private readonly long[] _outcomes = new long[Enum.GetValues<FlagOutcome>().Length];
    private readonly ConcurrentDictionary<string, FlagOutcome> _notEvaluated = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string?> _how = new(StringComparer.Ordinal);
    private readonly Lock _keeping = new();
    private volatile FlagSet? _flags;
    private volatile Func<byte[]>? _toKeep;
    private long _heardAt;   // Unix milliseconds; 0 for never
    private int _told;       // names of _notEvaluated that were logged

    /// <param name="setting">Null for no provider: every flag is its default.</param>
    /// <param name="folder">This node's disk.</param>
    public ProviderFlags(FlagSetting? setting, string folder, string node, Dependencies dependencies, Entropy entropy, TimeProvider clock, ILogger<ProviderFlags> log)
    {
        (Setting, _path, _clock, _log) = (setting, Path.Combine(folder, "flags.kept"), clock, log);
        _whose = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(setting?.ToString() ?? "")));
        _source = setting is null ? null : FlagSources.Of(setting, node, dependencies, _http, entropy, clock, OnRound);
    }

    public FlagSetting? Setting { get; }

    /// <summary>Whether the provider is asked again and again, and no stream of it is kept open: an operator's order (decision 0029).</summary>
    public bool PollsOnly
    {
        get => _source is { PollsOnly: true };
        set
        {
            if (_source is not null)
            {
                _source.PollsOnly = value;
            }
        }
    }

    /// <summary>Is told of every attempt to read, once the next is set.</summary>
    public Action<FlagRound>? Noted { get; set; }

    /// <summary>Is told when other flags hold.</summary>
    public Action? Changed { get; set; }

    /// <summary>How many flags the provider has; null while it never spoke.</summary>
    public int? Count => _flags?.Names.Count;

    /// <summary>When the provider was last heard, be it to say that nothing has changed; null for never.</summary>
    public DateTimeOffset? HeardAt => Interlocked.Read(ref _heardAt) is > 0 and var at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null;

    /// <summary>Flags that were asked for and stand on something that is not evaluated here, or contradict themselves.</summary>
    public IReadOnlyList<string> NotEvaluated => [.. _notEvaluated.Keys.Order(StringComparer.Ordinal)];

    /// <summary>How often evaluations ended how, since the start.</summary>
    public IEnumerable<(FlagOutcome Outcome, long Times)> Outcomes => Enum.GetValues<FlagOutcome>().Select(o => (o, Interlocked.Read(ref _outcomes[(int)o])));

    /// <summary>What a flag is for somebody. Never throws and never waits.</summary>
    public FlagResult Evaluate(string name, FlagContext context)
    {
        FlagResult result;
        try
        {
            result = _flags is { } flags ? flags.Evaluate(name, context, _clock.GetUtcNow()) : new FlagResult(FlagOutcome.Unknown);
        }
        catch (Exception)
        {
            result = new FlagResult(FlagOutcome.Malformed);   // a flag's fault is no sign-in's
        }
        Interlocked.Increment(ref _outcomes[(int)result.Outcome]);
        if (result.Outcome is FlagOutcome.NotEvaluated or FlagOutcome.Malformed && _notEvaluated.Count < MostNamed)
        {
            _notEvaluated.TryAdd(name, result.Outcome);
        }
        return result;
    }

    /// <summary>A switch of our own: what the provider says, else its default.</summary>
    public bool IsOn(Switch ours, FlagContext context) => Evaluate(ours.Name, context) is { Outcome: FlagOutcome.Evaluated, Value: { ValueKind: JsonValueKind.True or JsonValueKind.False } value }
        ? value.ValueKind == JsonValueKind.True
        : ours.Default;

    /// <summary>The provider's flags that are true for somebody, our own switches apart, in the order of their letters; of the first <see cref="FlagInput.MostFlags"/>.</summary>
    public List<string> On(FlagContext context) => _flags is not { } flags
        ? []
        : [.. flags.Names.Where(n => !Switches.IsOurs(n)).Order(StringComparer.Ordinal).Take(FlagInput.MostFlags)
            .Where(n => Evaluate(n, context) is { Outcome: FlagOutcome.Evaluated, Value.ValueKind: JsonValueKind.True })];

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        Load();
        return base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        Keep();
    }

    public override void Dispose()
    {
        base.Dispose();
        _http.Dispose();
    }

    /// <summary>Writes down what has changed since it was last written.</summary>
    public void Keep()
    {
        lock (_keeping)
        {
            if (Interlocked.Exchange(ref _toKeep, null) is not { } document)
            {
                return;
            }
            try
            {
                OwnFile.Write(_path, [.. Encoding.ASCII.GetBytes($"{_whose} {Interlocked.Read(ref _heardAt)}\n"), .. document()]);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                FlagsLog.NotKept(_log, fault);
            }
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => _source is null
        ? Task.CompletedTask
        : Task.WhenAll(_source.RunAsync(Take, stoppingToken), Rounds.RunAsync(KeptEvery, _clock, KeepRoundAsync, fault => FlagsLog.NotKept(_log, fault), stoppingToken));

    private Task KeepRoundAsync(CancellationToken ct)
    {
        Keep();
        // Here, because an evaluation writes nothing, not even a line of the log.
        if (_notEvaluated.Count > _told)
        {
            _told = _notEvaluated.Count;
            FlagsLog.NotEvaluated(_log, string.Join(", ", NotEvaluated));
        }
        return Task.CompletedTask;
    }

    private void Take(FlagNews news)
    {
        Heard();
        _flags = news.Flags;
        _toKeep = news.Document;
        Changed?.Invoke();
    }

    private void OnRound(FlagRound round)
    {
        if (round is { How: null, Way: "poll" })
        {
            Heard();
        }
        if (_how.GetValueOrDefault(round.Way) != round.How)
        {
            _how[round.Way] = round.How;
            FlagsLog.Provider(_log, round.Way, round.How ?? "well");
        }
        Noted?.Invoke(round);
    }

    private void Heard() => Interlocked.Exchange(ref _heardAt, _clock.GetUtcNow().ToUnixTimeMilliseconds());

    /// <summary>What was kept. A file that cannot be read is as good as none: the provider will speak.</summary>
    private void Load()
    {
        if (_source is null || !File.Exists(_path))
        {
            return;
        }
        try
        {
            var bytes = File.ReadAllBytes(_path);
            var line = bytes.AsSpan(0, Math.Max(0, bytes.AsSpan().IndexOf((byte)'\n')));
            if (Encoding.ASCII.GetString(line).Split(' ') is [var whose, var heard] && whose == _whose && long.TryParse(heard, NumberStyles.None, CultureInfo.InvariantCulture, out var at))
            {
                _flags = _source.Read(bytes[(line.Length + 1)..]);
                Interlocked.Exchange(ref _heardAt, at);
            }
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or FlagDocumentException)
        {
            FlagsLog.NotLoaded(_log, fault);
        }
    }
}

internal static partial class FlagsLog
{
    [LoggerMessage(1180, LogLevel.Warning, "The flag provider ({way}): {how}")]
    public static partial void Provider(ILogger log, string way, string how);

    [LoggerMessage(1181, LogLevel.Warning, "The flags that were kept cannot be read; until the provider speaks, the defaults hold")]
    public static partial void NotLoaded(ILogger log, Exception fault);

    [LoggerMessage(1182, LogLevel.Warning, "The flags could not be kept on the disk")]
    public static partial void NotKept(ILogger log, Exception fault);

    [LoggerMessage(1183, LogLevel.Warning, "Flags that are not evaluated here, so that their defaults hold: {names}")]
    public static partial void NotEvaluated(ILogger log, string names);
}
