using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Protocols.OpenIdConnect;

/// <summary>Judges what the browser brings back from an identity provider (OpenID Connect Core 1.0 §3.1.2.5–7, RFC 9207 §2.4).</summary>
public static class AuthenticationResponse
{
    /// <param name="parameters">All parameters of the query, repeated ones as often as they came.</param>
    /// <param name="expectedState">The state of the flow that this browser began, on this connection.</param>
    public static AuthenticationResponseVerdict Check(
        IEnumerable<KeyValuePair<string, string>> parameters, string expectedState, ProviderMetadata metadata)
    {
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in parameters)
        {
            if (!given.TryAdd(name, value))
            {
                return Refused(AuthenticationResponseRefusal.Repeated);   // RFC 6749 §3.1
            }
        }
        if (!given.TryGetValue("state", out var state)
            || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(state), Encoding.UTF8.GetBytes(expectedState)))
        {
            return Refused(AuthenticationResponseRefusal.StateMismatch);
        }
        if (!given.TryGetValue("iss", out var issuer))
        {
            if (metadata.SendsIssuer)
            {
                return Refused(AuthenticationResponseRefusal.IssuerMissing);
            }
        }
        else if (issuer != metadata.Issuer)
        {
            return Refused(AuthenticationResponseRefusal.IssuerMismatch);
        }
        if (given.TryGetValue("error", out var error))
        {
            return new AuthenticationResponseVerdict.Failed(error, given.GetValueOrDefault("error_description"));
        }
        return given.TryGetValue("code", out var code) && code.Length > 0
            ? new AuthenticationResponseVerdict.Accepted(code)
            : Refused(AuthenticationResponseRefusal.CodeMissing);
    }

    private static AuthenticationResponseVerdict.Refused Refused(AuthenticationResponseRefusal why) => new(why);
}

public abstract record AuthenticationResponseVerdict
{
    public sealed record Accepted(string Code) : AuthenticationResponseVerdict;

    /// <summary>The identity provider says no. Both texts are its words: encode them, and show them to administrators only.</summary>
    public sealed record Failed(string Error, string? Description) : AuthenticationResponseVerdict;

    public sealed record Refused(AuthenticationResponseRefusal Why) : AuthenticationResponseVerdict;
}

public enum AuthenticationResponseRefusal
{
    /// <summary>A parameter stands there twice.</summary>
    Repeated,

    /// <summary>Absent, or of another flow.</summary>
    StateMismatch,

    /// <summary>The provider promised to name itself, and did not.</summary>
    IssuerMissing,

    /// <summary>The answer is another provider's: a mix-up.</summary>
    IssuerMismatch,
    CodeMissing,
}
