namespace Holdfast.Storage.Peers;

/// <summary>Puts together what an asker does not have: of this node's own journal, and of those that it holds for others.</summary>
internal sealed class JournalReader(View view, JournalQuestion question, DateTimeOffset now)
{
    private readonly List<JournalSegment> _segments = [];
    private readonly long _readUpTo = view.NodeState.Position.Sequence;
    private int _room = question.Limit;

    /// <summary>The segments, own lives first; and whether some did not fit.</summary>
    public (IReadOnlyList<JournalSegment> Segments, bool More) Read()
    {
        var shipped = view.NodeState.Shipped;
        var lives = Lives.OfThisFile(view);
        foreach (var life in lives)
        {
            AddOwn(life, shipped);
        }
        var own = lives.Select(l => l.Incarnation).ToHashSet(StringComparer.Ordinal);
        foreach (var state in PeerJournals.All(view))
        {
            if (!own.Contains(state.Origin) || state.Origin != lives[^1].Incarnation)
            {
                AddHeld(state);
            }
        }
        return (_segments, _room <= 0);
    }

    private long KnownOf(string origin) => question.Known.TryGetValue(origin, out var known) ? known.Position : 0;

    private void AddOwn(Life life, long shipped)
    {
        var known = Math.Max(KnownOf(life.Incarnation), life.After);
        if (known >= life.To || _room <= 0)
        {
            return;
        }
        var facts = view.Query<JournalFact>(
            "SELECT position AS Position, version AS Version FROM journal WHERE position > @known AND position <= @To ORDER BY position LIMIT @_room",
            new { known, life.To, _room });
        var to = facts.Count == _room ? facts[^1].Position : life.To;
        _room -= facts.Count;
        var hasGap = facts.Count == 0 ? known < life.To : facts[0].Position > known + 1;
        _segments.Add(new JournalSegment(
            life.Incarnation, KnownOf(life.Incarnation), to, Math.Min(shipped, life.To), _readUpTo, hasGap, hasGap ? _readUpTo : 0, facts));
    }

    private void AddHeld(PeerJournals.State state)
    {
        var known = KnownOf(state.Origin);
        if (known >= state.Position || _room <= 0 || state.Origin == question.From.Incarnation)
        {
            return;
        }
        var facts = PeerJournals.Held(view, state.Origin, known, now - PeerJournals.PassedOnAfter, _room);
        var hasGap = PeerJournals.FirstHeld(view, state.Origin) is not { } first || first > known + 1;
        if (facts.Count == 0 && !hasGap)
        {
            return;   // too young: the asker has it from its author by now
        }
        var to = facts.Count > 0 ? facts[^1].Position : state.Position;
        if (facts.Count == 0 && PeerJournals.FirstHeld(view, state.Origin) is { } youngest)
        {
            to = youngest - 1;
        }
        _room -= facts.Count;
        if (to > known)
        {
            _segments.Add(new JournalSegment(state.Origin, known, to, state.Shipped, state.ShippedAt, hasGap, hasGap ? _readUpTo : 0, facts));
        }
    }
}
