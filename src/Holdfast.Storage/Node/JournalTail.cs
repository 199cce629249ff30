using Holdfast.Storage.Peers;

namespace Holdfast.Storage.Node;

/// <summary>The last facts of this node's journal, in memory: every peer asks for each of them a moment after it was kept.</summary>
/// <remarks>The writer adds and publishes; anybody asks.</remarks>
internal sealed class JournalTail
{
    private const int Most = 500;
    private const int MostCharacters = 1 << 20;

    private readonly Lock _lock = new();
    private readonly List<JournalFact> _added = [];
    private readonly Queue<JournalFact> _kept = [];
    private long _characters;

    /// <summary>A fact was put into the journal, in a transaction that has not ended.</summary>
    public void Add(JournalFact fact) => _added.Add(fact);

    /// <summary>The transaction was undone.</summary>
    public void Undone() => _added.Clear();

    /// <summary>The transaction is on the disk.</summary>
    public void Publish()
    {
        if (_added.Count == 0)
        {
            return;
        }
        lock (_lock)
        {
            if (_kept.Count > 0 && _added[0].Position != _kept.Peek().Position + _kept.Count)
            {
                _characters = 0;
                _kept.Clear();
            }
            foreach (var fact in _added)
            {
                _kept.Enqueue(fact);
                _characters += fact.Version.Length;
            }
            while (_kept.Count > Most || _characters > MostCharacters)
            {
                _characters -= _kept.Dequeue().Version.Length;
            }
        }
        _added.Clear();
    }

    /// <summary>Facts from after a position up to another, so many at most.</summary>
    /// <returns>Null when not all of them are here: then the disk knows.</returns>
    public List<JournalFact>? Find(long after, long to, int most)
    {
        lock (_lock)
        {
            return _kept.Count > 0 && _kept.Peek().Position <= after + 1 && _kept.Peek().Position + _kept.Count > to
                ? [.. _kept.Skip((int)(after + 1 - _kept.Peek().Position)).Take((int)Math.Min(most, to - after))]
                : null;
        }
    }
}
