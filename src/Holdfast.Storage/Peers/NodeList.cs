using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Peers;

/// <summary>The names of the cluster's nodes (law 5): who decides about what nobody issued. While it changes, two lists count, and both must agree.</summary>
/// <remarks>A change is two steps. First the new list stands beside the old one; whoever has read that asks the authorities of both. Only when every node of both has
/// read it, so that none is left that asks the old one alone, does the new list stand by itself.</remarks>
/// <param name="Number">Rises with every step.</param>
public sealed record NodeList(long Number, IReadOnlyList<string> Before, IReadOnlyList<string> Now)
{
    private const string Id = "nodes";

    /// <summary>No step is under way.</summary>
    public bool IsSettled => Before.SequenceEqual(Now, StringComparer.Ordinal);

    /// <summary>All names that count.</summary>
    public IEnumerable<string> All => Before.Union(Now, StringComparer.Ordinal);

    /// <summary>The list as this state has it; empty when no node has entered itself.</summary>
    public static NodeList Of(View view) =>
        view.Find<Row>("SELECT number AS Number, names_before AS Before, names AS Now FROM node_list WHERE id = @Id", new { Id }) is { } row
            ? new NodeList(row.Number, Names(row.Before), Names(row.Now))
            : new NodeList(0, [], []);

    /// <summary>The nodes that must agree to a use of this item: one, or two while the list changes; none when there is no list.</summary>
    public IReadOnlyList<string> AuthoritiesOf(string item) =>
        [.. new[] { Highest(Before, item), Highest(Now, item) }.OfType<string>().Distinct(StringComparer.Ordinal)];

    /// <summary>A node enters itself. A primary write.</summary>
    /// <returns>Whether it is in the list now; false while another change is under way.</returns>
    public static Decision<bool> Enter(View view, string name)
    {
        var list = Of(view);
        return list.Now.Contains(name, StringComparer.Ordinal) ? Decide.Nothing(true)
            : list.Now.Count == 0 ? Decide.To(true, Write(list.Number, [name], [name]))
            : !list.IsSettled ? Decide.Nothing(false)
            : Decide.To(true, Write(list.Number, list.Now, [.. list.Now.Append(name).Order(StringComparer.Ordinal)]));
    }

    /// <summary>A node leaves for good. A primary write.</summary>
    /// <returns>Whether it is out of the list, or on its way; false while another change is under way.</returns>
    public static Decision<bool> Leave(View view, string name)
    {
        var list = Of(view);
        return !list.Now.Contains(name, StringComparer.Ordinal) ? Decide.Nothing(true)
            : !list.IsSettled ? Decide.Nothing(false)
            : Decide.To(true, Write(list.Number, list.Now, [.. list.Now.Where(n => n != name)]));
    }

    /// <summary>Every node of both lists has read this step: the new list stands by itself. A primary write.</summary>
    /// <param name="number">The step that all have read.</param>
    public static Decision<bool> Settle(View view, long number)
    {
        var list = Of(view);
        return list.Number != number || list.IsSettled ? Decide.Nothing(false) : Decide.To(true, Write(list.Number, list.Now, list.Now));
    }

    private static Change Write(long number, IReadOnlyList<string> before, IReadOnlyList<string> now) => Change.To(Schema.NodeList, Id,
        ("number", number + 1), ("names_before", JsonSerializer.Serialize(before)), ("names", JsonSerializer.Serialize(now)));

    private static List<string> Names(string json) => JsonSerializer.Deserialize<List<string>>(json)!;

    /// <summary>Rendezvous hashing (Thaler and Ravishankar 1998): everybody with the same list finds the same node, and a change moves only its share.</summary>
    private static string? Highest(IReadOnlyList<string> names, string item) =>
        names.MaxBy(name => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes($"{name}\n{item}"))), StringComparer.Ordinal);

    private sealed record Row(long Number, string Before, string Now);
}
