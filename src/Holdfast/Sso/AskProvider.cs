using System.Net.Http.Headers;
using System.Text.Json;
using Holdfast.Protocols.OpenIdConnect;
using Holdfast.Resilience;
using Holdfast.Storage;

namespace Holdfast.Sso;

/// <summary>Asks a provider who signed in: redeems its code, checks the ID token, and asks for claims that are missing.</summary>
/// <remarks>OpenID Connect Core 1.0 §3.1.3 and §5.3. All calls of one sign-in share a budget (law 1): <see cref="SsoOptions.ProviderBudget"/>.</remarks>
internal sealed class AskProvider(ProviderDocuments documents, OutboundHttp outbound, Dependencies dependencies, SsoOptions options, Entropy entropy, TimeProvider clock)
{
    /// <summary>What is told of a sign-in that went on without the UserInfo endpoint.</summary>
    public const string UserInfoUnavailable = "userinfo_unavailable";

    private readonly ProviderDocuments _documents = documents;
    private readonly OutboundHttp _outbound = outbound;
    private readonly SsoOptions _options = options;
    private readonly Entropy _entropy = entropy;
    private readonly TimeProvider _clock = clock;

    /// <param name="budget">Ends with the time that the sign-in may wait for its provider.</param>
    public async Task<ProviderAnswer> WhoAsync(
        ReadyConnection connection, ProviderDocuments.Provider provider, Flow flow, string providerCode, OidcSurface said, CancellationToken budget, CancellationToken ct)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(ct, budget);
        var asking = new Asking(this, connection, connection.Settings.Oidc!, provider, flow, providerCode, both.Token, ct) { Said = said };
        try
        {
            return await (connection.Provider?.Plain is { } plain ? asking.AccountAsync(plain) : asking.IdTokenAsync());
        }
        catch (DependencyUnavailableException away)
        {
            return asking.Away(away.How);
        }
        catch (OperationCanceledException) when (budget.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            return asking.Away(Trouble.Hangs);
        }
        catch (OutboundAnswerException bad)
        {
            return asking.Refused("ProviderAnswerRefused", bad.Message);
        }
    }

    private Dependency Dependency(ReadyConnection connection) => dependencies.GetOrAdd(Catalogue.IdpToken.Of(connection.Connection.Id, connection.Connection.OrganizationId), _clock);

    private Dependency UserInfoDependency(ReadyConnection connection) => dependencies.GetOrAdd(Catalogue.IdpUserInfo.Of(connection.Connection.Id, connection.Connection.OrganizationId), _clock);

    /// <summary>One sign-in's questions.</summary>
    private sealed class Asking(
        AskProvider all, ReadyConnection connection, OidcSettings oidc, ProviderDocuments.Provider provider, Flow flow, string providerCode, CancellationToken ct, CancellationToken aborted)
    {
        private string? _accessToken;
        private string? _idToken;

        /// <summary>What proved us this time: the secret, or what was signed in its place, as it was sent.</summary>
        private IReadOnlyList<string> _proofs = [];

        public required OidcSurface Said { get; set; }

        /// <param name="isProven">It has proven who the person is, and that is refused.</param>
        public ProviderAnswer.Refused Refused(string reason, string detail, bool isProven = false) => new(Said, reason, Mask(detail), IsAway: false) { IsProven = isProven };

        public ProviderAnswer.Refused Away(string how) => new(Said, "ProviderUnavailable", how, IsAway: true);

        /// <summary>By OpenID Connect.</summary>
        public async Task<ProviderAnswer> IdTokenAsync()
        {
            var answer = await RedeemAsync(needsIdToken: true);
            if (answer is not TokenResponseVerdict.Accepted { IdToken: var token, AccessToken: var accessToken })
            {
                return TokenRefused(answer);
            }
            (_idToken, _accessToken) = (token, accessToken);
            Said = Said with { Token = IdTokenSurface.Read(token) };
            var verdict = Check();
            if (verdict is IdTokenVerdict.UnknownKey && await all._documents.FindKeyAsync(connection, provider, ct) is { } anew)
            {
                (provider, Said) = (anew, Said.WithKeys(anew));
                verdict = Check();   // one fetch of its keys, limited in rate: it may just have changed them
            }
            if (verdict is not IdTokenVerdict.Accepted accepted)
            {
                return verdict is IdTokenVerdict.Refused refused ? Refused(refused.Why.ToString(), refused.Detail) : Refused("KeyUnknown", "the token names a key that the provider does not publish");
            }
            var claims = accepted.Claims.ToDictionary(StringComparer.Ordinal);
            // Of the providers whose accounts are anybody's, most never say when somebody signed in; those pass (the public API: a provider that does not support it is unaffected).
            if (flow.ForcedAt is { } forced && (connection.Provider is null || claims.ContainsKey("auth_time"))
                && !(claims.TryGetValue("auth_time", out var time) && time.ValueKind == JsonValueKind.Number && time.TryGetInt64(out var at) && at >= (forced - all._options.ClockSkew).ToUnixTimeSeconds()))
            {
                return Refused("AuthenticationTooOld", "the person was to sign in anew, and auth_time does not say so", isProven: true);
            }
            var (fault, isPartial) = await CompleteAsync(claims, accepted.Subject, accessToken);
            return fault is not null ? fault : Identified(accepted.Subject, claims, isPartial);
        }

        /// <summary>By plain OAuth 2.0.</summary>
        public async Task<ProviderAnswer> AccountAsync(PlainEndpoints plain)
        {
            var answer = await RedeemAsync(needsIdToken: false);
            if (answer is not TokenResponseVerdict.Authorized { AccessToken: var accessToken })
            {
                return TokenRefused(answer);
            }
            _accessToken = accessToken;
            var account = await ReadAsync(plain.Account);
            var emails = plain.Emails is { } place ? await ReadAsync(place) : null;
            if (account is not { ValueKind: JsonValueKind.Object } of || plain.Read(of, emails) is not { } claims || claims["sub"].GetString() is not { } subject)
            {
                return Refused("UserInfoMalformed", "what the provider says of the account is not of the documented shape");
            }
            Said = Said.WithUserInfo(claims.Keys);
            return Identified(subject, claims, isPartial: false);

            async Task<JsonElement?> ReadAsync(string url)
            {
                Said = Said with { UserInfoEndpoint = OAuthProvider.At(url, oidc.BaseUrl) };
                return AccountDocument.Read(await GetAsync(Said.UserInfoEndpoint, accessToken));
            }
        }

        private ProviderAnswer Identified(string subject, Dictionary<string, JsonElement> claims, bool isPartial)
        {
            if (connection.Provider is { } known)
            {
                known.Settle?.Invoke(claims);
                if (EmailClaim.Read(claims) is { Verified: false })
                {
                    return Refused("EmailUnverified", "the provider does not say that it has verified the address", isProven: true);
                }
            }
            return new ProviderAnswer.Identified(Said, subject, claims, isPartial);
        }

        private IdTokenVerdict Check() => IdToken.Check(
            _idToken!, provider.Metadata, provider.Keys, oidc.ClientId, connection.Provider is { HasNonce: false } ? null : flow.Nonce, all._clock.GetUtcNow(), all._options.ClockSkew, _accessToken);

        private async Task<TokenResponseVerdict> RedeemAsync(bool needsIdToken)
        {
            var form = new List<KeyValuePair<string, string>>
            {
                new("grant_type", "authorization_code"), new("code", providerCode), new("redirect_uri", connection.Here.OidcCallback),
            };
            if (connection.Provider is not { HasPkce: false })
            {
                form.Add(new("code_verifier", flow.Verifier!));
            }
            var header = ClientAuthentication.Prove(oidc, provider.Metadata, form, all._entropy, all._clock.GetUtcNow());
            _proofs = [.. form.Where(f => f.Key is "client_secret" or "client_assertion").Select(f => f.Value)];
            var answer = await all._outbound.PostFormAsync(all.Dependency(connection), new Uri(provider.Metadata.TokenEndpoint), form, header, OutboundLimits.Document, ct);
            Said = Said with { TokenStatus = answer.Status };
            var verdict = TokenResponse.Read(answer.Body, needsIdToken);
            if (verdict is TokenResponseVerdict.Refused)
            {
                all.Dependency(connection).Note(Trouble.Wrong);   // an error in the shape of RFC 6749 §5.2 is an answer; this is none
            }
            return verdict;
        }

        private ProviderAnswer.Refused TokenRefused(TokenResponseVerdict verdict) => verdict switch
        {
            TokenResponseVerdict.Failed failed => Refused("TokenEndpointRefused", $"{Said.TokenStatus}: {failed.Error}: {failed.Description}"),
            TokenResponseVerdict.Refused { Why: TokenResponseRefusal.IdTokenMissing } => Refused("IdTokenMissing", "the token endpoint's answer holds no id_token"),
            TokenResponseVerdict.Refused refused => Refused("TokenEndpointRefused", $"{Said.TokenStatus}: {refused.Why}"),
            _ => throw new InvalidOperationException("There is no such verdict."),
        };

        /// <summary>Adds what the ID token does not say, where the connection wants it. A name is not worth a refusal, an address is.</summary>
        private async Task<(ProviderAnswer.Refused? Fault, bool IsPartial)> CompleteAsync(Dictionary<string, JsonElement> claims, string subject, string? accessToken)
        {
            var map = oidc.AttributeMap;
            bool Lacks(string? name) => name is not null && !claims.ContainsKey(name);
            // Of an account that is anybody's, the word on its address is as needed as the address; Microsoft's says it in the ID token or not at all.
            var isNeeded = Lacks(map?.Id) || Lacks(map?.Email ?? "email") || (connection.Provider is { HasTenants: false } && Lacks("email_verified"));
            var isWanted = isNeeded || Lacks(map?.FirstName ?? "given_name") || Lacks(map?.LastName ?? "family_name") || Lacks(map?.Groups) || map?.Custom?.Values.Any(Lacks) == true;
            if (!isWanted || accessToken is null || provider.Metadata.UserinfoEndpoint is not { } endpoint)
            {
                return (null, false);
            }
            Said = Said.WithUserInfoEndpoint(endpoint);
            byte[] document;
            try
            {
                document = await GetAsync(endpoint, accessToken);
            }
            catch (Exception away) when (!isNeeded && !aborted.IsCancellationRequested && away is DependencyUnavailableException or OutboundAnswerException or OperationCanceledException)
            {
                return (null, true);
            }
            switch (UserInfo.Read(document, subject))
            {
                case UserInfoVerdict.Accepted more:
                    var isOtherAddress = EmailClaim.Read(claims) is { } told && EmailClaim.Read(more.Claims)?.Address != told.Address;
                    foreach (var (name, value) in more.Claims.Where(c => !(c.Key == "email_verified" && isOtherAddress)))
                    {
                        claims.TryAdd(name, value);   // what the signed token says stands
                    }
                    Said = Said.WithUserInfo(more.Claims.Keys);
                    return (null, false);
                case UserInfoVerdict.Refused refused:
                    return (Refused($"UserInfo{refused.Why}", "the UserInfo endpoint's answer is not this person's, or cannot be read"), false);
                default:
                    throw new InvalidOperationException("There is no such verdict.");
            }
        }

        private async Task<byte[]> GetAsync(string url, string accessToken) => (await all._outbound.GetAsync(
            all.UserInfoDependency(connection), new Uri(url), OutboundLimits.Document, ct, new AuthenticationHeaderValue("Bearer", accessToken))).Body;

        private string? Escaped => oidc.ClientSecret is { } secret ? Uri.EscapeDataString(secret) : null;

        /// <summary>As <c>client_secret_basic</c> sends it (RFC 6749 §2.3.1).</summary>
        private string? Basic => Escaped is { } secret ? Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{Uri.EscapeDataString(oidc.ClientId)}:{secret}")) : null;

        /// <summary>A provider may repeat what it was sent. What is secret of that is not kept.</summary>
        private string Mask(string detail) => new[] { oidc.ClientSecret, Escaped, Basic, providerCode, flow.Verifier, flow.Nonce, _accessToken, _idToken }.Concat(_proofs)
            .Where(s => s is { Length: > 3 }).Aggregate(detail, (text, secret) => text.Replace(secret!, "…", StringComparison.OrdinalIgnoreCase));
    }
}

/// <summary>What asking a provider came to.</summary>
internal abstract record ProviderAnswer(OidcSurface Said)
{
    /// <param name="IsPartial">The UserInfo endpoint could not be asked: names may be missing.</param>
    public sealed record Identified(OidcSurface Said, string Subject, Dictionary<string, JsonElement> Claims, bool IsPartial) : ProviderAnswer(Said);

    /// <param name="Reason">A stable code.</param>
    /// <param name="IsAway">It did not answer, rather than answer wrongly.</param>
    public sealed record Refused(OidcSurface Said, string Reason, string Detail, bool IsAway) : ProviderAnswer(Said)
    {
        /// <summary>It has proven who the person is, and that is refused.</summary>
        public bool IsProven { get; init; }
    }
}
