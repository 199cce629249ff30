using System.Collections.Concurrent;
using Holdfast.Environments;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>Sees where two versions of a claim meet on this node, whichever way they came: of two users who were given one address apart, one has lost it (decision 0009).</summary>
internal sealed class MetClaims
{
    /// <summary>Beyond so many that were not told of, they are told by the other nodes that see them meet, or not at all.</summary>
    private const int Most = 10_000;

    private readonly ConcurrentQueue<(RowVersion Held, RowVersion Incoming)> _met = new();

    /// <summary>The same join, watched.</summary>
    public JoinVersions Watching(JoinVersions join) => (held, incoming) =>
    {
        if (held?.Table == Schema.Claims && held.Value("holder") is string before && incoming.Value("holder") is string after && before != after && _met.Count < Most)
        {
            _met.Enqueue((held, incoming));
        }
        return join(held, incoming);
    };

    public bool TryTake(out (RowVersion Held, RowVersion Incoming) met) => _met.TryDequeue(out met);

    /// <summary>To be told of in another round.</summary>
    public void PutBack((RowVersion Held, RowVersion Incoming) met) => _met.Enqueue(met);
}

/// <summary>Tells the application of lost addresses, by an event. Its id follows from the claim, so that of all nodes that see it, one event comes.</summary>
internal sealed class TellLostClaims(MetClaims met, Database database, EnvironmentStore environments, TimeProvider clock, ILogger<TellLostClaims> log) : BackgroundService
{
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Rounds.RunAsync(Every, clock, _ => RoundAsync(), fault => UsersLog.RoundCutOff(log, fault), stoppingToken);

    public async Task RoundAsync()
    {
        while (met.TryTake(out var pair))
        {
            if ((pair.Held.Value("environment_id") ?? pair.Incoming.Value("environment_id")) is not string environmentId)
            {
                continue;
            }
            try
            {
                var idKey = environments.IdKey(environmentId);
                await database.RecordAsync(view => ClaimLost.EventOf(view, pair.Held, pair.Incoming, idKey, clock.GetUtcNow()) is { } lost ? Decide.To(true, lost) : Decide.Nothing(false));
            }
            catch
            {
                met.PutBack(pair);   // the disk, or the environment that has not come yet
                throw;
            }
        }
    }
}

internal static partial class UsersLog
{
    [LoggerMessage(1146, LogLevel.Warning, "Telling of lost addresses was cut off")]
    public static partial void RoundCutOff(ILogger log, Exception fault);
}
