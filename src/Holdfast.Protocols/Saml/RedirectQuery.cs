using System.Text;

namespace Holdfast.Protocols.Saml;

/// <summary>The query of the HTTP-Redirect binding, as it came (Bindings §3.4.4.1).</summary>
/// <param name="Message">SAMLRequest or SAMLResponse, escapes undone.</param>
/// <param name="RelayState">Escapes undone; null when there is none.</param>
/// <param name="SigAlg">A URI; null when the query is not signed.</param>
/// <param name="Signed">The octets that a signature is over: names and values as they came, in the order that the binding gives.</param>
internal sealed record RedirectQuery(string Message, string? RelayState, string? SigAlg, string? Signature, byte[] Signed)
{
    /// <summary>In any case of letters, each with its own spelling.</summary>
    private static readonly Dictionary<string, string> s_names =
        new[] { "SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature", "SAMLEncoding" }.ToDictionary(name => name, StringComparer.OrdinalIgnoreCase);

    /// <param name="query">As received, with or without the question mark. Never put together again from parsed values: other escapes for the same
    /// characters are other octets.</param>
    /// <param name="parameter">Which of SAMLRequest and SAMLResponse is read here; the other must be absent.</param>
    /// <exception cref="RefusedException">QueryTooLong or QueryParameter.</exception>
    public static RedirectQuery Read(string? query, string parameter, SamlLimits limits)
    {
        query ??= "";
        if (query.Length > limits.MaxQueryChars)
        {
            throw new RefusedException(SamlRefusal.QueryTooLong, $"The limit is {limits.MaxQueryChars}.");
        }
        if (query.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            throw new RefusedException(SamlRefusal.QueryParameter, "The query holds characters that no query can hold.");
        }
        var raw = Parameters(query);
        var other = parameter == OutgoingMessage.Request ? OutgoingMessage.Response : OutgoingMessage.Request;
        if (!raw.TryGetValue(parameter, out var message) || raw.ContainsKey(other))
        {
            throw new RefusedException(SamlRefusal.QueryParameter, $"The query must hold {parameter}, and not {other}.");
        }
        if (raw.TryGetValue("SAMLEncoding", out var encoding)
            && Uri.UnescapeDataString(encoding) != "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE")
        {
            throw new RefusedException(SamlRefusal.QueryParameter, "The SAMLEncoding is not DEFLATE.");
        }
        var signed = string.Join('&', new[] { parameter, "RelayState", "SigAlg" }.Where(raw.ContainsKey).Select(name => $"{name}={raw[name]}"));
        return new(
            Uri.UnescapeDataString(message),
            raw.TryGetValue("RelayState", out var state) ? Uri.UnescapeDataString(state.Replace('+', ' ')) : null,
            raw.TryGetValue("SigAlg", out var algorithm) ? Uri.UnescapeDataString(algorithm) : null,
            raw.TryGetValue("Signature", out var signature) ? Uri.UnescapeDataString(signature) : null,
            Encoding.ASCII.GetBytes(signed));
    }

    /// <summary>Those that the binding knows, each once. Another spelling of one of their names could be read by somebody else as that one.</summary>
    private static Dictionary<string, string> Parameters(string query)
    {
        var raw = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in query.TrimStart('?').Split('&'))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            var (name, value) = equals < 0 ? (pair, "") : (pair[..equals], pair[(equals + 1)..]);
            if (!s_names.TryGetValue(Uri.UnescapeDataString(name), out var known))
            {
                continue;   // the address may have a query of its own
            }
            if (name != known || !raw.TryAdd(name, value))
            {
                throw new RefusedException(SamlRefusal.QueryParameter, $"{known} stands twice in the query, or in another spelling.");
            }
        }
        return raw;
    }
}
