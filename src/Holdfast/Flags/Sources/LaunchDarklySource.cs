using System.Net.ServerSentEvents;
using Holdfast.Protocols.Flags;
using Holdfast.Resilience;

namespace Holdfast.Flags.Sources;

/// <summary>LaunchDarkly's stream, and beside it, from the first moment on, its poll: whichever speaks first is heard, and while the stream lives the poll rests.</summary>
/// <remarks>The SDK that hung on the day of <c>docs/continuity.md</c> opened the stream, and waited. Here nothing waits for either.</remarks>
internal sealed class LaunchDarklySource(
    OperatorHttp http, Dependency stream, Uri streamUri, IReadOnlyList<KeyValuePair<string, string>> headers, PolledSource poll, Pace pace, TimeProvider clock, Action<FlagRound> noted) : IFlagSource
{
    /// <summary>The provider says something every three minutes, if only that it is there.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(5);

    /// <summary>How long a line, and the first event, may take.</summary>
    public static readonly TimeSpan Line = TimeSpan.FromSeconds(30);

    /// <summary>A stream that broke sooner counts as a failure, however well it began: else one that flaps would be asked again every second.</summary>
    private static readonly TimeSpan Steady = TimeSpan.FromMinutes(1);

    /// <summary>The most bytes of one event.</summary>
    private const int MostBytes = HttpFlags.MostBytes;

    /// <summary>The most events of a minute: a provider that repeats itself without end is left alone for a while.</summary>
    public const int MostEvents = 1000;

    /// <summary>How often one that is not to stream looks whether it may again.</summary>
    private static readonly TimeSpan s_looksAgain = TimeSpan.FromSeconds(1);

    private volatile bool _pollsOnly;
    private volatile CancellationTokenSource? _streaming;
    private LaunchDarklyFlags _flags = LaunchDarklyFlags.Empty;
    private readonly Lock _telling = new();
    private volatile DripStream? _live;

    /// <remarks>A stream that is open ends at once, without counting as a failure: the poll takes over with its next turn.</remarks>
    public bool PollsOnly
    {
        get => _pollsOnly;
        set
        {
            _pollsOnly = value;
            if (value)
            {
                try
                {
                    _streaming?.Cancel();
                }
                catch (ObjectDisposedException)
                {
                    // It has ended by itself.
                }
            }
        }
    }

    public FlagSet Read(byte[] kept) => LaunchDarklyFlags.Parse(kept);

    public Task RunAsync(Action<FlagNews> told, CancellationToken ct) => Task.WhenAll(StreamAsync(told, ct), poll.RunAsync(news => TellPolled(news, told), () => _live is null, ct));

    /// <summary>A poll's answer may be older than what the stream has said since it was asked for.</summary>
    private void TellPolled(FlagNews news, Action<FlagNews> told)
    {
        lock (_telling)
        {
            if (_live is null)
            {
                told(news);
            }
        }
    }

    private async Task StreamAsync(Action<FlagNews> told, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(ct);
            _streaming = ending;
            if (_pollsOnly)   // after the stream can be ended: whoever says so now is heard, here or there
            {
                await Task.Delay(s_looksAgain, clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                continue;
            }
            var began = clock.GetTimestamp();
            string? how = null;
            try
            {
                using var response = await http.OpenAsync(stream, streamUri, headers, Check, ending.Token);
                how = await ListenAsync(response, told, ending.Token);
            }
            catch (DependencyUnavailableException away)
            {
                how = away.How;   // it has been counted
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (OperationCanceledException) when (ending.IsCancellationRequested)
            {
                continue;   // by hand
            }
            finally
            {
                _live = null;
            }
            if (how is null && clock.GetElapsedTime(began) < Steady)
            {
                how = Trouble.Errors;   // the provider ends a stream now and then, to spread its load: that alone is no failure, but this is too soon
                stream.Report(success: false, how);
            }
            await PolledSource.PauseAsync("stream", how, pace, clock, noted, ct);
        }
    }

    private static void Check(int status, string? mediaType)
    {
        HttpFlags.Check(status);
        if (mediaType != "text/event-stream")
        {
            throw new OutageException(Trouble.Wrong, "What the provider answers is no stream of events.");
        }
    }

    /// <returns>How it failed; null when the provider ended it.</returns>
    private async Task<string?> ListenAsync(HttpResponseMessage response, Action<FlagNews> told, CancellationToken ct)
    {
        try
        {
            await using var drip = new DripStream(await response.Content.ReadAsStreamAsync(ct), Silence, Line, MostBytes, clock);
            using var patience = new CancellationTokenSource(Line, clock);
            using var first = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, ct);
            var (minute, events) = (clock.GetTimestamp(), 0);
            await foreach (var item in SseParser.Create(drip).EnumerateAsync(first.Token))
            {
                drip.Restart();
                if (clock.GetElapsedTime(minute) >= Steady)
                {
                    (minute, events) = (clock.GetTimestamp(), 0);
                }
                if (++events > MostEvents)
                {
                    throw new OutageException(Trouble.Wrong, "The stream does not stop changing.");
                }
                if (_live is null && item.EventType != "put")
                {
                    continue;   // changes of what was never said
                }
                _flags = _flags.After(item.EventType, item.Data);
                patience.CancelAfter(Timeout.InfiniteTimeSpan);
                stream.Report(success: true);
                lock (_telling)
                {
                    _live = drip;
                    told(new FlagNews(_flags, _flags.ToDocument));
                }
            }
            return null;
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception fault)
        {
            var how = fault is FlagDocumentException ? Trouble.Wrong : Trouble.Of(fault);
            stream.Report(success: false, how);
            return how;
        }
    }
}
