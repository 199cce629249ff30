using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Edge;

/// <summary>Which node is asked, and which after it. Pure but for the nodes' states.</summary>
/// <param name="isSilent">Whether everybody waits at a node just now.</param>
internal sealed class EdgeNodes(IReadOnlyList<EdgeNode> all, string region, Admission admission, Func<EdgeNode, bool> isSilent)
{
    /// <summary>Below this nobody is sent elsewhere for the sake of an even load.</summary>
    private const int NeverBusy = 16;

    private int _turn;

    public IReadOnlyList<EdgeNode> All { get; } = all;

    /// <summary>The nodes that may be asked, the best first; empty when each of them is full. When all look ill, all may be asked: one that is only thought to be ill serves better than none.</summary>
    public List<EdgeNode> Order(Asked asked)
    {
        var turn = Mix((uint)Interlocked.Increment(ref _turn));
        var total = All.Sum(n => n.UnderWay);
        var ready = Math.Max(1, All.Count(n => n.State == NodeState.Ready));
        var most = Math.Max(NeverBusy, 1.5 * (total + 1) / ready);
        return [.. All
            .Where(n => admission.HasRoom(n, asked.Priority))
            .Select((node, at) => (Node: node, Tier: Tier(node, asked), Score: Score(node, asked, turn, at)))
            .OrderBy(n => n.Tier)
            .ThenBy(n => asked.Key is not null && n.Node.UnderWay >= most ? 1 : 0)
            .ThenByDescending(n => n.Score)
            .Select(n => n.Node)];
    }

    /// <summary>The node that an item names, then near ones, then far ones; behind them those that nobody hears from, and last those that are ejected.</summary>
    private int Tier(EdgeNode node, Asked asked)
    {
        var isNear = node.Said?.Region == region;
        return node.State switch
        {
            NodeState.Ready when asked.Authority is { } life && node.Said?.Incarnation == life => 0,
            NodeState.Ready when !isSilent(node) => isNear ? 1 : 2,
            NodeState.Ready => isNear ? 3 : 4,
            NodeState.Unknown => 5,
            _ => 6,
        };
    }

    /// <summary>By rendezvous for what belongs on one node, so that a node's end moves its keys alone and a new one's weight draws them over little by little; by load and chance for the rest.</summary>
    private static double Score(EdgeNode node, Asked asked, uint turn, int at)
    {
        var weight = Math.Max(node.Weight, 0.01);
        if (asked.Key is { } key)
        {
            return -weight / Math.Log(Part(key, node.Address));
        }
        var chance = (Mix(turn + (uint)at) + 1.0) / (uint.MaxValue + 2.0);
        return -weight / Math.Log(chance) / (1 + node.UnderWay);
    }

    /// <summary>A number between 0 and 1 of a key at a node.</summary>
    private static double Part(string key, Uri node)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{key}\n{node.GetLeftPart(UriPartial.Authority)}"), hash);
        return ((BinaryPrimitives.ReadUInt64LittleEndian(hash) >> 11) + 0.5) / (1UL << 53);
    }

    private static uint Mix(uint x)
    {
        x = (x ^ (x >> 16)) * 0x7feb352d;
        x = (x ^ (x >> 15)) * 0x846ca68b;
        return x ^ (x >> 16);
    }
}
