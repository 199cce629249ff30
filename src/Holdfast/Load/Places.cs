using System.Runtime.InteropServices;

namespace Holdfast.Load;

/// <summary>The places of this node: who works, who waits, and who is told at once that there is none (decision 0030).</summary>
/// <remarks>No timer and no thread of its own: whoever runs it calls <see cref="Sweep"/> while somebody waits. So it is the same on a virtual clock.</remarks>
internal sealed class Places(LoadOptions options, TimeProvider clock)
{
    private readonly Lock _gate = new();
    private readonly AdaptiveLimit _limit = new(options);
    private readonly Queue[] _queues = [.. PriorityWords.All.Select(_ => new Queue())];
    private readonly Dictionary<string, int> _ofTenant = new(StringComparer.Ordinal);
    private readonly long[] _admitted = new long[PriorityWords.All.Count];
    private readonly long[] _refused = new long[PriorityWords.All.Count];
    private readonly long[] _left = new long[PriorityWords.All.Count];
    private readonly long?[] _refusedAt = new long?[PriorityWords.All.Count];
    private readonly long _began = clock.GetTimestamp();
    private int _inside;
    private int _denies;   // of those inside
    private int _outside;
    private int _waiting;
    private int _peak;
    private bool _wasShort;
    private long _queueSince;
    private int _turn;
    private long? _episode;   // when the first of the refusals of late was
    private long _lastRefusal;

    /// <summary>Comes in.</summary>
    /// <returns>Whether it is inside (true), waits (null), or is refused (false, and <paramref name="refusal"/> says why).</returns>
    public bool? Enter(Visit visit, out Refusal? refusal)
    {
        List<(Visit, Refusal?)>? told = null;
        refusal = null;
        bool? answer;
        lock (_gate)
        {
            var now = visit.At = clock.GetTimestamp();
            if (MayEnter(visit))
            {
                LetIn(visit, now);
                answer = true;
            }
            else
            {
                answer = Wait(visit, now, ref told, out refusal) ? null : false;
            }
        }
        Tell(told);
        return answer;
    }

    /// <summary>It is over, or its caller has gone.</summary>
    public void Leave(Visit visit)
    {
        List<(Visit, Refusal?)>? told = null;
        lock (_gate)
        {
            var now = clock.GetTimestamp();
            switch (visit.State)
            {
                case VisitState.Waiting:
                    Remove(visit);
                    _left[(int)visit.Priority]++;
                    break;
                case VisitState.Inside or VisitState.Outside:
                    if (visit.State == VisitState.Inside)
                    {
                        GiveBack(visit);
                    }
                    else
                    {
                        visit.Outside += clock.GetElapsedTime(visit.OutsideSince, now);
                        _outside--;
                    }
                    _limit.Note(visit.Operation, clock.GetElapsedTime(visit.At, now) - visit.Outside, visit.WasAlone);
                    break;
                default:
                    return;
            }
            visit.State = VisitState.Over;
            Next(now, ref told);
        }
        Tell(told);
    }

    /// <summary>It waits for somebody else from now on, and its place is another's.</summary>
    public void GoOut(Visit visit)
    {
        List<(Visit, Refusal?)>? told = null;
        lock (_gate)
        {
            if (visit.State != VisitState.Inside || _outside >= options.MostOutside * LoadOptions.ShareOf(visit.Priority))
            {
                return;
            }
            var now = clock.GetTimestamp();
            GiveBack(visit);
            _outside++;
            (visit.State, visit.OutsideSince) = (VisitState.Outside, now);
            Next(now, ref told);
        }
        Tell(told);
    }

    /// <summary>It goes on: at once, for it was let in before and has the most of its work behind it.</summary>
    public void ComeBack(Visit visit)
    {
        lock (_gate)
        {
            if (visit.State != VisitState.Outside)
            {
                return;
            }
            visit.Outside += clock.GetElapsedTime(visit.OutsideSince);
            visit.State = VisitState.Inside;
            _outside--;
            Take(visit);
        }
    }

    /// <summary>Refuses those who have waited too long. Cheap where nobody waits.</summary>
    public void Sweep()
    {
        if (Volatile.Read(ref _waiting) == 0)
        {
            return;
        }
        List<(Visit, Refusal?)>? told = null;
        lock (_gate)
        {
            var now = clock.GetTimestamp();
            DropLate(now, ref told);
            Next(now, ref told);
        }
        Tell(told);
    }

    /// <summary>Whether anybody waits.</summary>
    public bool HasWaiting => Volatile.Read(ref _waiting) > 0;

    /// <summary>How it is now.</summary>
    public LoadState State
    {
        get
        {
            lock (_gate)
            {
                var now = clock.GetTimestamp();
                var isOver = _episode is null || clock.GetElapsedTime(_lastRefusal, now) >= options.Calm;
                return new LoadState(
                    (int)_limit.Value, _inside, _waiting, _outside,
                    isOver ? null : clock.GetUtcNow() - clock.GetElapsedTime(_episode!.Value, now),
                    isOver ? TimeSpan.Zero : clock.GetElapsedTime(_episode!.Value, _lastRefusal),
                    [.. PriorityWords.All.Where(p => _refusedAt[(int)p] is { } at && clock.GetElapsedTime(at, now) < options.Calm)],
                    [.. PriorityWords.All.Select(p => new LoadCount(p, _admitted[(int)p], _refused[(int)p], _left[(int)p]))]);
            }
        }
    }

    private bool MayEnter(Visit visit)
    {
        var (most, own) = (_limit.Value * LoadOptions.ShareOf(visit.Priority), _ofTenant.GetValueOrDefault(visit.Tenant));
        return (_inside < most && own < Math.Max(1, most * options.OfOneTenant))
            || (visit.IsDeny && _denies < options.MostDenies && own < Math.Max(1, options.MostDenies * options.OfOneTenant));
    }

    /// <summary>One that does not come as far as to ask for a place.</summary>
    public Refusal TurnAway(Visit visit)
    {
        lock (_gate)
        {
            return Refuse(visit, clock.GetTimestamp());
        }
    }

    private void LetIn(Visit visit, long now)
    {
        visit.WasAlone = _inside < options.Least;
        (visit.State, visit.At) = (VisitState.Inside, now);
        _admitted[(int)visit.Priority]++;
        Take(visit);
    }

    private void Take(Visit visit)
    {
        _inside++;
        _denies += visit.IsDeny ? 1 : 0;
        _peak = Math.Max(_peak, _inside);
        CollectionsMarshal.GetValueRefOrAddDefault(_ofTenant, visit.Tenant, out _)++;
    }

    private void GiveBack(Visit visit)
    {
        _inside--;
        _denies -= visit.IsDeny ? 1 : 0;
        if (--CollectionsMarshal.GetValueRefOrAddDefault(_ofTenant, visit.Tenant, out _) <= 0)
        {
            _ofTenant.Remove(visit.Tenant);
        }
    }

    /// <summary>Queues it, if there is room, or if it is dearer than one who waits.</summary>
    private bool Wait(Visit visit, long now, ref List<(Visit, Refusal?)>? told, out Refusal? refusal)
    {
        _wasShort = true;
        DropLate(now, ref told);
        if (_waiting >= options.MostWaiting)
        {
            // Of the lowest priority that waits, and there of who has the most waiting, whoever has waited longest: the newer one is of more use.
            var lowest = _queues.Length - 1;
            while (_queues[lowest].Count == 0)
            {
                lowest--;
            }
            if (lowest < (int)visit.Priority)
            {
                refusal = Refuse(visit, now);
                return false;
            }
            var eldest = _queues[lowest].EldestOfLongest();
            Remove(eldest);
            (told ??= []).Add((eldest, Refuse(eldest, now)));
        }
        refusal = null;
        if (_waiting++ == 0)
        {
            _queueSince = now;
        }
        visit.State = VisitState.Waiting;
        _queues[(int)visit.Priority].Add(visit);
        return true;
    }

    private void Remove(Visit visit)
    {
        _queues[(int)visit.Priority].Remove(visit);
        _waiting--;
    }

    private Refusal Refuse(Visit visit, long now)
    {
        visit.State = VisitState.Over;
        _refused[(int)visit.Priority]++;
        _refusedAt[(int)visit.Priority] = now;
        if (_episode is null || clock.GetElapsedTime(_lastRefusal, now) >= options.Calm)
        {
            _episode = now;
        }
        _lastRefusal = now;
        var most = _limit.Value * LoadOptions.ShareOf(visit.Priority);
        return new Refusal(_inside < most && _ofTenant.GetValueOrDefault(visit.Tenant) >= most * options.OfOneTenant, 1 + (_turn++ & 3));
    }

    private bool IsStanding(long now) => _waiting > 0 && clock.GetElapsedTime(_queueSince, now) > options.Standing;

    private void DropLate(long now, ref List<(Visit, Refusal?)>? told)
    {
        var patience = IsStanding(now) ? options.ShortPatience : options.Patience;
        foreach (var queue in _queues)
        {
            while (queue.Eldest is { } eldest && clock.GetElapsedTime(eldest.At, now) > patience)
            {
                Remove(eldest);
                (told ??= []).Add((eldest, Refuse(eldest, now)));
            }
        }
    }

    /// <summary>Moves the limit, and lets in whoever may: the dearest first, tenants in turns, the latest first once there is a standing queue.</summary>
    private void Next(long now, ref List<(Visit, Refusal?)>? told)
    {
        if (_limit.Move(clock.GetElapsedTime(_began, now), _wasShort || _peak >= _limit.Value / 2))
        {
            (_peak, _wasShort) = (_inside, false);
        }
        if (_waiting == 0)
        {
            return;
        }
        DropLate(now, ref told);
        var isStanding = IsStanding(now);
        foreach (var priority in PriorityWords.All)
        {
            while (_queues[(int)priority].Next(isStanding, MayEnter) is { } visit)
            {
                Remove(visit);
                LetIn(visit, now);
                (told ??= []).Add((visit, null));
            }
        }
    }

    private static void Tell(List<(Visit Visit, Refusal? Why)>? told)
    {
        foreach (var (visit, why) in told ?? [])
        {
            visit.Decided(why);
        }
    }

    /// <summary>Those of one priority who wait, tenant by tenant.</summary>
    private sealed class Queue
    {
        private readonly Dictionary<string, LinkedList<Visit>> _byTenant = new(StringComparer.Ordinal);
        private readonly LinkedList<string> _turns = new();
        private readonly LinkedList<Visit> _all = new();   // in the order in which they came
        private readonly Dictionary<Visit, LinkedListNode<Visit>> _places = [];

        public int Count => _all.Count;

        public Visit? Eldest => _all.First?.Value;

        public void Add(Visit visit)
        {
            if (!_byTenant.TryGetValue(visit.Tenant, out var own))
            {
                _byTenant.Add(visit.Tenant, own = new LinkedList<Visit>());
                _turns.AddLast(visit.Tenant);
            }
            visit.Place = own.AddLast(visit);
            _places.Add(visit, _all.AddLast(visit));
        }

        public void Remove(Visit visit)
        {
            var own = _byTenant[visit.Tenant];
            own.Remove(visit.Place!);
            if (own.Count == 0)
            {
                _byTenant.Remove(visit.Tenant);
                _turns.Remove(visit.Tenant);
            }
            _places.Remove(visit, out var place);
            _all.Remove(place!);
        }

        public Visit EldestOfLongest() => _byTenant.Values.MaxBy(own => own.Count)!.First!.Value;

        /// <summary>The next by turns who may come in; its tenant stands last from then on.</summary>
        public Visit? Next(bool latestFirst, Func<Visit, bool> may)
        {
            for (var turn = _turns.First; turn is not null; turn = turn.Next)
            {
                var visit = (latestFirst ? _byTenant[turn.Value].Last : _byTenant[turn.Value].First)!.Value;
                if (may(visit))
                {
                    _turns.Remove(turn);
                    _turns.AddLast(turn);
                    return visit;
                }
            }
            return null;
        }
    }
}

/// <summary>How busy the node is.</summary>
/// <param name="OverloadedSince">When it began to refuse (UTC); null when it has refused nobody of late.</param>
/// <param name="Lasted">From the first refusal to the last: a burst lasts no time.</param>
/// <param name="Refused">What is refused.</param>
internal sealed record LoadState(
    int Limit, int Inside, int Waiting, int Outside, DateTimeOffset? OverloadedSince, TimeSpan Lasted, IReadOnlyList<Priority> Refused, IReadOnlyList<LoadCount> Counts)
{
    /// <summary>From then on it is more than a burst.</summary>
    public static readonly TimeSpan Lasting = TimeSpan.FromSeconds(1);

    public bool IsOverloaded => OverloadedSince is not null && Lasted >= Lasting;
}

/// <summary>Since the start.</summary>
/// <param name="Left">Their callers had gone while they waited.</param>
internal sealed record LoadCount(Priority Priority, long Admitted, long Refused, long Left);
