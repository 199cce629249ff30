using System.Text.Json;

namespace Holdfast.Keys;

/// <summary>Tokens of an environment that only this cluster can read: sealed, so that any node reads them and no table is needed.</summary>
internal static class SealedToken
{
    private const int Longest = 8192;

    public static string Make<T>(ClusterKeys keys, string purpose, string environmentId, T content) =>
        $"{environmentId}.{keys.Seal(purpose, environmentId, JsonSerializer.SerializeToUtf8Bytes(content))}";

    /// <summary>The same content is the same token, whichever node makes it.</summary>
    public static string MakeSame<T>(ClusterKeys keys, string purpose, string environmentId, T content) =>
        $"{environmentId}.{keys.SealSame(purpose, environmentId, JsonSerializer.SerializeToUtf8Bytes(content))}";

    /// <summary>The same for what one node alone redeems: its life stands before it, so that an edge, which has no key of ours, sends it there.</summary>
    public static string MakeFor<T>(ClusterKeys keys, string purpose, string environmentId, string authority, T content) => $"{authority}.{Make(keys, purpose, environmentId, content)}";

    /// <summary>What such a token holds, if the life before it is its own. One that an elder release made has none before it.</summary>
    public static T? ReadFor<T>(ClusterKeys keys, string purpose, string environmentId, string token, Func<T, string> authorityOf) where T : class
    {
        var named = token.StartsWith(environmentId + ".", StringComparison.Ordinal) ? null : token.Split('.', 2)[0];
        return Read<T>(keys, purpose, environmentId, named is null ? token : token[Math.Min(named.Length + 1, token.Length)..]) is { } content && (named is null || named == authorityOf(content)) ? content : null;
    }

    /// <summary>What a token of one environment holds.</summary>
    public static T? Read<T>(ClusterKeys keys, string purpose, string environmentId, string token) where T : class =>
        Read<T>(keys, purpose, token) is var (whose, content) && whose == environmentId ? content : null;

    /// <summary>What a token holds; null when it is not ours, of another purpose, or was changed. Whether it is over, its content says.</summary>
    public static (string EnvironmentId, T Content)? Read<T>(ClusterKeys keys, string purpose, string token) where T : class =>
        token.Length <= Longest && token.Split('.', 2) is [var environmentId, var item]
        && keys.Open(purpose, environmentId, item) is { } bytes && JsonSerializer.Deserialize<T>(bytes) is { } content
            ? (environmentId, content)
            : null;
}
