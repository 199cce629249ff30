using System.Net;
using Holdfast.Http;
using Holdfast.Load;
using Holdfast.Resilience;

namespace Holdfast.Edge;

/// <summary>One request under way: what it is, and where it has been.</summary>
internal sealed class Errand(Asked asked, string target, byte[] body)
{
    public static readonly HttpRequestOptionsKey<Errand> Option = new("holdfast.errand");

    public Asked Asked { get; } = asked;

    /// <summary>Path and query, byte by byte as they came.</summary>
    public string Target { get; } = target;

    public byte[] Body { get; } = body;

    /// <summary>Nodes that hold a place for it; a node that was tried stays here until the answer is through.</summary>
    public List<EdgeNode> Entered { get; } = [];

    /// <summary>Why there was no answer; null while there is one.</summary>
    public Told? Failed { get; set; }

    public bool IsFull { get; set; }

    public void Leave() => Entered.ForEach(n => n.Leave());
}

/// <summary>Sends a request to a node, and, where that is safe, once more to another.</summary>
internal sealed class Tries(EdgeNodes nodes, Ways ways, EdgeSettings settings, EdgeCounts counts, TimeProvider clock)
{
    private const int MostOfRefusal = 16 * 1024;

    /// <summary>What a node without <see cref="NodeAnswer"/> (an elder release) answers with 503 when it is itself the trouble. Other 503 (the primary is away) would be the same elsewhere.</summary>
    private static readonly string[] s_own = ["node_unavailable", "starting", "stopping", "disk"];

    private readonly Budget _retries = new(share: 0.2, floor: 10, clock);
    private readonly Budget _hedges = new(share: 0.03, floor: 1, clock);
    private readonly Latencies _latencies = new();

    /// <exception cref="HttpRequestException">No node gave an answer; the errand says why.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage template, CancellationToken ct)
    {
        template.Options.TryGetValue(Errand.Option, out var errand);
        var asked = errand!.Asked;
        var order = nodes.Order(asked);
        _retries.Count();
        _hedges.Count();
        var (isRepeated, at, worst) = (false, 0, Told.Refused);
        while (at < order.Count)
        {
            var (result, used) = await TryAsync(errand, template, order, at, isRepeated, ct);
            at += used;
            if (result.Told == Told.Answered)
            {
                return result.Response!;
            }
            ct.ThrowIfCancellationRequested();
            worst = Rank(result.Told) > Rank(worst) ? result.Told : worst;
            var more = at < order.Count;
            if (result.Told == Told.Busy)
            {
                if (!more || !_retries.TryTake())
                {
                    return result.Response!;   // what it says is the answer, with its Retry-After
                }
                result.Response!.Dispose();
                counts.Retries.Add();
                continue;
            }
            if (more && result.Told == Told.Refused)
            {
                counts.Elsewhere.Add();   // nothing was sent: it was no try
                continue;
            }
            if (more && asked.IsSafe && result.Told != Told.Unsendable && !isRepeated && used == 1 && _retries.TryTake())
            {
                result.Response?.Dispose();
                isRepeated = true;
                counts.Retries.Add();
                continue;
            }
            errand.Failed = worst;
            if (worst == result.Told && result.Response is { } response)
            {
                return response;
            }
            result.Response?.Dispose();   // the node that said it knows nothing of what another may have done
            throw new HttpRequestException($"No node answers: {worst}.");
        }
        errand.IsFull = order.Count == 0;
        errand.Failed = Told.Refused;
        throw new HttpRequestException("No node takes it.");
    }

    /// <summary>How little is known of what was done: of several tries the worst is told.</summary>
    private static int Rank(Told told) => told switch { Told.Hung => 4, Told.Lost => 3, Told.Unable => 2, Told.Unsendable => 1, _ => 0 };

    /// <summary>One try, or two at once where the first is among the slowest.</summary>
    /// <returns>What came of it, and how many nodes were asked.</returns>
    private async Task<(Result, int)> TryAsync(Errand errand, HttpRequestMessage template, List<EdgeNode> order, int at, bool isLast, CancellationToken ct)
    {
        var asked = errand.Asked;
        var isLonger = isLast || at + 1 >= order.Count;
        if (asked.Hedge is not { } kind || isLonger || order[at + 1].State != NodeState.Ready || _latencies.P99(kind) is not { } slow)
        {
            return (await OnceAsync(errand, template, order[at], isLonger, ct), 1);
        }
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var first = OnceAsync(errand, template, order[at], isLonger, stop.Token);
        using (var timer = CancellationTokenSource.CreateLinkedTokenSource(ct))
        {
            var late = Task.Delay(slow, clock, timer.Token);
            var one = await Task.WhenAny(first, late);
            await timer.CancelAsync();
            if (one == first || ct.IsCancellationRequested || !_hedges.TryTake())
            {
                return (await first, 1);
            }
        }
        counts.Hedges.Add();
        var second = OnceAsync(errand, template, order[at + 1], isLast: true, stop.Token);
        var winner = await Task.WhenAny(first, second);
        var (loser, other) = winner == first ? (second, await first) : (first, await second);
        // The other node may not have heard yet of what the first one knows: its "no" does not count against an answer that is still to come.
        if (other.Told == Told.Answered && (winner == first || (int)other.Response!.StatusCode < 400))
        {
            if (winner == second)
            {
                counts.HedgesWon.Add();
            }
            await stop.CancelAsync();
            _ = DiscardAsync(loser);
            return (other, 2);
        }
        var rest = await loser;
        if (rest.Told == Told.Answered || rest.Response is not null)
        {
            other.Response?.Dispose();
            return (rest, 2);
        }
        return (other.Told == Told.Answered ? other : rest, 2);
    }

    private static async Task DiscardAsync(Task<Result> loser)
    {
        try
        {
            (await loser).Response?.Dispose();
        }
        catch (OperationCanceledException)
        {
            // That is what it was told.
        }
    }

    private async Task<Result> OnceAsync(Errand errand, HttpRequestMessage template, EdgeNode node, bool isLast, CancellationToken ct)
    {
        var asked = errand.Asked;
        node.Enter();
        lock (errand.Entered)
        {
            errand.Entered.Add(node);
        }
        counts.Tries.Add();
        using var request = Copy(template, errand, node);
        using var patience = new CancellationTokenSource((isLast ? asked.Whole : asked.First) * settings.Times.Patience, clock);
        // Whoever can be served elsewhere does not wait for a node that is known to hang.
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token, asked.IsSafe && !isLast && node.State == NodeState.Ready ? node.Gone : default);
        var began = clock.GetTimestamp();
        try
        {
            var response = await ways.SendAsync(node, request, either.Token);
            var told = IsBusy(response) ? Told.Busy : await IsUnableAsync(response, either.Token) ? Told.Unable : Told.Answered;
            node.Tell(told == Told.Busy ? Told.Answered : told);   // no illness
            if (told != Told.Busy && asked.Hedge is { } kind)      // and no measure of how long an answer takes
            {
                _latencies.Add(kind, clock.GetElapsedTime(began));
            }
            return new Result(told, response);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            if (patience.IsCancellationRequested)
            {
                node.Tell(Told.Hung);
            }
            return new Result(Told.Hung, null);
        }
        catch (Exception fault) when (EdgeHttp.WasNotSendable(fault))
        {
            return new Result(Told.Unsendable, null);
        }
        catch (Exception fault) when (fault is DependencyUnavailableException or HttpRequestException or IOException)
        {
            var told = EdgeHttp.WasNotSent(fault) ? Told.Refused : Trouble.Of(fault is DependencyUnavailableException { InnerException: { } inner } ? inner : fault) == Trouble.Hangs || fault is DependencyUnavailableException { How: Trouble.Hangs } ? Told.Hung : Told.Lost;
            node.Tell(told);
            return new Result(told, null);
        }
    }

    /// <summary>Refused for load: a node says so in a header, for a page as for the API.</summary>
    private static bool IsBusy(HttpResponseMessage response) => response.StatusCode == HttpStatusCode.ServiceUnavailable && response.Headers.Contains(LoadGate.Header);

    /// <summary>Whether it is the node that cannot. A node also answers so of others (an identity provider, the primary), and then not of itself: what it says beside it decides, and where nothing is said beside it,
    /// 502 and 504 are of something in the node's place.</summary>
    private static async Task<bool> IsUnableAsync(HttpResponseMessage response, CancellationToken ct)
    {
        if ((int)response.StatusCode >= 500 && response.Headers.NonValidated.TryGetValues(NodeAnswer.Header, out var mark))
        {
            return mark.ToString() == NodeAnswer.Unable;
        }
        if (response.StatusCode is HttpStatusCode.BadGateway or HttpStatusCode.GatewayTimeout)
        {
            return true;
        }
        if (response.StatusCode != HttpStatusCode.ServiceUnavailable || response.Content.Headers.ContentLength is null or > MostOfRefusal)
        {
            return false;
        }
        await response.Content.LoadIntoBufferAsync(MostOfRefusal, ct);
        var code = Ways.Code(await response.Content.ReadAsByteArrayAsync(ct));
        return s_own.Contains(code);
    }

    /// <summary>The request for one node: as the forwarder has made it, with a body that can be sent again.</summary>
    private static HttpRequestMessage Copy(HttpRequestMessage template, Errand errand, EdgeNode node)
    {
        // As it came, not as a parser would write it: what the edge has looked at is what the node gets.
        var uri = new Uri(node.Address.GetLeftPart(UriPartial.Authority) + errand.Target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        var request = new HttpRequestMessage(template.Method, uri) { Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        foreach (var (name, values) in template.Headers.NonValidated)
        {
            request.Headers.TryAddWithoutValidation(name, values);
        }
        if (template.Method != HttpMethod.Get && template.Method != HttpMethod.Head)
        {
            // A body, be it empty, keeps the client from sending it a second time by itself when a kept connection turns out to be closed.
            request.Content = new ByteArrayContent(errand.Body);
            foreach (var (name, values) in template.Content?.Headers.NonValidated ?? default)
            {
                if (!name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase))
                {
                    request.Content.Headers.TryAddWithoutValidation(name, values);
                }
            }
        }
        return request;
    }

    private sealed record Result(Told Told, HttpResponseMessage? Response);
}
