using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Peers;

/// <summary>Using once what nobody issued (law 5): a step of a one-time password, a recovery code, an assertion that nobody asked for. One node decides about each.</summary>
public sealed class SingleUse(NodeStore node, PeerLinks peers, Copies copies, TimeProvider clock)
{
    /// <summary>How long another node may take to decide.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(500);

    /// <summary>How far clocks may differ where a new life looks at the age of things.</summary>
    public static readonly TimeSpan Skew = TimeSpan.FromSeconds(60);

    /// <summary>Uses an item, if its authority agrees; both, while the node list changes.</summary>
    public async Task<SpendVerdict> SpendAsync(SpendQuestion question, CancellationToken ct)
    {
        var authorities = node.Read(NodeList.Of).AuthoritiesOf(question.Item);
        if (authorities.Count == 0 && peers.All.Count > 0)
        {
            return SpendVerdict.Unavailable;   // the list has not come here: another node may be the one
        }
        foreach (var name in authorities.Count == 0 ? [peers.Own.Name] : authorities)
        {
            var verdict = name == peers.Own.Name ? await SpendHereAsync(question) : await SpendThereAsync(name, question, ct);
            if (verdict != SpendVerdict.Granted)
            {
                return verdict;
            }
        }
        return SpendVerdict.Granted;
    }

    private async Task<SpendVerdict> SpendThereAsync(string name, SpendQuestion question, CancellationToken ct)
    {
        if (peers.FindByName(name) is not { } peer)
        {
            return SpendVerdict.Unavailable;
        }
        using var deadline = new CancellationTokenSource(Deadline, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        try
        {
            return (await peer.SpendAsync(question, either.Token).Within(either.Token)).Verdict;
        }
        catch (Exception fault) when (fault is PeerUnavailableException || (fault is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return SpendVerdict.Unavailable;
        }
    }

    /// <summary>Decides here, as the authority.</summary>
    public async Task<SpendVerdict> SpendHereAsync(SpendQuestion question)
    {
        var spent = await node.Writer.RecordAsync(view => Decide(view, question));
        return spent.Answer == SpendVerdict.Granted && question.NeedsCopy && !await copies.WaitAsync(node.Read(Lives.JournalHead))
            ? SpendVerdict.Unavailable
            : spent.Answer;
    }

    private Decision<SpendVerdict> Decide(View view, SpendQuestion question)
    {
        if (NodeList.Of(view).AuthoritiesOf(question.Item) is var authorities && !authorities.Contains(peers.Own.Name, StringComparer.Ordinal)
            && (authorities.Count > 0 || peers.All.Count > 0))
        {
            return Rows.Decide.Nothing(SpendVerdict.Unavailable);   // the asker goes by a list that is over, or that has not come here
        }
        // Each authority's word is a row of its own: of one row for both, the other's, made for another request by a slower clock, would replace this one's.
        var own = $"{question.Item}/{peers.Own.Name}";
        var spent = view.Query<Spent>("SELECT id AS Id, request AS Request FROM spends WHERE id = @Item OR (id > @from AND id < @to)",
            new { question.Item, from = question.Item + "/", to = question.Item + "0" });
        if (spent.Find(s => s.Id == own) is { } ours)
        {
            return Rows.Decide.Nothing(question.Request is not null && ours.Request == question.Request ? SpendVerdict.Granted : SpendVerdict.Used);
        }
        if (spent.Exists(s => question.Request is null || s.Request != question.Request))
        {
            return Rows.Decide.Nothing(SpendVerdict.Used);   // another authority has decided, for somebody else
        }
        if (Lives.Find(view, node.Incarnation) is not { IsVoid: false } life)
        {
            return Rows.Decide.Nothing(SpendVerdict.Void);
        }
        if (Lives.HasElder(view, life) && question.MadeAt < life.BornAt + (long)Skew.TotalMilliseconds)
        {
            return Rows.Decide.Nothing(SpendVerdict.Void);   // the elder may have spent it, on a disk that is gone
        }
        return Rows.Decide.To(SpendVerdict.Granted, Change.To(Schema.Spends, own,
            ("environment_id", question.EnvironmentId), ("kind", question.Kind), ("request", question.Request),
            ("created_at", clock.GetUtcNow().ToUnixTimeMilliseconds()), ("expires_at", question.ExpiresAt)));
    }

    private sealed record Spent(string Id, string? Request);
}
