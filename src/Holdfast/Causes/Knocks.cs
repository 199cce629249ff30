using System.Collections.Concurrent;
using Holdfast.Resilience;

namespace Holdfast.Causes;

/// <summary>Knocks at the hosts of customers' providers, after a call that somebody needed has failed and before the next one comes, which may take minutes (decision 0031).</summary>
/// <remarks>A provider's document, which anybody may read, is asked for whole: how that goes is an outcome of its own. Elsewhere it is only heard whether anybody answers at the host, which can confirm that nobody does,
/// and acquits nobody: a host that answers may have an endpoint that does not.</remarks>
/// <param name="ask">Asks for a document (true) or whether anybody is there; throws when nobody is, or what came is not the document.</param>
internal sealed class Knocks(Dependencies dependencies, Func<Uri, bool, CancellationToken, Task> ask, TimeProvider clock)
{
    /// <summary>The most that one knock may take.</summary>
    public static readonly TimeSpan Within = TimeSpan.FromSeconds(2);

    /// <summary>Knocks at one host that may follow each other, and after how long each of them may be spent again.</summary>
    private const int AtOnce = 5;
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(15);

    /// <summary>Between two at one host; and before the first, because where much is going on the next call comes sooner.</summary>
    private static readonly TimeSpan s_apart = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_quiet = TimeSpan.FromMilliseconds(500);

    /// <summary>How many doubts one look goes through; the next looks come to the others.</summary>
    private const int MostDoubts = 256;
    private const int MostHosts = 1024;

    /// <summary>What a host can be held to, whatever is asked of it.</summary>
    private static readonly string[] s_hosts = [Trouble.Refuses, Trouble.Hangs, Trouble.Unreachable, Trouble.Unresolved, Trouble.Reset, Trouble.Certificate];

    private int _from;   // where the next look goes on, when there are too many for one
    private readonly ConcurrentDictionary<string, Host> _hosts = new(StringComparer.Ordinal);

    /// <summary>Knocks where it is due. Waits for nothing.</summary>
    /// <param name="doubted">Whose last call failed, and those with a document that are found to be ill, so that it is heard when they are well.</param>
    public void Knock(IReadOnlyList<Doubted> doubted, CancellationToken ct)
    {
        var now = clock.GetTimestamp();
        var count = Math.Min(doubted.Count, MostDoubts);
        var from = doubted.Count > count ? _from % doubted.Count : 0;
        _from = from + count;
        for (var i = 0; i < count; i++)
        {
            var (dependency, _, heardAt) = doubted[(from + i) % doubted.Count];
            if (clock.GetElapsedTime(heardAt, now) < s_quiet)
            {
                continue;
            }
            var document = dependency.Document is not null ? dependency : DocumentsOf(dependency);
            if (document?.Document is { } at)
            {
                KnockAt(at, document, doubted, now, ct);
            }
            if (dependency.At is { } origin && origin.Authority != document?.Document?.Authority)
            {
                KnockAt(origin, null, doubted, now, ct);
            }
        }
    }

    /// <summary>The documents of the same provider, if they were ever read.</summary>
    private Dependency? DocumentsOf(Dependency dependency) =>
        dependency.Policy.Instance is { } one && dependencies.TryFindOfTenants(Catalogue.IdpDocuments.Of(one).Name, out var its) ? its : null;

    private void KnockAt(Uri at, Dependency? document, IReadOnlyList<Doubted> doubted, long now, CancellationToken ct)
    {
        if (!_hosts.TryGetValue(at.Authority, out var host))
        {
            if (_hosts.Count >= MostHosts)
            {
                foreach (var (name, _) in _hosts.Where(h => h.Value.IsRested(clock, now)).ToList())
                {
                    _hosts.TryRemove(name, out _);
                }
            }
            if (_hosts.Count >= MostHosts)
            {
                return;
            }
            host = _hosts[at.Authority] = new Host();
        }
        if (host.TrySpend(clock, now))
        {
            _ = KnockAsync(host, at, document, [.. doubted.Where(d => d.Dependency != document && d.Dependency.Host == at.Authority)], ct);
        }
    }

    private async Task KnockAsync(Host host, Uri at, Dependency? document, IReadOnlyList<Doubted> doubted, CancellationToken ct)
    {
        var began = clock.GetTimestamp();
        string? how = null;
        try
        {
            await ask(at, document is not null, ct);
        }
        catch (DependencyUnavailableException away) when (away.How is Trouble.Full or Trouble.Hangs)
        {
            how = away.How;
        }
        catch (Exception) when (ct.IsCancellationRequested)
        {
            return;
        }
        catch (Exception fault)
        {
            how = Trouble.Exactly(fault);
        }
        finally
        {
            host.IsUnderWay = false;
        }
        if (how is Trouble.Full or Trouble.Guarded)
        {
            return;   // nobody knocked
        }
        var took = clock.GetElapsedTime(began);
        document?.Heard(took, how);
        foreach (var (dependency, said, _) in doubted.Where(_ => s_hosts.Contains(how)))
        {
            if (s_hosts.Contains(said))
            {
                dependency.Heard(took, how);
            }
        }
    }

    /// <summary>What may still be spent on one host.</summary>
    private sealed class Host
    {
        private double _left = AtOnce;
        private long? _knockedAt;

        /// <summary>One at a time.</summary>
        public bool IsUnderWay { get; set; }

        public bool TrySpend(TimeProvider clock, long now)
        {
            var (left, rested) = Left(clock, now);
            if (IsUnderWay || rested < s_apart || left < 1)
            {
                return false;
            }
            (_left, _knockedAt, IsUnderWay) = (left - 1, now, true);
            return true;
        }

        public bool IsRested(TimeProvider clock, long now) => !IsUnderWay && Left(clock, now).Left >= AtOnce;

        private (double Left, TimeSpan Rested) Left(TimeProvider clock, long now)
        {
            var rested = _knockedAt is { } at ? clock.GetElapsedTime(at, now) : TimeSpan.FromDays(1);
            return (Math.Min(AtOnce, _left + (rested / s_again)), rested);
        }
    }
}

/// <summary>A dependency of which something is to be found out.</summary>
/// <param name="How">In what way its last call went ill.</param>
/// <param name="HeardAt">When anything was last heard of it, in timestamps of the clock.</param>
internal readonly record struct Doubted(Dependency Dependency, string How, long HeardAt);
