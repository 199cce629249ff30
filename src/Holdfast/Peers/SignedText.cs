using System.Globalization;
using System.Security.Cryptography;
using Holdfast.Keys;

namespace Holdfast.Peers;

/// <summary>A node that has shown that it is one of ours.</summary>
/// <param name="Name">What the operator calls it.</param>
/// <param name="Incarnation">Its life.</param>
internal sealed record Speaker(string Name, string Incarnation);

/// <summary>What nodes write beside a request and an answer, so that neither can be forged, changed, repeated or mixed up on the way.</summary>
/// <remarks>
/// <c>Holdfast-Node: name incarnation public-key admission</c>, each escaped as in a URL; in requests and answers.
/// <c>Holdfast-Signed: time nonce to body-sha256 signature</c> in requests; <c>Holdfast-Signed: signature</c> in answers.
/// </remarks>
internal static class SignedText
{
    public const string NodeHeader = "Holdfast-Node";
    public const string SignedHeader = "Holdfast-Signed";

    /// <summary>In a forwarded request: the address of the browser or server that sent it.</summary>
    public const string ForHeader = "Holdfast-For";

    /// <summary>What only a node may say.</summary>
    public static readonly IReadOnlyList<string> Headers = [NodeHeader, SignedHeader, ForHeader];

    /// <summary>In place of an incarnation that the asker does not know yet.</summary>
    public const string Anybody = "-";

    private const int LongestField = 256;

    /// <summary>The signed part of a request.</summary>
    /// <param name="Time">Unix seconds, by the asker's clock.</param>
    /// <param name="Nonce">16 random bytes.</param>
    /// <param name="To">The incarnation that it is meant for, so that no other can be asked the same; or <see cref="Anybody"/>.</param>
    /// <param name="BodyHash">SHA-256 in hex: what is not ours is refused before its body is read.</param>
    public sealed record Request(long Time, string Nonce, string To, string BodyHash)
    {
        /// <param name="target">Path and query, as they stand in the request line.</param>
        /// <param name="forwardedFor">Value of <see cref="ForHeader"/>; null when the request is the asker's own.</param>
        public string Text(Speaker from, string method, string target, string? forwardedFor) => string.Join('\n',
            "holdfast peer request 1", from.Name, from.Incarnation, To, Time.ToString(CultureInfo.InvariantCulture), Nonce, method, target, BodyHash, forwardedFor ?? "");

        public string Header(string signature) => string.Create(CultureInfo.InvariantCulture, $"{Time} {Nonce} {To} {BodyHash} {signature}");
    }

    /// <summary>What an answer's signature is over: the request's nonce too, so that it answers nothing else.</summary>
    /// <param name="location">The answer's <c>Location</c>, and its <c>Set-Cookie</c> joined by line feeds; empty where there is none.</param>
    public static string Answer(Speaker from, string nonce, int status, string location, string cookies, ReadOnlySpan<byte> body) => string.Join('\n',
        "holdfast peer answer 1", from.Name, from.Incarnation, nonce, status.ToString(CultureInfo.InvariantCulture), location, HashOf(System.Text.Encoding.UTF8.GetBytes(cookies)), HashOf(body));

    /// <summary>SHA-256 in hex.</summary>
    public static string HashOf(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>Reads <see cref="NodeHeader"/>; null when it is not that.</summary>
    public static (Speaker Speaker, string PublicKey, string Admission)? ReadNode(string header) =>
        header.Split(' ') is [var name, var incarnation, var key, var admission] && IsField(name) && IsField(incarnation) && IsField(key) && IsField(admission)
            ? (new Speaker(Uri.UnescapeDataString(name), Uri.UnescapeDataString(incarnation)), Uri.UnescapeDataString(key), admission)
            : null;

    public static string Node(Speaker speaker, string publicKey, string admission) =>
        $"{Uri.EscapeDataString(speaker.Name)} {Uri.EscapeDataString(speaker.Incarnation)} {Uri.EscapeDataString(publicKey)} {admission}";

    /// <summary>Reads <see cref="SignedHeader"/> of a request; null when it is not that.</summary>
    public static (Request Request, string Signature)? ReadRequest(string header) =>
        header.Split(' ') is [var time, var nonce, var to, var hash, var signature]
        && long.TryParse(time, NumberStyles.None, CultureInfo.InvariantCulture, out var at) && at < 1L << 40
        && Base64.Decode(nonce) is { Length: 16 } && IsField(to) && hash.Length == 64 && IsField(signature)
            ? (new Request(at, nonce, to, hash), signature)
            : null;

    private static bool IsField(string text) => text.Length is > 0 and <= LongestField;
}
