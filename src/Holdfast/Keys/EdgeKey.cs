using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Keys;

/// <summary>What an edge shows to read the map of domains, and what it knows a node's answer by. Derived from the cluster key, which the edge does not have: it stands at the outside and opens nothing.</summary>
internal sealed class EdgeKey
{
    public const string Header = "Holdfast-Edge";
    public const string DomainsPath = "/edge/domains";

    /// <summary>The largest map, in bytes.</summary>
    public const int MostBytes = 16 << 20;

    private const string Prefix = "edge_";

    private static readonly TimeSpan s_window = TimeSpan.FromMinutes(5);

    private readonly byte[] _key;

    private EdgeKey(byte[] key) => _key = key;

    /// <summary>As it is handed to the edge.</summary>
    public string Value => Prefix + Base64.Encode(_key);

    public static EdgeKey Of(ClusterKeys keys) => new(keys.Derive("edge key"));

    /// <summary>Null when it is none.</summary>
    public static EdgeKey? Read(string text) =>
        text.Trim() is var value && value.StartsWith(Prefix, StringComparison.Ordinal) && Base64.Decode(value[Prefix.Length..]) is { Length: 32 } key ? new EdgeKey(key) : null;

    /// <summary>The header of a question.</summary>
    /// <param name="time">Unix seconds.</param>
    public string Ask(long time, string nonce) => string.Create(CultureInfo.InvariantCulture, $"{time} {nonce} {Mac("ask", time.ToString(CultureInfo.InvariantCulture), nonce)}");

    /// <summary>The nonce of a question that this key has asked about now; null of any other.</summary>
    public string? Asks(string header, DateTimeOffset now) =>
        header.Split(' ') is [var time, { Length: > 0 and <= 64 } nonce, var mac] && long.TryParse(time, NumberStyles.None, CultureInfo.InvariantCulture, out var at)
        && Math.Abs(now.ToUnixTimeSeconds() - at) <= s_window.TotalSeconds && IsSame(mac, Mac("ask", time, nonce))
            ? nonce
            : null;

    /// <summary>The header of an answer.</summary>
    public string Answer(string nonce, ReadOnlySpan<byte> body) => Mac("answer", nonce, Convert.ToHexStringLower(SHA256.HashData(body)));

    public bool Answers(string nonce, ReadOnlySpan<byte> body, string header) => IsSame(header, Answer(nonce, body));

    private string Mac(params ReadOnlySpan<string> parts) => Base64.Encode(ClusterKeys.Mac(_key, parts));

    private static bool IsSame(string one, string other) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(one), Encoding.UTF8.GetBytes(other));
}
