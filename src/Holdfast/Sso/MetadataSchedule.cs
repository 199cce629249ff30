using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Sso;

/// <summary>When each metadata address is read: seldom, spread out, and each host by one call at a time. In memory, some 200 bytes a connection; a start spreads all anew.</summary>
/// <param name="salt">A node's own, so that nodes do not come at the same moment.</param>
internal sealed class MetadataSchedule(SsoOptions options, string salt)
{
    /// <summary>The most calls under way.</summary>
    public const int AtOnce = 8;

    /// <summary>From the end of one call to a host to the start of the next: many connections share a few large providers.</summary>
    public static readonly TimeSpan BetweenCalls = TimeSpan.FromSeconds(1);

    /// <summary>Over how long connections are spread that were changed while the node ran.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Host> _hosts = new(StringComparer.Ordinal);
    private int _underWay;

    /// <param name="UpdatedAt">The connection's, when its settings were opened.</param>
    /// <param name="Host">Null when it has no metadata address.</param>
    /// <param name="Round">The last one that saw it.</param>
    private sealed record Entry(long UpdatedAt, string? Host, DateTimeOffset Due, int Failures, int Round);

    private sealed record Host(DateTimeOffset FreeAt, bool IsBusy);

    /// <summary>Whether a connection is known as it is now; then it counts as seen.</summary>
    public bool Knows(string id, long updatedAt, int round)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(id, out var entry) || entry.UpdatedAt != updatedAt)
            {
                return false;
            }
            _entries[id] = entry with { Round = round };
            return true;
        }
    }

    /// <param name="host">Null when there is nothing to read.</param>
    public void Put(string id, long updatedAt, string? host, int round, DateTimeOffset now)
    {
        lock (_lock)
        {
            // What was read when it was saved need not be read at once; after a start nobody knows when that was.
            var within = round == 1 ? options.MetadataShortest : Soon;
            _entries[id] = new Entry(updatedAt, host, now + (within * Spread(id)), 0, round);
        }
    }

    /// <summary>Forgets what a round did not see.</summary>
    public void KeepOnly(int round)
    {
        lock (_lock)
        {
            foreach (var (gone, _) in _entries.Where(e => e.Value.Round != round).ToList())
            {
                _entries.Remove(gone);
            }
        }
    }

    /// <summary>Those that may be read now, the longest due first; each must be given back by <see cref="Done"/>.</summary>
    public IReadOnlyList<(string Id, string Host)> Take(DateTimeOffset now)
    {
        var taken = new List<(string, string)>();
        lock (_lock)
        {
            if (_underWay == AtOnce)
            {
                return taken;
            }
            foreach (var (quiet, _) in _hosts.Where(h => !h.Value.IsBusy && h.Value.FreeAt <= now).ToList())
            {
                _hosts.Remove(quiet);
            }
            foreach (var (id, entry) in _entries.Where(e => e.Value.Host is not null && e.Value.Due <= now).OrderBy(e => e.Value.Due))
            {
                if (_underWay == AtOnce)
                {
                    break;
                }
                if (_hosts.TryAdd(entry.Host!, new Host(now, IsBusy: true)))
                {
                    _entries[id] = entry with { Due = DateTimeOffset.MaxValue };
                    _underWay++;
                    taken.Add((id, entry.Host!));
                }
            }
        }
        return taken;
    }

    /// <param name="next">How long until it is read again; null when it could not be read or used.</param>
    public void Done(string id, string host, DateTimeOffset now, TimeSpan? next)
    {
        lock (_lock)
        {
            _underWay--;
            _hosts[host] = new Host(now + BetweenCalls, IsBusy: false);
            if (!_entries.TryGetValue(id, out var entry) || entry.Due != DateTimeOffset.MaxValue)
            {
                return;   // deleted or changed meanwhile
            }
            var failures = next is null ? entry.Failures + 1 : 0;
            var wait = next ?? Bounded(options.MetadataShortest * Math.Pow(2, Math.Min(failures - 1, 10)));
            _entries[id] = entry with { Due = now + (wait * (1 + (Spread(id) / 10))), Failures = failures };
        }
    }

    /// <summary>How long a document says that it may be kept, within our bounds: half of what is left until it ends, at most what it says by itself.</summary>
    public TimeSpan Interval(TimeSpan? cacheDuration, DateTimeOffset? validUntil, DateTimeOffset now)
    {
        var wanted = cacheDuration ?? options.MetadataUsual;
        return Bounded(validUntil is { } end && (end - now) / 2 is var half && half < wanted ? half : wanted);
    }

    private TimeSpan Bounded(TimeSpan wanted) =>
        wanted < options.MetadataShortest ? options.MetadataShortest : wanted > options.MetadataLongest ? options.MetadataLongest : wanted;

    /// <summary>A connection's own place between 0 and 1.</summary>
    private double Spread(string id) => BinaryPrimitives.ReadUInt32LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(salt + id))) / (double)uint.MaxValue;
}
