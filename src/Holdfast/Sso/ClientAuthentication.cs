using System.Net.Http.Headers;
using System.Text;
using Holdfast.Keys;
using Holdfast.Protocols.OpenIdConnect;
using Holdfast.Storage;

namespace Holdfast.Sso;

/// <summary>How a connection proves itself at its provider's token endpoint (OpenID Connect Core 1.0 §9).</summary>
internal static class ClientAuthentication
{
    public const string Basic = "client_secret_basic";
    public const string Post = "client_secret_post";
    public const string PrivateKey = "private_key_jwt";

    public static readonly IReadOnlySet<string> Methods = new HashSet<string>(StringComparer.Ordinal) { Basic, Post, PrivateKey };

    /// <summary>The method that was chosen; else what the connection has, in the first way that the provider lists.</summary>
    public static string MethodOf(OidcSettings oidc, ProviderMetadata metadata) =>
        oidc.AuthMethod ?? (oidc.ClientSecret is null && oidc.Apple is null && oidc.ClientKey is not null ? PrivateKey
            : oidc.Apple is null && metadata.TokenEndpointAuthMethods.Contains(Basic) ? Basic : Post);

    /// <summary>Adds the proof to a request, and returns what of it goes into the header.</summary>
    public static AuthenticationHeaderValue? Prove(
        OidcSettings oidc, ProviderMetadata metadata, ICollection<KeyValuePair<string, string>> form, Entropy entropy, DateTimeOffset now)
    {
        switch (MethodOf(oidc, metadata))
        {
            case PrivateKey:
                form.Add(new("client_id", oidc.ClientId));
                form.Add(new("client_assertion_type", ClientAssertion.Type));
                form.Add(new("client_assertion", oidc.ClientKey!.Sign(key => ClientAssertion.Make(key, oidc.ClientId, metadata.TokenEndpoint, Base64.Encode(entropy.Bytes(16)), now))));
                return null;
            case Basic:
                // Each half is form-encoded first (RFC 6749 §2.3.1).
                return new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Uri.EscapeDataString(oidc.ClientId)}:{Uri.EscapeDataString(SecretOf(oidc, metadata, now))}")));
            default:
                form.Add(new("client_id", oidc.ClientId));
                form.Add(new("client_secret", SecretOf(oidc, metadata, now)));
                return null;
        }
    }

    /// <summary>Apple's secret is a JWT that is made anew each time; everybody else's is what was given.</summary>
    private static string SecretOf(OidcSettings oidc, ProviderMetadata metadata, DateTimeOffset now) => oidc.Apple is { } apple
        ? apple.Key.Sign(key => ClientAssertion.MakeForTeam(key, apple.TeamId, oidc.ClientId, metadata.Issuer, now))
        : oidc.ClientSecret ?? "";
}
