using System.Globalization;
using System.Numerics;
using Holdfast.Keys;

namespace Holdfast.Users;

/// <summary>Secrets of what is mailed. Each follows from the id of its item, under a key of its purpose: so it is kept nowhere, and can be told again.</summary>
internal sealed class ItemSecrets(ClusterKeys keys)
{
    /// <summary>Six digits, to be typed in.</summary>
    public string Code(string environmentId, string itemId) =>
        (new BigInteger(keys.Mac("mailed-code", environmentId, itemId), isUnsigned: true) % 1_000_000).ToString("D6", CultureInfo.InvariantCulture);

    /// <summary>256 bits, for a link.</summary>
    public string Token(string environmentId, string itemId) => Base64.Encode(keys.Mac("mailed-token", environmentId, itemId));
}
