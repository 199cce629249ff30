namespace Holdfast.Protocols.OpenIdConnect;

/// <summary>Reads what a token endpoint answers (OpenID Connect Core 1.0 §3.1.3.3, RFC 6749 §5).</summary>
public static class TokenResponse
{
    /// <summary>The largest answer that is read, in bytes.</summary>
    public const int MaxBytes = 256 * 1024;

    /// <summary>The longest access token that is used, in characters: those of RFC 6749 appendix A.12.</summary>
    public const int MaxTokenLength = 32 * 1024;

    /// <summary>Goes by what the answer holds, not by its status: some providers send errors with 200.</summary>
    /// <param name="needsIdToken">False for a provider of plain OAuth 2.0, which has none: then a bearer token is needed, and an ID token is not looked at.</param>
    public static TokenResponseVerdict Read(ReadOnlySpan<byte> json, bool needsIdToken = true)
    {
        if (!StrictJson.TryReadObject(json, MaxBytes, out var answer))
        {
            return new TokenResponseVerdict.Refused(TokenResponseRefusal.Malformed);
        }
        if (answer.TryGetProperty("error", out _))
        {
            return answer.TryGetText("error", out var error)
                ? new TokenResponseVerdict.Failed(error, answer.TextOrNull("error_description"))
                : new TokenResponseVerdict.Refused(TokenResponseRefusal.Malformed);
        }
        // A token of a type that we do not know must not be used (RFC 6749 §7.1).
        var bearer = string.Equals(answer.TextOrNull("token_type"), "Bearer", StringComparison.OrdinalIgnoreCase);
        var accessToken = bearer && answer.TextOrNull("access_token") is { Length: > 0 and <= MaxTokenLength } text && text.All(c => c is > ' ' and <= '~') ? text : null;
        if (!needsIdToken)
        {
            return accessToken is null ? new TokenResponseVerdict.Refused(TokenResponseRefusal.AccessTokenMissing) : new TokenResponseVerdict.Authorized(accessToken);
        }
        return answer.TryGetText("id_token", out var idToken)
            ? new TokenResponseVerdict.Accepted(idToken, accessToken)
            : new TokenResponseVerdict.Refused(TokenResponseRefusal.IdTokenMissing);
    }
}

public abstract record TokenResponseVerdict
{
    /// <param name="IdToken">Not checked yet.</param>
    /// <param name="AccessToken">A bearer token; null when there is none that can be used.</param>
    public sealed record Accepted(string IdToken, string? AccessToken) : TokenResponseVerdict;

    /// <summary>The answer of a provider of plain OAuth 2.0: it says nothing of who signed in.</summary>
    public sealed record Authorized(string AccessToken) : TokenResponseVerdict;

    /// <param name="Error">A code of RFC 6749 §5.2, or the provider's own.</param>
    /// <param name="Description">The provider's words: encode them, and show them to administrators only.</param>
    public sealed record Failed(string Error, string? Description) : TokenResponseVerdict;

    public sealed record Refused(TokenResponseRefusal Why) : TokenResponseVerdict;
}

public enum TokenResponseRefusal
{
    /// <summary>Too large, no JSON object, or a name twice.</summary>
    Malformed,
    IdTokenMissing,

    /// <summary>No bearer token, where nothing else would tell who signed in.</summary>
    AccessTokenMissing,
}
