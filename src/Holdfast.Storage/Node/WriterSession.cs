using Dapper;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Primary.Remote;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Node;

/// <summary>What the writer can do inside its transaction.</summary>
internal sealed class WriterSession(SqliteConnection connection, JournalLimits limits, HybridClock clock, Surroundings world) : IDisposable
{
    private const int MostPrunedAtOnce = 1000;
    private const int MostAside = 100_000;

    /// <summary>How long facts of other nodes are kept after the primary has them, for peers that reach neither.</summary>
    private static readonly TimeSpan KeepReceived = TimeSpan.FromHours(1);

    private long? _shipped;
    private long? _stampMark;

    public View View { get; } = new(connection);

    public RowWriter Rows { get; } = OpenRows(connection, world);

    public Journal Journal { get; } = new(connection, limits);

    public NodeState State => View.NodeState;

    /// <summary>Whether this node's clock runs ahead of its peers' (<see cref="PeerClocks"/>).</summary>
    public Func<bool> ClockIsAhead { get; set; } = () => false;

    /// <summary>Whether this transaction has put anything into the journal.</summary>
    public bool HasJournaled { get; private set; }

    public void Begin()
    {
        HasJournaled = false;
        Journal.Begin();
    }

    public void Undone()
    {
        Rows.Forget();
        (_shipped, _stampMark) = (null, null);
        Journal.Undone();
    }

    /// <summary>Rows of this node: with what is beside them, and what stands again by a quarantine is offered to the primary, for whoever has not what was replaced. The quarantine before it, or it would lose again.</summary>
    private static RowWriter OpenRows(SqliteConnection connection, Surroundings world)
    {
        var view = new View(connection);
        return new RowWriter(connection, world.Join)
        {
            Beside = new Beside(view, world.Clock),
            Restored = (cause, versions) =>
            {
                foreach (var text in versions.Prepend(cause).Where(_ => versions.Count > 0).Select(v => v.ToJson()))
                {
                    view.Execute("INSERT INTO offer_again (version) VALUES (@text)", new { text });
                }
            },
        };
    }

    /// <summary>Keeps the stamps that this node gives below a mark on its disk, two seconds further at a time: whatever a machine's clock does, a later process
    /// of the same life goes on above it.</summary>
    public bool ReserveStamps()
    {
        if (clock.Reach + HybridClock.Second > (_stampMark ??= State.StampMark))
        {
            _stampMark = clock.Reach + (2 * HybridClock.Second);
            State.StampMark = _stampMark.Value;
        }
        return true;
    }

    /// <summary>Decides, applies and journals.</summary>
    /// <returns>The answer, where the journal then stands, if it matters, and whether some of its facts wait for a copy elsewhere.</returns>
    public Recorded<T> Record<T>(Func<View, Decision<T>> decide)
    {
        Decision<T> decision;
        List<(JournalShare, int)> wanted;
        try
        {
            decision = Permitted(decide(View));
            wanted = [.. decision.Changes.Select(c => (c.Table.Share, c.Stamped(clock.Sample).Bytes))];
            if (wanted.Count > 0)
            {
                Journal.MakeRoom(wanted, _shipped ??= State.Shipped);
            }
        }
        catch (Exception why) when (why is not SqliteException sqlite || !sqlite.IsOfTheDisk())
        {
            throw new RefusedDecision(why);
        }
        var now = world.Clock.GetUtcNow();
        foreach (var change in decision.Changes)
        {
            if (Rows.Put(change, clock) is { } version)
            {
                Journal.Append(version, version.ToJson(), now);
                HasJournaled = true;
            }
        }
        if (decision.Changes.Count > 0)
        {
            ReserveStamps();   // after they were given, and kept together with what bears them
        }
        var needsCopy = decision.Changes.Any(c => c.Table.NeedsCopy);
        return new Recorded<T>(decision.Answer, needsCopy ? Lives.JournalHead(View) : 0, needsCopy);
    }

    /// <summary>Decides on what the primary has at a row of its log, and stamps the changes so that each exceeds all that it replaces there. Keeps nothing.</summary>
    /// <returns>Null when this node's replica does not stand at that row.</returns>
    public Proposal<T>? Propose<T>(LogPosition at, Func<View, Decision<T>> decide)
    {
        if (State.Position != at)
        {
            return null;
        }
        View.Execute("SAVEPOINT proposal");
        Proposal<T> proposal;
        try
        {
            // What waits aside here for its time, the primary has applied.
            foreach (var aside in connection.Query<string>("SELECT version FROM aside ORDER BY place").ToList())
            {
                if (RowVersion.FromJson(aside, Schema.ByName) is { } version)
                {
                    Rows.Apply(version);
                }
            }
            var (answer, changes) = decide(View);
            proposal = new Proposal<T>(answer, [.. changes.Select(change => Rows.Put(change, clock)?.ToJson()).OfType<string>()]);
        }
        catch (Exception why) when (why is not SqliteException sqlite || !sqlite.IsOfTheDisk())
        {
            Undo();
            throw new RefusedDecision(why);
        }
        Undo();
        ReserveStamps();
        return proposal;

        void Undo()
        {
            View.Execute("ROLLBACK TO proposal; RELEASE proposal");
            Rows.Forget();
        }
    }

    /// <summary>Facts are of tables that nodes write; and a clock that runs ahead replaces nothing, because its stamp would win over what is later.</summary>
    private Decision<T> Permitted<T>(Decision<T> decision)
    {
        if (decision.Changes.Select(Belief.Refused).FirstOrDefault(refused => refused is not null) is { } primarys)
        {
            throw new InvalidOperationException($"{primarys} is the primary's: it is changed by a primary write.");
        }
        if (decision.Changes.Count > 0 && Rows.Voids.From.ContainsKey(clock.Incarnation) && Rows.Voids.IsVoid(clock.Next()))
        {
            throw new JournalUnavailableException("This node is under quarantine: nothing that it says counts, and so it says nothing.");
        }
        if (decision.Changes.Count == 0 || !ClockIsAhead() || decision.Changes.All(c => !Replaces(c)))
        {
            return decision;
        }
        var kept = decision.Changes.Where(c => !(c.MayBeLeftOut && Replaces(c))).ToList();
        return kept.Any(Replaces) ? throw new ClockAheadException() : decision with { Changes = kept };
    }

    private bool Replaces(Change change) =>
        change.Table.Groups.Any(g => g.Rule is MergeRule.Later && change.Touches(g)) && Rows.Read(change.Table, change.Id) is not null;

    /// <summary>Applies rows of the change log that follow the node's position, and moves the position.</summary>
    /// <returns>The position reached; unchanged when the rows do not follow it.</returns>
    public LogPosition Absorb(LogPosition from, IReadOnlyList<LogRow> rows)
    {
        if (State.Position != from || rows.Count == 0)
        {
            return State.Position;
        }
        var now = world.Clock.GetUtcNow();
        var before = from;
        foreach (var row in rows)
        {
            if (!row.Follows(before))
            {
                throw new PrimaryUnavailableException(PrimaryFault.Damaged, $"The change log's row {row.At} does not follow row {before}. Nothing of it is taken.");
            }
            before = row.At;
            if (row.BeginsEpoch)
            {
                Reship();
            }
            else
            {
                Tell(row, now);
            }
            View.Execute("INSERT OR REPLACE INTO log_tail (sequence, epoch, hash, at, version) VALUES (@Sequence, @Epoch, @Hash, @at, @Version)",
                new { row.At.Sequence, row.At.Epoch, row.At.Hash, at = now.ToUnixTimeMilliseconds(), row.Version });
        }
        PeerJournals.Confirm(View);
        return State.Position = rows[^1].At;
    }

    private void Tell(LogRow row, DateTimeOffset now)
    {
        var version = RowVersion.FromJson(row.Version, Schema.ByName);
        Take(version, row.Version, now);
        if (version?.Table == Schema.Events)
        {
            EventPlaces.Tell(View, version.Id, row.At);
        }
    }

    /// <summary>Whether this node has read a row of the log, and has it still.</summary>
    public bool HasSeen(LogPosition row) => State.HasRead(row);

    /// <summary>Takes what a peer told: facts of its own, and those that it holds for others. What repeats or does not follow is left.</summary>
    /// <param name="tell">Is told what no node may write, by its name in the schema, and the life whose journal said it.</param>
    /// <returns>Whether something of it was new, and how many of its versions no honest peer sends.</returns>
    public (bool IsNew, int Refused) AbsorbJournal(JournalAnswer answer, Action<string, string>? tell = null)
    {
        var (isNew, refused) = (false, 0);
        var now = world.Clock.GetUtcNow();
        foreach (var segment in answer.Segments)
        {
            var known = PeerJournals.Find(View, segment.Origin) ?? PeerJournals.State.New(segment.Origin);
            if (segment.After != Math.Max(known.Position, OwnPositionOf(segment.Origin)) || segment.To <= segment.After || segment.Origin == clock.Incarnation)
            {
                continue;   // an answer that came twice, or late
            }
            if (!IsWhole(segment))
            {
                refused++;   // taken as it is, what it leaves out would be confirmed, and passed on by nobody
                continue;
            }
            var said = known.Stamp;
            foreach (var fact in segment.Facts)
            {
                if (!TryRead(fact.Version, out var version, out var primarys))
                {
                    refused++;
                    tell?.Invoke(primarys ?? "no version of a row", segment.Origin);
                    continue;
                }
                if (version is { Table: var table, Id: var life } && table == Schema.Nodes && life != segment.Origin)
                {
                    // A life speaks for itself. What another's journal says of it, the primary's log may say too, and only then it counts.
                    refused += Rows.Read(table, life) is { } row && Join.Contradict(row, version) ? 1 : 0;
                }
                else
                {
                    said = Doubted(version, segment.Origin, said, now);
                    Take(version, fact.Version, now);
                }
                PeerJournals.Keep(View, segment.Origin, fact, now);
            }
            PeerJournals.Save(View, known with
            {
                Position = segment.To,
                Mark = segment.Facts.Count > 0 && segment.Facts[^1].Position == segment.To ? JournalMark.Of(segment.Facts[^1].Version) : "",
                Shipped = segment.Shipped,
                ShippedAt = segment.ShippedAt.Sequence,
                ShippedHash = segment.ShippedAt.Hash ?? "",
                GapEndsAt = Math.Max(known.GapEndsAt, segment.GapEndsAt),
                Stamp = said,
            });
            isNew = true;
        }
        PeerJournals.Confirm(View);
        return (isNew, refused);
    }

    /// <summary>An honest life's facts bear its own stamps, each later than the one before; but for sessions that it had from their tokens, and what exceeds a clock that is far ahead. What does not is taken, and
    /// noted: a quarantine of the life takes it back with the rest (decision 0034).</summary>
    /// <returns>The latest stamp of its own that the life has told.</returns>
    private string Doubted(RowVersion? version, string life, string said, DateTimeOffset now)
    {
        if (version is null)
        {
            return said;
        }
        var latest = said;
        RowVersion? held = null;
        for (var g = 0; g < version.Groups.Length; g++)
        {
            if (version.Groups[g] is not { } group)
            {
                continue;
            }
            var isOwn = HybridClock.LifeOf(group.Stamp) == life;
            if ((!isOwn || string.CompareOrdinal(group.Stamp, said) <= 0) && Voids.Takes(version.Table, version.Table.Groups[g]))
            {
                Rows.Beside!.Doubt(version, g, held ??= Rows.Read(version.Table, version.Id), life, now);
            }
            latest = isOwn && string.CompareOrdinal(group.Stamp, latest) > 0 ? group.Stamp : latest;
        }
        return latest;
    }

    /// <summary>Whether its facts stand one after the other, up to its end. Only before the first may some be missing: when that is said, or before anything is known of the life.</summary>
    private static bool IsWhole(JournalSegment segment) => segment.Facts.Count == 0
        ? segment.HasGap
        : segment.Facts[^1].Position == segment.To && segment.To - segment.Facts[0].Position == segment.Facts.Count - 1
            && segment.Facts.Zip(segment.Facts.Skip(1), (one, next) => next.Position - one.Position).All(step => step == 1)
            && (segment.After == 0 || segment.HasGap || segment.Facts[0].Position == segment.After + 1);

    /// <summary>Reads a version of a row that a peer sent; not of what is the primary's alone, about which no peer is believed.</summary>
    /// <param name="version">Null when a younger release knows what it is.</param>
    /// <param name="primarys">What of it is the primary's; null for nothing.</param>
    private static bool TryRead(string text, out RowVersion? version, out string? primarys)
    {
        (version, primarys) = (null, null);
        try
        {
            version = RowVersion.FromJson(text, Schema.ByName);
            primarys = version is null ? null : Belief.Refused(version);
            return primarys is null;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    /// <summary>Rows of a peer's replica, for an empty disk.</summary>
    /// <param name="places">Where the log told of the events among them.</param>
    public bool TakeSnapshot(IReadOnlyList<string> versions, IReadOnlyList<EventPlace> places)
    {
        // Some of these are facts that the primary has not had yet, and whoever had them may be gone when it is back; also before the snapshot is whole.
        State.OfferingAll = (Schema.Tables[0].Name, "");
        var now = world.Clock.GetUtcNow();
        foreach (var version in versions)
        {
            Take(version, now);
        }
        foreach (var place in places)
        {
            EventPlaces.Tell(View, place);
        }
        return true;
    }

    /// <summary>The snapshot is whole: what follows is read from where its giver stood when it began.</summary>
    public bool GoOnFrom(LogPosition position, IReadOnlyDictionary<string, JournalMark> known)
    {
        State.Position = position;
        View.Execute("DELETE FROM log_tail");   // what was read before the primary fell silent does not join what follows
        if (position.Sequence > 0)
        {
            View.Execute("INSERT OR REPLACE INTO log_tail (sequence, epoch, hash, at, version) VALUES (@Sequence, @Epoch, @Hash, @at, '')",
                new { position.Sequence, position.Epoch, position.Hash, at = world.Clock.GetUtcNow().ToUnixTimeMilliseconds() });
        }
        foreach (var (origin, at) in known.Where(k => k.Key != clock.Incarnation))
        {
            PeerJournals.Save(View, PeerJournals.State.New(origin) with { Position = at.Position, Mark = at.Mark, GapEndsAt = at.GapEndsAt });
        }
        return true;
    }

    private long OwnPositionOf(string incarnation) => Lives.OfThisFile(View).Find(l => l.Incarnation == incarnation)?.To ?? 0;

    /// <summary>A peer has more of this life than this disk, or something else: the disk was put back in time, and what was issued since it was opened is void.</summary>
    /// <remarks>The clock, and with it the node, goes on as the new life once this transaction is on the disk: not before, because it may be undone.</remarks>
    public string BeginLife(string before, long afterPosition, Func<string, Change> row)
    {
        if (State.Find("incarnation") is { } now && now != before)
        {
            return now;   // somebody else found it out first
        }
        var incarnation = Convert.ToHexStringLower(world.Entropy.Bytes(6));
        State.Set("incarnation", incarnation);
        View.Execute("INSERT INTO lives (incarnation, after_position) VALUES (@incarnation, @afterPosition)", new { incarnation, afterPosition });
        if (Rows.Put(row(incarnation), clock) is { } version)
        {
            Journal.Append(version, version.ToJson(), world.Clock.GetUtcNow());
            HasJournaled = true;
        }
        return incarnation;
    }

    /// <summary>The primary has taken another life's facts up to a position.</summary>
    /// <param name="from">From where on they were offered.</param>
    public bool OfferedFor(string origin, long position, long from)
    {
        if (PeerJournals.Find(View, origin) is not { } state || state.Confirmed < from)
        {
            return false;   // an epoch came in between, and all is to be offered again
        }
        PeerJournals.Save(View, state with { Confirmed = Math.Max(state.Confirmed, position) });
        return true;
    }

    /// <summary>What nothing replaces and nobody waits for does no harm before its time: denies; and events, whose place in the log is this one.</summary>
    private static bool AppliesAtOnce(Table table) => table.Share == JournalShare.Deny || table == Schema.Events;

    private void Take(string text, DateTimeOffset now) => Take(RowVersion.FromJson(text, Schema.ByName), text, now);

    private void Take(RowVersion? version, string text, DateTimeOffset now)
    {
        if (version is null)
        {
            SetAside(text);   // a younger release knows what it is
        }
        else if (!AppliesAtOnce(version.Table) && version.Groups.Any(g => g is not null && clock.IsAhead(g.Stamp)))
        {
            SetAside(text);   // its time has not come (decision 0001, case 3)
        }
        else
        {
            // Also what is over by this clock, which may be wrong: forgetting is guarded, and the position does not come back here.
            clock.Observe(version.LatestStamp);
            Rows.Apply(version);
        }
    }

    /// <summary>Nothing may be dropped, and not everything can wait: when too much does, reading stops until somebody looks.</summary>
    private void SetAside(string text)
    {
        if (View.Find<long>("SELECT coalesce(max(place) - min(place), 0) FROM aside") >= MostAside)
        {
            throw new JournalFullException("Too many versions wait aside: a peer's clock is far ahead, or its release much younger. Nothing more is read until they are gone.");
        }
        View.Execute("INSERT INTO aside (version) VALUES (@text)", new { text });
    }

    /// <summary>Tries again what waits aside.</summary>
    public void TakeAside()
    {
        foreach (var (place, version) in connection.Query<(long, string)>("SELECT place, version FROM aside ORDER BY place LIMIT 1000").ToList())
        {
            View.Execute("DELETE FROM aside WHERE place = @place", new { place });
            Take(version, world.Clock.GetUtcNow());
        }
    }

    /// <summary>After a primary lost its tail: go back to the last common row, and offer again what was above it and what the journal still has.</summary>
    public void GoBackTo(LogPosition common, bool nothingInCommon)
    {
        View.Execute("INSERT INTO offer_again (version) SELECT version FROM log_tail WHERE sequence > @Sequence AND version <> '' ORDER BY sequence", new { common.Sequence });
        View.Execute("DELETE FROM log_tail WHERE sequence > @Sequence", new { common.Sequence });
        if (nothingInCommon)
        {
            State.OfferingAll = (Schema.Tables[0].Name, "");
        }
        State.Position = common;
        Reship();
    }

    /// <summary>The primary has confirmed the facts up to a position; unless a new epoch has begun meanwhile, and all are to be offered again.</summary>
    public bool SetShipped(long position, long from)
    {
        if (State.Shipped != from)
        {
            return false;
        }
        SetShipped(position);
        return true;
    }

    private void SetShipped(long position)
    {
        State.Shipped = position;
        _shipped = position;
    }

    /// <summary>The primary has taken what was to be offered again, up to a place.</summary>
    public bool OfferedAgain(long place) => View.Execute("DELETE FROM offer_again WHERE place <= @place", new { place }) > 0;

    /// <summary>The next rows of the whole replica, while it is offered, and where to go on after them; null at its end.</summary>
    public (IReadOnlyList<string> Versions, (string Table, string Id)? Then) NextOfAll(int limit)
    {
        if (State.OfferingAll is not { } at)
        {
            return ([], null);
        }
        var table = Schema.ByName[at.Table];
        var rows = Rows.ReadAll(table, at.Id, limit).ToList();
        var following = Schema.Tables.SkipWhile(t => t != table).Skip(1).FirstOrDefault();
        (string, string)? then = rows.Count == limit ? (table.Name, rows[^1].Id) : following is null ? null : (following.Name, "");
        return ([.. rows.Select(r => r.ToJson())], then);
    }

    public bool OfferedAll((string Table, string Id)? then)
    {
        State.OfferingAll = then;
        return true;
    }

    /// <summary>Offers the journal's kept facts again. The primary takes only what it does not have.</summary>
    private void Reship()
    {
        SetShipped(0);
        PeerJournals.OfferAgain(View);
    }

    /// <summary>Forgets what has had its time: expired rows, confirmed facts and change-log rows older than the journal keeps.</summary>
    /// <returns>Whether there may be more of it.</returns>
    public bool Prune(DateTimeOffset expiredBefore)
    {
        var more = Expiry.Prune(View, expiredBefore, MostPrunedAtOnce);
        var keptSince = (world.Clock.GetUtcNow() - limits.Keep).ToUnixTimeMilliseconds();
        more |= Rows.Beside!.Prune(world.Clock.GetUtcNow() - Voids.Farthest - TimeSpan.FromDays(2));
        more |= Journal.DropShipped(State.Shipped, keptSince);
        more |= PeerJournals.Drop(View, world.Clock.GetUtcNow() - KeepReceived) | PeerJournals.Shrink(View, limits.MaxBytes / 2);
        var old = connection.Query<(long Sequence, long At)>(
                "SELECT sequence, at FROM log_tail WHERE sequence < @last ORDER BY sequence LIMIT @MostPrunedAtOnce", new { last = State.Position.Sequence, MostPrunedAtOnce }, buffered: false)
            .TakeWhile(row => row.At < keptSince).ToList();
        if (old.Count > 0)
        {
            View.Execute("DELETE FROM log_tail WHERE sequence <= @last", new { last = old[^1].Sequence });
        }
        more |= old.Count == MostPrunedAtOnce;
        return more;
    }

    public void Dispose()
    {
        Journal.Dispose();
        Rows.Dispose();
        View.Dispose();
    }
}
