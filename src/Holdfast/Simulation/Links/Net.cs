using System.Text.Json;
using Holdfast.Simulation.Time;
using Holdfast.Storage;

namespace Holdfast.Simulation.Links;

/// <summary>How a way between two machines is, one way.</summary>
/// <param name="Loss">Of a hundred messages, how many do not arrive, as a fraction; and so on.</param>
/// <param name="Late">How many arrive so late that others overtake them.</param>
internal sealed record Way(TimeSpan Least, TimeSpan Most, double Loss = 0, double Doubled = 0, double Late = 0);

/// <summary>The network between machines. Messages are text: what arrives is a copy.</summary>
internal sealed class Net(World world)
{
    private static readonly TimeSpan LateBy = TimeSpan.FromMilliseconds(600);

    private readonly Dictionary<string, (string Region, Func<Life?> Life)> _machines = new(StringComparer.Ordinal);
    private readonly List<Cut> _cuts = [];
    private readonly List<Storm> _storms = [];
    private readonly Dice _dice = world.Dice("network");

    /// <summary>Puts a machine onto the network.</summary>
    /// <param name="life">The process that listens there; null while none does.</param>
    public void Attach(string name, string region, Func<Life?> life) => _machines[name] = (region, life);

    /// <summary>From here on nothing goes from these machines to those.</summary>
    public void Begin(Cut cut) => _cuts.Add(cut);

    public void End(Cut cut) => _cuts.Remove(cut);

    /// <summary>From here on the ways of these machines are bad.</summary>
    public void Begin(Storm storm) => _storms.Add(storm);

    public void End(Storm storm) => _storms.Remove(storm);

    public void Heal()
    {
        _cuts.Clear();
        _storms.Clear();
    }

    /// <summary>Sends a message. It may come late, twice, or never.</summary>
    /// <param name="onceOnly">It travels over a connection, which doubles nothing.</param>
    public void Send(string from, string to, string what, bool onceOnly, Action<Life?> arrive)
    {
        var way = Between(from, to);
        if (_cuts.Exists(c => c.Stops(from, to)) || _dice.Chance(way.Loss))
        {
            world.Trace.Count(world.Now.Ticks, to, "never hears it");
            return;
        }
        var copies = !onceOnly && _dice.Chance(way.Doubled) ? 2 : 1;
        for (var i = 0; i < copies; i++)
        {
            var delay = _dice.Between(way.Least, way.Most) + (_dice.Chance(way.Late) ? _dice.Between(TimeSpan.Zero, LateBy) : TimeSpan.Zero);
            world.After(delay, world.Outside, what, () =>
            {
                // Whoever listens at the moment of arrival. A cut that came meanwhile does not call back what was under way.
                var life = _machines[to].Life();
                if (life is null)
                {
                    arrive(null);
                }
                else
                {
                    world.InOrder(TimeSpan.Zero, life, what, () => arrive(life));
                }
            });
        }
    }

    private Way Between(string from, string to)
    {
        var way = _machines[from].Region == _machines[to].Region
            ? new Way(TimeSpan.FromMicroseconds(200), TimeSpan.FromMilliseconds(1))
            : new Way(TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(60));
        foreach (var storm in _storms)
        {
            way = storm.Touches(from, to) ? storm.Worsen(way) : way;
        }
        return way;
    }

    /// <summary>Asks another machine. Without an answer the task never ends: whoever asks has a deadline.</summary>
    /// <exception cref="NotAnsweredException">Nobody listens there, or the other said that it cannot.</exception>
    public Task<TA> AskAsync<TQ, TA>(string from, string to, string what, TQ question, Func<TQ, Task<TA>> answer, bool onceOnly = false)
    {
        var text = JsonSerializer.SerializeToUtf8Bytes(question);
        return CallAsync(
            from, to, what, onceOnly,
            async () => JsonSerializer.SerializeToUtf8Bytes(await answer(JsonSerializer.Deserialize<TQ>(text)!)),
            bytes => JsonSerializer.Deserialize<TA>(bytes)!);
    }

    /// <summary>Hands a piece of work to another machine as it is. What it captured must be its own, and what it answers immutable.</summary>
    /// <inheritdoc cref="AskAsync{TQ,TA}"/>
    public Task<TA> CallAsync<TA>(string from, string to, string what, Func<Task<TA>> work) => CallAsync(from, to, what, onceOnly: true, work, answer => answer);

    private Task<TA> CallAsync<TWire, TA>(string from, string to, string what, bool onceOnly, Func<Task<TWire>> work, Func<TWire, TA> read)
    {
        var done = new TaskCompletionSource<TA>(TaskCreationOptions.RunContinuationsAsynchronously);
        Send(from, to, what, onceOnly, life =>
        {
            if (life is null)
            {
                Send(to, from, "refused", onceOnly, _ => done.TrySetException(new NotAnsweredException($"Nobody listens at {to}.", null)));
                return;
            }
            _ = AnswerAsync(from, to, what, onceOnly, work, read, done);
        });
        return done.Task;
    }

    private async Task AnswerAsync<TWire, TA>(
        string from, string to, string what, bool onceOnly, Func<Task<TWire>> work, Func<TWire, TA> read, TaskCompletionSource<TA> done)
    {
        try
        {
            var wire = await work();
            Send(to, from, what, onceOnly, _ => done.TrySetResult(read(wire)));
        }
        catch (SilenceException)
        {
            // It took the question and says nothing.
        }
        catch (Exception fault)
        {
            // A sentence and a kind travel, as they would over HTTP.
            Send(to, from, what, onceOnly, _ => done.TrySetException(new NotAnsweredException(fault.Message, fault)));
        }
    }
}

/// <summary>A cut between two sets of machines.</summary>
internal sealed record Cut(IReadOnlySet<string> From, IReadOnlySet<string> To, bool BothWays)
{
    public bool Stops(string from, string to) => (From.Contains(from) && To.Contains(to)) || (BothWays && From.Contains(to) && To.Contains(from));
}

/// <summary>Bad ways from and to some machines.</summary>
internal sealed record Storm(IReadOnlySet<string> Machines, double Loss, double Doubled, double Late, TimeSpan Slower)
{
    public bool Touches(string from, string to) => Machines.Contains(from) || Machines.Contains(to);

    public Way Worsen(Way way) => new(
        way.Least, way.Most + Slower, Math.Max(way.Loss, Loss), Math.Max(way.Doubled, Doubled), Math.Max(way.Late, Late));
}

/// <summary>The other does not listen, or answered that it cannot.</summary>
/// <param name="said">What it threw, of which only what a wire would carry may be looked at; null when nobody listens.</param>
internal sealed class NotAnsweredException(string message, Exception? said) : Exception(message)
{
    public PrimaryFault? Fault { get; } = (said as PrimaryUnavailableException)?.Fault;

    /// <summary>Whether it was an outage, and not a mistake in the program.</summary>
    public bool IsOutage { get; } = said is null or StorageUnavailableException;

    /// <summary>Whether it was surely not done: nobody was there, or this node's own disk refused it.</summary>
    public bool IsCertain { get; } = said is null or JournalFullException;

    /// <summary>The other's mistake, with where it was made.</summary>
    public string Details { get; } = said?.ToString() ?? message;
}

/// <summary>Thrown by one that takes a question and never answers it.</summary>
internal sealed class SilenceException : Exception;
