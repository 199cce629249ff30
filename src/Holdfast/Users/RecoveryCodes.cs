using System.Security.Cryptography;
using System.Text;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Protocols.OneTimePasswords;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>Ten codes on paper, for whoever has lost their telephone. Each is good once; they are shown once, when they are made, and kept as keyed hashes.</summary>
internal static class RecoveryCodes
{
    public const int Count = 10;

    /// <summary>Base 32, so 50 bits: what is guessed is bounded besides.</summary>
    private const int Characters = 10;

    /// <param name="Hashes">Hex, in the order in which the codes were shown.</param>
    internal sealed record Details(IReadOnlyList<string> Hashes);

    /// <summary>Ten new ones. They take the place of all that this node has seen.</summary>
    /// <param name="setId">Null for a new one; that of a set which is there already tells its codes again, to whom they were told.</param>
    /// <param name="provenBy">The credential by which their owner had signed in; null for none.</param>
    /// <returns>The codes, as they are to be shown.</returns>
    public static Decision<Ruling<IReadOnlyList<string>>> Make(View view, Act act, string userId, Proof proof, string? setId = null, string? provenBy = null)
    {
        if (UserStore.Find(view, act.EnvironmentId, userId) is null)
        {
            return Rule.Refuse<IReadOnlyList<string>>(Refusal.NotFound);
        }
        var id = setId ?? act.NewId(Ids.Factor, Factor.RecoveryCodes);
        var codes = Enumerable.Range(0, Count).Select(n => Base32.Encode(ClusterKeys.Mac(act.Random, "recovery-code", id, $"{n}"))[..Characters].ToLowerInvariant()).ToList();
        var shown = codes.ConvertAll(c => $"{c[..(Characters / 2)]}-{c[(Characters / 2)..]}");
        return Factor.Find(view, act.EnvironmentId, id) is not null ? Rule.Grant<IReadOnlyList<string>>(shown) : Rule.Grant<IReadOnlyList<string>>(
            shown,
            Factor.Make(act, id, userId, Factor.RecoveryCodes, null, new Details(codes.ConvertAll(c => Hash(act, id, c))), proof, Standing(view, act.EnvironmentId, userId), provenBy: provenBy));
    }

    /// <summary>Sets that no other took the place of: one, or several after two were made apart.</summary>
    public static List<Factor> Standing(View view, string environmentId, string userId)
    {
        var all = Factor.Of(view, environmentId, userId, Factor.RecoveryCodes);
        var replaced = all.SelectMany(f => f.ReplacedIds).ToHashSet(StringComparer.Ordinal);
        return [.. all.Where(f => !replaced.Contains(f.Id))];
    }

    /// <summary>The set that a code is of, and its place there; null when it is of none. Whether it was used, its authority says.</summary>
    public static (Factor Set, int Place)? Find(View view, Act act, string userId, string code)
    {
        if (Normal(code) is not { } normal)
        {
            return null;
        }
        foreach (var set in Standing(view, act.EnvironmentId, userId))
        {
            var hash = Encoding.ASCII.GetBytes(Hash(act, set.Id, normal));
            var hashes = set.Read<Details>().Hashes;
            for (var place = 0; place < hashes.Count; place++)
            {
                if (CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(hashes[place]), hash))
                {
                    return (set, place);
                }
            }
        }
        return null;
    }

    /// <summary>The code as it is hashed: people leave out the hyphen, or write in capitals; null when it cannot be one.</summary>
    public static string? Normal(string code)
    {
        var kept = code.Length > 4 * Characters ? "" : string.Concat(code.Where(c => c is not ('-' or ' '))).ToLowerInvariant();
        return kept.Length == Characters && kept.All(char.IsAsciiLetterOrDigit) ? kept : null;
    }

    private static string Hash(Act act, string setId, string code) => Convert.ToHexStringLower(ClusterKeys.Mac(act.ItemKey, "recovery-code", setId, code));
}
