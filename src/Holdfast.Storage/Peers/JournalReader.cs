using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Node;

namespace Holdfast.Storage.Peers;

/// <summary>Puts together what an asker does not have: of this node's own journal, and of those that it holds for others.</summary>
/// <param name="progress">How far this node was when, or before, the facts are read.</param>
/// <param name="withHeld">Whether what is held for others is told too.</param>
internal sealed class JournalReader(NodeStore node, Progress progress, JournalQuestion question, DateTimeOffset now, bool withHeld)
{
    /// <summary>About the most that one answer holds, whatever was asked for.</summary>
    public const int MostCharacters = 4 << 20;

    private readonly List<JournalSegment> _segments = [];
    private readonly long _readUpTo = progress.Position.Sequence;
    private int _room = question.Limit;
    private int _bytes = MostCharacters;

    /// <summary>The segments, own lives first. What does not fit is there at the next question.</summary>
    public IReadOnlyList<JournalSegment> Read()
    {
        foreach (var life in progress.Lives)
        {
            AddOwn(life);
        }
        foreach (var state in withHeld ? progress.Peers.Values : [])
        {
            AddHeld(state);
        }
        return _segments;
    }

    private bool IsBehind(Life life) => Math.Max(KnownOf(life.Incarnation), life.After) < life.To;

    /// <summary>Not of what the asker itself wrote, nor of this node's present life, of which a peer may have more after its disk was put back.</summary>
    private bool IsBehind(PeerJournals.State state) =>
        KnownOf(state.Origin) < state.Position && state.Origin != question.From.Incarnation && (progress.Lives.Count == 0 || state.Origin != progress.Lives[^1].Incarnation);

    private long KnownOf(string origin) => question.Known.TryGetValue(origin, out var known) ? known.Position : 0;

    private void AddOwn(Life life)
    {
        if (!IsBehind(life) || IsFull)
        {
            return;
        }
        var known = Math.Max(KnownOf(life.Incarnation), life.After);
        var stored = node.Tail.Find(known, life.To, _room) ?? node.Read(view => view.Query<JournalFact>(
            "SELECT position AS Position, version AS Version FROM journal WHERE position > @known AND position <= @To ORDER BY position LIMIT @_room",
            new { known, life.To, _room }));
        var hasGap = stored.Count == 0 ? known < life.To : stored[0].Position > known + 1;
        var facts = Fitting(stored);
        var to = facts.Count < stored.Count || stored.Count == _room + facts.Count ? facts[^1].Position : life.To;
        _segments.Add(new JournalSegment(
            life.Incarnation, KnownOf(life.Incarnation), to, Math.Min(progress.Shipped, life.To), progress.Position, hasGap, hasGap ? _readUpTo : 0, facts));
    }

    /// <summary>What this node holds of others, without a hole: one is said only as far as the primary has what is missing.</summary>
    private void AddHeld(PeerJournals.State state)
    {
        if (!IsBehind(state) || IsFull)
        {
            return;
        }
        var known = KnownOf(state.Origin);
        var held = node.Read(view => PeerJournals.Held(view, state.Origin, known, _room));
        var holeEnds = (held.Count > 0 ? held[0].Position : state.Position + 1) - 1;
        var vouchedFor = Math.Min(holeEnds, state.Confirmed);
        if (holeEnds > known && vouchedFor <= known)
        {
            return;   // what is missing here may be missing in the primary too: the asker has it from somebody else
        }
        var hasGap = holeEnds > known;
        var due = (now - PeerJournals.PassedOnAfter).ToUnixTimeMilliseconds();   // who reaches its author has it from there by then
        var facts = hasGap && vouchedFor < holeEnds
            ? []
            : Fitting([.. held.TakeWhile((fact, i) => fact.At <= due && fact.Position == holeEnds + 1 + i).Select(f => new JournalFact(f.Position, f.Version))]);
        var to = facts.Count > 0 ? facts[^1].Position : hasGap ? vouchedFor : known;
        if (to > known)
        {
            var (shipped, at) = state.Confirmed >= state.Shipped ? (state.Confirmed, progress.Position) : (state.Shipped, new LogPosition(0, state.ShippedAt, state.ShippedHash));
            _segments.Add(new JournalSegment(state.Origin, known, to, shipped, at, hasGap, hasGap ? _readUpTo : 0, facts));
        }
    }

    private bool IsFull => _room <= 0 || _bytes <= 0;

    /// <summary>As many as fit into one answer; one always.</summary>
    private List<JournalFact> Fitting(List<JournalFact> facts)
    {
        var fitting = new List<JournalFact>();
        foreach (var fact in facts)
        {
            if (fitting.Count > 0 && _bytes <= 0)
            {
                break;
            }
            fitting.Add(fact);
            _bytes -= fact.Version.Length;
        }
        _room -= fitting.Count;
        return fitting;
    }
}
