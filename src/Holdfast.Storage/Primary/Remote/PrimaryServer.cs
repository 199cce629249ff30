using System.Text;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Primary.Sqlite;

namespace Holdfast.Storage.Primary.Remote;

/// <summary>Answers other nodes for the embedded primary of this one. Whoever carries the questions has made sure who asks.</summary>
/// <param name="cluster">The cluster that this node belongs to; null as long as it belongs to none.</param>
public sealed class PrimaryServer(SqlitePrimary primary, Func<string?> cluster) : IPrimaryWire
{
    /// <summary>The most rows of one page, whatever is asked for.</summary>
    public const int MostRows = 1000;

    /// <summary>About the most bytes of one page; one row is given always.</summary>
    public const int MostBytes = 4 << 20;

    public async Task<PrimaryAnswer> AskAsync(PrimaryQuestion question, CancellationToken ct)
    {
        if (question.Cluster is { } theirs && cluster() is { } ours && theirs != ours)
        {
            throw new PrimaryUnavailableException(PrimaryFault.Foreign, "The primary there belongs to another cluster. Nothing is written into it.");
        }
        switch (question.Call)
        {
            case PrimaryCall.FindCluster:
                return new PrimaryAnswer(await primary.FindClusterAsync(ct));
            case PrimaryCall.Bootstrap:
                return new PrimaryAnswer(await primary.BootstrapAsync(question.NewCluster, ct));
            case PrimaryCall.Offer:
                return new PrimaryAnswer(Position: await primary.OfferAsync(question.Versions, question.Seen, ct));
            case PrimaryCall.Commit:
                return new PrimaryAnswer(Position: await primary.CommitAsync(question.At, question.Versions, question.Seen, ct));
            case PrimaryCall.ReadLog:
                return new PrimaryAnswer(Page: Bounded(await primary.ReadLogAsync(question.At, Math.Clamp(question.Limit, 1, MostRows), ct)));
            case PrimaryCall.FindCommon:
                return new PrimaryAnswer(Position: await primary.FindCommonAsync(question.Positions, ct));
            case PrimaryCall.BeginEpoch:
                await primary.BeginEpochAsync(question.At, ct);
                return new PrimaryAnswer();
            case PrimaryCall.Prune:
                await primary.PruneAsync(question.Before, ct);
                return new PrimaryAnswer();
            default:
                throw new ArgumentOutOfRangeException(nameof(question));
        }
    }

    private static LogPage Bounded(LogPage page)
    {
        var (count, bytes) = (0, 0);
        while (count < page.Rows.Count && (bytes += Encoding.UTF8.GetByteCount(page.Rows[count].Version)) <= MostBytes)
        {
            count++;
        }
        return count == page.Rows.Count ? page : page with { Rows = [.. page.Rows.Take(Math.Max(1, count))] };
    }
}
