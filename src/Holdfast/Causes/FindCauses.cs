using System.Threading.Channels;

namespace Holdfast.Causes;

/// <summary>Runs the <see cref="Finder"/>, and tells what it names: to the log and to the ring on this node's disk.</summary>
internal sealed partial class FindCauses(Finder finder, CauseRing ring, TimeProvider clock, ILogger<FindCauses> log) : BackgroundService
{
    /// <summary>The most changes that wait to be written down; the eldest gives way, and the log has it.</summary>
    private const int MostWaiting = 256;

    private readonly Channel<(Cause Cause, CauseChange Change)> _changes =
        Channel.CreateBounded<(Cause, CauseChange)>(new BoundedChannelOptions(MostWaiting) { FullMode = BoundedChannelFullMode.DropOldest });

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        finder.Tell = (cause, change) =>
        {
            Log(cause, change);
            _changes.Writer.TryWrite((cause, change));
        };
        finder.Listen();
        await Task.WhenAll(finder.RunAsync(fault => CutOff(log, fault), stoppingToken), KeepAsync(stoppingToken));
    }

    private async Task KeepAsync(CancellationToken ct)
    {
        try
        {
            await foreach (var (cause, change) in _changes.Reader.ReadAllAsync(ct))
            {
                try
                {
                    ring.Append(new CauseRing.Entry(
                        clock.GetUtcNow(), Word(change), cause.Id!, cause.Dependency, cause.How, cause.Since, cause.Scope.ToString().ToLowerInvariant(), cause.Text, cause.Detail, cause.Symptoms));
                }
                catch (Exception disk) when (disk is IOException or UnauthorizedAccessException)
                {
                    NotKept(log, disk);
                }
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Told to stop.
        }
    }

    private void Log(Cause cause, CauseChange change)
    {
        switch (change)
        {
            case CauseChange.Named or CauseChange.KnownBetter when cause.Scope == CauseScope.Tenant:
                NamedOfTenant(log, cause.Dependency, cause.How, cause.Since, cause.Id!);
                break;
            case CauseChange.Named or CauseChange.KnownBetter:
                Named(log, cause.Dependency, cause.How, cause.Since, cause.Id!, cause.Text);
                break;
            default:
                Over(log, cause.Dependency, cause.How, cause.Since, cause.Id!, Word(change));
                break;
        }
    }

    private static string Word(CauseChange change) => change switch
    {
        CauseChange.Named => "named",
        CauseChange.KnownBetter => "known_better",
        CauseChange.Over => "over",
        _ => "joined",
    };

    [LoggerMessage(1190, LogLevel.Error, "Cause: {Dependency} {How} since {Since:O} ({Incident}). {Text}")]
    private static partial void Named(ILogger log, string dependency, string how, DateTimeOffset since, string incident, string text);

    [LoggerMessage(1191, LogLevel.Warning, "Cause, of one customer: {Dependency} {How} since {Since:O} ({Incident})")]
    private static partial void NamedOfTenant(ILogger log, string dependency, string how, DateTimeOffset since, string incident);

    [LoggerMessage(1192, LogLevel.Information, "Cause over: {Dependency} {How} since {Since:O} ({Incident}, {Change})")]
    private static partial void Over(ILogger log, string dependency, string how, DateTimeOffset since, string incident, string change);

    [LoggerMessage(1193, LogLevel.Warning, "What was named could not be kept in the ring on this node's disk")]
    private static partial void NotKept(ILogger log, Exception fault);

    [LoggerMessage(1194, LogLevel.Warning, "A look at the dependencies was cut off")]
    private static partial void CutOff(ILogger log, Exception fault);
}
