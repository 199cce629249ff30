using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Peers;

/// <summary>What this node answers its peers. Whoever carries the questions (HTTP, a simulated network) has made sure who asks.</summary>
public sealed class PeerServer
{
    /// <summary>The most that one answer holds, whatever was asked for.</summary>
    private const int MostAtOnce = 1000;

    // What becomes of those who wait for what came from others.
    private const int Asleep = 0;
    private const int Waits = 1;
    private const int CameMeanwhile = 2;

    private static readonly TimeSpan s_mostPatience = TimeSpan.FromSeconds(10);

    private readonly NodeStore _node;
    private readonly PeerLinks _peers;
    private readonly SingleUse _singleUse;
    private readonly Surroundings _world;
    private readonly Signal _news = new();
    private int _waking;
    private long _passedOn;

    public PeerServer(NodeStore node, PeerLinks peers, SingleUse singleUse, Surroundings world)
    {
        (_node, _peers, _singleUse, _world) = (node, peers, singleUse, world);
        node.Writer.Journaled += _news.Set;
        peers.Received += WakeLater;
    }

    /// <summary>Facts that the asker does not have; waits for the first.</summary>
    public async Task<JournalAnswer> ReadJournalAsync(JournalQuestion question, CancellationToken ct)
    {
        if (question.Known.TryGetValue(_peers.Own.Incarnation, out var held) && await _peers.CompareAsync(held) && held.Mark.Length > 0)
        {
            _peers.Copies.Confirm(question.From, held.Position);
        }
        _peers.Heard(question.From, question.NodeList);
        var bounded = question with { Limit = Math.Clamp(question.Limit, 1, MostAtOnce) };
        var patience = bounded.Patience < s_mostPatience ? bounded.Patience : s_mostPatience;
        var began = _world.Clock.GetTimestamp();
        long? passedOn = null;
        while (true)
        {
            var (told, passing) = (_news.Told, Interlocked.Read(ref _passedOn));
            var answer = Read(bounded, withHeld: passedOn != passing);
            passedOn = passing;
            var left = patience - _world.Clock.GetElapsedTime(began);
            if (answer.Segments.Count > 0 || left <= TimeSpan.Zero || ct.IsCancellationRequested)
            {
                return answer;
            }
            await _news.WaitAsync(told, left, _world.Clock, ct);
        }
    }

    /// <summary>What came from others is passed on after a while: then those who wait are to look again.</summary>
    private void WakeLater()
    {
        if (Interlocked.Exchange(ref _waking, CameMeanwhile) == Asleep)
        {
            _ = WakeAsync();
        }
    }

    private async Task WakeAsync()
    {
        do
        {
            Interlocked.Exchange(ref _waking, Waits);
            await Task.Delay(PeerJournals.PassedOnAfter, _world.Clock);
            Interlocked.Increment(ref _passedOn);
            _news.Set();
        }
        while (Interlocked.CompareExchange(ref _waking, Asleep, Waits) == CameMeanwhile);   // that has waited less than its time
    }

    /// <param name="withHeld">Whether it is time to look at what is held for others: when somebody asks, and when some of it has waited its time.</param>
    private JournalAnswer Read(JournalQuestion question, bool withHeld)
    {
        var progress = _node.Progress;   // before the facts: what comes in between is told at the next question
        var now = _world.Clock.GetUtcNow();
        var segments = new JournalReader(_node, progress, question, now, withHeld).Read();
        var held = progress.Peers.GetValueOrDefault(question.From.Incarnation);
        return new JournalAnswer(_peers.Own, now.ToUnixTimeMilliseconds(), progress.NodeList, segments, held is null ? null : new JournalMark(held.Position, held.Mark));
    }

    /// <summary>A part of this whole replica. Rows that change meanwhile do no harm: what follows joins.</summary>
    public SnapshotAnswer ReadSnapshot(SnapshotQuestion question) => _node.Read(view =>
    {
        var (cluster, position) = (view.NodeState.Cluster, NodeState.Format(view.NodeState.Position));
        if (!view.NodeState.IsFilled)
        {
            return new SnapshotAnswer(null, position, new Dictionary<string, JournalMark>(), [], null, "");
        }
        var table = Schema.ByName.GetValueOrDefault(question.Table) ?? Schema.Tables[0];
        // What waits aside here is behind the position that is told, and nobody would send it to the asker again.
        var aside = table == Schema.Tables[0] && question.AfterId.Length == 0 ? view.Query<string>("SELECT version FROM aside ORDER BY place LIMIT 1001") : [];
        if (aside.Count > 1000)
        {
            return new SnapshotAnswer(null, position, new Dictionary<string, JournalMark>(), [], null, "");   // another peer, whose clock is right
        }
        var (rows, isWhole) = Page(view.ReadAll(table, question.AfterId, Math.Clamp(question.Limit, 1, MostAtOnce)), Math.Clamp(question.Limit, 1, MostAtOnce));
        var following = Schema.Tables.SkipWhile(t => t != table).Skip(1).FirstOrDefault();
        return new SnapshotAnswer(cluster, position, Progress.Of(view).Known, [.. aside, .. rows.Select(r => r.Text)],
            isWhole ? following?.Name : table.Name, isWhole ? "" : rows[^1].Id)
        {
            EventPlaces = table == Schema.Events && rows.Count > 0 ? EventPlaces.Between(view, rows[0].Id, rows[^1].Id) : [],
        };
    });

    /// <summary>As many rows as one answer holds, and whether they are all there are.</summary>
    private static (List<(string Id, string Text)> Rows, bool IsWhole) Page(IEnumerable<RowVersion> rows, int most)
    {
        var (page, characters) = (new List<(string Id, string Text)>(), 0);
        foreach (var row in rows)
        {
            page.Add((row.Id, row.ToJson()));
            if ((characters += page[^1].Text.Length) > JournalReader.MostCharacters)
            {
                return (page, false);
            }
        }
        return (page, page.Count < most);
    }

    /// <summary>Decides, as the authority, about an item.</summary>
    public async Task<SpendAnswer> SpendAsync(SpendQuestion question) => new(await _singleUse.SpendHereAsync(question));
}
